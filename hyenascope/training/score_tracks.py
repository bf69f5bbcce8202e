"""Compare the tracks that a model draws with what is there."""

import pandas as pd
import torch

from hyenascope._device import borrow
from hyenascope._typing import StrPath
from hyenascope.data.fasta import FastaReader, opened
from hyenascope.data.labelled_sequences import LabelError
from hyenascope.models.track_model import TrackModel
from hyenascope.training.collect_targets import Tracks, collect_targets
from hyenascope.training.label_metrics import score_labels
from hyenascope.training.track_validation import TrackValidation


def score_tracks(
    model: TrackModel,
    genome: FastaReader | StrPath,
    tracks: Tracks,
    *,
    margin: int | None = None,
    most_judged: int = 10_000_000,
    device: str | torch.device | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Judge a model on stretches that it has not learnt from.

    Parameters
    ----------
    model
        Borrowed: moved, used in eval mode and put back.
    genome
        FASTA file or an open reader.
    tracks
        What is true, as `hyenascope.training.finetune_tracks.finetune_tracks` took it.
    margin
        As in `hyenascope.models.predict_track.predict_track`.
    most_judged
        Known bases to look at; of more, windows spread evenly.
    device
        Where to run; CUDA if there is one.
    progress
        Show a bar.

    Returns
    -------
    DataFrame
        As `hyenascope.training.label_metrics.score_labels` gives it, without
        intervals: neighbouring bases are no independent rows to draw from.

    Raises
    ------
    UnknownContigError
        If the genome has no such contig.
    LabelError
        If the tracks are not the model's, or nothing is known.
    """
    task = model.task
    classes = task.label_names if task.kind == "multiclass" else None
    with opened(genome) as reader, borrow(model, device):
        targets = collect_targets(tracks, reader, task=task.kind, classes=classes)
        if targets.task != task:
            raise LabelError(
                f"tracks must be the model's, {', '.join(task.label_names)}; got "
                f"{', '.join(targets.task.label_names)}."
            )
        held_out = TrackValidation(reader, targets, model, margin, most_judged)
        held_out.check()
        answers = model.numbers(held_out.logits(model, progress=progress))
        return score_labels(task, held_out.truth, answers, resamples=0)
