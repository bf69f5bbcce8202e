"""How much each labelled row counts in the mean loss."""

from typing import Literal

import numpy as np
from jaxtyping import Float32

from hyenascope.data.labelled_sequences import LabelledSequences


def label_weights(
    data: LabelledSequences, class_weights: Literal["balanced"] | None = None
) -> Float32[np.ndarray, " rows"]:
    """Return a weight per row, 1 on average.

    Parameters
    ----------
    data
        Rows to learn from.
    class_weights
        ``"balanced"``: all rows of one class together weigh as much as those of any
        other class that has rows.

    Raises
    ------
    ValueError
        If weights are asked for and the task has no classes.

    Examples
    --------
    >>> data = LabelledSequences(
    ...     "toy",
    ...     ("A", "C", "G", "T"),
    ...     np.array([0, 0, 0, 1]),
    ...     ("no", "yes"),
    ...     ("train",) * 4,
    ...     "binary",
    ... )
    >>> label_weights(data, "balanced").round(2)
    array([0.67, 0.67, 0.67, 2.  ], dtype=float32)
    """
    if class_weights is None:
        return np.ones(len(data), np.float32)
    if data.task not in ("binary", "multiclass"):
        raise ValueError(
            f"class_weights must be None for task {data.task!r}, which has no classes "
            f"that exclude each other; got {class_weights!r}."
        )
    counts = np.bincount(data.labels, minlength=len(data.label_names))
    each = len(data) / np.maximum(counts, 1) / np.count_nonzero(counts)
    return each[data.labels].astype(np.float32)
