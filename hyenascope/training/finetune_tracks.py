"""From a pretrained backbone and tracks of a genome to a model that draws such tracks.

Coverage, scores or classes of bases are learnt from some stretches, and the epoch is
chosen on others. `hyenascope.models.predict_track.predict_track` then gives the tracks
of any stretch, `hyenascope.training.score_tracks.score_tracks` compares them with the
truth.
"""

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch

from hyenascope._device import resolve_device
from hyenascope._typing import StrPath
from hyenascope.data.fasta import FastaReader, opened
from hyenascope.data.labelled_sequences import LabelError, Task
from hyenascope.models.checkpoint import checkpoint_hash
from hyenascope.models.fresh_backbone import fresh_backbone
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.saved_track_model import save_track_model
from hyenascope.models.track_model import TrackModel
from hyenascope.training.calibration import fit_temperature
from hyenascope.training.collect_targets import (
    Tracks,
    TrackSplit,
    collect_targets,
    split_targets,
)
from hyenascope.training.label_card import UNFINISHED_CARD
from hyenascope.training.label_loop import LabelLoop
from hyenascope.training.label_metrics import score_labels
from hyenascope.training.layer_rates import layer_groups
from hyenascope.training.progress import Monitor
from hyenascope.training.software import software_versions
from hyenascope.training.track_card import track_card
from hyenascope.training.track_lesson import TrackLesson
from hyenascope.training.track_options import TrackOptions
from hyenascope.training.track_result import TrackResult
from hyenascope.training.track_targets import TrackTargets
from hyenascope.training.track_validation import TrackValidation
from hyenascope.training.track_windows import TrackWindows


def finetune_tracks(
    model: HyenaLM | HyenaConfig | StrPath,
    genome: FastaReader | StrPath,
    tracks: Tracks,
    *,
    task: Task | None = None,
    classes: Sequence[str] | None = None,
    validation: TrackSplit = 0.1,
    options: TrackOptions | None = None,
    device: str | torch.device | None = None,
    out: StrPath | None = None,
    monitor: Monitor | None = None,
    progress: bool = True,
) -> TrackResult:
    """Train a model to draw tracks along DNA.

    Parameters
    ----------
    model, device, monitor, progress
        As in `hyenascope.training.finetune.finetune`.
    genome
        FASTA file or an open reader.
    tracks
        What to learn, over one stretch of the genome or several; NaN where it is not
        known, and bases that are N are left out. They stay in memory, with a byte more
        for each base.
    task
        ``"regression"``: numbers, such as the log of a coverage. ``"multilabel"``: each
        track is 0 or 1. ``"multiclass"``: one track of class numbers, such as those of
        `hyenascope.training.region_classes.class_tracks`. If None, ``"multiclass"``
        of those and ``"regression"`` of others.
    classes
        Names of the numbers 0, 1, … of ``"multiclass"``, if the tracks do not know.
    validation
        What chooses the epoch: contigs; tracks of their own; or a share, which is the
        right end of each stretch.
    options
        All that decides the weights.
    out
        Folder for the model, which
        `hyenascope.models.saved_track_model.load_track_model` reads; the best so far
        lies there, not yet calibrated, after each epoch, and a card at the end. None
        keeps nothing on disk.

    Returns
    -------
    TrackResult
        Also after an interrupt (Ctrl-C, the stop button), with the best epoch so far.

    Raises
    ------
    UnknownContigError
        If the genome has no such contig.
    LabelError
        If tracks cannot be used, a class or label is missing from what is learnt
        from, or nothing is left for validation.
    ValueError
        If a stretch leaves its contig, or an option does not fit the model or the task.
    FloatingPointError
        If three steps in a row had no finite loss.

    Examples
    --------
    Learn where the A are:

    >>> import tempfile
    >>> from hyenascope.data.interval import Interval
    >>> from hyenascope.data.track_data import TrackData
    >>> text = "".join(np.random.default_rng(0).choice(list("ACGT"), 600))
    >>> a = TrackData([float(base == "A") for base in text], "a", Interval("c", 0, 600))
    >>> config = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=66)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "tiny.fa"
    ...     _ = path.write_text(f">c{chr(10)}{text}{chr(10)}")
    ...     result = finetune_tracks(
    ...         config,
    ...         path,
    ...         a,
    ...         task="multilabel",
    ...         options=TrackOptions(epochs=10, batch_size=2, learning_rate=0.01),
    ...         progress=False,
    ...     )
    >>> result.model.predict("GAT")[0].shape
    (3, 1)
    """
    options = options or TrackOptions()
    with opened(genome) as reader:
        targets = collect_targets(tracks, reader, task=task, classes=classes)
        _refuse_bins(targets, options)
        learn, choose = split_targets(targets, validation, reader)
        _refuse_constant(learn)
        fresh = _fresh(model, targets, options)
        windows = _windows(fresh, reader, learn)
        held_out = TrackValidation(
            reader, choose, fresh, options.margin, options.most_judged
        )
        held_out.check(options)
        facts = _facts(fresh, reader, learn, choose, options)
        if out is not None:
            Path(out).mkdir(parents=True, exist_ok=True)  # not after hours of training

        def keep() -> None:
            if out is not None:
                save_track_model(fresh, out, card=UNFINISHED_CARD, metadata=facts)

        loop = LabelLoop(
            module=fresh.to(resolve_device(device)),
            task=TrackLesson(fresh.task),
            train=windows,
            valid=held_out,
            options=options,
            groups=layer_groups(fresh, options),
            better=keep,
            monitor=monitor,
            progress=progress,
        )
        message = loop.run(name=fresh.backbone.name)
        result = _finished(loop, held_out, message)
    if out is not None:
        _write(result, out, facts)
    return result


