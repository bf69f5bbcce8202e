"""The passes behind a map of substitutions, one window of one strand at a time."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Float64, Int64
from torch import Tensor

from hyenascope.interpret.head_output import HeadOutput
from hyenascope.interpret.model_output import ModelOutput
from hyenascope.interpret.strand_windows import StrandWindow
from hyenascope.interpret.unscored import (
    NO_LETTER,
    NOT_A_BASE,
    NOTHING_BEFORE,
    contig_ends,
)
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.incremental import (
    Mutant,
    ReferencePass,
    bytes_per_place,
    tokens_for,
)
from hyenascope.models.mutant_passes import (
    FullPasses,
    Reader,
    batches,
    log_prob_changes,
)
from hyenascope.models.predict import base_log_probs
from hyenascope.sequence.tokenizer import BASE_TOKENS, N_TOKEN


@dataclass(frozen=True)
class MapPlan:
    """What is asked of every window.

    Parameters
    ----------
    context
        Bases per window.
    span
        Bases from the mutated one on whose log-likelihood is added; None for all
        that the window holds.
    head
        Score whole windows by a head instead.
    max_memory
        Bytes that a reference pass may keep.
    output
        Score whole windows by an output of a wrapped model instead.
    sees_left
        Whether a base is judged by those before it alone.
    reads_n
        Whether the model has a letter for N.
    """

    context: int
    span: int | None
    head: HeadOutput | None
    max_memory: int
    output: ModelOutput | None = None
    sees_left: bool = True
    reads_n: bool = True

    @property
    def scores_windows(self) -> bool:
        """Whether a score is one number of a whole window."""
        return self.head is not None or self.output is not None

    def can_read(self, tokens: Int64[np.ndarray, " length"]) -> bool:
        """Whether the model has a letter for all that is in a window."""
        return self.reads_n or not bool((tokens == N_TOKEN).any())

    def reason(self, tokens: Int64[np.ndarray, " length"], index: int) -> str:
        """Say why a token has no score, or nothing if it has one."""
        if tokens[index] not in BASE_TOKENS:
            return NOT_A_BASE
        if not self.can_read(tokens):
            return NO_LETTER
        if self.scores_windows or not self.sees_left:
            return ""
        if index == 0:
            return NOTHING_BEFORE
        if self.span is not None and index + self.span > len(tokens):
            return contig_ends(self.span)
        return ""


@dataclass
class WindowShare:
    """How much of the scores the last tenth of the span holds."""

    last: float = field(default=0.0)
    total: float = field(default=0.0)

    def add(self, difference: Float64[Tensor, "mutants window"], span: int) -> None:
        """Count the differences of some mutants, base by base."""
        tenth = max(1, span // 10)
        self.total += float(difference.sum(1).abs().sum())
        self.last += float(difference[:, span - tenth : span].sum(1).abs().sum())

    def add_changes(self, changes: Float64[np.ndarray, " window"], span: int) -> None:
        """Count the differences of one mutant, base by base."""
        tenth = max(1, span // 10)
        self.total += abs(float(changes.sum()))
        self.last += abs(float(changes[span - tenth : span].sum()))

    @property
    def value(self) -> float | None:
        """Σ|Δ over the last tenth| / Σ|Δ|; None if nothing changed."""
        return self.last / self.total if self.total else None


def conditional_rows(
    model: HyenaLM, item: StrandWindow
) -> Float64[np.ndarray, "places 4"]:
    """Return log p(base | what is read before it), forward order and letters."""
    tokens = tokens_for(model, item.tokens)
    table = base_log_probs(model(tokens[None]))[0, item.first : item.stop]
    return _forward(table.cpu().numpy(), item)


def mutant_rows(
    model: HyenaLM,
    item: StrandWindow,
    plan: MapPlan,
    kind: Reader,
    share: WindowShare,
    advance: Callable[[int], object],
) -> Float64[np.ndarray, "places 4"]:
    """Return alternate − reference of every substitution, forward order and letters.

    0 at the reference base, NaN where there is no score.
    """
    tokens = tokens_for(model, item.tokens)
    rows = np.full((item.places.length, 4), np.nan)
    for start, end in _blocks(model, item, plan, kind):
        reader = kind(
            model,
            tokens,
            start=start,
            end=end,
            window=plan.span or len(tokens) - start,
            keep_hidden=plan.head is not None,
        )
        mutants = _substitutions(item.tokens, start, end, plan)
        for batch in batches(reader, mutants, whole_rows=plan.head is not None):
            found = _differences(reader, batch, plan, share)
            for mutant, value in zip(batch, found, strict=True):
                base = mutant.tokens[0] - BASE_TOKENS[0]
                rows[mutant.start - item.first, base] = value
            advance(len(batch))
        for index in range(start, end):
            row = rows[index - item.first]
            if not np.isnan(row).all():
                base = item.tokens[index] - BASE_TOKENS[0]
                row[base] = 0.0
    return _forward(rows, item)


def _blocks(
    model: HyenaLM, item: StrandWindow, plan: MapPlan, kind: Reader
) -> Iterator[tuple[int, int]]:
    """Cut the places so that what a reference pass keeps fits the memory."""
    if kind is FullPasses:
        yield item.first, item.stop
        return
    window = plan.span or len(item.tokens) - item.first
    # A pass keeps the places of its mutants and the rest of the last one's window.
    room = plan.max_memory // bytes_per_place(model) - (window - 1)
    if room < 1:
        raise ValueError(
            f"max_memory must be at least {window * bytes_per_place(model):,} bytes to "
            f"keep {window:,} positions of this model; got {plan.max_memory:,}."
        )
    for start in range(item.first, item.stop, room):
        yield start, min(start + room, item.stop)


def _substitutions(
    tokens: Int64[np.ndarray, " length"], start: int, end: int, plan: MapPlan
) -> Iterator[Mutant]:
    for index in range(start, end):
        if plan.reason(tokens, index):
            continue
        stop = len(tokens) if plan.span is None else index + plan.span
        for base in BASE_TOKENS:
            # The identity edit is 0 by definition: a quarter of the work.
            if base != tokens[index]:
                new = tokens[index:stop].copy()
                new[0] = base
                yield Mutant(index, new, 1)


def _differences(
    reader: ReferencePass | FullPasses,
    batch: list[Mutant],
    plan: MapPlan,
    share: WindowShare,
) -> Float64[np.ndarray, " mutants"]:
    if plan.head is not None:
        assert reader.final is not None
        reference = plan.head(reader.final[None])
        values = plan.head(reader.hidden_rows(batch)) - reference
        return values.double().cpu().numpy()
    changes = log_prob_changes(reader, batch)
    if plan.span is not None:
        share.add(changes, plan.span)
    return changes.sum(1).cpu().numpy()


def _forward(
    rows: Float64[np.ndarray, "places 4"], item: StrandWindow
) -> Float64[np.ndarray, "places 4"]:
    """Turn reading order and letters into forward ones; A C G T reversed is T G C A."""
    return rows[::-1, ::-1] if item.reverse else rows
