"""Train, choose and calibrate any model of labels: what all fits have in common."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64

from hyenascope._device import resolve_device
from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.models.label_model import LabelModel
from hyenascope.training.calibration import fit_calibration
from hyenascope.training.finetune_options import FinetuneOptions
from hyenascope.training.label_batches import LabelledRows
from hyenascope.training.label_loop import LabelLoop
from hyenascope.training.label_metrics import score_labels
from hyenascope.training.label_validation import ValidationRows
from hyenascope.training.label_weights import label_weights
from hyenascope.training.layer_rates import ParameterGroups
from hyenascope.training.outcome import Outcome
from hyenascope.training.progress import Monitor


@dataclass(frozen=True, eq=False, kw_only=True)
class LabelFit(Outcome):
    """How a fit went, and what the model says of the validation rows.

    Parameters
    ----------
    answers
        Calibrated probabilities or numbers, a row per validation row.
    """

    answers: Float64[np.ndarray, "rows labels"]


def fit_labels(
    model: LabelModel,
    learn: LabelledSequences,
    choose: LabelledSequences,
    *,
    groups: ParameterGroups,
    options: FinetuneOptions,
    device: str | torch.device | None = None,
    name: str = "untitled",
    better: Callable[[], None] | None = None,
    monitor: Monitor | None = None,
    progress: bool = True,
) -> LabelFit:
    """Train a model in place, and leave it calibrated, in eval mode, on the CPU.

    Parameters
    ----------
    model
        On the CPU. Of a regression, its units are set from the training rows.
    learn, choose
        Rows to learn from, and rows that choose the epoch and the temperature.
    groups
        Of the model's parameters, each with its rate and decay.
    options
        All that decides the numbers.
    device
        Where to train; CUDA if there is one.
    name
        What a monitor shows.
    better
        Called after each epoch that is better than all before, with the weights as
        they are and not yet calibrated; so that a run that dies has not been in vain.
    monitor, progress
        As in `hyenascope.training.finetune.finetune`.

    Raises
    ------
    ValueError
        If a sequence is too long to be read, or an option does not fit the task.
    FloatingPointError
        If three steps in a row had no finite loss.
    """
    if model.task.kind == "regression":
        model.centre.copy_(torch.from_numpy(learn.labels.mean(axis=0)))
        model.scale.copy_(torch.from_numpy(learn.labels.std(axis=0)))
    train = _rows(model, learn, options)
    valid = ValidationRows(
        _rows(model, choose, options), choose.labels, model.task, model.answers
    )
    loop = LabelLoop(
        module=model.to(resolve_device(device)),
        task=model.task,
        train=train,
        valid=valid,
        options=options,
        groups=groups,
        better=better,
        monitor=monitor,
        progress=progress,
    )
    message = loop.run(name=name)
    logits = valid.logits(model, options)
    if model.task.kind != "regression":
        calibration = fit_calibration(
            logits,
            choose.labels,
            model.task,
            shift=options.class_weights is not None,
        )
        model.temperature.fill_(calibration.temperature)
        model.shift.copy_(torch.from_numpy(calibration.shift))
    model.cpu().eval()
    with torch.no_grad():
        found = model.answers(torch.from_numpy(logits).to(model.temperature))
    answers = found.double().numpy()
    return LabelFit(
        reports=tuple(loop.reports),
        best_epoch=loop.best_epoch,
        scores=score_labels(model.task, choose.labels, answers),
        finished=not loop.stopped,
        message=message,
        answers=answers,
    )


def _rows(
    model: LabelModel, data: LabelledSequences, options: FinetuneOptions
) -> LabelledRows:
    names = data.ids or [f"row {n}" for n in range(1, len(data) + 1)]
    targets = np.array(data.labels)  # torch wants an array it could write
    if model.task.kind == "regression":
        targets = (targets - model.centre.numpy()) / model.scale.numpy()
    return LabelledRows(
        model.reading.rows(names, data.sequences),
        targets,
        label_weights(data, options.class_weights),
    )
