"""Metrics of a set of rows with their intervals, from statistics of resamples."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64

from hyenascope.training.bootstrap import Counts, drawn_counts, percentile_interval
from hyenascope.training.counted_metrics import Statistic

Parts = Float64[np.ndarray, "parts _"]  # a column per resample


@dataclass(frozen=True)
class MetricEstimate:
    """A number, the ends of its interval, the rows it is of, and what to know of it.

    Parameters
    ----------
    value, low, high
        NaN where there is no such number.
    rows
        Sequences.
    note
        What was left out and why, or "".
    """

    value: float
    low: float
    high: float
    rows: int
    note: str = ""


@dataclass(frozen=True)
class MeanOfParts:
    """A metric as a mean, of one part or of one for each label, those without left out.

    Parameters
    ----------
    parts
        Statistics of resamples.
    noun
        What parts are, in the plural.
    why
        Why one may have no value.
    """

    parts: Sequence[Statistic]
    noun: str
    why: str

    def of(self, counts: Counts) -> Parts:
        """Return every part in every resample."""
        return np.stack([part(counts) for part in self.parts])


def estimate_metrics(
    metrics: Sequence[MeanOfParts],
    rows: int,
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> list[MetricEstimate]:
    """Ask all metrics on the rows, and on the same resamples of them.

    Raises
    ------
    ValueError
        If an option is out of range.

    Examples
    --------
    >>> size = MeanOfParts([lambda counts: counts.sum(axis=0)], "numbers", "no rows")
    >>> estimate_metrics([size], 5, resamples=10)
    [MetricEstimate(value=5.0, low=5.0, high=5.0, rows=5, note='')]
    """
    if resamples < 0:
        raise ValueError(f"resamples must be 0 or more; got {resamples}.")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1; got {confidence}.")
    drawn = [[np.empty((len(metric.parts), 0))] for metric in metrics]
    for counts in drawn_counts(rows, resamples, seed=seed):
        for metric, found in zip(metrics, drawn, strict=True):
            found.append(metric.of(counts))
    whole = np.ones((rows, 1))
    return [
        _estimate(
            metric, metric.of(whole), np.concatenate(found, axis=1), rows, confidence
        )
        for metric, found in zip(metrics, drawn, strict=True)
    ]


def _estimate(
    metric: MeanOfParts, whole: Parts, drawn: Parts, rows: int, confidence: float
) -> MetricEstimate:
    value = float(_mean(whole)[0])
    if np.isnan(value):
        return MetricEstimate(value, value, value, rows, metric.why)
    low, high = percentile_interval(_mean(drawn), confidence)
    notes = list(_notes(metric, whole, drawn))
    if drawn.shape[1] and np.isnan(low):
        notes.append("too few for an interval")
    return MetricEstimate(value, low, high, rows, "; ".join(notes))


def _notes(metric: MeanOfParts, whole: Parts, drawn: Parts) -> Iterator[str]:
    """Say which parts and which resamples have no value."""
    missing = np.isnan(whole[:, 0])
    if missing.any():
        count = f"{missing.sum():,} of {len(missing):,} {metric.noun}"
        yield f"{count} left out: {metric.why}"
    lost = np.isnan(drawn[~missing])
    gone, short = int(lost.all(axis=0).sum()), int(lost.any(axis=0).sum())
    of = f"of {drawn.shape[1]:,} resamples"
    if gone:
        yield f"{gone:,} {of} left out: {metric.why}"
    if short > gone:
        yield f"{short - gone:,} {of} over fewer {metric.noun}"


def _mean(parts: Parts) -> Float64[np.ndarray, " _"]:
    """Return the mean over the parts that have a value, NaN where none has."""
    known = ~np.isnan(parts)
    count = known.sum(axis=0)
    total = np.where(known, parts, 0.0).sum(axis=0)
    return total / np.where(count > 0, count, np.nan)
