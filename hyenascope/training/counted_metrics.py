"""Metrics of many resamples at once: a resample is how often each row counts.

Each function sorts its rows once and returns a `Statistic`, which takes the counts of
any number of resamples and gives a number for each: what scikit-learn gives for rows
repeated so often, ties included, but NaN where the number has no meaning.
"""

from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float64, Int64

from hyenascope.training.bootstrap import Counts

Rows = Float64[np.ndarray, " rows"]
Yes = Bool[np.ndarray, " rows"]
Codes = Int64[np.ndarray, " rows"]
PerResample = Float64[np.ndarray, " resamples"]
Statistic = Callable[[Counts], PerResample]


def auroc(positive: Yes, values: Rows) -> Statistic:
    """Chance that a positive row has a higher value than another; ties count half.

    NaN where a resample lacks positive rows or others.

    Examples
    --------
    >>> counts = np.array([[1.0, 2.0], [1.0, 1.0], [1.0, 0.0]])
    >>> auroc(np.array([False, True, True]), np.array([1.0, 1.0, 2.0]))(counts)
    array([0.75, 0.5 ])
    """
    order, starts = _ties(values)
    found = positive[order][:, None]

    def statistic(counts: Counts) -> PerResample:
        drawn = counts[order]
        yes = _sums(drawn * found, starts)
        no = _sums(drawn, starts) - yes
        below = np.cumsum(no, axis=0) - no / 2
        return _ratio((yes * below).sum(axis=0), yes.sum(axis=0) * no.sum(axis=0))

    return statistic


def average_precision(positive: Yes, values: Rows) -> Statistic:
    """Precision at each distinct value, weighted by the recall won there.

    NaN where a resample lacks positive rows or others.

    Examples
    --------
    >>> positive = np.array([True, False, True])
    >>> average_precision(positive, np.array([3.0, 2.0, 1.0]))(np.ones((3, 1))).round(4)
    array([0.8333])
    """
    order, starts = _ties(-values)
    found = positive[order][:, None]

    def statistic(counts: Counts) -> PerResample:
        drawn = counts[order]
        yes, every = _sums(drawn * found, starts), _sums(drawn, starts)
        seen = np.cumsum(every, axis=0)
        precision = np.cumsum(yes, axis=0) / np.maximum(seen, 1.0)
        total = yes.sum(axis=0)
        both = np.where(total < seen[-1], total, 0.0)
        return _ratio((yes * precision).sum(axis=0), both)

    return statistic


def accuracy(truth: Codes, predicted: Codes) -> Statistic:
    """Share of rows that are right."""
    right = (truth == predicted)[:, None]
    return lambda counts: (counts * right).sum(axis=0) / counts.sum(axis=0)


def matthews(truth: Codes, predicted: Codes, classes: int) -> Statistic:
    """Matthews correlation, for any number of classes as Gorodkin (2004) has it.

    NaN where the truth of a resample has one class; 0 where only the predictions have.
    """
    margins = _margins(truth, predicted, classes)

    def statistic(counts: Counts) -> PerResample:
        right, true, said = margins(counts)
        total = counts.sum(axis=0)
        square = total**2
        mixed_truth = square - (true**2).sum(axis=0)
        mixed_said = square - (said**2).sum(axis=0)
        shared = right.sum(axis=0) * total - (true * said).sum(axis=0)
        scale = np.sqrt(mixed_truth) * np.sqrt(mixed_said)
        found = shared / np.where(scale > 0, scale, 1.0)
        return np.where(mixed_truth > 0, found, np.nan)

    return statistic


def f1_of_class(truth: Codes, predicted: Codes, number: int) -> Statistic:
    """Harmonic mean of precision and recall of one class.

    NaN where the truth of a resample lacks the class, or has no other.
    """
    margins = _margins(truth == number, predicted == number, 2)

    def statistic(counts: Counts) -> PerResample:
        right, true, said = margins(counts)
        mixed = (true > 0).all(axis=0)
        return np.where(mixed, _ratio(2 * right[1], true[1] + said[1]), np.nan)

    return statistic


def f1_macro(truth: Codes, predicted: Codes, classes: int) -> Statistic:
    """Mean F1 of the classes that a resample has in its truth or its predictions.

    NaN where the truth of a resample has one class.
    """
    margins = _margins(truth, predicted, classes)

    def statistic(counts: Counts) -> PerResample:
        right, true, said = margins(counts)
        there = true + said > 0
        each = 2 * right / np.where(there, true + said, 1.0)
        mixed = (true > 0).sum(axis=0) > 1
        return np.where(mixed, each.sum(axis=0) / there.sum(axis=0), np.nan)

    return statistic


