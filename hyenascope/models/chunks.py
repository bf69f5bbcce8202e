"""Windows over a sequence that is longer than the context."""

import numpy as np
from jaxtyping import Float64, Int64


def chunk_starts(length: int, chunk: int, overlap: int = 0) -> Int64[np.ndarray, " _"]:
    """Return where windows of ``chunk`` bases start, 0-based, so that all is covered.

    One begins every ``chunk - overlap`` bases; the last is moved back to end with the
    sequence, so that none is short. A sequence that fits is one window, whole.

    Raises
    ------
    ValueError
        If ``chunk`` is below 1, or ``overlap`` is not from 0 to ``chunk - 1``.

    Examples
    --------
    >>> chunk_starts(25, 10).tolist(), chunk_starts(25, 10, 5).tolist()
    ([0, 10, 15], [0, 5, 10, 15])
    """
    if chunk < 1:
        raise ValueError(f"chunk must be at least 1 bp; got {chunk}.")
    if not 0 <= overlap < chunk:
        raise ValueError(f"overlap must be 0 to {chunk - 1} bp; got {overlap}.")
    last = max(0, length - chunk)
    step = chunk - overlap
    return np.minimum(np.arange(-(-last // step) + 1) * step, last)


def chunk_shares(
    starts: Int64[np.ndarray, " _"], length: int, chunk: int
) -> Float64[np.ndarray, " _"]:
    """Return the share of a sequence that each window stands for; they sum to one.

    Every base counts once: one that lies in several windows is divided among them.

    Parameters
    ----------
    starts
        Of `chunk_starts`.
    length, chunk
        Of the sequence and of a window.

    Examples
    --------
    >>> chunk_shares(np.array([0, 10, 15]), 25, 10).tolist()
    [0.4, 0.3, 0.3]
    """
    ends = np.minimum(starts + chunk, length)
    points = np.unique(np.concatenate([starts, ends]))
    lefts = points[:-1]
    cover = np.searchsorted(starts, lefts, "right") - np.searchsorted(
        ends, lefts, "right"
    )
    before = np.concatenate([[0.0], np.cumsum(np.diff(points) / cover)])
    at_ends, at_starts = (before[np.searchsorted(points, at)] for at in (ends, starts))
    return (at_ends - at_starts) / length
