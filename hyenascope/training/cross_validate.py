"""Fine-tune once per fold: an honest number where nobody has published a test split."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd
import torch

from hyenascope._typing import StrPath
from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.training.finetune import finetune
from hyenascope.training.finetune_options import FinetuneOptions
from hyenascope.training.label_evaluation import LabelEvaluation, evaluate_labels
from hyenascope.training.label_folds import label_folds
from hyenascope.training.label_metrics import score_labels


@dataclass(frozen=True, eq=False)
class CrossValidation:
    """Every row, judged by the model that has not seen its fold.

    Parameters
    ----------
    folds
        A row per fold and metric: ``value``, ``rows`` and ``note``.
    scores
        Of all rows together, with bootstrap intervals. Probabilities of different
        models stand side by side here; each is calibrated.
    predictions
        In the order of the data: ``fold``, the truth, and a column per label.
    """

    folds: pd.DataFrame
    scores: pd.DataFrame
    predictions: pd.DataFrame


def cross_validate(
    model: HyenaLM | HyenaConfig | StrPath,
    data: LabelledSequences,
    *,
    folds: int = 5,
    together: Literal["sequence", "chrom"] = "sequence",
    options: FinetuneOptions | None = None,
    seed: int = 0,
    device: str | torch.device | None = None,
    progress: bool = True,
) -> CrossValidation:
    """Fine-tune ``folds`` times, each time on all rows but those of one fold.

    Within each training set a tenth of the rows chooses the epoch, as in
    `hyenascope.training.finetune.finetune`; the fold itself chooses nothing.

    Parameters
    ----------
    model
        As in `finetune`.
    data
        Labelled sequences; published splits are not looked at.
    folds, together, seed
        As in `hyenascope.training.label_folds.label_folds`.
    options, device, progress
        As in `finetune`.

    Raises
    ------
    LabelError
        If there are too few rows for the folds, or a training set has one class only.
    KeyboardInterrupt
        If a fold was stopped: a part of a cross-validation is none.

    Examples
    --------
    >>> data = LabelledSequences(
    ...     "toy",
    ...     tuple(text * n for n in range(2, 12) for text in ("ACAC", "GTTT")),
    ...     np.array([0, 1] * 10),
    ...     ("ac", "gt"),
    ...     ("all",) * 20,
    ...     "binary",
    ... )
    >>> found = cross_validate(
    ...     HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=66),
    ...     data,
    ...     folds=2,
    ...     options=FinetuneOptions(epochs=1),
    ...     progress=False,
    ... )
    >>> found.predictions["fold"].value_counts().tolist()
    [10, 10]
    """
    numbers = label_folds(data, folds, together=together, seed=seed)
    judged = []
    for fold in range(folds):
        splits = tuple(np.where(numbers == fold, "test", "train").tolist())
        rows = replace(data, splits=splits)
        tuned = finetune(model, rows, options=options, device=device, progress=progress)
        if not tuned.finished:
            raise KeyboardInterrupt(f"fold {fold + 1} of {folds}: {tuned.message}")
        judged.append(evaluate_labels(tuned.model, rows, split="test", resamples=0))
    return _together(data, numbers, judged)


def _together(
    data: LabelledSequences, numbers: np.ndarray, judged: list[LabelEvaluation]
) -> CrossValidation:
    tables = {
        fold: found.table[["value", "rows", "note"]]
        for fold, found in enumerate(judged, start=1)
    }
    parts = []
    for fold, found in enumerate(judged):
        place = np.flatnonzero(numbers == fold)
        part = found.predictions.reset_index(names="id")
        parts.append(part.assign(fold=fold + 1, place=place))
    whole = pd.concat(parts).sort_values("place").drop(columns="place")
    predictions = whole.set_index("id")
    names = list(data.label_names)
    return CrossValidation(
        folds=pd.concat(tables, names=["fold", "metric"]),
        scores=score_labels(
            SequenceTask(data.task, data.label_names),
            data.labels,
            predictions[names].to_numpy(np.float64),
            seed=0,
        ),
        predictions=predictions,
    )
