"""From tracks as a person has them to targets, and to those that are held out."""

import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar, cast

import numpy as np

from hyenascope.data.fasta import FastaReader
from hyenascope.data.labelled_sequences import LabelError, Task
from hyenascope.data.track_data import TrackData
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.training.track_targets import Stretch, TrackTargets

_LOGGER = logging.getLogger("hyenascope")

_LETTERS = np.isin(np.arange(256), list(b"ACGTacgt"))  # by byte

Kind = TypeVar("Kind")

Tracks = TrackData | Sequence[TrackData]
TrackSplit = float | str | Sequence[str] | Tracks
"""A share of each stretch, contigs, or tracks of their own."""


def collect_targets(
    tracks: Tracks,
    genome: FastaReader,
    *,
    task: Task | None = None,
    classes: Sequence[str] | None = None,
) -> TrackTargets:
    """Put tracks in order, in the genome's spelling of its contigs.

    Parameters
    ----------
    tracks
        One stretch or more, with the same tracks in the same order and units.
    genome
        Whose bases they are; those that are N are taken as not known.
    task
        See `TrackTargets`. If None, ``"multiclass"`` of tracks that know their
        classes, as those of `hyenascope.training.region_classes.class_tracks`, and
        ``"regression"`` of others.
    classes
        Names of the numbers 0, 1, … of ``"multiclass"``, if the tracks do not know.

    Raises
    ------
    UnknownContigError
        If the genome has no such contig.
    LabelError
        As `TrackTargets`, or if tracks differ between stretches, a value is none of
        the task's, or ``classes`` are missing, not wanted, fewer than two, or not
        those of the tracks.
    ValueError
        If a stretch leaves its contig.
    """
    given = _only(TrackData, tracks)
    if not given:
        raise LabelError("tracks must hold at least one stretch; got none.")
    if task is None:
        task = "multiclass" if _own_classes(given) or classes else "regression"
    if task == "binary":
        raise LabelError(
            "task must be 'multiclass', 'multilabel' or 'regression'; got 'binary'. "
            "Yes or no at a base is 'multilabel' with one track."
        )
    names = given[0].names
    if task == "multiclass":
        names = _class_names(given, classes)
    elif classes is not None:
        raise LabelError(f"classes must be None for {task!r}; got {len(classes)}.")
    labels = SequenceTask(task, names)
    for track in given:
        _check_names(track, given[0])
        _check_values(track, labels)
    return TrackTargets(_placed(given, genome), labels, given[0].units)


def split_targets(
    targets: TrackTargets, validation: TrackSplit, genome: FastaReader
) -> tuple[TrackTargets, TrackTargets]:
    """Return what is learnt from, and what chooses the epoch.

    Parameters
    ----------
    targets
        All there is to learn from.
    validation
        A share, which is the right end of each stretch; or contigs; or tracks of
        their own.
    genome
        Whose bases they are.

    Raises
    ------
    LabelError
        If either part has nothing, they overlap, or a contig has no track.
    """
    task, units = targets.task, targets.units
    others, contigs = _only(TrackData, validation), _only(str, validation)
    if others and contigs:
        raise LabelError(
            "validation must be contigs or tracks, not both; got "
            f"{len(contigs)} and {len(others)}."
        )
    if isinstance(validation, float | int):
        learn, choose = _by_share(targets.stretches, float(validation))
    elif others:
        learn, choose = list(targets.stretches), _like(targets, others, genome)
        TrackTargets(tuple(_sorted([*learn, *choose])), task)  # refuses overlaps
    else:
        learn, choose = _by_contig(targets.stretches, contigs, genome)
    for name, part in (("to learn from", learn), ("for validation", choose)):
        if not part:
            raise LabelError(
                f"validation must leave stretches on either side; got none {name}."
            )
    with _of_part("what is left to learn from"):
        first = TrackTargets(tuple(learn), task, units)
    with _of_part("validation"):
        return first, TrackTargets(tuple(choose), task, units)


@contextmanager
def _of_part(name: str) -> Iterator[None]:
    """Say of which part an error is."""
    try:
        yield
    except LabelError as error:
        raise LabelError(f"{name}: {error}") from error


def _only(kind: type[Kind], found: object) -> list[Kind]:
    """Return what is of a kind: one such thing alone, or those in a list."""
    if isinstance(found, kind):
        return [found]
    if isinstance(found, str) or not isinstance(found, Iterable):
        return []
    return [one for one in found if isinstance(one, kind)]


