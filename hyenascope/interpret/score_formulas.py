"""From what two haplotypes leave behind on one strand to the numbers of each score.

Pure arithmetic on arrays: how the passes were made does not matter here.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from jaxtyping import Float64

from hyenascope.interpret.haplotype import AlleleReading
from hyenascope.interpret.scores import ScoreName

StatePool = Literal["mean", "last", "variant"]
"""Which hidden states an embedding score compares."""

Distance = Literal["l2", "cosine", "inner"]

Sides = dict[str, tuple[float, float]]
"""Reference and alternate side of each score."""

DISTANCES: dict[str, tuple[StatePool, Distance]] = {
    "embedding_l2": ("mean", "l2"),
    "embedding_cosine": ("mean", "cosine"),
    "last_l2": ("last", "l2"),
    "last_cosine": ("last", "cosine"),
    "last_inner": ("last", "inner"),
    "variant_cosine": ("variant", "cosine"),
}
"""Embedding scores: where the hidden states are taken, how they are compared."""

_WHOLE_WINDOW = ("likelihood", "full_sum", "full_mean")
_UNKNOWN = (np.nan, np.nan)

_States = Float64[np.ndarray, " channels"]


@dataclass(frozen=True)
class Pair:
    """Two haplotypes on one strand, from the first token that differs on.

    Parameters
    ----------
    ref, alt
        log p of the bases that are there, in nats, NaN where there is no base; at
        least `tokens_needed` of them.
    before, bases_before
        Sum and number of log p over the bases before, which are the same in both.
    per_base
        Mean log p of the reference's window, what a base that one side lacks gets.
    states
        Hidden states of the reference and the alternate, for embedding scores.
    """

    ref: Float64[np.ndarray, " ref_window"]
    alt: Float64[np.ndarray, " alt_window"]
    before: float = 0.0
    bases_before: int = 0
    per_base: float = 0.0
    states: dict[StatePool, tuple[_States, _States]] = field(default_factory=dict)


def state_pools(scores: Iterable[ScoreName]) -> frozenset[StatePool]:
    """Return which hidden states the scores compare.

    Examples
    --------
    >>> sorted(state_pools(["likelihood", "last_l2", "last_inner"]))
    ['last']
    """
    return frozenset(DISTANCES[name][0] for name in scores if name in DISTANCES)


def needs_window(scores: Iterable[ScoreName]) -> bool:
    """Whether a score looks at everything up to the window's end.

    Examples
    --------
    >>> needs_window(["conditional", "downstream"]), needs_window(["likelihood"])
    (False, True)
    """
    scores = list(scores)
    return bool(
        any(name in _WHOLE_WINDOW for name in scores)
        or state_pools(scores) & {"mean", "last"}
    )


def tokens_needed(
    reading: AlleleReading, scores: Sequence[ScoreName], window: int
) -> int:
    """Return how many tokens from the first that differs on the scores look at.

    ``window`` is what ``"downstream"`` adds up.
    """
    left = len(reading.reference) - reading.first
    if needs_window(scores):
        return left
    change = max(1, reading.removed, reading.added)
    return min(left, max(change, window) if "downstream" in scores else change)


def score_sides(
    reading: AlleleReading, pair: Pair, scores: Sequence[ScoreName], window: int
) -> Sides:
    """Return the reference and alternate side of every score on one strand."""
    return {name: _side(name, reading, pair, window) for name in scores}


def can_be_judged(reading: AlleleReading) -> bool:
    """Whether there is something before the change and all of it is read.

    The first base of a strand has no left context; a change that is cut off by the
    contig's end cannot be judged at all.
    """
    return reading.is_seen and reading.first > 0


def is_cut_off(reading: AlleleReading, window: int) -> bool:
    """Whether the contig ends within what ``"downstream"`` adds up."""
    return reading.is_last and len(reading.reference) - reading.first < window


def unknown_sides(scores: Sequence[ScoreName]) -> Sides:
    """Return NaN for every score."""
    return dict.fromkeys(scores, _UNKNOWN)


def _side(
    name: ScoreName, reading: AlleleReading, pair: Pair, window: int
) -> tuple[float, float]:
    if name in DISTANCES:
        pool, distance = DISTANCES[name]
        return 0.0, _distance(distance, *pair.states[pool])
    if name == "conditional":
        change = max(reading.removed, reading.added)
        return float(pair.ref[:change].sum()), float(pair.alt[:change].sum())
    if name in ("full_sum", "full_mean"):
        return _full(pair, mean=name == "full_mean")
    if name == "downstream" and is_cut_off(reading, window):
        return _UNKNOWN
    return _paired(reading, pair, window if name == "downstream" else None)


def _paired(
    reading: AlleleReading, pair: Pair, window: int | None
) -> tuple[float, float]:
    """Add log p over the alleles and over what follows, paired by coordinate.

    The shorter allele gets the reference window's mean log p for each base that it
    lacks: being long or short is not evidence.
    """
    removed, added = reading.removed, reading.added
    count = reading.downstream[0].stop - reading.downstream[0].start
    if window is not None:
        count = min(count, max(0, window - max(removed, added)))
    tail_ref = pair.ref[removed : removed + count]
    tail_alt = pair.alt[added : added + count]
    known = ~np.isnan(tail_ref) & ~np.isnan(tail_alt)
    before = pair.ref[:removed].sum() + tail_ref[known].sum()
    after = pair.alt[:added].sum() + tail_alt[known].sum()
    return (
        float(before) + max(0, added - removed) * pair.per_base,
        float(after) + max(0, removed - added) * pair.per_base,
    )


def _full(pair: Pair, *, mean: bool) -> tuple[float, float]:
    """Add all that is known in either window, whatever it pairs with."""
    sums = [pair.before + float(np.nansum(side)) for side in (pair.ref, pair.alt)]
    if not mean:
        return sums[0], sums[1]
    known = [
        pair.bases_before + int((~np.isnan(side)).sum())
        for side in (pair.ref, pair.alt)
    ]
    return sums[0] / known[0], sums[1] / known[1]


def _distance(distance: Distance, ref: _States, alt: _States) -> float:
    if distance == "l2":
        return float(np.linalg.norm(alt - ref))
    if distance == "inner":
        return float(ref @ alt)
    cosine = ref @ alt / (np.linalg.norm(ref) * np.linalg.norm(alt))
    return float(max(0.0, 1.0 - cosine))
