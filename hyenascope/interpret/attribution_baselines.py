"""What a sequence is compared with when its difference is shared among its bases."""

from collections.abc import Callable
from typing import Literal

import numpy as np
from jaxtyping import Float, Float32

from hyenascope.sequence.one_hot import one_hot
from hyenascope.sequence.shuffle import dinucleotide_shuffle

Baseline = Literal["n", "uniform", "shuffle"] | np.ndarray
"""``"n"``: nothing but N. ``"uniform"``: a quarter of each base. ``"shuffle"``:
dinucleotide-preserving shuffles. Or rows ``length 4`` or ``baselines length 4``, in
genome order, columns A, C, G, T."""


def baseline_rows(
    baseline: Baseline,
    text: str,
    *,
    shuffles: int,
    seed: int,
    encode: Callable[[str], Float32[np.ndarray, "length 4"]] = one_hot,
) -> Float32[np.ndarray, "baselines length 4"]:
    """Return one-hot rows of every baseline of ``text``.

    Where the text is N the baseline is N too: what is not known has no share.

    Parameters
    ----------
    baseline
        As in `Baseline`.
    text
        DNA, forward strand.
    shuffles, seed
        How many shuffles, and the state they start from; for ``"shuffle"`` alone.
    encode
        How the model has its rows; they differ in what N is.

    Raises
    ------
    ValueError
        If the baseline is unknown, ``shuffles`` is below 1, or rows have another
        shape or are not finite.

    Examples
    --------
    >>> baseline_rows("uniform", "ACN", shuffles=1, seed=0)[0]
    array([[0.25, 0.25, 0.25, 0.25],
           [0.25, 0.25, 0.25, 0.25],
           [0.  , 0.  , 0.  , 0.  ]], dtype=float32)
    """
    if isinstance(baseline, np.ndarray):
        made = _checked(baseline, len(text))
    elif baseline == "shuffle":
        made = _shuffled(text, shuffles, seed)
    elif baseline == "n":
        made = encode("N" * len(text))[None]
    elif baseline == "uniform":
        made = np.full((1, len(text), 4), 0.25)
    else:
        raise ValueError(
            f"baseline must be 'n', 'uniform', 'shuffle' or an array; got {baseline!r}."
        )
    known = one_hot(text).sum(axis=1, keepdims=True) > 0
    return np.where(known, made, encode(text)).astype(np.float32)


def baseline_name(baseline: Baseline) -> str:
    """Return how a record calls a baseline.

    Examples
    --------
    >>> baseline_name(np.zeros((3, 4)))
    'given'
    """
    return "given" if isinstance(baseline, np.ndarray) else baseline


def _shuffled(text: str, shuffles: int, seed: int) -> Float32[np.ndarray, "_ _ 4"]:
    if shuffles < 1:
        raise ValueError(f"shuffles must be at least 1; got {shuffles}.")
    generator = np.random.default_rng(seed)
    upper = text.upper()
    made = [dinucleotide_shuffle(upper, generator=generator) for _ in range(shuffles)]
    return np.stack([one_hot(one) for one in made])


def _checked(rows: np.ndarray, length: int) -> Float[np.ndarray, "_ _ 4"]:
    stacked = rows[None] if rows.ndim == 2 else rows
    right = stacked.ndim == 3 and stacked.shape[1:] == (length, 4) and len(stacked)
    if not right or stacked.dtype.kind not in "fiub" or not np.isfinite(stacked).all():
        raise ValueError(
            f"baseline must hold finite numbers of shape ({length}, 4) or "
            f"(baselines, {length}, 4); got {rows.dtype} of shape {rows.shape}."
        )
    return stacked.astype(np.float64)
