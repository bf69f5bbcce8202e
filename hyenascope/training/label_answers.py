"""Labels and predictions side by side, once they are known to fit one another."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float64, Int64, Shaped

from hyenascope.data.labelled_sequences import Task
from hyenascope.models.sequence_task import SequenceTask

Predictions = pd.DataFrame | Shaped[np.ndarray, "_ _"]
"""A column per label name: a frame of `SequenceModel.predict`, or an array."""

_TOLERANCE = 1e-3  # of sums of probabilities, which may come of half precision


@dataclass(frozen=True, eq=False)
class Answers:
    """What is true and what was predicted, a row per sequence, a column per label.

    Parameters
    ----------
    kind
        Of the task.
    truth
        Of a regression the numbers, else 1 where a row has the class or the label.
    scores
        Probabilities, or the numbers of a regression.
    """

    kind: Task
    truth: Float64[np.ndarray, "rows labels"]
    scores: Float64[np.ndarray, "rows labels"]

    @property
    def rows(self) -> int:
        """Number of sequences."""
        return len(self.truth)

    @property
    def labels(self) -> int:
        """Number of classes, labels or targets."""
        return self.truth.shape[1]

    @property
    def has(self) -> Bool[np.ndarray, "rows labels"]:
        """Whether a row has a class or a label."""
        return self.truth == 1

    @property
    def said(self) -> Bool[np.ndarray, "rows labels"]:
        """Whether a row is predicted to: the likeliest class, labels above a half."""
        if self.kind == "multilabel":
            return self.scores > 0.5
        return np.arange(self.labels) == self.best[:, None]

    @property
    def classes(self) -> Int64[np.ndarray, " rows"]:
        """Number of the true class."""
        return self.truth.argmax(axis=1)

    @property
    def best(self) -> Int64[np.ndarray, " rows"]:
        """Number of the likeliest class, the first of several."""
        return self.scores.argmax(axis=1)


def checked_answers(
    task: SequenceTask,
    truth: Shaped[np.ndarray, "rows *labels"],
    predictions: Predictions,
) -> Answers:
    """Return labels and predictions side by side, or refuse what does not fit.

    Raises
    ------
    ValueError
        If there is no row, a shape does not fit, a label is none of the task's, or a
        prediction is not finite or, but for a regression, no probability.

    Examples
    --------
    >>> task = SequenceTask("multiclass", ("a", "b", "c"))
    >>> checked_answers(task, np.array([2]), np.array([[0.5, 0.25, 0.25]])).truth
    array([[0., 0., 1.]])
    """
    true = checked_truth(task, truth)
    if isinstance(predictions, pd.DataFrame):
        named = tuple(predictions.columns)
        if named != task.label_names:
            raise ValueError(
                f"predictions must have the columns {', '.join(task.label_names[:6])} "
                f"in this order; got {', '.join(map(str, named[:6]))}."
            )
    scores = np.asarray(predictions, dtype=np.float64)
    if scores.shape != true.shape:
        raise ValueError(
            f"predictions must have a row per label and a column per name, "
            f"{true.shape}; got {scores.shape}."
        )
    _refuse("predictions", "finite", ~np.isfinite(scores), scores)
    if task.kind != "regression":
        _refuse("predictions", "from 0 to 1", (scores < 0) | (scores > 1), scores)
    if task.kind in ("binary", "multiclass"):
        total = scores.sum(axis=1)
        _refuse("predictions", "1 in sum", abs(total - 1) > _TOLERANCE, total)
    return Answers(task.kind, true, scores)


def checked_truth(
    task: SequenceTask, truth: Shaped[np.ndarray, "rows *labels"]
) -> Float64[np.ndarray, "rows labels"]:
    """Return labels in a column per name, classes as 0 and 1.

    Raises
    ------
    ValueError
        If there is no row, the shape does not fit, or a label is none of the task's.
    """
    names = len(task.label_names)
    wide = task.kind in ("multilabel", "regression")
    if not len(truth) or truth.shape[1:] != ((names,) if wide else ()):
        shape = f"(rows, {names})" if wide else "(rows,)"
        raise ValueError(
            f"truth must have shape {shape} for {task.kind!r}; got {truth.shape}."
        )
    if task.kind == "regression":
        _refuse("truth", "finite", ~np.isfinite(truth), truth)
        return truth.astype(np.float64)
    allowed = np.arange(2 if wide else names)
    rule = "0 or 1" if wide else f"a whole number from 0 to {names - 1}"
    _refuse("truth", rule, ~np.isin(truth, allowed), truth)
    if wide:
        return truth.astype(np.float64)
    return (truth[:, None] == allowed).astype(np.float64)


def _refuse(
    name: str,
    rule: str,
    bad: Bool[np.ndarray, "rows *labels"],
    values: Shaped[np.ndarray, "rows *labels"],
) -> None:
    if bad.any():
        place = np.argwhere(bad)[0]
        raise ValueError(
            f"{name} must be {rule}; got {values[tuple(place)]} in row {place[0] + 1}."
        )
