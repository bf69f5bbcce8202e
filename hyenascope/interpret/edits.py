"""Any edit of a window, and what it does to the likelihood of the bases around it.

Both haplotypes are compared base by base in the coordinates of the reference: a
base that an edit removes, adds or replaces by N has no partner and does not count.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64, Int64

from hyenascope.interpret.strand_windows import StrandWindow
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.incremental import Mutant, bytes_per_place, picked, tokens_for
from hyenascope.models.mutant_passes import Reader, batches
from hyenascope.sequence.tokenizer import (
    BASE_TOKENS,
    reverse_complement_tokens,
    tokenize,
)

_KEPT_BYTES = 2 * 2**30

Span = tuple[int, int]
"""First and stop index of the bases that count, in reading order."""


@dataclass(frozen=True, order=True)
class Edit:
    """Replace the bases of ``[start, end)`` by ``text``, all forward, 0-based.

    Examples
    --------
    >>> Edit(4, 5, "G").apply("AAAAAA")
    'AAAAGA'
    >>> Edit(2, 4, "").apply("ACGTAC")
    'ACAC'
    """

    start: int
    end: int
    text: str

    def __post_init__(self) -> None:
        if not 0 <= self.start <= self.end:
            raise ValueError(
                "start must be at least 0 and not exceed end; "
                f"got {self.start} and {self.end}."
            )

    def apply(self, sequence: str) -> str:
        """Return ``sequence``, which begins at position 0, with the edit."""
        return sequence[: self.start] + self.text + sequence[self.end :]


@dataclass(frozen=True)
class _Haplotype:
    """A haplotype in reading order, and the reference index of each of its tokens.

    ``source`` is −1 for a token that is new.
    """

    mutant: Mutant
    source: Int64[np.ndarray, " window"]
    span: Span


def edit_changes(
    model: HyenaLM,
    item: StrandWindow,
    haplotypes: Sequence[Sequence[Edit]],
    spans: Sequence[Span],
    *,
    kind: Reader,
    count_substituted: bool = True,
) -> Float64[np.ndarray, " haplotypes"]:
    """Return the change in log-likelihood of some bases under each haplotype.

    One reference pass serves them all, or as many as what it keeps fits 2 GB. Use it
    under `torch.inference_mode` with the model borrowed.

    Parameters
    ----------
    model
        A causal model.
    item
        The window on one strand.
    haplotypes
        Edits of each, in genome coordinates of ``item.window``'s contig; those of
        one haplotype must not overlap. No edit at all gives 0.
    spans
        Of each haplotype, the reference bases whose log p is added: first and stop
        index in reading order. Bases before its first edit cannot change.
    kind
        How mutants are read.
    count_substituted
        Whether a base that is replaced by another one counts, as log p(new) −
        log p(old); else only what the haplotypes share does.

    Returns
    -------
    array "haplotypes"
        alternate − reference in nats; NaN where an edit starts at the window's
        first base, before which nothing is read, and where the haplotypes share no
        base of the span (N has no log p).

    Raises
    ------
    ValueError
        If edits overlap or leave the window.
    """
    values = np.zeros(len(haplotypes))
    built = {}
    for i, (edits, span) in enumerate(zip(haplotypes, spans, strict=True)):
        found = _build(item, edits, span, count_substituted)
        if found is not None and found.mutant.start == 0:
            values[i] = np.nan
        elif found is not None:
            built[i] = found
    if not built:
        return values
    for group in _groups(model, built):
        values[list(group)] = _read(model, item, list(group.values()), kind)
    return values


def _groups(
    model: HyenaLM, built: Mapping[int, _Haplotype]
) -> Iterator[dict[int, _Haplotype]]:
    """Cut haplotypes, in order of their start, so that a reference pass stays small."""
    room = _KEPT_BYTES // bytes_per_place(model)
    group: dict[int, _Haplotype] = {}
    first = longest = 0
    for i in sorted(built, key=lambda i: built[i].mutant.start):
        mutant = built[i].mutant
        longest = max(longest, len(mutant.tokens))
        if group and mutant.start - first + longest > room:
            yield group
            group, longest = {}, len(mutant.tokens)
        if not group:
            first = mutant.start
        group[i] = built[i]
    if group:
        yield group


def _read(
    model: HyenaLM, item: StrandWindow, haplotypes: Sequence[_Haplotype], kind: Reader
) -> Float64[np.ndarray, " haplotypes"]:
    """Make one reference pass and read every haplotype against it."""
    tokens = tokens_for(model, item.tokens)
    starts = [found.mutant.start for found in haplotypes]
    reader = kind(
        model,
        tokens,
        start=min(starts),
        end=max(starts) + 1,
        window=max(len(found.mutant.tokens) for found in haplotypes),
    )
    expected = picked(reader.table, tokens).cpu().numpy()
    values = np.full(len(haplotypes), np.nan)
    # Alike lengths make a batch with little padding.
    order = np.argsort([len(found.mutant.tokens) for found in haplotypes])
    rows = iter(order)
    for batch in batches(reader, (haplotypes[i].mutant for i in order)):
        tables = reader.log_probs(batch)
        for table, mutant in zip(tables, batch, strict=True):
            i = next(rows)
            new = torch.from_numpy(mutant.tokens).to(table.device)
            log_p = picked(table[: len(new)], new).cpu().numpy()
            values[i] = _sum(log_p, expected, item.tokens, haplotypes[i])
    return values


def _sum(
    log_p: Float64[np.ndarray, " window"],
    expected: Float64[np.ndarray, " length"],
    tokens: Int64[np.ndarray, " length"],
    haplotype: _Haplotype,
) -> float:
    """Add the changes of the span's bases; those before the first edit have none."""
    first, stop = haplotype.span
    source, new = haplotype.source, haplotype.mutant.tokens
    inside = (source >= first) & (source < stop) & (source > 0)
    inside &= np.isin(new, BASE_TOKENS)
    inside[inside] = np.isin(tokens[source[inside]], BASE_TOKENS)
    before = tokens[max(1, first) : min(stop, haplotype.mutant.start)]
    if not inside.any() and not np.isin(before, BASE_TOKENS).any():
        return float("nan")
    return float((log_p[inside] - expected[source[inside]]).sum())


