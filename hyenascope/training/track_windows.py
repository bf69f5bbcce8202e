"""Windows of a genome with their targets, laid anew in every epoch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float64

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.models.batching import padded
from hyenascope.sequence.tokenizer import reverse_complement_tokens, tokenize
from hyenascope.training.label_batches import LabelBatch
from hyenascope.training.learning_options import LearningOptions
from hyenascope.training.track_targets import TrackTargets, known


@dataclass(frozen=True, eq=False)
class TrackWindows:
    """Windows to learn from, as many as cover the known bases once.

    In an epoch the known bases are walked through in equal steps from a random start,
    and a window is laid around the base at every step: over a long stretch they tile
    it, shifted anew each time. Windows reach beyond a stretch where the contig does;
    there they are read, but not learnt from.

    A contig shorter than a bin has no window: its bases must not be known.

    Parameters
    ----------
    genome
        Where bases are read.
    targets
        What they should give.
    window
        Bases per window; fewer on a contig that is shorter.
    bin_size
        Bases per target.
    centre, scale
        Of a regression: targets are ``(value - centre) / scale``.
    """

    genome: FastaReader
    targets: TrackTargets
    window: int
    bin_size: int
    centre: Float64[np.ndarray, " track"]
    scale: Float64[np.ndarray, " track"]

    @cached_property
    def _runs(self) -> list[Interval]:
        """Stretches of known bases."""
        return [run for track in self.targets.tracks for run in _known_runs(track)]

    def __len__(self) -> int:
        return -(-self.targets.bases // self.window)

    @property
    def bases(self) -> int:
        """Bases read in an epoch, about."""
        return len(self) * self.window

    def batches(self, options: LearningOptions, epoch: int) -> Iterator[LabelBatch]:
        """Yield the windows of an epoch, which depend on seed and epoch alone."""
        rng = np.random.default_rng([options.seed, 9, epoch])
        places = self._places(float(rng.random()))
        order = rng.permutation(len(places))
        flip = rng.random(len(places)) < (0.5 if options.reverse_complement else 0.0)
        for start in range(0, len(order), options.batch_size):
            some = order[start : start + options.batch_size]
            yield self._batch([places[i] for i in some], flip[some])

    def _places(self, shift: float) -> list[Interval]:
        """Lay a window around every known base that a step of the walk falls on."""
        ends = np.cumsum([run.length for run in self._runs])
        step = self.targets.bases / len(self)
        walk = ((np.arange(len(self)) + shift) * step).astype(np.int64)
        numbers = np.searchsorted(ends, walk, side="right")
        return [
            self._around(self._runs[number], int(ends[number] - at))
            for at, number in zip(walk, numbers, strict=True)
        ]

    def _around(self, run: Interval, from_end: int) -> Interval:
        """Lay a window around a base so many from the end of a run, on its contig."""
        size = self.genome.contigs[run.chrom]
        length = min(self.window, size // self.bin_size * self.bin_size)
        start = run.end - from_end - length // 2
        start = max(0, min(start, size - length))
        return Interval(run.chrom, start, start + length)

    def _batch(
        self, places: Sequence[Interval], flip: Bool[np.ndarray, " batch"]
    ) -> LabelBatch:
        rows = [tokenize(self.genome.fetch(place)) for place in places]
        targets = [self._targets(place) for place in places]
        for i in np.flatnonzero(flip):
            rows[i] = reverse_complement_tokens(rows[i])
            targets[i] = targets[i][::-1]
        tokens, mask = padded(rows)
        bins = max(map(len, targets))
        filled = np.full((len(targets), bins, targets[0].shape[1]), np.nan)
        for row, own in zip(filled, targets, strict=True):
            row[: len(own)] = own
        weights = (~np.isnan(filled)).sum(axis=(1, 2)).astype(np.float32)
        return LabelBatch(
            tokens,
            mask,
            torch.from_numpy(filled.astype(np.float32)),
            torch.from_numpy(weights),
        )

    def _targets(self, place: Interval) -> Float64[np.ndarray, "bins track"]:
        values = self.targets.over(place, self.bin_size)
        return (values - self.centre) / self.scale


def _known_runs(track: TrackData) -> Iterator[Interval]:
    """Yield the stretches of a track where something is known, left to right."""
    edges = np.diff(known(track).astype(np.int8), prepend=0, append=0)
    offset = track.interval.start
    for start, end in zip(
        np.flatnonzero(edges > 0), np.flatnonzero(edges < 0), strict=True
    ):
        yield Interval(track.interval.chrom, offset + int(start), offset + int(end))
