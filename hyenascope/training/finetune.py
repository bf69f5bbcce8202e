"""From a pretrained backbone and labelled sequences to a model that answers.

`finetune` reads the labels, holds out validation rows if none are given, trains,
chooses the epoch on the validation rows alone, calibrates on them, and returns the
model. Test rows are never looked at: see `hyenascope.training.label_evaluation`.
"""

import json
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from hyenascope._device import resolve_device
from hyenascope._typing import StrPath
from hyenascope.data.fasta import FastaReader
from hyenascope.data.labelled_sequences import LabelledSequences, Task
from hyenascope.data.labelled_sources import LabelledSource, Labels
from hyenascope.data.rows_hash import rows_hash
from hyenascope.models.checkpoint import checkpoint_hash
from hyenascope.models.fine_tuned import save_fine_tuned
from hyenascope.models.fresh_backbone import fresh_backbone
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.sequence_input import SequenceInput
from hyenascope.models.sequence_model import SequenceModel
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.training.calibration import reliability
from hyenascope.training.finetune_options import FinetuneOptions
from hyenascope.training.finetune_result import FinetuneFacts
from hyenascope.training.finetune_result import FinetuneResult as FinetuneResult
from hyenascope.training.label_card import UNFINISHED_CARD, write_label_card
from hyenascope.training.label_fit import LabelFit, fit_labels
from hyenascope.training.label_split import collect_both, learn_and_choose
from hyenascope.training.layer_rates import layer_groups
from hyenascope.training.progress import Monitor

_DEV = "the split dev"


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
        where there is none, see `hyenascope.training.label_split`. Beside a list of
        texts, a share or `LabelledSequences`.
    options
        All that decides the weights.
    device
        Where to train; CUDA if there is one.
    out
        Folder for the model, which `hyenascope.models.fine_tuned.load_fine_tuned`
        reads, and its card, see `hyenascope.training.label_card.label_card`; the best
        so far lies there, not yet calibrated, after each epoch. None keeps nothing on
        disk.
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
    data, given = collect_both(
        train, validation, labels=labels, task=task, genome=genome
    )
    learn, choose = learn_and_choose(data, given, seed=options.seed)
    fresh = _fresh(model, SequenceTask(data.task, data.label_names), options)
    facts = _facts(
        fresh,
        data,
        learn,
        choose,
        scratch=isinstance(model, HyenaConfig),
        chosen_by=_chosen_by(data, given, choose),
        options=options,
        device=device,
    )
    kept = _kept(facts)
    if out is not None:
        Path(out).mkdir(parents=True, exist_ok=True)  # not after hours of training

    def keep() -> None:
        if out is not None:
            save_fine_tuned(fresh, out, metadata=kept, card=UNFINISHED_CARD)

    fit = fit_labels(
        fresh,
        learn,
        choose,
        groups=layer_groups(fresh, options),
        options=options,
        device=device,
        name=fresh.backbone.name,
        better=keep,
        monitor=monitor,
        progress=progress,
    )
    scores = {str(k): float(v) for k, v in fit.scores["value"].items()}
    finite = {name: value for name, value in scores.items() if np.isfinite(value)}
    kept |= {"best_epoch": fit.best_epoch, "validation_scores": finite}
    keep()
    result = FinetuneResult(
        model=fresh,
        reports=fit.reports,
        best_epoch=fit.best_epoch,
        scores=fit.scores,
        finished=fit.finished,
        message=fit.message,
        reliability=_reliability(fresh.task, choose, fit),
        facts=facts,
    )
    if out is not None:
        write_label_card(out, result)
    return result


def _fresh(
    model: HyenaLM | HyenaConfig | StrPath, task: SequenceTask, options: FinetuneOptions
) -> SequenceModel:
    """Return a model of its own for this run."""
    generator = torch.Generator().manual_seed(options.seed)
    backbone = fresh_backbone(model, generator)
    longest = options.longest
    if longest is None:
        longest = backbone.context_length
    return SequenceModel(
        backbone,
        task,
        pooling=options.pooling,
        dropout=options.dropout,
        reading=SequenceInput(longest, options.too_long, options.strands),
        generator=generator,
    )


def _chosen_by(
    data: LabelledSequences,
    given: float | LabelledSequences | None,
    choose: LabelledSequences,
) -> str:
    """Say which rows choose the epoch."""
    if isinstance(given, LabelledSequences):
        return f"rows of their own, {choose.name}"
    if given is None and "dev" in data.split_names:
        return _DEV
    return f"a share of {choose.provenance['dev']['share']:g} of the training rows"


def _facts(
    model: SequenceModel,
    data: LabelledSequences,
    learn: LabelledSequences,
    choose: LabelledSequences,
    *,
    scratch: bool,
    chosen_by: str,
    options: FinetuneOptions,
    device: str | torch.device | None,
) -> FinetuneFacts:
    """Return what the model is about to be made from."""
    rows = {"training": len(learn), "validation": len(choose)}
    counts = {"training": learn.counts().sum(), "validation": choose.counts().sum()}
    used = ("train", "dev") if chosen_by == _DEV else ("train",)
    several = len(data.split_names) > 1
    for name in data.split_names:
        if several and name not in used:
            rows[f"{name}, unseen"] = data.splits.count(name)
            counts[f"{name}, unseen"] = data.counts().T[name]
    return FinetuneFacts(
        data=data.name,
        provenance=data.provenance,
        validation=choose.provenance,
        chosen_by=chosen_by,
        rows=rows,
        counts=pd.DataFrame(counts).T,
        backbone=None if scratch else model.backbone.name,
        begun_from=checkpoint_hash(model.backbone),
        rows_hash=rows_hash(data),
        options=options,
        device=_device_name(resolve_device(device)),
    )


def _device_name(device: torch.device) -> str:
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"{device.type}, threads: {torch.get_num_threads()}"


def _kept(facts: FinetuneFacts) -> dict[str, object]:
    """Return what the folder says of how its model was made, as plain values."""
    return {
        "data": facts.data,
        "made_from": json.loads(facts.provenance.to_json()),
        "rows": {name: facts.rows[name] for name in ("training", "validation")},
        "begun_from": facts.begun_from,
        "rows_hash": facts.rows_hash,
        "options": asdict(facts.options),
    }


def _reliability(
    task: SequenceTask, choose: LabelledSequences, fit: LabelFit
) -> pd.DataFrame | None:
    if task.kind == "regression":
        return None
    return reliability(choose.labels, fit.answers, task)
