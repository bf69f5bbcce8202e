"""How well predictions fit the labels of sequences, with bootstrap intervals.

A number that has no meaning, as an AUROC where all rows are of one class, is NaN and
the column ``note`` says why. One convention is kept: where the rows are of several
classes and all predictions of one, the Matthews correlation is 0.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Literal

import numpy as np
import pandas as pd
from jaxtyping import Shaped

from hyenascope.data.labelled_sequences import Task
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.training.counted_metrics import (
    Statistic,
    accuracy,
    auroc,
    average_precision,
    f1_macro,
    f1_of_class,
    matthews,
    pearson,
    r_squared,
    spearman,
    squared_error,
)
from hyenascope.training.label_answers import Answers, Predictions, checked_answers
from hyenascope.training.metric_estimate import (
    MeanOfParts,
    estimate_metrics,
)
from hyenascope.training.metric_estimate import (
    MetricEstimate as MetricEstimate,
)

Metric = Literal[
    "accuracy",
    "mcc",
    "f1",
    "f1_macro",
    "auroc",
    "auprc",
    "pearson",
    "spearman",
    "r2",
    "mse",
]
"""More is better, but for ``"mse"``."""

METRICS_OF: Mapping[Task, tuple[Metric, ...]] = {
    "binary": ("accuracy", "mcc", "f1", "f1_macro", "auroc", "auprc"),
    "multiclass": ("accuracy", "mcc", "f1_macro", "auroc", "auprc"),
    "multilabel": ("auroc", "auprc", "f1_macro"),
    "regression": ("pearson", "spearman", "r2", "mse"),
}
"""Which apply to which task.

