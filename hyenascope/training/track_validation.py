"""A look at the tracks of stretches that are held out."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float64, Shaped
from torch import nn

from hyenascope.data.fasta import FastaReader
from hyenascope.data.labelled_sequences import LabelError
from hyenascope.models.predict_track import model_tiles, tile_logits
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.models.track_model import TrackModel
from hyenascope.models.track_tiles import TrackTile
from hyenascope.training.label_metrics import score_labels
from hyenascope.training.label_validation import Look, look_of
from hyenascope.training.learning_options import LearningOptions
from hyenascope.training.track_targets import TrackTargets


@dataclass(frozen=True, eq=False)
class TrackValidation:
    """Bins of held-out stretches whose numbers are all known.

    Parameters
    ----------
    genome
        Where bases are read.
    targets
        What is held out.
    model
        Whose windows, bins and units are meant.
    margin
        As in `hyenascope.models.predict_track.predict_track`.
    most_judged
        Known bases to look at; of more, windows spread evenly.
    """

    genome: FastaReader
    targets: TrackTargets
    model: TrackModel
    margin: int | None
    most_judged: int

    @cached_property
    def tiles(self) -> Sequence[TrackTile]:
        """Windows to read and cores to judge: those with something to judge."""
        tiles = [
            tile
            for stretch in self.targets.stretches
            for tile in model_tiles(
                self.model, self.genome, stretch.interval, margin=self.margin
            )
        ]
        counts = np.array([int(self._known(tile).sum()) for tile in tiles])
        found = [tile for tile, count in zip(tiles, counts, strict=True) if count]
        bases = int(counts.sum()) * self.model.bin_size
        if bases <= self.most_judged:
            return found
        count = max(1, len(found) * self.most_judged // bases)
        spread = np.linspace(0, len(found) - 1, count).round().astype(np.int64)
        return [found[i] for i in spread]

    def _known(self, tile: TrackTile) -> Bool[np.ndarray, " bins"]:
        """Say which bins of a core are known in every track."""
        values = self.targets.over(tile.core, self.model.bin_size)
        found: Bool[np.ndarray, " bins"] = ~np.isnan(values).any(axis=1)
        return found

    @cached_property
    def _values(self) -> Float64[np.ndarray, "bins track"]:
        """Every bin of the cores."""
        size = self.model.bin_size
        return np.concatenate(
            [self.targets.over(tile.core, size) for tile in self.tiles]
        )

    @cached_property
    def judged(self) -> Bool[np.ndarray, " bins"]:
        """Which bins are judged: those that are known in every track."""
        found: Bool[np.ndarray, " bins"] = ~np.isnan(self._values).any(axis=1)
        return found

    def check(self, options: LearningOptions | None = None) -> None:
        """Refuse what cannot be judged, before hours of training.

        Raises
        ------
        ValueError
            If the margin does not fit the windows, or what chooses the epoch would be
            NaN.
        LabelError
            If no base is known in every track.
        """
        if not self.tiles:
            raise LabelError(
                "validation must have a base that is known in every track; got none."
            )
        if options is None or options.select_by == "loss":
            return
        task, rng = self.model.task, np.random.default_rng(0)
        answers = rng.random((len(self.truth), len(task.label_names)))
        if task.kind == "multiclass":
            answers /= answers.sum(axis=1, keepdims=True)
        table = score_labels(task, self.truth, answers, resamples=0)
        look = look_of(0.0, table)
        if np.isnan(look.scores.get(options.select_by, 0.0)):
            raise ValueError(
                "select_by must be something that the validation bases have; "
                f"{options.select_by} is NaN: {look.notes[options.select_by]}"
            )

    @property
    def truth(self) -> Shaped[np.ndarray, "bins *labels"]:
        """What the judged bins are, as metrics want it."""
        return truth_of(self._values[self.judged], self.model.task)

    def logits(
        self, module: nn.Module, *, progress: bool = False
    ) -> Float64[np.ndarray, "bins outputs"]:
        """Return the logits of the judged bins, on the module's device."""
        assert isinstance(module, TrackModel)
        device = next(module.parameters()).device
        found = tile_logits(
            module, self.genome, self.tiles, device=device, progress=progress
        )
        return np.concatenate(found)[self.judged]

    def look(self, module: nn.Module, options: LearningOptions) -> Look:
        """Judge a module on its device."""
        del options
        logits = self.logits(module)
        answers = self.model.numbers(logits)
        table = score_labels(self.model.task, self.truth, answers, resamples=0)
        return look_of(self._loss(logits), table)

    def _loss(self, logits: Float64[np.ndarray, "bins outputs"]) -> float:
        truth: np.ndarray = self.truth
        if self.model.task.kind == "regression":
            centre, scale = (
                part.double().numpy(force=True)
                for part in (self.model.centre, self.model.scale)
            )
            truth = (truth - centre) / scale
        losses = self.model.task.losses(
            torch.from_numpy(logits), torch.from_numpy(truth)
        )
        return float(losses.mean())


def truth_of(
    values: Float64[np.ndarray, "bins track"], task: SequenceTask
) -> Shaped[np.ndarray, "bins *labels"]:
    """Return known values as metrics want them: classes as one whole number each."""
    if task.kind == "multiclass":
        return values[:, 0].astype(np.int64)
    if task.kind == "multilabel":
        return values.astype(np.int64)
    return values
