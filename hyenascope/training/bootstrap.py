"""Draw the rows of a table again and again, and see how far a number moves.

The percentile interval of Efron and Tibshirani, An Introduction to the Bootstrap
(1993), chapter 13. Rows are drawn as they came about: independently, classes and all,
not class by class, so an interval also tells how uncertain the mix of classes is.
"""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float64

Counts = Float64[np.ndarray, "rows resamples"]
"""How often each row was drawn in each resample; a column sums to the rows."""

_TABLE = 2**18  # entries of a block of counts: what follows stays in the cache
_DEFINED = 0.9  # of the resamples; else the others are no picture of all


def drawn_counts(rows: int, resamples: int, *, seed: int = 0) -> Iterator[Counts]:
    """Yield how often each row was drawn, for some resamples at a time.

    Examples
    --------
    >>> counts = np.concatenate(list(drawn_counts(5, 100)), axis=1)
    >>> counts.shape, set(counts.sum(axis=0).tolist())
    ((5, 100), {5.0})
    """
    generator = np.random.default_rng(seed)
    width = max(1, _TABLE // rows)
    for start in range(0, resamples, width):
        columns = min(width, resamples - start)
        place = generator.integers(rows, size=(columns, rows)) * columns
        place += np.arange(columns)[:, None]
        drawn = np.bincount(place.ravel(), minlength=rows * columns)
        yield drawn.reshape(rows, columns).astype(np.float64)


def percentile_interval(
    values: Float64[np.ndarray, " resamples"], confidence: float = 0.95
) -> tuple[float, float]:
    """Return the ends of the middle part of the resamples; NaN is left out.

    Both are NaN where more than a tenth of the resamples have no value, as where a
    class has one or two rows: the others no longer stand for all.

    Examples
    --------
    >>> percentile_interval(np.arange(101.0), 0.5)
    (25.0, 75.0)
    >>> percentile_interval(np.array([1.0, 2.0, np.nan]))
    (nan, nan)
    """
    known = values[np.isfinite(values)]
    if len(known) < max(1, _DEFINED * len(values)):
        return float("nan"), float("nan")
    tail = (1 - confidence) / 2
    low, high = np.quantile(known, [tail, 1 - tail])
    return float(low), float(high)
