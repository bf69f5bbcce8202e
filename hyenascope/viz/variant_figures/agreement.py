"""How well a score agrees with a measured effect, and how sure that is.

A metric is prepared once and then asked with weights, one per row: a weight of two
counts a row twice, zero leaves it out. A bootstrap resample is nothing but whole
weights, so a thousand of them need one sort. Whole blocks (positions) are resampled,
because the changes of one base are not independent.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

Rows = Float64[np.ndarray, " rows"]
Curve = Float64[np.ndarray, " thresholds"]
Metric = Callable[[Rows], float]
"""Weights, one per row, to a number; NaN where it is not defined."""

_LEAST_BLOCKS = 10
_MOST_ROWS = 200_000


@dataclass(frozen=True, eq=False)
class Estimate:
    """A number and what it was in every bootstrap resample.

    Examples
    --------
    >>> print(Estimate(0.5, np.linspace(0.4, 0.6, 101)))
    0.50 [0.41, 0.59]
    """

    value: float
    resamples: Float64[np.ndarray, " resamples"]

    @property
    def interval(self) -> tuple[float, float] | None:
        """The middle 95 % of the resamples; None where there are too few."""
        known = self.resamples[np.isfinite(self.resamples)]
        if not np.isfinite(self.value) or len(known) < 20:
            return None
        low, high = np.percentile(known, [2.5, 97.5])
        return float(low), float(high)

    def __sub__(self, other: "Estimate") -> "Estimate":
        """Return the paired difference; both must come of the same blocks."""
        return Estimate(self.value - other.value, self.resamples - other.resamples)

    def __str__(self) -> str:
        """Return the value with its interval, or an en dash."""
        return self.written("")

    def written(self, sign: str = "+") -> str:
        """Return the same with an explicit plus."""
        if not np.isfinite(self.value):
            return "–"
        spec = f"{sign}.2f"
        inner = "" if self.interval is None else _pair(*self.interval, spec)
        return f"{self.value:{spec}}{inner}".replace("-", "−")


def _pair(low: float, high: float, spec: str) -> str:
    return f" [{low:{spec}}, {high:{spec}}]"


def bootstrap(
    metrics: list[Metric], blocks: Int64[np.ndarray, " rows"], *, seed: int = 0
) -> list[Estimate]:
    """Ask metrics on the rows and on the same resampled blocks of rows.

    Up to 1,000 resamples, fewer for many rows; none for fewer than 10 blocks or more
    than 200,000 rows, where an interval would say nothing or take minutes.

    Examples
    --------
    >>> x = np.arange(50.0)
    >>> print(bootstrap([spearman(x, x)], np.arange(50))[0])
    1.00 [1.00, 1.00]
    """
    _, numbered = np.unique(blocks, return_inverse=True)
    count, rows = int(numbered.max()) + 1, len(blocks)
    useful = count >= _LEAST_BLOCKS and rows <= _MOST_ROWS
    number = int(np.clip(4_000_000 // rows, 100, 1000)) if useful else 0
    generator = np.random.default_rng(seed)
    found = np.full((len(metrics), number), np.nan)
    for column in range(number):
        drawn = np.bincount(generator.integers(count, size=count), minlength=count)
        weights = drawn[numbered].astype(np.float64)
        found[:, column] = [metric(weights) for metric in metrics]
    whole = np.ones(rows)
    return [Estimate(m(whole), each) for m, each in zip(metrics, found, strict=True)]


def spearman(first: Rows, second: Rows) -> Metric:
    """Correlation of ranks; ties share their mean rank.

    Examples
    --------
    >>> spearman(np.arange(3.0), np.array([1.0, 5.0, 2.0]))(np.ones(3))
    0.5
    """
    ranks = _ranker(first), _ranker(second)

    def metric(weights: Rows) -> float:
        total = weights.sum()
        x, y = (rank(weights) for rank in ranks)
        x = x - (weights * x).sum() / total
        y = y - (weights * y).sum() / total
        scale = (weights * x * x).sum() * (weights * y * y).sum()
        if scale <= 0:
            return float("nan")
        return float((weights * x * y).sum() / np.sqrt(scale))

    return metric


def auroc(values: Rows, positive: Bool[np.ndarray, " rows"]) -> Metric:
    """Chance that a positive row has a higher value than another; ties count half.

    Examples
    --------
    >>> labels = np.array([False, True, True])
    >>> auroc(np.array([1.0, 1.0, 2.0]), labels)(np.ones(3))
    0.75
    """
    place, size = _places(values)

    def metric(weights: Rows) -> float:
        yes = np.bincount(place, weights * positive, minlength=size)
        no = np.bincount(place, weights * ~positive, minlength=size)
        pairs = yes.sum() * no.sum()
        below = np.cumsum(no) - no / 2
        return float((yes * below).sum() / pairs) if pairs else float("nan")

    return metric


def roc_curve(values: Rows, positive: Bool[np.ndarray, " rows"]) -> tuple[Curve, Curve]:
    """Return false and true positive rates as the threshold falls, from 0 to 1.

    Examples
    --------
    >>> roc_curve(np.array([3.0, 2.0, 1.0]), np.array([True, False, True]))
    (array([0., 0., 1., 1.]), array([0. , 0.5, 0.5, 1. ]))
    """
    place, size = _places(values)
    yes, no = (
        np.bincount(place, mask, minlength=size)[::-1] for mask in (positive, ~positive)
    )
    false, true = (np.r_[0.0, np.cumsum(each) / each.sum()] for each in (no, yes))
    return false, true


def _ranker(values: Rows) -> Callable[[Rows], Rows]:
    place, size = _places(values)

    def ranks(weights: Rows) -> Rows:
        here = np.bincount(place, weights, minlength=size)
        return (np.cumsum(here) - here / 2)[place]

    return ranks


def _places(values: Rows) -> tuple[Int64[np.ndarray, " rows"], int]:
    """Rank of each row's value among the distinct values, and how many there are."""
    distinct, place = np.unique(values, return_inverse=True)
    return place, len(distinct)
