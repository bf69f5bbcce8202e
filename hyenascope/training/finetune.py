"""From a pretrained backbone and labelled sequences to a model that answers.

`finetune` reads the labels, holds out validation rows if none are given, trains,
chooses the epoch on the validation rows alone, calibrates on them, and returns the
model. Test rows are never looked at: see `hyenascope.training.label_evaluation`.
"""

import copy
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from hyenascope._device import resolve_device
from hyenascope._typing import StrPath
from hyenascope.data.fasta import FastaReader
from hyenascope.data.labelled_sequences import LabelledSequences, Task
from hyenascope.data.labelled_sources import LabelledSource, Labels, collect_labelled
from hyenascope.models.checkpoint import load_pretrained
from hyenascope.models.fine_tuned import save_fine_tuned
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.sequence_model import SequenceInput, SequenceModel
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.training.calibration import fit_temperature
from hyenascope.training.finetune_options import FinetuneOptions
from hyenascope.training.label_batches import LabelledRows
from hyenascope.training.label_loop import EpochReport, LabelLoop, ValidationRows
from hyenascope.training.label_metrics import score_labels
from hyenascope.training.label_split import learn_and_choose
from hyenascope.training.label_weights import label_weights
from hyenascope.training.layer_rates import layer_groups
from hyenascope.training.progress import Monitor


@dataclass(frozen=True, eq=False)
class FinetuneResult:
    """A fine-tuned model and how it went.

    Parameters
    ----------
    model
        In eval mode on the CPU, calibrated, with the weights of ``best_epoch``.
    reports
        One per epoch.
    best_epoch
        1 for the first; 0 if the run was stopped in its first epoch.
    scores
        Of the validation rows, with bootstrap intervals. They chose the epoch and
        the temperature, so they flatter.
    message
        How it ended, in a sentence.
    """

    model: SequenceModel
    reports: tuple[EpochReport, ...]
    best_epoch: int
    scores: pd.DataFrame
    message: str

    @property
    def history(self) -> pd.DataFrame:
        """One row per epoch: losses, seconds, and a column per metric."""
        rows = [
            {
                "epoch": report.epoch,
                "train_loss": report.train_loss,
                "validation_loss": report.loss,
                **report.scores,
                "seconds": report.seconds,
            }
            for report in self.reports
        ]
        return pd.DataFrame(rows)


def finetune(
    model: HyenaLM | HyenaConfig | StrPath,
    train: LabelledSource,
    *,
    labels: Labels | None = None,
    task: Task | None = None,
    genome: FastaReader | StrPath | None = None,
    validation: float | LabelledSource | None = None,
    options: FinetuneOptions | None = None,
    device: str | torch.device | None = None,
    out: StrPath | None = None,
    monitor: Monitor | None = None,
    progress: bool = True,
) -> FinetuneResult:
    """Train a model to answer for sequences.

    Parameters
    ----------
    model
        A backbone, of which a copy is trained; the name or path of one; or a
        configuration, to start from scratch.
    train, labels, task, genome
        As in `hyenascope.data.labelled_sources.collect_labelled`. Of data with
        splits, the split ``train`` is learnt from.
    validation
        Rows to choose the epoch by: labelled as ``train`` is, or a share of the
        training rows; by default the split ``dev``, or a tenth of the training rows
        where there is none, see `hyenascope.training.label_split`.
    options
        All that decides the weights.
    device
        Where to train; CUDA if there is one.
    out
        Folder for the model, which `hyenascope.models.fine_tuned.load_fine_tuned`
        reads. None keeps nothing on disk.
    monitor
        Hears of every step and can stop the run, as a `TrainingMonitor` does.
    progress
        Show a bar.

    Returns
    -------
    FinetuneResult
        Also after an interrupt (Ctrl-C, the stop button), with the best epoch so far.

    Raises
    ------
    LabelError
        If labels cannot be used, or a part has one class only.
    ValueError
        If a sequence is too long to be read, or an option does not fit the model or
        the task.
    FloatingPointError
        If three steps in a row had no finite loss.

    Examples
    --------
    >>> config = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)
    >>> texts = ["ACACACAC", "GTGTTTGG", "CACACACA", "TTGTGGGT"] * 5
    >>> texts = [text[shift:] for shift in range(3) for text in texts]
    >>> result = finetune(
    ...     config,
    ...     texts,
    ...     labels=["ac", "gt"] * 30,
    ...     options=FinetuneOptions(epochs=2),
    ...     progress=False,
    ... )
    >>> result.model.predict("ACACAC").columns.tolist()
    ['ac', 'gt']
    """
    options = options or FinetuneOptions()
    data = collect_labelled(train, labels, genome=genome, task=task)
    if validation is not None and not isinstance(validation, float | int):
        validation = collect_labelled(validation, _columns(labels), genome=genome)
    learn, choose = learn_and_choose(data, validation, seed=options.seed)
    fresh = _fresh(model, SequenceTask(data.task, data.label_names), options)
    _set_units(fresh, learn)
    loop = LabelLoop(
        module=fresh.to(resolve_device(device)),
        task=fresh.task,
        train=_rows(fresh, learn, label_weights(learn, options.class_weights)),
        valid=ValidationRows(
            _rows(fresh, choose, label_weights(choose, options.class_weights)),
            choose.labels,
            fresh.answers,
        ),
        options=options,
        groups=layer_groups(fresh, options),
        monitor=monitor,
        progress=progress,
    )
    message = loop.run(name=fresh.backbone.name)
    scores = _calibrate(loop, choose)
    result = FinetuneResult(
        model=fresh.cpu().eval(),
        reports=tuple(loop.reports),
        best_epoch=loop.best_epoch,
        scores=scores,
        message=message,
    )
    if out is not None:
        save_fine_tuned(fresh, out, metadata=_metadata(result, data, options))
    return result


