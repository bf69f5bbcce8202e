"""Windows of a genome with their targets, laid anew in every epoch."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from jaxtyping import Bool, Float64

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.data.labelled_sequences import LabelError
from hyenascope.models.batching import padded
from hyenascope.sequence.tokenizer import reverse_complement_tokens, tokenize
from hyenascope.training.label_batches import LabelBatch
from hyenascope.training.learning_options import LearningOptions
from hyenascope.training.track_targets import TrackTargets


@dataclass(frozen=True, eq=False)
class TrackWindows:
    """Windows to learn from, as many as cover the known bases once.

    Windows are laid from left to right, each where the next known base is that none
    has yet: over a long stretch they tile it, shifted anew in each epoch, and after a
    gap the base has a random place in its window. They reach beyond a stretch where
    the contig does; there they are read, but not learnt from. An epoch has always as
    many; where another layout needs more, some are left out by chance, and where it
    needs fewer, some come twice.

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

    Raises
    ------
    LabelError
        If a contig is shorter than a bin.
    """

    genome: FastaReader
    targets: TrackTargets
    window: int
    bin_size: int
    centre: Float64[np.ndarray, " track"]
    scale: Float64[np.ndarray, " track"]

    def __post_init__(self) -> None:
        for stretch in self.targets.stretches:
            chrom = stretch.interval.chrom
            if self.genome.contigs[chrom] < self.bin_size:
                raise LabelError(
                    f"tracks must lie on contigs of at least one bin, {self.bin_size} "
                    f"bp; got {chrom} of {self.genome.contigs[chrom]} bp."
                )

    @cached_property
    def _count(self) -> int:
        return len(self._layout(np.random.default_rng(0)))

    def __len__(self) -> int:
        return self._count

    @property
    def bases(self) -> int:
        """Bases read in an epoch, about."""
        return len(self) * self.window

    def batches(self, options: LearningOptions, epoch: int) -> Iterator[LabelBatch]:
        """Yield the windows of an epoch, which depend on seed and epoch alone."""
        rng = np.random.default_rng([options.seed, 9, epoch])
        places = self._layout(rng)
        order = rng.permutation(len(places))[: len(self)]
        more = rng.integers(len(places), size=len(self) - len(order))
        order = np.concatenate([order, more])
        flip = rng.random(len(order)) < (0.5 if options.reverse_complement else 0.0)
        for start in range(0, len(order), options.batch_size):
            some = slice(start, start + options.batch_size)
            yield self._batch([places[i] for i in order[some]], flip[some])

    def _layout(self, rng: np.random.Generator) -> list[Interval]:
        """Lay windows over all that is known."""
        return [
            place
            for stretch, runs in zip(self.targets.stretches, self._runs, strict=True)
            for place in self._over(stretch.interval, *runs, rng)
        ]

    @cached_property
    def _runs(self) -> list[tuple[np.ndarray, np.ndarray]]:
        return [_known_runs(stretch.known) for stretch in self.targets.stretches]

    def _over(
        self,
        stretch: Interval,
        firsts: np.ndarray,
        ends: np.ndarray,
        rng: np.random.Generator,
    ) -> Iterator[Interval]:
        """Lay windows over the known runs of one stretch."""
        chrom, offset = stretch.chrom, stretch.start
        size = self.genome.contigs[chrom]
        length = min(self.window, size // self.bin_size * self.bin_size)
        free = -length  # up to where bases have a window already
        while True:
            run = int(np.searchsorted(ends, free - offset, side="right"))
            if run == len(ends):
                return
            base = max(int(firsts[run]) + offset, free)
            if base > free:  # after a gap
                base = max(base - int(rng.integers(length)), free)
            start = max(0, min(base, size - length))
            free = start + length
            yield Interval(chrom, start, free)

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


def _known_runs(known: Bool[np.ndarray, " length"]) -> tuple[np.ndarray, np.ndarray]:
    """Return where stretches of known bases start and end, left to right."""
    edges = np.diff(known.astype(np.int8), prepend=0, append=0)
    return np.flatnonzero(edges > 0), np.flatnonzero(edges < 0)
