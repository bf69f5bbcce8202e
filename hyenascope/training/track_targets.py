"""What is to be learned of every base: tracks over stretches of a genome."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Float64

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.data.labelled_sequences import LabelError, Task
from hyenascope.data.track_data import TrackData
from hyenascope.models.sequence_task import SequenceTask

TrackSplit = float | Sequence[str] | Sequence[TrackData]


@dataclass(frozen=True, eq=False)
class TrackTargets:
    """Numbers of bases, and what they mean. NaN is not known, and never learnt from.

    Parameters
    ----------
    tracks
        Stretches that do not overlap, sorted by contig and place.
    task
        ``"multilabel"``: each track is 0 or 1. ``"regression"``: each is a number.
        ``"multiclass"``: the one track is the number of a class, from 0.

    Raises
    ------
    LabelError
        If stretches overlap or have other tracks, a value is none of the task's, or
        nothing is known.
    """

    tracks: tuple[TrackData, ...] = field(repr=False)
    task: SequenceTask

    def __post_init__(self) -> None:
        _check_overlaps(self.tracks)
        for track in self.tracks:
            _check_names(track, self.task)
            _check_values(track, self.task)
        if not self.bases:
            raise LabelError("tracks must have a value at some base; got NaN alone.")

    @cached_property
    def bases(self) -> int:
        """Bases of which something is known."""
        return sum(int(known(track).sum()) for track in self.tracks)

    @cached_property
    def _of_contig(self) -> dict[str, tuple[list[int], list[TrackData]]]:
        found: dict[str, tuple[list[int], list[TrackData]]] = {}
        for track in self.tracks:
            starts, tracks = found.setdefault(track.interval.chrom, ([], []))
            starts.append(track.interval.start)
            tracks.append(track)
        return found

    def over(
        self, interval: Interval, bin_size: int = 1
    ) -> Float64[np.ndarray, "bins track"]:
        """Return the mean of what is known in each bin of an interval, NaN elsewhere.

        Bins count from the start of the interval; the last may be short.
        """
        values = np.full((interval.length, len(self.tracks[0].names)), np.nan)
        starts, tracks = self._of_contig.get(interval.chrom, ([], []))
        at = max(0, bisect_right(starts, interval.start) - 1)
        for track in tracks[at:]:
            if track.interval.start >= interval.end:
                break
            both = track.interval.intersect(interval)
            if both is not None:
                here = slice(both.start - interval.start, both.end - interval.start)
                there = both.start - track.interval.start
                values[here] = track.values[there : there + both.length]
        return _bin_means(values, bin_size) if bin_size > 1 else values

    def moments(self) -> tuple[Float64[np.ndarray, " track"], ...]:
        """Return mean and standard deviation of each track over its known bases."""
        columns = [
            np.concatenate([track.values[:, i] for track in self.tracks])
            for i in range(len(self.tracks[0].names))
        ]
        mean = np.array([np.nanmean(column, dtype=np.float64) for column in columns])
        spread = np.array([np.nanstd(column, dtype=np.float64) for column in columns])
        return mean, spread


def collect_targets(
    tracks: TrackData | Sequence[TrackData],
    genome: FastaReader,
    *,
    task: Task,
    classes: Sequence[str] | None = None,
) -> TrackTargets:
    """Put tracks in order, in the genome's spelling of its contigs.

    Parameters
    ----------
    tracks
        One stretch or more, with the same tracks in the same order.
    genome
        Whose bases they are.
    task
        See `TrackTargets`.
    classes
        Names of the numbers 0, 1, … of ``"multiclass"``.

    Raises
    ------
    UnknownContigError
        If the genome has no such contig.
    LabelError
        As `TrackTargets`, or if ``classes`` are missing or not wanted.
    ValueError
        If a stretch leaves its contig.
    """
    given = [tracks] if isinstance(tracks, TrackData) else list(tracks)
    if not given:
        raise LabelError("tracks must hold at least one stretch; got none.")
    if (task == "multiclass") != (classes is not None):
        raise LabelError(
            "classes must name the numbers of a 'multiclass' track, and only those; "
            f"got {'none' if classes is None else 'some'} for {task!r}."
        )
    if task == "binary":
        raise LabelError(
            "task must be 'multiclass', 'multilabel' or 'regression'; got 'binary'. "
            "Yes or no at a base is 'multilabel' with one track."
        )
    names = given[0].names if classes is None else tuple(classes)
    return TrackTargets(tuple(_placed(given, genome)), SequenceTask(task, names))


def split_targets(
    targets: TrackTargets, validation: TrackSplit, genome: FastaReader
) -> tuple[TrackTargets, TrackTargets]:
    """Return what is learnt from, and what chooses the epoch.

    Parameters
    ----------
    targets
        All there is to learn from.
    validation
        A share, which is the right end of each stretch; or contigs; or stretches of
        their own.
    genome
        Whose bases they are.

    Raises
    ------
    LabelError
        If either part has nothing, they overlap, or a contig has no track.
    """
    if isinstance(validation, float):
        learn, choose = _by_share(targets.tracks, validation)
    else:
        names = [one for one in validation if isinstance(one, str)]
        others = [one for one in validation if isinstance(one, TrackData)]
        if names and others:
            raise LabelError(
                "validation must be contigs or tracks, not both; got "
                f"{len(names)} and {len(others)}."
            )
        if names:
            learn, choose = _by_contig(targets.tracks, names, genome)
        else:
            learn, choose = list(targets.tracks), _placed(others, genome)
            _check_overlaps(_sorted([*learn, *choose]))
    for name, part in (("to learn from", learn), ("for validation", choose)):
        if not part:
            raise LabelError(
                f"validation must leave stretches on either side; got none {name}."
            )
    task = targets.task
    return TrackTargets(tuple(learn), task), TrackTargets(tuple(choose), task)


def known(track: TrackData) -> Bool[np.ndarray, " length"]:
    """Say at which bases something is known."""
    found: Bool[np.ndarray, " length"] = ~np.isnan(track.values).all(axis=1)
    return found


def _placed(tracks: Iterable[TrackData], genome: FastaReader) -> list[TrackData]:
    return _sorted(
        TrackData(t.values, t.names, genome.inside(t.interval), t.units, t.provenance)
        for t in tracks
    )


def _sorted(tracks: Iterable[TrackData]) -> list[TrackData]:
    return sorted(tracks, key=lambda t: (t.interval.chrom, t.interval.start))


def _by_share(
    tracks: Iterable[TrackData], share: float
) -> tuple[list[TrackData], list[TrackData]]:
    if not 0 < share < 1:
        raise LabelError(f"validation must be a share between 0 and 1; got {share}.")
    learn, choose = [], []
    for track in tracks:
        place = track.interval
        cut = place.end - round(place.length * share)
        if place.start < cut < place.end:
            learn.append(track.slice(Interval(place.chrom, place.start, cut)))
            choose.append(track.slice(Interval(place.chrom, cut, place.end)))
        else:
            learn.append(track)
    return learn, choose


def _by_contig(
    tracks: Iterable[TrackData], contigs: Iterable[str], genome: FastaReader
) -> tuple[list[TrackData], list[TrackData]]:
    tracks = list(tracks)
    held_out = {genome.resolve(name) for name in contigs}
    missing = held_out - {track.interval.chrom for track in tracks}
    if missing:
        raise LabelError(
            f"validation must name contigs with tracks; got {', '.join(missing)}."
        )
    learn = [track for track in tracks if track.interval.chrom not in held_out]
    return learn, [track for track in tracks if track.interval.chrom in held_out]


def _check_overlaps(tracks: Sequence[TrackData]) -> None:
    for one, after in pairwise(track.interval for track in tracks):
        if one.overlaps(after):
            raise LabelError(
                f"tracks must lie apart, training and validation too; {one} and "
                f"{after} overlap."
            )


def _check_names(track: TrackData, task: SequenceTask) -> None:
    if task.kind == "multiclass":
        if len(track.names) != 1:
            raise LabelError(
                "tracks must be one of class numbers for 'multiclass'; got "
                f"{', '.join(track.names)} over {track.interval}."
            )
    elif track.names != task.label_names:
        raise LabelError(
            f"tracks must all be {', '.join(task.label_names)}; got "
            f"{', '.join(track.names)} over {track.interval}."
        )


def _check_values(track: TrackData, task: SequenceTask) -> None:
    values, count = track.values, len(task.label_names)
    if task.kind == "regression":
        wrong, rule = np.isinf(values), "finite or NaN"
    elif task.kind == "multilabel":
        wrong, rule = ~(np.isin(values, (0, 1)) | np.isnan(values)), "0, 1 or NaN"
    else:
        whole = np.isin(values, np.arange(count))
        wrong, rule = ~(whole | np.isnan(values)), f"0 to {count - 1} or NaN"
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        place = track.interval
        raise LabelError(
            f"tracks must be {rule} for {task.kind!r}; {track.names[column]} is "
            f"{values[row, column]:g} at {place.chrom}:{place.start + row + 1:,}."
        )


def _bin_means(
    values: Float64[np.ndarray, "length track"], bin_size: int
) -> Float64[np.ndarray, "bins track"]:
    """Mean over what is known in each bin, NaN where nothing is."""
    short = -len(values) % bin_size
    padded = np.pad(values, ((0, short), (0, 0)), constant_values=np.nan)
    bins = padded.reshape(-1, bin_size, values.shape[1])
    counts = (~np.isnan(bins)).sum(axis=1)
    sums = np.nansum(bins, axis=1)
    return np.divide(sums, counts, out=np.full_like(sums, np.nan), where=counts > 0)
