"""Windows over a sequence that is longer than the context."""

import numpy as np
from jaxtyping import Int64


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


def new_in_chunks(
    starts: Int64[np.ndarray, " _"], length: int, chunk: int
) -> Int64[np.ndarray, " _"]:
    """Return how many bases of each window no window before it has.

    They are the last ones of a window, and together all of the sequence.

    Parameters
    ----------
    starts
        Of `chunk_starts`.
    length, chunk
        Of the sequence and of a window.

    Examples
    --------
    >>> new_in_chunks(np.array([0, 10, 15]), 25, 10).tolist()
    [10, 10, 5]
    """
    return np.diff(np.minimum(starts + chunk, length), prepend=0)
