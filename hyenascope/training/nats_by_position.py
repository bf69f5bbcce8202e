"""Whether longer context helps: nats per base by how many bases lie to its left.

Windows do not overlap here, so a base at place i of its window has been judged from
the i bases before it and no others, and every base of the text is judged once. Which
bases fall on which place is chance: the places differ in context and in nothing else.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float64, Int64

from hyenascope.models.batching import BatchSize
from hyenascope.models.hyena import HyenaLM
from hyenascope.sequence.markov import MarkovModel
from hyenascope.training.perplexity import (
    JudgedWindow,
    check_texts,
    window_length,
    window_nats,
)


@dataclass(frozen=True, eq=False)
class PositionNats:
    """Mean nats per base in bins of left context.

    Parameters
    ----------
    edges
        Bin j holds bases with ``edges[j]`` to ``edges[j + 1] − 1`` bases to their
        left in the window, N among them.
    nats
        Mean −log p of its bases; NaN where there are none.
    standard_error
        Of that mean, as if bases were independent; NaN below two bases.
    bases
        How many were judged.

    Examples
    --------
    >>> whole = PositionNats(
    ...     np.array([0, 1, 2]), np.ones(2), np.zeros(2), np.array([5, 5])
    ... )
    >>> whole.frame["context"].tolist()
    ['0', '1']
    """

    edges: Int64[np.ndarray, " edges"]
    nats: Float64[np.ndarray, " bins"]
    standard_error: Float64[np.ndarray, " bins"]
    bases: Int64[np.ndarray, " bins"]

    @property
    def frame(self) -> pd.DataFrame:
        """The bins that hold bases: context, bases, nats, standard_error."""
        pairs = zip(self.edges[:-1], self.edges[1:] - 1, strict=True)
        context = [f"{a:,}" if a == b else f"{a:,}–{b:,}" for a, b in pairs]
        columns = {
            "context": context,
            "bases": self.bases,
            "nats": self.nats,
            "standard_error": self.standard_error,
        }
        return pd.DataFrame(columns)[self.bases > 0].reset_index(drop=True)


def nats_by_position(
    model: HyenaLM | MarkovModel,
    sequences: Sequence[str],
    *,
    length: int | None = None,
    batch_size: BatchSize = "auto",
    device: str | torch.device | None = None,
    progress: bool = False,
) -> PositionNats:
    """Return mean nats per base as a function of left context.

    Bins are those of `context_edges`. A causal model says nothing of a base without
    any context, so its first bin is empty; a `MarkovModel` judges it too.

    Parameters
    ----------
    model
        Borrowed: used in eval mode on ``device`` and put back.
    sequences
        DNA texts of any length, in either case. The last window of each may be
        short.
    length
        Bases per window; the model's context if None. A `MarkovModel` has none.
    batch_size, device, progress
        As in `hyenascope.training.perplexity.base_nats`.

    Raises
    ------
    ValueError
        As `base_nats`, and if a `MarkovModel` comes without ``length``.
    TypeError
        As `base_nats`.

    Examples
    --------
    >>> markov = MarkovModel.fit(["ACGT" * 50], order=1)
    >>> found = nats_by_position(markov, ["ACGT" * 4], length=8)
    >>> found.edges, found.bases
    (array([0, 1, 2, 4, 8]), array([2, 2, 4, 8]))
    >>> bool(found.nats[0] > found.nats[1])  # nothing to the left of the first
    True
    """
    check_texts(sequences)
    if isinstance(model, MarkovModel):
        length = _markov_length(length)
        windows = _side_by_side(sequences, length)
        found = _markov_nats(model, sequences, windows)
    else:
        length = window_length(model, length)
        windows = _side_by_side(sequences, length)
        found = _model_nats(
            model,
            sequences,
            windows,
            batch_size=batch_size,
            device=device,
            progress=progress,
        )
    return _binned(_moments(found, length), context_edges(length))


def context_edges(length: int) -> Int64[np.ndarray, " edges"]:
    """Return bin edges that double: 0, 1, 2, 4 … and at last ``length``.

    Raises
    ------
    ValueError
        If ``length`` is below 1.

    Examples
    --------
    >>> context_edges(8), context_edges(10)
    (array([0, 1, 2, 4, 8]), array([ 0,  1,  2,  4,  8, 10]))
    """
    if length < 1:
        raise ValueError(f"length must be at least 1; got {length}.")
    doublings = 2 ** np.arange((length - 1).bit_length(), dtype=np.int64)
    return np.concatenate([[0], doublings, [length]]).astype(np.int64)


def _markov_length(length: int | None) -> int:
    if length is None or length < 2:
        raise ValueError(
            f"length must be at least 2 bp with a MarkovModel, which has no context "
            f"of its own; got {length}."
        )
    return length


def _side_by_side(sequences: Sequence[str], length: int) -> list[JudgedWindow]:
    return [
        JudgedWindow(index, start, min(start + length, len(text)))
        for index, text in enumerate(sequences)
        for start in range(0, len(text), length)
    ]


def _markov_nats(
    model: MarkovModel, sequences: Sequence[str], windows: Sequence[JudgedWindow]
) -> Iterator[Float64[np.ndarray, " length"]]:
    for window in windows:
        yield -model.log_probs(sequences[window.text][window.start : window.end])


def _model_nats(
    model: HyenaLM,
    sequences: Sequence[str],
    windows: Sequence[JudgedWindow],
    *,
    batch_size: BatchSize,
    device: str | torch.device | None,
    progress: bool,
) -> Iterator[Float64[np.ndarray, " length"]]:
    for _, nats in window_nats(
        model,
        sequences,
        windows,
        batch_size=batch_size,
        device=device,
        progress=progress,
    ):
        yield nats


def _moments(
    found: Iterator[Float64[np.ndarray, " _"]], length: int
) -> Float64[np.ndarray, "3 length"]:
    """Count, sum and sum of squares at each place of a window."""
    moments = np.zeros((3, length))
    for nats in found:
        known = ~np.isnan(nats)
        value = np.where(known, nats, 0.0)
        moments[:, : len(nats)] += np.stack([known, value, value**2])
    return moments


def _binned(
    moments: Float64[np.ndarray, "3 length"], edges: Int64[np.ndarray, " edges"]
) -> PositionNats:
    count, total, squares = np.add.reduceat(moments, edges[:-1], axis=1)
    with np.errstate(divide="ignore", invalid="ignore"):  # empty bins become NaN
        mean = total / count
        spread = np.maximum(squares - count * mean**2, 0.0)
        error = np.sqrt(spread / (count - 1) / count)
    error[count < 2] = np.nan
    return PositionNats(edges, mean, error, count.astype(np.int64))