def _build(
    item: StrandWindow, edits: Sequence[Edit], span: Span, count_substituted: bool
) -> _Haplotype | None:
    """Apply edits in reading order as far as the span; None if nothing changes.

    A haplotype begins at its first edit, not at its first differing token: after a
    deletion in AAA the bases move although the tokens there are the same.
    """
    tokens, source = _edited(item, edits, count_substituted)
    both = min(len(tokens), len(item.tokens))
    tokens, source = tokens[:both], source[:both]
    differs = np.flatnonzero(tokens != item.tokens[:both])
    moved = any(len(edit.text) != edit.end - edit.start for edit in edits)
    if not moved and not len(differs):
        return None
    first = int(differs[0]) if not moved else _first_edit(item, edits)
    if first >= both:
        return None
    reached = np.flatnonzero((source >= 0) & (source < span[1]))
    stop = max(first, int(reached[-1]) if len(reached) else 0) + 1
    changed = None if moved else min(int(differs[-1]) + 1, stop) - first
    mutant = Mutant(first, tokens[first:stop], changed)
    return _Haplotype(mutant, source[first:stop], span)


def _first_edit(item: StrandWindow, edits: Sequence[Edit]) -> int:
    return min(start for start, _, _ in _in_reading_order(item, edits))


def _edited(
    item: StrandWindow, edits: Sequence[Edit], count_substituted: bool
) -> tuple[Int64[np.ndarray, " edited"], Int64[np.ndarray, " edited"]]:
    """Return tokens with every edit and their reference indices, −1 for new ones."""
    pieces, sources, at = [], [], 0
    for start, stop, new in _in_reading_order(item, edits):
        if start < at:
            raise ValueError(f"edits must not overlap; got {sorted(edits)}.")
        # A replacement of equal length is base for base.
        paired = count_substituted and len(new) == stop - start
        new_source = np.arange(start, stop) if paired else np.full(len(new), -1)
        pieces += [item.tokens[at:start], new]
        sources += [np.arange(at, start), new_source]
        at = stop
    pieces.append(item.tokens[at:])
    sources.append(np.arange(at, len(item.tokens)))
    return (
        np.concatenate(pieces).astype(np.int64),
        np.concatenate(sources).astype(np.int64),
    )


def _in_reading_order(
    item: StrandWindow, edits: Sequence[Edit]
) -> Iterator[tuple[int, int, Int64[np.ndarray, " new"]]]:
    """Yield indices and tokens of every edit as the strand reads them."""
    ordered = sorted(edits, reverse=item.reverse)
    for edit in ordered:
        if not (item.window.start <= edit.start and edit.end <= item.window.end):
            raise ValueError(f"edits must lie in {item.window}; got {edit}.")
        new = tokenize(edit.text) if edit.text else np.empty(0, np.int64)
        if item.reverse:
            start, stop = item.window.end - edit.end, item.window.end - edit.start
            yield start, stop, reverse_complement_tokens(new)
        else:
            yield edit.start - item.window.start, edit.end - item.window.start, new
