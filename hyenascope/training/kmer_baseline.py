"""The k-mers of a sequence and a linear model: what any network must beat.

Features are square roots of k-mer frequencies. Roots make the spread of a count about
the same whether the k-mer is rare or common, so that one penalty suits them all.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float32, Float64, Shaped

from hyenascope._typing import StrPath
from hyenascope.data.fasta import FastaReader
from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.data.sequences import SequenceSource, collect_sequences
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.sequence.kmer_frequencies import kmer_frequencies, kmer_names
from hyenascope.training.label_split import learn_and_choose
from hyenascope.training.label_weights import label_weights

STRENGTHS = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 0.1, 0.3, 1.0)
"""Inverse penalties that `fit_kmers` tries."""

_TOGETHER = 2_048  # sequences predicted at a time
_NEVER = -30.0  # logit of a class that no training row has
_PATIENCE = 2  # strengths without a better validation loss

_Matrix = Float64[np.ndarray, "_ _"]
_Vector = Float64[np.ndarray, " _"]


@dataclass(frozen=True, eq=False)
class KmerModel:
    """A linear model of k-mer frequencies, see `fit_kmers`.

    Parameters
    ----------
    task
        What the outputs are.
    k
        Lengths of k-mers.
    canonical
        Whether a k-mer and its reverse complement are one.
    strength
        Inverse penalty that the validation rows chose.
    centre, scale
        Features are square roots of frequencies, less ``centre``, over ``scale``.
    weights, bias
        From features to logits; of a regression, to numbers in their units.
    """

    task: SequenceTask
    k: tuple[int, ...]
    canonical: bool
    strength: float
    centre: Float64[np.ndarray, " kmers"]
    scale: float
    weights: Float64[np.ndarray, "kmers outputs"]
    bias: Float64[np.ndarray, " outputs"]

    def logits(self, texts: Sequence[str]) -> Float64[np.ndarray, "sequences outputs"]:
        """Return logits of DNA texts; of a regression the numbers themselves."""
        slices = range(0, len(texts), _TOGETHER)
        found = [
            self._features(texts[start : start + _TOGETHER]) @ self.weights
            for start in slices
        ]
        return np.concatenate(found) + self.bias

    def predict(
        self, sequences: SequenceSource, *, genome: FastaReader | StrPath | None = None
    ) -> pd.DataFrame:
        """Return a row per sequence and a column per label.

        Probabilities, or the numbers of a regression in their units.

        Parameters
        ----------
        sequences, genome
            As in `hyenascope.data.sequences.collect_sequences`. Every base is
            read, however long a sequence is.

        Raises
        ------
        ValueError
            If a sequence is no DNA.
        """
        named = collect_sequences(sequences, genome=genome)
        answers = self.task.predictions(torch.from_numpy(self.logits(named.texts)))
        return pd.DataFrame(
            answers.numpy(), index=list(named.names), columns=self.task.label_names
        )

    @property
    def coefficients(self) -> pd.DataFrame:
        """One row per k-mer: its weight in each logit, before any unit."""
        names = self.task.label_names[-self.task.outputs :]
        kmers = kmer_names(self.k, canonical=self.canonical)
        return pd.DataFrame(self.weights, index=list(kmers), columns=list(names))

    def _features(self, texts: Sequence[str]) -> _Matrix:
        found = kmer_frequencies(texts, self.k, canonical=self.canonical)
        return (np.sqrt(found) - self.centre) / self.scale


def fit_kmers(
    train: LabelledSequences,
    *,
    validation: float | LabelledSequences | None = None,
    k: Sequence[int] = (3, 4, 5),
    canonical: bool | None = None,
    strengths: Sequence[float] = STRENGTHS,
    class_weights: Literal["balanced"] | None = None,
    seed: int = 0,
) -> KmerModel:
    """Fit logistic regression, or ridge regression of numbers, to k-mer frequencies.

    One model for several classes, one for each label of ``"multilabel"``. The penalty
    is chosen by the loss of the validation rows, which are not fitted; test rows are
    never looked at. Strengths are tried in ascending order, until two in a row are no
    better. Needs scikit-learn; the model does not.

    Parameters
    ----------
    train, validation
        As in `hyenascope.training.label_split.learn_and_choose`.
    k
        Lengths of k-mers, 1 to 8.
    canonical
        Take a k-mer and its reverse complement as one, so that both strands of a
        sequence get the same answer. None lets the validation rows decide.
    strengths
        Inverse penalties to try, the ``C`` of scikit-learn.
    class_weights
        As in `hyenascope.training.label_weights.label_weights`.
    seed
        Decides which rows are held out where there is no validation split.

    Raises
    ------
    LabelError
        As `learn_and_choose`.
    ValueError
        If ``k`` or ``strengths`` is out of range, or weights do not fit the task.
    ImportError
        If scikit-learn is missing: ``pip install 'hyenascope[train]'``.

    Examples
    --------
    >>> texts = [text * n for n in range(2, 12) for text in ("ACAC", "GTTT")]
    >>> data = LabelledSequences(
    ...     "toy",
    ...     tuple(texts),
    ...     np.array([0, 1] * 10),
    ...     ("ac", "gt"),
    ...     ("train",) * 20,
    ...     "binary",
    ... )
    >>> model = fit_kmers(data, k=(2,), canonical=False)
    >>> bool(model.predict("ACACACA").loc["0", "ac"] > 0.9)
    True
    """
    if not strengths or min(strengths) <= 0:
        raise ValueError(f"strengths must be positive numbers; got {strengths!r}.")
    learn, choose = learn_and_choose(train, validation, seed=seed)
    both = [False, True] if canonical is None else [canonical]
    fits = [
        _best_fit(learn, choose, tuple(k), one, sorted(strengths), class_weights)
        for one in both
    ]
    return min(fits, key=lambda fit: fit[0])[1]


def _best_fit(
    learn: LabelledSequences,
    choose: LabelledSequences,
    k: tuple[int, ...],
    canonical: bool,
    strengths: Sequence[float],
    class_weights: Literal["balanced"] | None,
) -> tuple[float, KmerModel]:
    """Return the least validation loss and the model that has it."""
    task = SequenceTask(learn.task, learn.label_names)
    seen, held = (
        np.sqrt(kmer_frequencies(part.sequences, k, canonical=canonical))
        for part in (learn, choose)
    )
    centre = seen.mean(axis=0)
    seen, held = seen - centre, held - centre
    scale = float(np.sqrt(np.square(seen).mean())) or 1.0
    seen, held = seen / scale, held / scale
    zero, unit = _units(learn)
    targets = torch.from_numpy((choose.labels - zero) / unit)
    shares = torch.from_numpy(label_weights(choose, class_weights))
    weights = label_weights(learn, class_weights)
    best, waited = None, 0
    for strength in strengths:
        fitted = _fit(task, seen, (learn.labels - zero) / unit, weights, strength)
        logits = torch.from_numpy(held @ fitted[0] + fitted[1])
        loss = float((task.losses(logits, targets) * shares).sum() / shares.sum())
        waited += 1
        if best is None or loss < best[0]:
            best, waited = (loss, strength, *fitted), 0
        if waited == _PATIENCE:
            break
    assert best is not None
    loss, strength, slope, bias = best
    slope, bias = slope * unit, bias * unit + zero
    wide = centre.astype(np.float64)
    return loss, KmerModel(task, k, canonical, strength, wide, scale, slope, bias)


def _units(
    data: LabelledSequences,
) -> tuple[Shaped[np.ndarray, "*labels"], Shaped[np.ndarray, "*labels"]]:
    """Return zero and unit of what is fitted: of a regression, mean and spread."""
    if data.task == "regression":
        return data.labels.mean(axis=0), data.labels.std(axis=0)
    return np.array(0), np.array(1)


def _fit(
    task: SequenceTask,
    features: Float32[np.ndarray, "rows kmers"],
    labels: Shaped[np.ndarray, "rows *labels"],
    weights: Float32[np.ndarray, " rows"],
    strength: float,
) -> tuple[_Matrix, _Vector]:
    """Return slope and bias of the linear model for a strength."""
    logistic, ridge = _estimators()
    if task.kind == "regression":
        # Of the loss C * squares + w² / 2, as that of the logistic regression is.
        found = ridge(alpha=0.5 / strength).fit(features, labels)
        slopes = np.atleast_2d(found.coef_).T  # of one target they come flat
        return slopes.astype(np.float64), found.intercept_.astype(np.float64)

    def fit(classes: Shaped[np.ndarray, " rows"]) -> _Logistic:
        model = logistic(C=strength, max_iter=5_000)
        model.fit(features, classes, sample_weight=weights)
        return _Logistic(
            model.coef_, model.intercept_, model.classes_.astype(int).tolist()
        )

    if task.kind == "multilabel":
        columns = list(_label_columns(fit, labels, features.shape[1]))
    else:
        columns = list(_class_columns(fit(labels), task, features.shape[1]))
    slopes, biases = zip(*columns, strict=True)
    return np.stack(slopes, axis=1).astype(np.float64), np.array(biases, np.float64)


@dataclass(frozen=True, eq=False)
class _Logistic:
    """A row per class, but of two classes one: that of the second."""

    slopes: Shaped[np.ndarray, "rows kmers"]
    biases: Shaped[np.ndarray, " rows"]
    classes: list[int]


def _class_columns(
    model: _Logistic, task: SequenceTask, width: int
) -> Iterator[tuple[Shaped[np.ndarray, " kmers"], float]]:
    """Yield slope and bias of each output: the second class, or every class."""
    slopes, biases = model.slopes, model.biases
    if task.kind == "binary":
        yield slopes[0], float(biases[0])
        return
    if len(slopes) == 1:  # only two of the classes have rows
        slopes, biases = np.r_[-slopes, slopes] / 2, np.r_[-biases, biases] / 2
    places = {number: at for at, number in enumerate(model.classes)}
    for number in range(task.outputs):
        at = places.get(number)
        if at is None:
            yield np.zeros(width), _NEVER
        else:
            yield slopes[at], float(biases[at])


def _label_columns(
    fit: Callable[[Shaped[np.ndarray, " rows"]], _Logistic],
    labels: Shaped[np.ndarray, "rows labels"],
    width: int,
) -> Iterator[tuple[Shaped[np.ndarray, " kmers"], float]]:
    """Yield slope and bias of each label, of which some may be in all rows or none."""
    for column in labels.T:
        if column.min() == column.max():
            yield np.zeros(width), -_NEVER if column[0] else _NEVER
        else:
            model = fit(column)
            yield model.slopes[0], float(model.biases[0])


def _estimators() -> tuple[Any, Any]:
    try:
        from sklearn.linear_model import (  # type: ignore[import-untyped]
            LogisticRegression,
            Ridge,
        )
    except ImportError as err:
        raise ImportError(
            "the k-mer baseline needs scikit-learn: pip install 'hyenascope[train]'"
        ) from err
    return LogisticRegression, Ridge
