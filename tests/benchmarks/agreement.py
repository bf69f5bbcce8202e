"""How well a score agrees with a truth, and how sure that is.

A metric here is prepared once and then asked with weights, one per row: a weight of
two counts a row twice, zero leaves it out. A bootstrap resample is nothing but whole
weights, so a thousand of them need one sort. Whole blocks (loci, positions) are
resampled, because their rows are not independent.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int

Weights = Float64[np.ndarray, " rows"]
Metric = Callable[[Weights], float]
"""Weights, one per row, to a number; NaN where it is not defined."""


@dataclass(frozen=True, eq=False)
class Estimate:
    """A number and what it was in every bootstrap resample."""

    value: float
    resamples: Float64[np.ndarray, " resamples"]

    @property
    def interval(self) -> tuple[float, float]:
        """The middle 95 % of the resamples; NaN where none is defined."""
        known = self.resamples[np.isfinite(self.resamples)]
        if not known.size:
            return np.nan, np.nan
        low, high = np.percentile(known, [2.5, 97.5])
        return float(low), float(high)

    def __sub__(self, other: "Estimate") -> "Estimate":
        """The paired difference: both must come of the same blocks and seed."""
        return Estimate(self.value - other.value, self.resamples - other.resamples)

    def __str__(self) -> str:
        if not np.isfinite(self.value):
            return "–"
        low, high = self.interval
        return f"{self.value:.2f} [{low:.2f}, {high:.2f}]"


def bootstrap(
    metric: Metric,
    blocks: Int[np.ndarray, " rows"],
    *,
    resamples: int = 1000,
    seed: int = 0,
) -> Estimate:
    """Ask a metric on the rows and on resampled blocks of rows.

    ``blocks`` numbers the block of each row, from 0. The same blocks and seed give
    the same resamples, whatever the metric.
    """
    count = int(blocks.max()) + 1
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(count, np.full(count, 1 / count), size=resamples)
    values = [metric(weights[blocks].astype(np.float64)) for weights in drawn]
    return Estimate(metric(np.ones(len(blocks))), np.array(values))


def mean_of(estimates: Iterable[Estimate]) -> Estimate:
    """Average independent estimates; what is not defined is left out."""
    known = [each for each in estimates if np.isfinite(each.value)]
    if not known:
        return Estimate(np.nan, np.full(1, np.nan))
    return Estimate(
        float(np.mean([each.value for each in known])),
        np.mean([each.resamples for each in known], axis=0),
    )


def auroc(
    scores: Float64[np.ndarray, " rows"], labels: Bool[np.ndarray, " rows"]
) -> Metric:
    """Chance that a labelled row scores above another one; ties count half."""
    counts = _counter(scores, labels)

    def metric(weights: Weights) -> float:
        positive, negative = counts(weights)
        below = np.cumsum(negative) - negative / 2
        pairs = positive.sum() * negative.sum()
        return float((positive * below).sum() / pairs) if pairs else np.nan

    return metric


def auprc(
    scores: Float64[np.ndarray, " rows"], labels: Bool[np.ndarray, " rows"]
) -> Metric:
    """Average precision: of a score without information, the base rate."""
    counts = _counter(scores, labels)

    def metric(weights: Weights) -> float:
        positive, negative = (each[::-1] for each in counts(weights))
        found = np.cumsum(positive)
        called = found + np.cumsum(negative)
        if not found[-1]:
            return np.nan
        precision = found / np.where(called > 0, called, 1)
        return float((positive * precision).sum() / found[-1])

    return metric


def spearman(
    first: Float64[np.ndarray, " rows"], second: Float64[np.ndarray, " rows"]
) -> Metric:
    """Correlation of ranks; ties share their mean rank."""
    ranks = _ranker(first), _ranker(second)

    def metric(weights: Weights) -> float:
        total = weights.sum()
        if not total:
            return np.nan
        x, y = (rank(weights) for rank in ranks)
        x = x - (weights * x).sum() / total
        y = y - (weights * y).sum() / total
        scale = (weights * x * x).sum() * (weights * y * y).sum()
        return float((weights * x * y).sum() / np.sqrt(scale)) if scale else np.nan

    return metric


def _counter(
    scores: Float64[np.ndarray, " rows"], labels: Bool[np.ndarray, " rows"]
) -> Callable[[Weights], tuple[np.ndarray, np.ndarray]]:
    """Weight of labelled and of other rows at each value, values ascending."""
    place, size = _places(scores)

    def counts(weights: Weights) -> tuple[np.ndarray, np.ndarray]:
        return (
            np.bincount(place, weights * labels, minlength=size),
            np.bincount(place, weights * ~labels, minlength=size),
        )

    return counts


def _ranker(
    values: Float64[np.ndarray, " rows"],
) -> Callable[[Weights], Float64[np.ndarray, " rows"]]:
    place, size = _places(values)

    def ranks(weights: Weights) -> Float64[np.ndarray, " rows"]:
        here = np.bincount(place, weights, minlength=size)
        return (np.cumsum(here) - here / 2)[place]

    return ranks


def _places(
    values: Float64[np.ndarray, " rows"],
) -> tuple[Int[np.ndarray, " rows"], int]:
    """Rank of each row's value among the distinct values, and how many there are."""
    if not np.isfinite(values).all():
        raise ValueError("values must be finite; got NaN or infinity.")
    distinct, place = np.unique(values, return_inverse=True)
    return place, len(distinct)