``"f1"``, ``"auroc"`` and ``"auprc"`` of ``"binary"`` are those of the second class; of
``"multiclass"`` the mean over classes, each against the rest; of ``"multilabel"`` the
mean over the labels that some rows have and some have not, and of ``"regression"`` the
mean over targets. ``"auprc"`` is average precision. ``"f1_macro"`` of classes is the
mean over those in the truth or the predictions, and ``"mcc"`` that of Gorodkin (2004).
"""


def score_labels(
    task: SequenceTask,
    truth: Shaped[np.ndarray, "rows *labels"],
    predictions: Predictions,
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
    only: Sequence[Metric] | None = None,
) -> pd.DataFrame:
    """Compare predictions with labels.

    Intervals are percentiles over resamples of the rows (Efron and Tibshirani 1993);
    all metrics see the same resamples. A resample without a class has no AUROC: it is
    left out and counted in ``note``, and where that befalls more than one in ten there
    is no interval. A mean over labels is, in each resample, over those it has. An
    interval is of this model on rows like these; that another training would have
    given another model is not in it, and where no row is wrong it has no width and is
    too sure.

    Parameters
    ----------
    task
        What the labels are.
    truth
        As `LabelledSequences.labels`: numbers of classes, or a column per label.
    predictions
        A column per label: probabilities, of ``"regression"`` numbers.
    resamples
        0 gives no intervals.
    confidence
        Share of the resamples inside an interval.
    seed
        Decides the resamples.
    only
        Some of `METRICS_OF` of this task; all if None.

    Returns
    -------
    DataFrame
        Index ``metric``; ``value``, ``low``, ``high``, ``rows`` and ``note``.

    Raises
    ------
    ValueError
        If truth and predictions do not fit one another and the task, or a metric is
        none of the task's.

    Examples
    --------
    >>> task = SequenceTask("binary", ("no", "yes"))
    >>> yes = np.array([0.1, 0.4, 0.35, 0.8])
    >>> answers = np.stack([1 - yes, yes], axis=1)
    >>> table = score_labels(task, np.array([0, 0, 1, 1]), answers, resamples=0)
    >>> table["value"].round(3).to_dict()
    {'accuracy': 0.75, 'mcc': 0.577, 'f1': 0.667, 'f1_macro': 0.733, 'auroc': 0.75,
    'auprc': 0.833}
    """
    metrics = _checked_metrics(task, only)
    answers = checked_answers(task, truth, predictions)
    found = estimate_metrics(
        [_judged(metric, answers.kind, _parts(metric, answers)) for metric in metrics],
        answers.rows,
        resamples=resamples,
        confidence=confidence,
        seed=seed,
    )
    table = pd.DataFrame([asdict(each) for each in found])
    table.index = pd.Index(metrics, name="metric")
    return table


def paired_difference(
    task: SequenceTask,
    truth: Shaped[np.ndarray, "rows *labels"],
    one: Predictions,
    other: Predictions,
    metric: Metric,
    *,
    resamples: int = 1000,
    confidence: float = 0.95,
    seed: int = 0,
) -> MetricEstimate:
    """Return ``one`` minus ``other`` on the same rows, with its interval.

    Both are judged on the same resamples: what is hard for both cancels, so the
    interval is often narrower than those of the two alone suggest.

    Parameters
    ----------
    task, truth
        As in `score_labels`.
    one, other
        Predictions of two models for the same rows.
    metric
        One of `METRICS_OF` of this task.
    resamples, confidence, seed
        As in `score_labels`.

    Raises
    ------
    ValueError
        As `score_labels`.

    Examples
    --------
    >>> task = SequenceTask("regression", ("strength",))
    >>> truth = np.arange(20.0)[:, None]
    >>> difference = paired_difference(task, truth, truth + 1, truth - 2, "mse")
    >>> difference.value, difference.low, difference.high
    (-3.0, -3.0, -3.0)
    """
    _checked_metrics(task, [metric])
    pairs = zip(
        _parts(metric, checked_answers(task, truth, one)),
        _parts(metric, checked_answers(task, truth, other)),
        strict=True,
    )
    parts = [_minus(first, second) for first, second in pairs]
    return estimate_metrics(
        [_judged(metric, task.kind, parts)],
        len(truth),
        resamples=resamples,
        confidence=confidence,
        seed=seed,
    )[0]


def per_label(
    task: SequenceTask,
    truth: Shaped[np.ndarray, "rows *labels"],
    predictions: Predictions,
) -> pd.DataFrame:
    """Judge each class, label or target by itself.

    Returns
    -------
    DataFrame
        Index ``label``. Of classes and labels ``rows`` that have it, ``predicted`` to
        have it, ``precision``, ``recall``, ``f1``, ``auroc``, ``auprc``; of targets
        ``rows`` and the metrics of a regression. NaN has no meaning: precision of what
        is never predicted, all but precision of what no row has.

    Raises
    ------
    ValueError
        If truth and predictions do not fit one another and the task.

    Examples
    --------
    >>> task = SequenceTask("multilabel", ("a", "b"))
    >>> truth = np.array([[1, 0], [0, 0]])
    >>> table = per_label(task, truth, np.array([[0.9, 0.2], [0.6, 0.7]]))
    >>> table[["rows", "predicted", "precision", "recall", "auroc"]]
           rows  predicted  precision  recall  auroc
    label
    a         1          2        0.5     1.0    1.0
    b         0          1        0.0     NaN    NaN
    """
    answers = checked_answers(task, truth, predictions)
    if task.kind == "regression":
        table = pd.DataFrame({"rows": [answers.rows] * answers.labels})
        for metric in METRICS_OF["regression"]:
            table[metric] = _whole(_parts(metric, answers), answers.rows)
    else:
        table = _label_table(answers)
    table.index = pd.Index(task.label_names, name="label")
    return table


def _label_table(answers: Answers) -> pd.DataFrame:
    has, said = answers.has, answers.said
    true, called = has.sum(axis=0), said.sum(axis=0)
    right = (has & said).sum(axis=0)
    return pd.DataFrame(
        {
            "rows": true,
            "predicted": called,
            "precision": right / np.where(called > 0, called, np.nan),
            "recall": right / np.where(true > 0, true, np.nan),
            "f1": 2 * right / np.where(true > 0, true + called, np.nan),
            "auroc": _whole(_columns(auroc, answers), answers.rows),
            "auprc": _whole(_columns(average_precision, answers), answers.rows),
        }
    )


def _judged(metric: Metric, kind: Task, parts: list[Statistic]) -> MeanOfParts:
    """Return a metric with the words for what it is the mean of."""
    nouns: dict[Task, str] = {"multiclass": "classes", "regression": "targets"}
    why = "rows of one class only"
    if kind == "regression":
        why = "constant truth" if metric == "r2" else "constant numbers"
    return MeanOfParts(parts, nouns.get(kind, "labels"), why)


def _parts(metric: Metric, answers: Answers) -> list[Statistic]:
    """Return the statistics that a metric is the mean of."""
    if answers.kind == "regression":
        of_numbers = {"pearson": pearson, "spearman": spearman, "r2": r_squared}
        return _columns(of_numbers.get(metric, squared_error), answers)
    if metric in ("auroc", "auprc"):
        parts = _columns(auroc if metric == "auroc" else average_precision, answers)
        return parts[1:] if answers.kind == "binary" else parts
    if answers.kind == "multilabel":
        pairs = zip(answers.has.T, answers.said.T, strict=True)
        return [f1_of_class(has * 1, said * 1, 1) for has, said in pairs]
    true, said = answers.classes, answers.best
    if metric == "accuracy":
        return [accuracy(true, said)]
    if metric == "f1":
        return [f1_of_class(true, said, 1)]
    return [(matthews if metric == "mcc" else f1_macro)(true, said, answers.labels)]


def _columns(
    make: Callable[[Any, Any], Statistic], answers: Answers
) -> list[Statistic]:
    """Return a statistic for each label."""
    truth = answers.truth if answers.kind == "regression" else answers.has
    return [make(*pair) for pair in zip(truth.T, answers.scores.T, strict=True)]


def _minus(first: Statistic, second: Statistic) -> Statistic:
    return lambda counts: first(counts) - second(counts)


def _whole(parts: Sequence[Statistic], rows: int) -> list[float]:
    """Return each statistic of all rows, once."""
    return [float(part(np.ones((rows, 1)))[0]) for part in parts]


def _checked_metrics(
    task: SequenceTask, only: Sequence[Metric] | None
) -> tuple[Metric, ...]:
    known = METRICS_OF[task.kind]
    metrics = known if only is None else tuple(only)
    for metric in metrics:
        if metric not in known:
            raise ValueError(
                f"metrics of {task.kind!r} must be of {', '.join(known)}; got "
                f"{metric!r}."
            )
    return metrics