def _finished(loop: LabelLoop, held_out: TrackValidation, message: str) -> TrackResult:
    """Calibrate the model, in place, and say how it went."""
    model = held_out.model
    logits = held_out.logits(model)
    if model.task.kind != "regression":
        found = fit_temperature(logits, held_out.truth, model.task)
        model.temperature.fill_(found)
    model.cpu().eval()
    answers = model.numbers(logits)
    return TrackResult(
        model=model,
        reports=tuple(loop.reports),
        best_epoch=loop.best_epoch,
        scores=score_labels(model.task, held_out.truth, answers, resamples=0),
        finished=not loop.stopped,
        message=message,
    )


def _write(result: TrackResult, out: StrPath, facts: dict[str, object]) -> None:
    """Write the folder whole, with its card."""
    values = {str(k): float(v) for k, v in result.scores["value"].items()}
    finite = {name: value for name, value in values.items() if np.isfinite(value)}
    facts = {**facts, "best_epoch": result.best_epoch, "validation_scores": finite}
    card = track_card(result, facts)
    save_track_model(result.model, out, card=card, metadata=facts)


def _fresh(
    model: HyenaLM | HyenaConfig | StrPath, targets: TrackTargets, options: TrackOptions
) -> TrackModel:
    generator = torch.Generator().manual_seed(options.seed)
    return TrackModel(
        fresh_backbone(model, generator),
        targets.task,
        window=options.window,
        bin_size=options.bin_size,
        strands=options.strands,
        dropout=options.dropout,
        units=targets.units,
        generator=generator,
    )


def _windows(
    model: TrackModel, genome: FastaReader, learn: TrackTargets
) -> TrackWindows:
    """Lay windows, and give a regression the units of what is learnt from."""
    tracks = learn.stretches[0].values.shape[1]
    centre, scale = np.zeros(tracks), np.ones(tracks)
    if model.task.kind == "regression":
        centre, scale = learn.moments(model.bin_size)
        model.centre.copy_(torch.from_numpy(centre))
        model.scale.copy_(torch.from_numpy(scale))
    return TrackWindows(genome, learn, model.window, model.bin_size, centre, scale)


def _facts(
    model: TrackModel,
    genome: FastaReader,
    learn: TrackTargets,
    choose: TrackTargets,
    options: TrackOptions,
) -> dict[str, object]:
    """Return what a folder says of how its model was made, as plain values."""
    return {
        "genome": genome.path.name,
        "genome_fingerprint": genome.fingerprint,
        "stretches": {
            name: [str(each.interval) for each in part.stretches]
            for name, part in (("training", learn), ("validation", choose))
        },
        "known_bases": {"training": learn.bases, "validation": choose.bases},
        "begun_from": checkpoint_hash(model.backbone),
        "options": asdict(options),
        "software": software_versions(),
    }


def _refuse_bins(targets: TrackTargets, options: TrackOptions) -> None:
    kind = targets.task.kind
    if options.bin_size > 1 and kind != "regression":
        raise ValueError(
            f"options.bin_size must be 1 for {kind!r}; got {options.bin_size}."
        )


def _refuse_constant(learn: TrackTargets) -> None:
    """Refuse what nothing can be learnt from."""
    kind, names = learn.task.kind, learn.task.label_names
    if kind == "multiclass":
        found: set[float] = set()
        for stretch in learn.stretches:
            found.update(np.unique(stretch.values[stretch.known]).tolist())
        missing = [name for number, name in enumerate(names) if number not in found]
        if missing:
            raise LabelError(
                "tracks must have every class in what is learnt from; it has no base "
                f"of {', '.join(missing)}."
            )
        return
    low, high = learn.ends()
    flat = [n for n, a, b in zip(names, low, high, strict=True) if not a < b]
    if flat:
        raise LabelError(
            "tracks must vary in what is learnt from; the same value everywhere, or "
            f"none, has {', '.join(flat)}."
        )
