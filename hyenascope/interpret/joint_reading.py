"""Several variants on one haplotype, read on one strand, and what they change.

One variant read this way gives the number that `hyenascope.score_variants` calls
``likelihood``: alleles in full, everything else paired by coordinate, the window's
mean for each base that one side lacks.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Float64, Int64

from hyenascope.data.variant import Variant
from hyenascope.interpret.haplotype import StrandText, edit_of


@dataclass(frozen=True)
class JointReading:
    """A haplotype beside the reference.

    Parameters
    ----------
    alternate
        Its tokens, as many as the window holds or the contig leaves.
    origin
        For each token the index of the reference token it is; −1 if inserted.
    removed
        Indices of reference tokens that are gone.
    first
        Index of the first token that differs; the length if none does.
    changed
        Tokens from ``first`` on that may differ; None for all of them.
    is_seen
        Whether every change lies inside what is read.
    """

    alternate: Int64[np.ndarray, " length"]
    origin: Int64[np.ndarray, " length"]
    removed: Int64[np.ndarray, " removed"]
    first: int
    changed: int | None
    is_seen: bool


def overlapping(variants: Sequence[Variant]) -> tuple[Variant, Variant] | None:
    """Return two variants that cannot both be on one haplotype, if there are.

    Examples
    --------
    >>> deletion, snv = Variant("I", 7, "ACG", "A"), Variant("I", 8, "C", "T")
    >>> overlapping([snv, deletion]) == (snv, deletion)
    True
    """
    ordered = sorted(variants, key=edit_of)
    for before, after in pairwise(ordered):
        (start, end, _), (next_start, next_end, _) = edit_of(before), edit_of(after)
        # Two insertions between the same bases have no order.
        if next_start < end or (start, end) == (next_start, next_end):
            return before, after
    return None


def read_jointly(text: StrandText, variants: Sequence[Variant]) -> JointReading:
    """Apply variants that do not overlap to a window of one strand.

    They must lie in the window and agree with it; their order does not matter.
    """
    edits = _edits(text, variants)
    tokens: list[np.ndarray] = []
    origin: list[np.ndarray] = []
    at = last = 0
    for start, end, alt in edits:
        tokens += [text.tokens[at:start], alt]
        origin += [np.arange(at, start), np.full(len(alt), -1)]
        at = end
        last = max(end, sum(map(len, tokens)))
    tokens.append(text.tokens[at:])
    origin.append(np.arange(at, len(text.tokens)))
    alternate = np.concatenate(tokens)
    # Near a contig's end a haplotype may run out of bases: keep what both have.
    both = min(len(alternate), len(text.reference))
    differs = np.flatnonzero(text.tokens[:both] != alternate[:both])
    first = int(differs[0]) if len(differs) else both
    moves = any(len(alt) != end - start for start, end, alt in edits)
    return JointReading(
        alternate[:both],
        np.concatenate(origin)[:both],
        np.concatenate([np.arange(start, end) for start, end, _ in edits]),
        first,
        None if moves or not len(differs) else int(differs[-1]) + 1 - first,
        last <= both and first < both,
    )


def joint_change(
    reading: JointReading,
    reference: Float64[np.ndarray, " window"],
    alternate: Float64[np.ndarray, " changed_window"],
) -> float:
    """Return alternate − reference log-likelihood in nats, paired by coordinate.

    Parameters
    ----------
    reading
        The haplotype.
    reference
        log p of the reference's bases over the window, NaN for N.
    alternate
        log p of the haplotype's bases from ``reading.first`` on.
    """
    both = len(reading.alternate)
    ref = reference[:both].copy()
    ref[0] = 0.0  # no base is read before it, on either side
    alt = np.concatenate([ref[: reading.first], alternate])
    inserted = reading.origin < 0
    paired = ~inserted & (reading.origin < both)
    difference = alt[paired] - ref[reading.origin[paired]]
    lacks = len(reading.removed) - int(inserted.sum())
    per_base = float(np.nanmean(reference[:both])) if lacks else 0.0
    return float(
        np.nansum(difference)
        + alt[inserted].sum()
        - ref[reading.removed].sum()
        + lacks * per_base
    )


def _edits(
    text: StrandText, variants: Sequence[Variant]
) -> list[tuple[int, int, Int64[np.ndarray, " alt"]]]:
    """Return the edits in reading order, as indices and tokens of the strand."""
    found = []
    for variant in sorted(variants, key=edit_of, reverse=text.reverse):
        start, end, alt = edit_of(variant)
        if text.reverse:
            start, end = text.window.end - end, text.window.end - start
        else:
            start, end = start - text.window.start, end - text.window.start
        found.append((start, end, text.strand_tokens(alt)))
    return found
