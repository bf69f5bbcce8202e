"""Judge whatever predicts labels on a split that it has not seen."""

from dataclasses import dataclass, field, replace
from typing import Literal, Protocol, get_args, runtime_checkable

import numpy as np
import pandas as pd
from jaxtyping import Shaped
from torch import nn

from hyenascope.data.labelled_sequences import LabelError, LabelledSequences
from hyenascope.data.provenance import Provenance
from hyenascope.data.sequences import SequenceSource
from hyenascope.data.split_leakage import without_leaks
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.models.state_layouts import model_tensors, tensors_hash
from hyenascope.training.label_metrics import (
    Metric,
    MetricEstimate,
    paired_difference,
    score_labels,
)
from hyenascope.training.software import software_versions

Duplicates = Literal["keep", "drop"]
"""What becomes of rows that an earlier split holds too."""


@runtime_checkable
class Predictor(Protocol):
    """Whatever has a task and predicts: a fine-tuned model, a baseline, your own."""

    @property
    def task(self) -> SequenceTask:
        """What its labels are."""
        ...

    def predict(self, sequences: SequenceSource, /) -> pd.DataFrame:
        """Return a row per sequence and a column per label of the task."""
        ...


@dataclass(frozen=True, eq=False)
class LabelEvaluation:
    """How well a model did on the rows of one split.

    Parameters
    ----------
    name, split
        Of the data and its split.
    task
        What the labels are.
    table
        As `hyenascope.training.label_metrics.score_labels` gives it.
    predictions
        A row per sequence, in the order of the data. ``truth`` is the name of its
        class, or ``truth <label>`` a column for each label or target; then the
        columns of the model, under the names of the labels. The index is the id of
        a row, or its 0-based number in the split.
    truth
        The labels as numbers, a row per row of ``predictions``.
    dropped
        Rows of the split left out because an earlier split holds them too.
    provenance
        The files of the data with their sha256, and what else made the numbers.
    """

    name: str
    split: str
    task: SequenceTask
    table: pd.DataFrame
    predictions: pd.DataFrame = field(repr=False)
    truth: Shaped[np.ndarray, "rows *labels"] = field(repr=False)
    dropped: int
    provenance: Provenance = field(repr=False)

    @property
    def rows(self) -> int:
        """Number of sequences judged."""
        return len(self.truth)

    @property
    def answers(self) -> pd.DataFrame:
        """What the model said: a column per label."""
        return self.predictions.iloc[:, -len(self.task.label_names) :]

    def difference(
        self,
        other: "LabelEvaluation",
        metric: Metric,
        *,
        resamples: int = 1000,
        confidence: float = 0.95,
        seed: int = 0,
    ) -> MetricEstimate:
        """Return this model's metric less another's on the same rows.

        Parameters
        ----------
        other
            Of the same rows of the same data.
        metric, resamples, confidence, seed
            As in `hyenascope.training.label_metrics.paired_difference`.

        Raises
        ------
        ValueError
            If the rows are not the same, or the metric is none of the task's.
        """
        if self._judged != other._judged or not np.array_equal(self.truth, other.truth):
            raise ValueError(
                f"other must be judged on the same rows, {self.rows:,} of {self.name} "
                f"{self.split}; got {other.rows:,} of {other.name} {other.split}."
            )
        return paired_difference(
            self.task,
            self.truth,
            self.answers,
            other.answers,
            metric,
            resamples=resamples,
            confidence=confidence,
            seed=seed,
        )

    @property
    def _judged(self) -> tuple[object, ...]:
        rows = tuple(self.predictions.index)
        return self.name, self.split, self.task, rows


