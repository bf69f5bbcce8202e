"""The small models of a probe, their settings chosen on training rows alone."""

import importlib
from typing import Any, Literal

import numpy as np
from jaxtyping import Float64, Int64, Shaped

from hyenascope._choices import check_choice
from hyenascope.data.labelled_sequences import Task

ProbeModel = Literal["logistic", "ridge", "random_forest", "knn"]

Chosen = dict[str, int | float]
"""Settings that were chosen, by their name in scikit-learn."""

_Features = Float64[np.ndarray, "rows channels"]
_Judged = Float64[np.ndarray, "judged channels"]
_Answers = Float64[np.ndarray, "judged labels"]

_INNER = 5  # folds in which settings are compared
_GRIDS: dict[ProbeModel, tuple[str, list[int | float]]] = {
    "logistic": ("C", [1e-4, 1e-3, 1e-2, 0.1, 1.0, 10.0, 1e2]),
    "ridge": ("alpha", [0.1, 1.0, 10.0, 1e2, 1e3, 1e4, 1e5]),
    "knn": ("n_neighbors", [1, 3, 5, 10, 20, 50, 100]),
}
_TREES = 300
_NEWTON = 2_000  # weights, of which it inverts a square matrix


def check_model(model: ProbeModel | None, kind: Task) -> ProbeModel:
    """Return the model, by default the linear one, or refuse what does not fit.

    Raises
    ------
    ValueError
        If the model is unknown or none for this kind of labels.

    Examples
    --------
    >>> check_model(None, "binary"), check_model(None, "regression")
    ('logistic', 'ridge')
    """
    linear: ProbeModel = "ridge" if kind == "regression" else "logistic"
    if model is None:
        return linear
    check_choice("model", model, ProbeModel)
    if model in ("logistic", "ridge") and model != linear:
        raise ValueError(f"model must be {linear!r} for {kind} labels; got {model!r}.")
    return model


def predict_classes(
    model: ProbeModel,
    features: _Features,
    classes: Int64[np.ndarray, " rows"],
    judged: _Judged,
    *,
    count: int,
    seed: int,
) -> tuple[_Answers, Chosen]:
    """Learn classes and return the probability of each of ``count`` for other rows.

    A class without a training row has probability 0.

    Raises
    ------
    ValueError
        If there are fewer than two classes, or than two rows of one.
    """
    rows = np.bincount(classes)
    least = int(rows[rows > 0].min())
    if (rows > 0).sum() < 2 or least < 2:
        raise ValueError(
            "training rows must have two classes at least, and two rows of each; got "
            f"{', '.join(map(str, rows.tolist()))} rows."
        )
    fitted, chosen = _fitted(model, features, classes, "Classifier", least, seed)
    answers = np.zeros((len(judged), count))
    answers[:, fitted.classes_] = fitted.predict_proba(judged)
    return answers, chosen


def predict_label(
    model: ProbeModel,
    features: _Features,
    has: Int64[np.ndarray, " rows"],
    judged: _Judged,
    *,
    seed: int,
) -> tuple[Float64[np.ndarray, " judged"], Chosen]:
    """Learn whether rows have a label, 0 or 1, and return the probability for others.

    A label that fewer than two training rows have, or lack, is predicted by its share.
    """
    if np.bincount(has, minlength=2).min() < 2:
        return np.full(len(judged), has.mean()), {}
    answers, chosen = predict_classes(model, features, has, judged, count=2, seed=seed)
    return answers[:, 1], chosen


def predict_number(
    model: ProbeModel,
    features: _Features,
    numbers: Float64[np.ndarray, " rows"],
    judged: _Judged,
    *,
    seed: int,
) -> tuple[Float64[np.ndarray, " judged"], Chosen]:
    """Learn a number and return what is predicted for other rows.

    Raises
    ------
    ValueError
        If there are fewer than two training rows.
    """
    if len(numbers) < 2:
        raise ValueError(f"training rows must be two at least; got {len(numbers)}.")
    fitted, chosen = _fitted(model, features, numbers, "Regressor", len(numbers), seed)
    return np.asarray(fitted.predict(judged), dtype=np.float64), chosen


def optional_sklearn(name: str) -> Any:  # noqa: ANN401, a module without types
    """Import a module of scikit-learn.

    Raises
    ------
    ImportError
        If it is not installed.
    """
    try:
        return importlib.import_module(f"sklearn.{name}")
    except ImportError as err:
        raise ImportError(
            f"scikit-learn must be installed: pip install hyenascope[train]; got {err}"
        ) from err


def _fitted(
    model: ProbeModel,
    features: _Features,
    labels: Shaped[np.ndarray, " rows"],
    kind: Literal["Classifier", "Regressor"],
    least: int,
    seed: int,
) -> tuple[Any, Chosen]:
    """Return a pipeline fitted to all rows, and its settings.

    Channels are scaled by the mean and spread of the rows that are learnt from, also
    within each inner fold.
    """
    classes = len(np.unique(labels)) if kind == "Classifier" else 1
    weights = features.shape[1] * (1 if classes == 2 else classes)
    pipeline = optional_sklearn("pipeline").make_pipeline(
        optional_sklearn("preprocessing").StandardScaler(),
        _estimator(model, kind, weights, seed),
    )
    if model not in _GRIDS:
        return pipeline.fit(features, labels), {}
    selection = optional_sklearn("model_selection")
    name, values = _GRIDS[model]
    step = f"{pipeline.steps[-1][0]}__{name}"
    folds = min(_INNER, least)
    if model == "knn":  # an inner fold must have as many rows
        values = [value for value in values if value <= max(1, len(labels) // 4)]
    if kind == "Classifier":
        inner, score = selection.StratifiedKFold, "neg_log_loss"
    else:
        inner, score = selection.KFold, "neg_mean_squared_error"
    search = selection.GridSearchCV(
        pipeline,
        {step: values},
        scoring=score,
        cv=inner(folds, shuffle=True, random_state=seed),
    )
    search.fit(features, labels)
    return search.best_estimator_, {name: search.best_params_[step]}


def _estimator(
    model: ProbeModel,
    kind: Literal["Classifier", "Regressor"],
    weights: int,
    seed: int,
) -> Any:  # noqa: ANN401, scikit-learn has no types
    if model == "logistic":
        # Newton's method is 20 times as fast where the penalty is weak, and exact.
        solver = "newton-cholesky" if weights <= _NEWTON else "lbfgs"
        linear = optional_sklearn("linear_model")
        return linear.LogisticRegression(solver=solver, max_iter=20_000)
    if model == "ridge":
        return optional_sklearn("linear_model").Ridge()
    if model == "knn":
        return getattr(optional_sklearn("neighbors"), f"KNeighbors{kind}")()
    forest = getattr(optional_sklearn("ensemble"), f"RandomForest{kind}")
    return forest(n_estimators=_TREES, random_state=seed)
