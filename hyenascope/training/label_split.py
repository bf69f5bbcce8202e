"""Which labelled rows are learnt from, and which choose the epoch."""

from dataclasses import replace

import numpy as np

from hyenascope.data.dev_split import with_dev_split
from hyenascope.data.labelled_sequences import LabelError, LabelledSequences


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
        The validation rows; or the share of the training rows to hold out, class by
        class; if None the split ``dev``, or a tenth where there is none. A sequence
        that is there twice, on either strand, is not put on both sides.
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
        choose = validation
        _refuse_other_labels(learn, choose)
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
