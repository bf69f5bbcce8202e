"""Whether a probability of 0.8 comes true in 8 of 10, and what mends it."""

import logging
import math
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Float64, Shaped
from scipy.optimize import minimize, minimize_scalar

from hyenascope.models.sequence_task import SequenceTask
from hyenascope.training.label_answers import (
    Answers,
    Predictions,
    checked_answers,
    checked_truth,
)

TEMPERATURES = 0.05, 20.0
"""Least and greatest temperature that `fit_temperature` returns."""

_SHIFTS = 20.0  # the greatest shift of a logit, either way
_LOGGER = logging.getLogger("hyenascope")


@dataclass(frozen=True, eq=False)
class Calibration:
    """Probabilities are those of ``logits / temperature + shift``.

    Parameters
    ----------
    temperature
        One for all outputs.
    shift
        One per output.
    """

    temperature: float
    shift: Float64[np.ndarray, " outputs"]


def fit_calibration(
    logits: Float[np.ndarray, "rows outputs"],
    truth: Shaped[np.ndarray, "rows *labels"],
    task: SequenceTask,
    *,
    shift: bool,
) -> Calibration:
    """Return what makes the loss of rows that were not trained on least.

    The temperature alone, or with ``shift`` a number per output beside it (Alexandari
    et al. 2020, arXiv 1901.06852): a model that was trained as if all classes were
    equally frequent needs to be told how frequent they are.

    Parameters
    ----------
    logits, truth, task
        As in `fit_temperature`.
    shift
        Whether outputs are shifted.

    Raises
    ------
    ValueError
        As `fit_temperature`.

    Examples
    --------
    One row in four is of the second class, and the model knows nothing:

    >>> task = SequenceTask("binary", ("no", "yes"))
    >>> found = fit_calibration(
    ...     np.zeros((4, 1)), np.array([0, 0, 0, 1]), task, shift=True
    ... )
    >>> round(float(1 / (1 + np.exp(-found.shift[0]))), 2)
    0.25
    """
    temperature = fit_temperature(logits, truth, task)
    start = np.r_[-math.log(temperature), np.zeros(task.outputs)]
    if not shift:
        return Calibration(temperature, start[1:])
    numbers = torch.from_numpy(logits.astype(np.float64))
    targets = torch.from_numpy(np.array(truth))

    def loss(free: np.ndarray) -> tuple[float, np.ndarray]:
        own = torch.from_numpy(free).requires_grad_()
        mean = task.losses(numbers * own[0].exp() + own[1:], targets).mean()
        (slope,) = torch.autograd.grad(mean, own)
        return float(mean.detach()), slope.numpy()

    ends = [-math.log(end) for end in reversed(TEMPERATURES)]
    bounds = [tuple(ends)] + [(-_SHIFTS, _SHIFTS)] * task.outputs
    found = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x
    return Calibration(math.exp(-found[0]), found[1:])


def fit_temperature(
    logits: Float[np.ndarray, "rows outputs"],
    truth: Shaped[np.ndarray, "rows *labels"],
    task: SequenceTask,
) -> float:
    """Return the number to divide logits by, so that the loss is least.

    Temperature scaling (Guo et al. 2017, arXiv 1706.04599): above one it takes back
    confidence, below one it adds some. Which class is likeliest stays the same. Use
    rows that were not trained on. The loss of these rows is never above that of the
    logits as they are. Where every row is right the loss falls for ever as the
    temperature does, and where the rows are no better than chance as it rises: then
    the temperature is one of `TEMPERATURES` and a warning in the log says so.

    Parameters
    ----------
    logits
        What the head gives.
    truth
        Labels, as `LabelledSequences.labels`.
    task
        Its loss is minimised.

    Raises
    ------
    ValueError
        If the task is a regression, or logits and truth do not fit it.

    Examples
    --------
    A model that says 0.98 and is right in 3 of 4 rows should say 0.75:

    >>> task = SequenceTask("binary", ("no", "yes"))
    >>> logits = np.full((4, 1), 4.0)
    >>> temperature = fit_temperature(logits, np.array([1, 1, 1, 0]), task)
    >>> round(float(1 / (1 + np.exp(-4.0 / temperature))), 3)
    0.75
    """
    _no_regression(task)
    checked_truth(task, truth)
    if logits.shape != (len(truth), task.outputs) or not np.isfinite(logits).all():
        raise ValueError(
            f"logits must be finite and have shape {(len(truth), task.outputs)}; got "
            f"{logits.shape}{'' if np.isfinite(logits).all() else ', not all finite'}."
        )
    numbers = torch.from_numpy(logits.astype(np.float64))
    targets = torch.from_numpy(np.array(truth))

    def loss(temperature: float) -> float:
        return float(task.losses(numbers / temperature, targets).mean())

    bounds = [math.log(end) for end in TEMPERATURES]
    found = minimize_scalar(
        lambda x: loss(math.exp(x)), bounds=bounds, method="bounded"
    )
    best = min((1.0, math.exp(found.x), *TEMPERATURES), key=loss)
    if best in TEMPERATURES:
        _LOGGER.warning(
            "The loss of the %d validation rows has no least value between the "
            "temperatures %g and %g; %g is taken. Their probabilities cannot be "
            "calibrated: they are too few, all of them right, or nearly the same "
            "whatever the sequence, as those of a model that has hardly learned.",
            len(truth),
            *TEMPERATURES,
            best,
        )
    return best