def _like(
    targets: TrackTargets, tracks: Sequence[TrackData], genome: FastaReader
) -> list[Stretch]:
    """Return the stretches of tracks that must be as those of the targets."""
    task = targets.task
    classes = task.label_names if task.kind == "multiclass" else None
    with _of_part("validation"):
        found = collect_targets(tracks, genome, task=task.kind, classes=classes)
    if (found.task, found.units) != (task, targets.units):
        raise LabelError(
            f"validation must have the tracks {', '.join(task.label_names)} in "
            f"{targets.units!r}; got {', '.join(found.task.label_names)} in "
            f"{found.units!r}."
        )
    return list(found.stretches)


def _own_classes(tracks: Iterable[TrackData]) -> set[tuple[str, ...]]:
    """Return what tracks say of their numbers."""
    return {
        tuple(map(str, cast("Sequence[object]", track.provenance["classes"])))
        for track in tracks
        if "classes" in track.provenance
    }


def _class_names(
    tracks: Sequence[TrackData], classes: Sequence[str] | None
) -> tuple[str, ...]:
    """Return the names of class numbers, on which all must agree."""
    own = _own_classes(tracks)
    if classes is not None:
        own.add(tuple(classes))
    if len(own) != 1:
        raise LabelError(
            "classes must name the numbers of a 'multiclass' track, and all stretches "
            f"the same; got {' and '.join(map(', '.join, sorted(own))) or 'none'}."
        )
    (names,) = own
    if len(names) < 2:
        raise LabelError(f"classes must be at least two; got {', '.join(names)}.")
    return names


def _placed(tracks: Iterable[TrackData], genome: FastaReader) -> tuple[Stretch, ...]:
    """Say where tracks lie in the genome and where something is known of it."""
    found, unread = [], 0
    for track in tracks:
        place = genome.inside(track.interval)
        letters = np.frombuffer(genome.fetch(place).encode("ascii"), np.uint8)
        known = ~np.isnan(track.values).all(axis=1)
        read = _LETTERS[letters]
        unread += int((known & ~read).sum())
        found.append(Stretch(place, track.values, known & read))
    if unread:
        _LOGGER.info("%s bases with a value are N and left out.", f"{unread:,}")
    return tuple(_sorted(found))


def _sorted(stretches: Iterable[Stretch]) -> list[Stretch]:
    return sorted(stretches, key=lambda s: (s.interval.chrom, s.interval.start))


def _by_share(
    stretches: Iterable[Stretch], share: float
) -> tuple[list[Stretch], list[Stretch]]:
    if not 0 < share < 1:
        raise LabelError(f"validation must be a share between 0 and 1; got {share:g}.")
    learn, choose = [], []
    for stretch in stretches:
        start, end = stretch.interval.start, stretch.interval.end
        cut = end - round((end - start) * share)
        if start < cut < end:
            learn.append(stretch.part(start, cut))
            choose.append(stretch.part(cut, end))
        else:
            learn.append(stretch)
    return learn, choose


def _by_contig(
    stretches: Sequence[Stretch], contigs: Iterable[str], genome: FastaReader
) -> tuple[list[Stretch], list[Stretch]]:
    held_out = {genome.resolve(name) for name in contigs}
    missing = held_out - {stretch.interval.chrom for stretch in stretches}
    if missing:
        raise LabelError(
            "validation must name contigs with tracks; got "
            f"{', '.join(sorted(missing))}."
        )
    learn = [s for s in stretches if s.interval.chrom not in held_out]
    return learn, [s for s in stretches if s.interval.chrom in held_out]


def _check_names(track: TrackData, first: TrackData) -> None:
    if (track.names, track.units) != (first.names, first.units):
        raise LabelError(
            f"tracks must all be {', '.join(first.names)} in {first.units!r}; got "
            f"{', '.join(track.names)} in {track.units!r} over {track.interval}."
        )


def _check_values(track: TrackData, task: SequenceTask) -> None:
    values, count = track.values, len(task.label_names)
    if task.kind == "regression":
        wrong, rule = np.isinf(values), "finite or NaN"
    elif task.kind == "multilabel":
        wrong, rule = ~(np.isin(values, (0, 1)) | np.isnan(values)), "0, 1 or NaN"
    else:
        if len(track.names) != 1:
            raise LabelError(
                "tracks must be one of class numbers for 'multiclass'; got "
                f"{', '.join(track.names)} over {track.interval}."
            )
        whole = np.isin(values, np.arange(count))
        wrong, rule = ~(whole | np.isnan(values)), f"0 to {count - 1} or NaN"
    if wrong.any():
        row, column = np.argwhere(wrong)[0]
        place = track.interval
        raise LabelError(
            f"tracks must be {rule} for {task.kind!r}; {track.names[column]} is "
            f"{values[row, column]:g} at {place.chrom}:{place.start + row + 1:,}."
        )
