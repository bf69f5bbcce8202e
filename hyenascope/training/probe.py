"""What frozen embeddings know of labels: a small model on top of them.

Nothing of the large model is trained. What a probe finds is linearly (or otherwise
simply) there in the embedding; what it does not find may still be in the sequence.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import anndata as ad
import numpy as np
import pandas as pd
from jaxtyping import Float64, Int64

from hyenascope.data._split_files import split_name
from hyenascope.data.labelled_sequences import SPLITS
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.training.label_metrics import score_labels
from hyenascope.training.probe_labels import ProbeLabels, probe_labels
from hyenascope.training.probe_models import (
    Chosen,
    ProbeModel,
    check_model,
    optional_sklearn,
    predict_classes,
    predict_label,
    predict_number,
)

_FOLDS = "folds"  # the part of rows that were judged in folds

_Rows = Int64[np.ndarray, " _"]
_Features = Float64[np.ndarray, "rows channels"]


@dataclass(frozen=True, eq=False)
class Probe:
    """Predictions for rows that were not learnt from, and how good they are.

    Parameters
    ----------
    task
        What was predicted.
    model
        What predicted it.
    predictions
        A row per judged row of the table, a column per label: probabilities, or the
        numbers of a regression.
    rows
        Of the same rows ``part`` (the split, or ``"folds"``), ``fit`` (the model that
        predicted it: ``"train"``, ``"fold 1"`` and so on) and the true labels.
    scores
        Index ``part`` and ``metric``; as of
        `hyenascope.training.label_metrics.score_labels`.
    settings
        A row per fit, and per label where each has its own: ``fit``, ``label`` (``""``
        for all), ``rows`` learnt from, and the setting that was chosen.
    """

    task: SequenceTask
    model: ProbeModel
    predictions: pd.DataFrame = field(repr=False)
    rows: pd.DataFrame = field(repr=False)
    scores: pd.DataFrame = field(repr=False)
    settings: pd.DataFrame = field(repr=False)


def probe(
    data: ad.AnnData,
    *,
    label: str | Sequence[str] | None = None,
    split: str | None = "split",
    model: ProbeModel | None = None,
    layer: str | None = None,
    folds: int = 5,
    seed: int = 0,
    resamples: int = 1000,
) -> Probe:
    """Learn labels from embeddings, with scikit-learn.

    Channels are standardised, and the strength of the penalty (or the number of
    neighbours) is chosen by cross-validation within the rows that are learnt from.
    With splits, only ``train`` is learnt from, and every other split is predicted
    once, by one model. Without, each row is predicted by the model of the folds it is
    not in, and scores are of all those predictions together.

    Rows are dealt to folds by chance: the same sequence twice, or two that overlap,
    may be learnt from and judged, which flatters. Splits of a publication, or by
    chromosome, do not have that.

    Parameters
    ----------
    data
        As of `hyenascope.models.embedding_data.embed_data`; left as it is.
    label
        As in `hyenascope.training.probe_labels.probe_labels`: a column of classes or
        of numbers, or several; by default the labels that came with the sequences.
    split
        Column of splits, by their usual names: ``Train`` is ``train``, ``validation``
        is ``dev``. If all rows are of one, if it is ``"split"`` and missing, or if
        None, there are folds.
    model
        ``"logistic"`` regression for classes and labels, ``"ridge"`` regression for
        numbers (the default), ``"random_forest"`` or ``"knn"`` for all.
    layer
        A key of ``data.layers``; ``data.X`` if None.
    folds
        How many, where there are no splits.
    seed
        Decides folds and forests.
    resamples
        Of the intervals of the scores; 0 gives none.

    Raises
    ------
    ValueError
        If columns are missing, there are several splits and none is ``train``, labels
        cannot be learnt, or an option does not fit.
    ImportError
        If scikit-learn is not installed.

    Examples
    --------
    >>> yes = np.arange(40) % 2
    >>> obs = pd.DataFrame({"label": np.where(yes, "yes", "no")})
    >>> obs["split"] = ["train"] * 30 + ["test"] * 10
    >>> data = ad.AnnData(
    ...     yes[:, None] * 4.0 + np.eye(40), obs.set_index(obs.index.map(str))
    ... )
    >>> found = probe(data, resamples=0)
    >>> found.scores.loc[("test", "auroc"), "value"]
    np.float64(1.0)
    """
    labels = probe_labels(data.obs, label, record=data.uns.get("hyenascope"))
    model = check_model(model, labels.task.kind)
    features = _features(data, layer)
    predictions = np.full((len(features), len(labels.task.label_names)), np.nan)
    parts = np.full((2, len(features)), "", dtype=object)
    settings: list[dict[str, object]] = []
    for fit in _fits(data.obs, split, labels, folds, seed):
        answers, chosen = _predicted(model, features, labels, fit, seed)
        predictions[fit.judged] = answers
        parts[:, fit.judged] = fit.part, np.full(len(fit.judged), fit.name)
        settings += [
            {"fit": fit.name, "label": name, "rows": len(fit.learnt), **found}
            for name, found in chosen
        ]
    judged = np.flatnonzero(parts[1] != "")
    index, names = data.obs_names[judged], list(labels.task.label_names)
    rows = pd.DataFrame({"part": parts[0], "fit": parts[1]}, index=data.obs_names)
    rows = pd.concat([rows, labels.frame(data.obs_names)], axis=1)
    table = pd.DataFrame(predictions[judged], index=index, columns=names)
    return Probe(
        labels.task,
        model,
        table,
        rows.iloc[judged],
        _scores(labels, predictions, parts[0], resamples, seed),
        pd.DataFrame(settings),
    )


@dataclass(frozen=True, eq=False)
class _Fit:
    """Rows to learn from, rows to predict, and the part that each of these is in."""

    name: str
    learnt: _Rows
    judged: _Rows
    part: np.ndarray


def _features(data: ad.AnnData, layer: str | None) -> _Features:
    if layer is not None and layer not in data.layers:
        raise ValueError(
            f"layer must be a key of data.layers; got {layer!r}, there are "
            f"{', '.join(data.layers) or 'none'}."
        )
    values = np.asarray(data.X if layer is None else data.layers[layer])
    unknown = ~np.isfinite(values).all(axis=1)
    if unknown.any():
        row = data.obs_names[int(unknown.argmax())]
        raise ValueError(f"embeddings must be finite; those of {row} are not.")
    return values.astype(np.float64)


def _fits(
    obs: pd.DataFrame, split: str | None, labels: ProbeLabels, folds: int, seed: int
) -> Iterator[_Fit]:
    """Yield one fit to the training split, or a fit per fold."""
    if split is not None and split not in obs:
        if split != "split":
            raise ValueError(
                f"split must be a column of data.obs; got {split!r}, there are "
                f"{', '.join(map(str, obs.columns))}."
            )
        split = None
    if split is not None:
        names = np.array([_usual(str(name)) for name in obs[split]], dtype=object)
        train, others = (
            np.flatnonzero(names == "train"),
            np.flatnonzero(names != "train"),
        )
        there = dict.fromkeys(names.tolist())
        if len(there) > 1:
            if not len(train):
                raise ValueError(
                    f"split must have rows of train, or be None for folds; got "
                    f"{', '.join(there)} in column {split!r}."
                )
            yield _Fit("train", train, others, names[others])
            return
    yield from _dealt(labels, folds, seed)


def _usual(name: str) -> str:
    """Return the name of a split as the package writes it; other names as they are."""
    folded = split_name(name).casefold()
    return folded if folded in SPLITS else name


def _dealt(labels: ProbeLabels, folds: int, seed: int) -> Iterator[_Fit]:
    truth, selection = labels.truth, optional_sklearn("model_selection")
    is_class = truth.ndim == 1
    counts = np.bincount(truth) if is_class else np.array([len(truth)])
    most = int(counts[counts > 0].min())
    if not 2 <= folds <= most:
        raise ValueError(
            f"folds must be 2 to {most}, the rows "
            f"{'of the smallest class' if is_class else 'there are'}; got {folds}."
        )
    make = selection.StratifiedKFold if is_class else selection.KFold
    dealt = make(folds, shuffle=True, random_state=seed).split(truth, truth)
    for number, (learnt, judged) in enumerate(dealt, 1):
        part = np.full(len(judged), _FOLDS, dtype=object)
        yield _Fit(f"fold {number}", learnt, judged, part)


def _predicted(
    model: ProbeModel, features: _Features, labels: ProbeLabels, fit: _Fit, seed: int
) -> tuple[Float64[np.ndarray, "judged labels"], list[tuple[str, Chosen]]]:
    """Return predictions of a fit, and what was chosen for which label."""
    learnt, judged = features[fit.learnt], features[fit.judged]
    truth, names = labels.truth[fit.learnt], labels.task.label_names
    if truth.ndim == 1:
        answers, chosen = predict_classes(
            model, learnt, truth, judged, count=len(names), seed=seed
        )
        return answers, [("", chosen)]
    single = predict_label if labels.task.kind == "multilabel" else predict_number
    each = [single(model, learnt, column, judged, seed=seed) for column in truth.T]
    columns, found = zip(*each, strict=True)
    return np.stack(columns, axis=1), list(zip(names, found, strict=True))


def _scores(
    labels: ProbeLabels,
    predictions: Float64[np.ndarray, "rows labels"],
    parts: np.ndarray,
    resamples: int,
    seed: int,
) -> pd.DataFrame:
    there = dict.fromkeys(name for name in parts if name)
    usual = [name for name in SPLITS if name in there]
    ordered = [*usual, *(name for name in there if name not in usual)]
    tables = {
        name: score_labels(
            labels.task,
            labels.truth[parts == name],
            predictions[parts == name],
            resamples=resamples,
            seed=seed,
        )
        for name in ordered
    }
    return pd.concat(tables, names=["part"])
