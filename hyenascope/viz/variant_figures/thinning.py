"""Which of many points to draw, so that the picture stays what it was."""

import numpy as np
from jaxtyping import Float64, Int64

MOST = 4000
"""Markers in one figure: each is a node of the page."""

Points = Float64[np.ndarray, " points"]
Rows = Int64[np.ndarray, " kept"]


def spread(x: Points, y: Points, *, most: int, pixels: tuple[int, int]) -> Rows:
    """Keep one point per cell of a grid, and the outermost ones.

    The grid starts at cells of 2 pixels and coarsens until at most ``most`` cells are
    filled, so that empty stretches stay empty and full ones stay full. Which point of
    a cell stays is drawn, always the same way: the lowest or the heaviest would line
    up into stripes.

    Parameters
    ----------
    x, y
        Finite coordinates.
    most
        Most points kept, at least 5.
    pixels
        Width and height of the picture.

    Examples
    --------
    >>> x = np.arange(1000.0)
    >>> kept = spread(x, x, most=50, pixels=(100, 100))
    >>> len(kept) <= 50, int(kept[0]), int(kept[-1])
    (True, 0, 999)
    """
    if len(x) <= most:
        return np.arange(len(x), dtype=np.int64)
    outermost = [v for c in (x, y) for v in (int(c.argmin()), int(c.argmax()))]
    order = np.random.default_rng(0).permutation(len(x))
    across, down = _unit(x)[order], _unit(y)[order]
    size = 2.0
    while True:
        columns, rows = (max(1, int(side / size)) for side in pixels)
        cell = _bin(across, columns) * rows + _bin(down, rows)
        winner = np.full(columns * rows, -1, dtype=np.int64)
        winner[cell] = order  # of several writes to a cell the last one stays
        kept = winner[winner >= 0]
        if len(kept) <= most - len(outermost):
            return np.union1d(kept, outermost)
        size *= 1.12


def peaks(x: Points, y: Points, *, columns: int, lowest: bool = True) -> Rows:
    """Keep the highest, and the ``lowest``, point of every column of pixels.

    Examples
    --------
    >>> x = np.array([0.0, 0.1, 0.2, 1.0])
    >>> peaks(x, np.array([1.0, 5.0, 3.0, 2.0]), columns=2)
    array([0, 1, 3])
    """
    column = _bin(_unit(x), columns)
    order = np.argsort(y, kind="stable")
    extremes = np.full((2, columns), -1, dtype=np.int64)
    extremes[0, column[order]] = order
    if lowest:
        extremes[1, column[order[::-1]]] = order[::-1]
    return np.unique(extremes[extremes >= 0])


def sideways(values: Points) -> Points:
    """Move points apart, more where many share a value, so that a strip shows density.

    Returns
    -------
    np.ndarray
        Between -1 and 1, always the same for the same values: half the width of the
        strip times how many others are as high.

    Examples
    --------
    >>> sideways(np.array([0.0, 0.0, 9.0])).round(2)
    array([ 0. , -0.5,  0. ])
    """
    count = len(values)
    bins = _bin(_unit(values), int(np.clip(count // 5, 8, 60)))
    crowd = np.bincount(bins)[bins]
    turns = np.zeros(count)
    order = np.argsort(bins, kind="stable")
    starts = np.r_[True, np.diff(bins[order]) != 0]
    first = np.maximum.accumulate(np.where(starts, np.arange(count), 0))
    turns[order] = _van_der_corput(np.arange(count) - first + 1)
    return (2 * turns - 1) * np.sqrt(crowd / crowd.max())


def _van_der_corput(numbers: Int64[np.ndarray, " points"]) -> Points:
    """Return the sequence 1/2, 1/4, 3/4, 1/8 … at these places: evenly spread."""
    result, digit = np.zeros(len(numbers)), 0.5
    while numbers.any():
        result += digit * (numbers & 1)
        numbers, digit = numbers >> 1, digit / 2
    return result


def _unit(values: Points) -> Points:
    low, high = values.min(), values.max()
    return (values - low) / (high - low) if high > low else np.zeros(len(values))


def _bin(unit: Points, count: int) -> Int64[np.ndarray, " points"]:
    return np.minimum((unit * count).astype(np.int64), count - 1)


def few_whole(values: Points) -> bool:
    """Whether these are whole numbers so few that points would hide one another.

    Examples
    --------
    >>> few_whole(np.array([-1.0, 0.0, 0.0])), few_whole(np.array([0.5]))
    (True, False)
    """
    whole = bool((values == np.round(values)).all())
    return whole and bool(np.ptp(values) <= 20)


def apart(values: Points) -> Points:
    """Return shifts below a third for `few_whole` values, zeros for others."""
    if not few_whole(values):
        return np.zeros(len(values))
    return 0.6 * (_van_der_corput(np.arange(len(values)) + 1) - 0.5)


def whole_ticks(values: Points) -> dict[str, int]:
    """Return axis settings: a tick per whole number, or a handful."""
    return {"dtick": 1} if few_whole(values) and np.ptp(values) <= 8 else {"nticks": 5}


def thinned(kept: int, whole: int, each: str = "") -> str:
    """Say that not every point is drawn; "" if all are.

    Examples
    --------
    >>> thinned(4000, 1_000_000)
    '4,000 of 1,000,000 variants have a marker: one of each few pixels.'
    """
    if kept == whole:
        return ""
    return (
        f"{kept:,} of {whole:,} variants{each} have a marker: one of each few pixels."
    )
