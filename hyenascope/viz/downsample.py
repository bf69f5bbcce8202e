"""Fewer points, same picture: keep the lowest and highest value of every bin.

A screen is about a thousand pixels wide, a locus is up to a million bases.
Means and strides hide the single base that matters; the extremes of each bin,
drawn at the bases where they occur, leave the outline of the signal unchanged.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int64


class Thinned(NamedTuple):
    """Which values to draw.

    Attributes
    ----------
    offsets
        0-based offsets of the kept values, increasing.
    bin_size
        Values per bin; 1 when nothing was dropped.
    """

    offsets: Int64[np.ndarray, " kept"]
    bin_size: int


def thin(values: Float[np.ndarray, " length"], max_points: int = 4000) -> Thinned:
    """Keep the lowest and the highest value of every bin, at their own place.

    Bins are equal and start at the first value; the last may be shorter. The
    first of equal extremes is kept. NaN is never an extreme: it is kept only
    where a whole bin is NaN, as one point, so that gaps stay gaps.

    Parameters
    ----------
    values
        One number per base, ``length``.
    max_points
        Most values kept, at least 2.

    Raises
    ------
    ValueError
        If ``max_points`` is below 2.

    Examples
    --------
    >>> thin(np.array([0.0, 5.0, 1.0, -2.0, 3.0, 3.0]), max_points=4)
    Thinned(offsets=array([0, 1, 3, 4]), bin_size=3)
    """
    if max_points < 2:
        raise ValueError(f"max_points must be at least 2; got {max_points}.")
    if len(values) <= max_points:
        return Thinned(np.arange(len(values), dtype=np.int64), 1)
    bin_size = -(-len(values) // (max_points // 2))
    bins = _in_bins(values, bin_size)
    missing = np.isnan(bins)
    low = np.where(missing, np.inf, bins).argmin(axis=1)
    high = np.where(missing, -np.inf, bins).argmax(axis=1)
    first = np.arange(len(bins)) * bin_size
    offsets = np.unique(np.concatenate([first + low, first + high])).astype(np.int64)
    return Thinned(offsets, bin_size)


def _in_bins(
    values: Float[np.ndarray, " length"], bin_size: int
) -> Float[np.ndarray, "bins bin_size"]:
    padding = -len(values) % bin_size
    padded = np.pad(values, (0, padding), constant_values=np.nan)
    return padded.reshape(-1, bin_size)