def reliability(
    truth: Shaped[np.ndarray, "rows *labels"],
    predictions: Predictions,
    task: SequenceTask,
    *,
    bins: int = 10,
    equal: Literal["width", "count"] = "width",
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Hold predicted probabilities against how often they came true.

    Of ``"binary"`` the probability of the second class; of ``"multiclass"`` that of
    the likeliest class, which came true if it is the class; of ``"multilabel"`` every
    probability of every label, and since those of one row hang together the intervals
    are then too narrow.

    Parameters
    ----------
    truth, predictions, task
        As in `hyenascope.training.label_metrics.score_labels`.
    bins
        At most so many of equal count: equal probabilities are never parted.
    equal
        Bins of the same ``"width"``, or with about the same ``"count"`` of rows.
    confidence
        Of Wilson's interval of the share that came true.

    Returns
    -------
    DataFrame
        A row per bin, which holds probabilities above ``low`` up to ``high``, the
        first bin also its ``low``: ``rows``, ``mean_predicted``, ``observed``,
        ``observed_low`` and ``observed_high``, NaN where there is no row.

    Raises
    ------
    ValueError
        If the task is a regression, the numbers do not fit it, or an option is out of
        range.

    Examples
    --------
    >>> task = SequenceTask("binary", ("no", "yes"))
    >>> yes = np.array([0.1, 0.3, 0.9, 0.9])
    >>> answers = np.stack([1 - yes, yes], axis=1)
    >>> table = reliability(np.array([0, 1, 1, 1]), answers, task, bins=2)
    >>> table[["low", "high", "rows", "mean_predicted", "observed"]]
       low  high  rows  mean_predicted  observed
    0  0.0   0.5     2             0.2       0.5
    1  0.5   1.0     2             0.9       1.0
    >>> round(expected_calibration_error(table), 3)
    0.2
    """
    _no_regression(task)
    if bins < 1:
        raise ValueError(f"bins must be at least 1; got {bins}.")
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1; got {confidence}.")
    chance, came = _chances(checked_answers(task, truth, predictions))
    edges = _edges(chance, bins, equal)
    place = np.searchsorted(edges[1:], chance, side="left")
    rows, sums, right = (
        np.bincount(place, weights, minlength=len(edges) - 1)
        for weights in (np.ones(len(chance)), chance, came)
    )
    some = np.where(rows > 0, rows, np.nan)
    low, high = _wilson(right / some, some, confidence)
    return pd.DataFrame(
        {
            "low": edges[:-1],
            "high": edges[1:],
            "rows": rows.astype(np.int64),
            "mean_predicted": sums / some,
            "observed": right / some,
            "observed_low": low,
            "observed_high": high,
        }
    )


def expected_calibration_error(table: pd.DataFrame) -> float:
    """Return the mean distance of observed from predicted, each bin by its rows.

    It depends on the bins, and of few rows it is too large: chance alone keeps the two
    apart.

    Parameters
    ----------
    table
        As `reliability` gives it.
    """
    apart = (table["observed"] - table["mean_predicted"]).abs().fillna(0.0)
    return float((apart * table["rows"]).sum() / table["rows"].sum())


_Many = Float64[np.ndarray, " _"]


def _no_regression(task: SequenceTask) -> None:
    if task.kind == "regression":
        raise ValueError(
            "task must have classes or labels to be calibrated; got 'regression'."
        )


def _chances(answers: Answers) -> tuple[_Many, _Many]:
    """Return probabilities, and 1 where they came true."""
    if answers.kind == "binary":
        return answers.scores[:, 1], answers.truth[:, 1]
    if answers.kind == "multiclass":
        right = answers.best == answers.classes
        return answers.scores.max(axis=1), right.astype(np.float64)
    return answers.scores.ravel(), answers.truth.ravel()


def _edges(chance: _Many, bins: int, equal: Literal["width", "count"]) -> _Many:
    if equal == "width":
        return np.linspace(0, 1, bins + 1)
    if equal != "count":
        raise ValueError(f"equal must be 'width' or 'count'; got {equal!r}.")
    # Ends are probabilities that occur: no bin can be empty.
    ordered, numbers = np.sort(chance), np.arange(1, bins + 1)
    last = (numbers * len(chance) + bins - 1) // bins - 1
    return np.r_[ordered[0], np.unique(ordered[last])]


def _wilson(share: _Many, rows: _Many, confidence: float) -> tuple[_Many, _Many]:
    """Return Wilson's interval of a share of some rows (1927)."""
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    spread = 1 + z**2 / rows
    middle = (share + z**2 / (2 * rows)) / spread
    half = z * np.sqrt(share * (1 - share) / rows + (z / (2 * rows)) ** 2) / spread
    return np.maximum(middle - half, 0.0), np.minimum(middle + half, 1.0)
