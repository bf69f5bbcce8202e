"""Variant scores of wrapped models: reference and alternate windows, read whole.

What `hyenascope.interpret.variant_passes` does for our own model with shared and
incremental passes, here for any other, by its protocol alone.
"""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from jaxtyping import Float32, Float64
from tqdm.auto import tqdm

from hyenascope.data.fasta import FastaReader
from hyenascope.interpret.haplotype import AlleleReading, strand_text
from hyenascope.interpret.model_output import ModelOutput, NoBinError
from hyenascope.interpret.score_formulas import (
    DISTANCES,
    Pair,
    Sides,
    StatePool,
    score_sides,
    state_pools,
)
from hyenascope.interpret.scores import ScoreName
from hyenascope.interpret.window_rows import Job
from hyenascope.interpret.wrapped_maps import picked_bases
from hyenascope.models.wrappers.protocol import WrappedModel
from hyenascope.sequence.tokenizer import detokenize

MASKED_SCORES: tuple[ScoreName, ...] = (
    "conditional",
    "full_sum",
    "full_mean",
    "embedding_l2",
    "embedding_cosine",
    "variant_cosine",
)
"""Scores of a model that fills masks; the others need one that reads from the left."""

_UNKNOWN = (np.nan, np.nan)


class WrappedPasses:
    """Score jobs by a wrapped model, variant by variant.

    Parameters
    ----------
    model
        Borrowed and put back.
    genome
        Open reader.
    scores
        Of its likelihoods and states.
    outputs
        Of its predictions, by column.
    sides
        Strands to read.
    window
        Bases that ``"downstream"`` adds up.
    device
        Where to run.
    """

    engine = "full passes"

    def __init__(
        self,
        model: WrappedModel,
        genome: FastaReader,
        *,
        scores: Sequence[ScoreName],
        outputs: Mapping[str, ModelOutput],
        sides: Sequence[str],
        window: int,
        device: str,
    ) -> None:
        self.model = model
        self.genome = genome
        self.scores = tuple(scores)
        self.outputs = dict(outputs)
        self.sides = tuple(sides)
        self.window = window
        self.device = device

    def run(
        self, jobs: Sequence[Job], *, progress: bool
    ) -> Iterator[tuple[int, dict[str, Sides]]]:
        """Yield each job's row with its scores by strand."""
        bar = tqdm(total=len(jobs), disable=not progress, unit="variant")
        with self.model.borrowed(self.device), bar:
            for job in jobs:
                yield (
                    job.row,
                    {strand: self._read(job, strand) for strand in self.sides},
                )
                bar.update()

    def _read(self, job: Job, strand: str) -> Sides:
        reverse = strand == "reverse"
        text = strand_text(
            self.genome, job.window, reverse=reverse, room=len(job.variant.ref)
        )
        reading = text.read(job.variant)
        if not can_be_read(self.model, reading):
            return dict.fromkeys((*self.scores, *self.outputs), _UNKNOWN)
        texts = [detokenize(reading.reference), detokenize(reading.alternate)]
        found: Sides = {}
        if self.scores:
            found |= self._likelihoods(reading, texts)
        if self.outputs:
            found |= self._predictions(job, texts, reverse=reverse)
        return found

    def _likelihoods(self, reading: AlleleReading, texts: list[str]) -> Sides:
        whole = any(
            name not in ("conditional", "downstream")
            for name in self.scores
            if name not in DISTANCES
        )
        first, length = reading.first, len(reading.reference)
        asked = (0, length)
        if not whole:
            more = self.window if "downstream" in self.scores else 0
            stop = max(reading.change.stop, first + more, first + 1)
            asked = (first, min(stop, length))
        tables = self._tables(reading, texts, asked)
        ref, alt = (
            picked_bases(table, text) for table, text in zip(tables, texts, strict=True)
        )
        states = self._states(reading, texts)
        found: Sides = {}
        for name in self.scores:
            # Of a masked model the bases before the change have another log p too.
            at = first if self.model.causal or name == "conditional" else 0
            pair = _pair(ref, alt, at, states, lacks=reading.removed != reading.added)
            found |= score_sides(reading, pair, [name], self.window)
        return found

    def _tables(
        self, reading: AlleleReading, texts: list[str], asked: tuple[int, int]
    ) -> list[Float64[np.ndarray, "length 4"]]:
        if all(name in DISTANCES for name in self.scores):
            return [np.full((len(text), 4), np.nan) for text in texts]
        alone = [name for name in self.scores if name not in DISTANCES]
        if alone == ["conditional"] and reading.removed == reading.added == 1:
            # Both alleles of an SNV are in the reference's row, which sees neither
            # (without masks it sees the reference: that is what masking="none" says).
            (table,) = self.model.log_probs(
                texts[:1], places=[asked], device=self.device
            )
            return [table, table]
        return self.model.log_probs(texts, places=[asked] * 2, device=self.device)

    def _states(
        self, reading: AlleleReading, texts: list[str]
    ) -> dict[StatePool, tuple[Float64[np.ndarray, " channels"], ...]]:
        pools = state_pools(self.scores)
        if not pools:
            return {}
        both = self.model.embed(texts, device=self.device)
        return {
            pool: tuple(_pooled(each, pool, reading.first) for each in both)
            for pool in pools
        }

    def _predictions(self, job: Job, texts: list[str], *, reverse: bool) -> Sides:
        found = self.model.predict(texts, device=self.device)
        sides: Sides = {}
        for name, output in self.outputs.items():
            try:
                bins = output.bins(
                    self.model,
                    job.window,
                    found.shape[1],
                    middle=job.variant.start,
                    reverse=reverse,
                )
            except NoBinError:  # near the end of a contig, of a model that crops
                sides[name] = _UNKNOWN
                continue
            ref, alt = output.value(found, output.index(self.model), bins)
            sides[name] = (float(ref), float(alt))
        return sides


def can_be_read(model: WrappedModel, reading: AlleleReading) -> bool:
    """Whether the model sees all of the change, and enough around it.

    The first base of a strand has nothing before it, which matters to a causal model;
    a contig that ends within the window is too short for one of fixed length.
    """
    if is_too_short(model, reading):
        return False
    needs_left = "log_probs" in model.offers and model.causal
    return reading.is_seen and (reading.first > 0 or not needs_left)


def is_too_short(model: WrappedModel, reading: AlleleReading) -> bool:
    """Whether a model of fixed length wants more bases than the contig has."""
    return model.fixed_length and len(reading.reference) < model.context_length


def _pair(
    ref: Float64[np.ndarray, " length"],
    alt: Float64[np.ndarray, " length"],
    at: int,
    states: dict[StatePool, tuple[Float64[np.ndarray, " channels"], ...]],
    *,
    lacks: bool,
) -> Pair:
    before = ref[:at]
    known = ~np.isnan(ref)
    return Pair(
        ref[at:],
        alt[at:],
        float(np.nansum(before)),
        int((~np.isnan(before)).sum()),
        float(ref[known].mean()) if lacks and known.any() else 0.0,
        {pool: (both[0], both[1]) for pool, both in states.items()},
    )


def _pooled(
    states: Float32[np.ndarray, "length channels"], pool: StatePool, first: int
) -> Float64[np.ndarray, " channels"]:
    if pool == "mean":
        return states.mean(axis=0, dtype=np.float64)
    return states[-1 if pool == "last" else first].astype(np.float64)