def pearson(first: Rows, second: Rows) -> Statistic:
    """Correlation; NaN where a resample has the same number in all its rows."""

    def statistic(counts: Counts) -> PerResample:
        return _correlation(first[:, None], second[:, None], counts)

    return statistic


def spearman(first: Rows, second: Rows) -> Statistic:
    """Correlation of ranks, of which ties share the mean.

    Examples
    --------
    >>> spearman(np.arange(3.0), np.array([1.0, 5.0, 2.0]))(np.ones((3, 1)))
    array([0.5])
    """
    ranks = _ranker(first), _ranker(second)

    def statistic(counts: Counts) -> PerResample:
        return _correlation(ranks[0](counts), ranks[1](counts), counts)

    return statistic


def r_squared(truth: Rows, predicted: Rows) -> Statistic:
    """One minus squared errors over squares about the mean of the resample.

    NaN where the truth of a resample is constant.
    """
    errors = ((truth - predicted) ** 2)[:, None]

    def statistic(counts: Counts) -> PerResample:
        centred = _centred(truth[:, None], counts)
        spread = (counts * centred**2).sum(axis=0)
        spread[_constant(truth[:, None], counts)] = 0.0
        return 1 - _ratio((counts * errors).sum(axis=0), spread)

    return statistic


def squared_error(truth: Rows, predicted: Rows) -> Statistic:
    """Mean squared error."""
    errors = ((truth - predicted) ** 2)[:, None]
    return lambda counts: (counts * errors).sum(axis=0) / counts.sum(axis=0)


_Table = Float64[np.ndarray, "_ _"]  # rows or groups, resamples or one


def _ties(
    values: Rows,
) -> tuple[Int64[np.ndarray, " rows"], Int64[np.ndarray, " groups"]]:
    """Return the rows in rising order, and where each distinct value begins."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    new = np.r_[True, ordered[1:] != ordered[:-1]]
    return order, np.flatnonzero(new)


def _sums(ordered: Counts, starts: Int64[np.ndarray, " groups"]) -> _Table:
    if len(starts) == len(ordered):
        return ordered
    return np.add.reduceat(ordered, starts, axis=0)


def _ratio(above: PerResample, below: PerResample) -> PerResample:
    """Divide; NaN where there is nothing to divide by."""
    there = below > 0
    return np.where(there, above / np.where(there, below, 1.0), np.nan)


def _margins(
    truth: Codes | Yes, predicted: Codes | Yes, classes: int
) -> Callable[[Counts], tuple[_Table, _Table, _Table]]:
    """Return how to count, by class, rows that are right, true and said to be so."""
    numbers = np.arange(classes)[:, None]
    true, said = numbers == truth, numbers == predicted
    masks = [mask.astype(np.float64) for mask in (true & said, true, said)]

    def margins(counts: Counts) -> tuple[_Table, _Table, _Table]:
        right, true, said = (mask @ counts for mask in masks)
        return right, true, said

    return margins


def _ranker(values: Rows) -> Callable[[Counts], _Table]:
    order, starts = _ties(values)
    place = np.empty(len(values), dtype=np.int64)
    place[order] = np.repeat(
        np.arange(len(starts)), np.diff(starts, append=len(values))
    )

    def ranks(counts: Counts) -> _Table:
        here = _sums(counts[order], starts)
        return (np.cumsum(here, axis=0) - here / 2)[place]

    return ranks


def _centred(values: _Table, counts: Counts) -> _Table:
    """Subtract the mean of each resample: twice, so that nothing of it is left."""
    total = counts.sum(axis=0)
    for _ in range(2):
        values = values - (counts * values).sum(axis=0) / total
    return values


def _constant(values: _Table, counts: Counts) -> Bool[np.ndarray, " resamples"]:
    """Whether all rows that a resample drew have one value, exactly."""
    drawn = counts > 0
    top = np.where(drawn, values, -np.inf).max(axis=0)
    return top == np.where(drawn, values, np.inf).min(axis=0)


def _correlation(first: _Table, second: _Table, counts: Counts) -> PerResample:
    x, y = _centred(first, counts), _centred(second, counts)
    norms = [np.sqrt((counts * each**2).sum(axis=0)) for each in (x, y)]
    flat = _constant(first, counts) | _constant(second, counts)
    shared = (counts * x * y).sum(axis=0)
    return _ratio(shared, np.where(flat, 0.0, norms[0] * norms[1]))