def evaluate_labels(
    model: Predictor,
    data: LabelledSequences,
    *,
    split: str = "test",
    duplicates: Duplicates = "keep",
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> LabelEvaluation:
    """Predict the rows of a split and compare with their labels.

    Parameters
    ----------
    model
        Anything with ``task`` and ``predict``.
    data
        Labelled as the model's task is.
    split
        Where to judge.
    duplicates
        ``"drop"`` leaves out rows that stand, or nearly stand, in an earlier split,
        see `hyenascope.data.split_leakage.split_leakage`. It knows the splits of
        these data only, not what else the model has seen.
    resamples, confidence, seed
        As in `hyenascope.training.label_metrics.score_labels`.

    Raises
    ------
    LabelError
        If the labels are not those of the model, or there is no such split, or no
        row of it is left.
    ValueError
        If the model cannot read a sequence, or what it says is no prediction.

    Examples
    --------
    >>> class Half:
    ...     task = SequenceTask("binary", ("no", "yes"))
    ...
    ...     def predict(self, sequences):
    ...         return pd.DataFrame(0.5, range(len(sequences)), self.task.label_names)
    >>> data = LabelledSequences(
    ...     "toy", ("A", "C"), np.array([0, 1]), ("no", "yes"), ("test",) * 2, "binary"
    ... )
    >>> found = evaluate_labels(Half(), data, resamples=0)
    >>> float(found.table.loc["auroc", "value"])
    0.5
    >>> found.predictions
       truth   no  yes
    id
    0     no  0.5  0.5
    1    yes  0.5  0.5
    """
    refuse_other_labels(model.task, data)
    if duplicates not in get_args(Duplicates):
        raise ValueError(f"duplicates must be 'keep' or 'drop'; got {duplicates!r}.")
    numbered = _with_ids(data)
    rows = numbered.split(split)
    judged = rows
    if duplicates == "drop":
        cleaned = without_leaks(numbered, splits=(split,))
        if split not in cleaned.split_names:
            raise LabelError(
                f"split must have rows that no earlier split holds; all "
                f"{len(rows):,} of {split} in {data.name} leak."
            )
        judged = cleaned.split(split)
    answers = model.predict(list(judged.sequences))
    table = score_labels(
        model.task,
        judged.labels,
        answers,
        resamples=resamples,
        confidence=confidence,
        seed=seed,
    )
    made = {
        "data": dict(data.provenance),
        "model": type(model).__name__,
        "weights": _weights_hash(model),
        "duplicates": duplicates,
        "bootstrap": {"resamples": resamples, "confidence": confidence, "seed": seed},
        "software": software_versions(),
    }
    return LabelEvaluation(
        name=data.name,
        split=split,
        task=model.task,
        table=table,
        predictions=_side_by_side(judged, answers),
        truth=judged.labels,
        dropped=len(rows) - len(judged),
        provenance=Provenance(made),
    )


def refuse_other_labels(task: SequenceTask, data: LabelledSequences) -> None:
    """Refuse data that are not labelled as a model's task is.

    Raises
    ------
    LabelError
        If the kind of the labels, their names or the order of these differ.
    """
    if (task.kind, task.label_names) != (data.task, data.label_names):
        raise LabelError(
            f"data must have the labels of the model, {task.kind} "
            f"{', '.join(task.label_names[:6])}; got {data.task} "
            f"{', '.join(data.label_names[:6])}."
        )


def _with_ids(data: LabelledSequences) -> LabelledSequences:
    """Give rows that have no id their number within their split."""
    if data.ids:
        return data
    counts = dict.fromkeys(data.split_names, 0)
    ids = []
    for name in data.splits:
        ids.append(str(counts[name]))
        counts[name] += 1
    return replace(data, ids=tuple(ids))


def _side_by_side(data: LabelledSequences, answers: pd.DataFrame) -> pd.DataFrame:
    if data.labels.ndim == 1:
        truth = pd.DataFrame({"truth": [data.label_names[i] for i in data.labels]})
    else:
        names = [f"truth {name}" for name in data.label_names]
        truth = pd.DataFrame(data.labels, columns=names)
    both = pd.concat([truth, answers.reset_index(drop=True)], axis=1)
    both.index = pd.Index(data.ids, name="id")
    return both


def _weights_hash(model: Predictor) -> str | None:
    """Return the hash of a network's weights; of what has none, nothing."""
    return tensors_hash(model_tensors(model)) if isinstance(model, nn.Module) else None