def _fresh(
    model: HyenaLM | HyenaConfig | StrPath, task: SequenceTask, options: FinetuneOptions
) -> SequenceModel:
    """Return a model of its own for this run."""
    generator = torch.Generator().manual_seed(options.seed)
    if isinstance(model, HyenaConfig):
        backbone = HyenaLM(model, generator=generator)
    elif isinstance(model, HyenaLM):
        backbone = copy.deepcopy(model).cpu()
    else:
        backbone = load_pretrained(model)
    backbone.requires_grad_(True)
    longest = options.longest or backbone.context_length
    return SequenceModel(
        backbone,
        task,
        pooling=options.pooling,
        dropout=options.dropout,
        reading=SequenceInput(longest, options.too_long, options.strands),
        generator=generator,
    )


def _set_units(model: SequenceModel, learn: LabelledSequences) -> None:
    """Let a regression learn numbers of mean 0 and standard deviation 1."""
    if model.task.kind == "regression":
        model.centre.copy_(torch.from_numpy(learn.labels.mean(axis=0)))
        model.scale.copy_(torch.from_numpy(learn.labels.std(axis=0)))


def _rows(
    model: SequenceModel, data: LabelledSequences, weights: np.ndarray
) -> LabelledRows:
    names = data.ids or [f"row {n}" for n in range(1, len(data) + 1)]
    targets = np.array(data.labels)  # torch wants an array it could write
    if model.task.kind == "regression":
        targets = (targets - model.centre.numpy()) / model.scale.numpy()
    tokens = model.reading.rows(names, data.sequences)
    return LabelledRows(tokens, targets, weights)


def _calibrate(loop: LabelLoop, choose: LabelledSequences) -> pd.DataFrame:
    """Fit the temperature on the validation rows, and score them."""
    model = loop.module
    assert isinstance(model, SequenceModel)
    logits = loop.valid_logits()
    if model.task.kind != "regression":
        found = fit_temperature(logits, choose.labels, model.task)
        model.temperature.fill_(found)
    with torch.no_grad():
        answers = model.answers(torch.from_numpy(logits).to(model.temperature))
    return score_labels(model.task, choose.labels, answers.double().cpu().numpy())


def _columns(labels: Labels | None) -> Labels | None:
    """Return names of columns, which hold for other rows too; labels do not."""
    return labels if isinstance(labels, str) else None


def _metadata(
    result: FinetuneResult, data: LabelledSequences, options: FinetuneOptions
) -> dict[str, Any]:
    scores = {str(k): float(v) for k, v in result.scores["value"].items()}
    return {
        "data": data.name,
        "counts": {
            split: {name: int(n) for name, n in row.items()}
            for split, row in data.counts().T.to_dict().items()
        },
        "options": asdict(options),
        "best_epoch": result.best_epoch,
        "validation_scores": {k: v for k, v in scores.items() if np.isfinite(v)},
    }
