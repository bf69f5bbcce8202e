"""Which labelled rows are learnt from, and which choose the epoch."""

import logging
from dataclasses import replace
from os import PathLike

import numpy as np
import pandas as pd
from anndata import AnnData

from hyenascope._typing import StrPath
from hyenascope.data.dev_split import with_dev_split
from hyenascope.data.fasta import FastaReader
from hyenascope.data.labelled_sequences import LabelError, LabelledSequences, Task
from hyenascope.data.labelled_sources import LabelledSource, Labels, collect_labelled
from hyenascope.sequence.dna import either_strand

_LOGGER = logging.getLogger("hyenascope")


def collect_both(
    train: LabelledSource,
    validation: float | LabelledSource | None,
    *,
    labels: Labels | None = None,
    task: Task | None = None,
    genome: FastaReader | StrPath | None = None,
) -> tuple[LabelledSequences, float | LabelledSequences | None]:
    """Read training data, and validation rows that are labelled as they are.

    Parameters
    ----------
    train, labels, task, genome
        As in `hyenascope.data.labelled_sources.collect_labelled`.
    validation
        A share, or a source like ``train``. Beside a list of texts, whose labels are
        its own, `LabelledSequences`.

    Raises
    ------
    LabelError
        If labels cannot be used.
    """
    data = collect_labelled(train, labels, genome=genome, task=task)
    if validation is None or isinstance(validation, float | int):
        return data, validation
    if isinstance(validation, LabelledSequences):
        return data, validation
    texts = not isinstance(train, str | PathLike | pd.DataFrame | AnnData)
    own = None if texts else labels
    if isinstance(train, LabelledSequences):
        own, task = labels, data.task if data.task == "regression" else None
    return data, collect_labelled(validation, own, genome=genome, task=task)


def learn_and_choose(
    data: LabelledSequences,
    validation: float | LabelledSequences | None,
    *,
    seed: int,
) -> tuple[LabelledSequences, LabelledSequences]:
    """Split training data; rows of a test split are in neither part.

    Parameters
    ----------
    data
        With splits ``train`` and perhaps ``dev`` and ``test``, or with one split,
        whose rows are all used.
    validation
        The validation rows, of data with splits their split ``dev``; or the share of
        the training rows to hold out, class by class, see
        `hyenascope.data.dev_split.with_dev_split`; if None the split ``dev``, or a
        tenth where there is none.
    seed
        Decides which rows are held out.

    Raises
    ------
    LabelError
        If there is no training split, the share is none, the labels of the two parts
        are not the same, or a part has one class only.
    """
    learn = _training_rows(data)
    if isinstance(validation, LabelledSequences):
        choose = _dev_rows(validation)
        _refuse_other_labels(learn, choose)
        _warn_of_twins(learn, choose)
    elif validation is None and "dev" in data.split_names:
        choose = data.split("dev")
    else:
        share = 0.1 if validation is None else float(validation)
        rng = np.random.default_rng([seed, 6])
        _refuse_one_class(learn, "training")
        both = with_dev_split(learn, share=share, generator=rng)
        learn, choose = both.split("train"), both.split("dev")
    for part, name in ((learn, "training"), (choose, "validation")):
        _refuse_one_class(part, name)
    return learn, choose


def _training_rows(data: LabelledSequences) -> LabelledSequences:
    if len(data.split_names) == 1:
        return replace(data, splits=("train",) * len(data))
    if "train" not in data.split_names:
        raise LabelError(
            f"train must have a split 'train'; {data.name} has "
            f"{', '.join(data.split_names)}."
        )
    return data.split("train")


def _dev_rows(validation: LabelledSequences) -> LabelledSequences:
    if len(validation.split_names) == 1:
        return validation
    if "dev" not in validation.split_names:
        raise LabelError(
            "validation must have one split, or a split 'dev'; got "
            f"{', '.join(validation.split_names)}."
        )
    return validation.split("dev")


def _warn_of_twins(learn: LabelledSequences, choose: LabelledSequences) -> None:
    known = set(map(either_strand, learn.sequences))
    twins = sum(either_strand(text) in known for text in choose.sequences)
    if twins:
        _LOGGER.warning(
            "%d of %d validation rows are training rows too, on either strand: the "
            "epoch and the scores are chosen too kindly.",
            twins,
            len(choose),
        )


def _refuse_other_labels(learn: LabelledSequences, choose: LabelledSequences) -> None:
    ours, theirs = (learn.task, learn.label_names), (choose.task, choose.label_names)
    if ours != theirs:
        raise LabelError(
            f"validation must have the labels of the training rows, {learn.task} "
            f"{', '.join(learn.label_names)}; got {choose.task} "
            f"{', '.join(choose.label_names)}."
        )


def _refuse_one_class(data: LabelledSequences, part: str) -> None:
    if data.task == "regression":
        same = data.labels.min(axis=0) == data.labels.max(axis=0)
        if same.any():
            name = data.label_names[int(np.argmax(same))]
            raise LabelError(f"{part} rows must differ in {name!r}; all are the same.")
        return
    if data.task == "multilabel":
        return
    found = np.unique(data.labels)
    if len(found) < 2:
        raise LabelError(
            f"{part} rows must be of two classes at least; all {len(data):,} are "
            f"{data.label_names[int(found[0])]!r}."
        )
