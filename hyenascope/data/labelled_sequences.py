"""Sequences with what is to be learned of them, in the splits of their publication."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
import pandas as pd
from jaxtyping import Shaped

from hyenascope.data.interval import Interval
from hyenascope.data.provenance import Provenance
from hyenascope.sequence.dna import IUPAC, validate_dna

Task = Literal["binary", "multiclass", "multilabel", "regression"]
"""Two classes, several classes, yes or no for each of many labels, or numbers."""

SPLITS = ("train", "dev", "test")
"""The usual splits, in the order in which they are used."""

_LETTERS = (IUPAC + IUPAC.lower()).encode()
_NOT_SEQUENCES = ("nan", "na")  # what tables write for nothing; all three are IUPAC
# Of `to_frame`, and of the tables of embeddings that the labels stand in.
_OWN_COLUMNS = {"split", "id", "sequence", "chrom", "start", "end", "strand"} | {
    "name",
    "length",
    "chunks",
}


class LabelError(ValueError):
    """A labelled data set that cannot be used; the message names file and line."""


@dataclass(frozen=True, eq=False)
class LabelledSequences:
    """DNA sequences, their labels, and the split each row belongs to.

    A position in ``label_names`` is the number of that class, for every split: the
    readers sort the names, whatever order a disk lists them in. Splits are those of
    the publication; none is ever made out of another.

    Parameters
    ----------
    name
        What the data set is called.
    sequences
        DNA, in upper case once here; IUPAC letters, at least one each.
    labels
        Of ``"binary"`` and ``"multiclass"``, one whole number per row, the position
        in ``label_names``; of ``"multilabel"`` 0 or 1, and of ``"regression"`` a
        finite number, in one column per name. A copy is kept that cannot be written.
    label_names
        Classes, labels or targets.
    splits
        Name of the split of each row.
    task
        What kind of labels they are.
    ids, intervals
        A name and a place (0-based half-open) for each row, or nothing.
    provenance
        Files with their sha256, format and what else made the data.

    Raises
    ------
    LabelError
        If lengths differ, a sequence is empty or no DNA, or a label does not fit.

    Examples
    --------
    >>> data = LabelledSequences(
    ...     "toy",
    ...     ("ACGT", "GGGT", "TTTA"),
    ...     np.array([0, 1, 1]),
    ...     ("no", "yes"),
    ...     ("train", "train", "test"),
    ...     "binary",
    ... )
    >>> len(data), data.split("test").sequences
    (3, ('TTTA',))
    >>> data.counts()
           no  yes
    train   1    1
    test    0    1
    """

    name: str
    sequences: tuple[str, ...]
    labels: Shaped[np.ndarray, "sequences ..."] = field(repr=False)
    label_names: tuple[str, ...]
    splits: tuple[str, ...] = field(repr=False)
    task: Task
    ids: tuple[str, ...] = field(default=(), repr=False)
    intervals: tuple[Interval, ...] = field(default=(), repr=False)
    provenance: Provenance = field(default_factory=Provenance, repr=False)

    def __post_init__(self) -> None:
        if self.task not in get_args(Task):
            raise LabelError(
                f"task must be one of {', '.join(get_args(Task))}; got {self.task!r}."
            )
        self._check_lengths()
        self._check_names()
        texts = tuple(
            _at_row(number, text) for number, text in enumerate(self.sequences, 1)
        )
        object.__setattr__(self, "sequences", texts)
        object.__setattr__(self, "labels", self._checked_labels())

    def __len__(self) -> int:
        return len(self.sequences)

    def __repr__(self) -> str:
        """Say what there is, without the sequences."""
        counts = ", ".join(
            f"{name} {self.splits.count(name):,}" for name in self.split_names
        )
        return (
            f"LabelledSequences({self.name!r}, {self.task}, "
            f"{len(self.label_names)} labels; {counts})"
        )

    @property
    def split_names(self) -> tuple[str, ...]:
        """Splits there are: train, dev and test first, others as they come."""
        found = dict.fromkeys(self.splits)
        usual = [name for name in SPLITS if name in found]
        return (*usual, *(name for name in found if name not in SPLITS))

    def split(self, name: str) -> "LabelledSequences":
        """Return the rows of one split.

        Raises
        ------
        LabelError
            If there is no such split; a missing one is not made out of another.
        """
        if name not in self.split_names:
            raise LabelError(
                f"split must be one of {', '.join(self.split_names)}, the splits of "
                f"{self.name}; got {name!r}."
            )
        return self.take([i for i, split in enumerate(self.splits) if split == name])

    def take(
        self, rows: Sequence[int] | Shaped[np.ndarray, " rows"]
    ) -> "LabelledSequences":
        """Return some rows, 0-based, in the order given, or those of a mask.

        Names of labels stay, also of classes that have no row any more.
        """
        index = np.asarray(rows)
        if index.dtype == bool:
            if index.shape != (len(self),):
                raise LabelError(
                    f"rows must be a mask of {len(self):,}, or numbers of rows; got a "
                    f"mask of shape {index.shape}."
                )
            index = np.flatnonzero(index)
        index = index.astype(np.int64).reshape(-1)
        picked = index.tolist()
        return LabelledSequences(
            self.name,
            tuple(self.sequences[i] for i in picked),
            self.labels[index],
            self.label_names,
            tuple(self.splits[i] for i in picked),
            self.task,
            tuple(self.ids[i] for i in picked) if self.ids else (),
            tuple(self.intervals[i] for i in picked) if self.intervals else (),
            self.provenance,
        )

    def counts(self) -> pd.DataFrame:
        """Return rows per split and class; of ``"multilabel"``, rows that have a label.

        Of ``"regression"`` there is one column, ``rows``.
        """
        splits = np.array(self.splits, dtype=object)
        table = {name: self._count(splits == name) for name in self.split_names}
        columns = ["rows"] if self.task == "regression" else list(self.label_names)
        return pd.DataFrame.from_dict(table, orient="index", columns=columns)

    def to_frame(self) -> pd.DataFrame:
        """Return one row per sequence: split, id, sequence, place and labels.

        A class stands in column ``label`` under its name; other labels have a column
        each. Columns of what is not known are left out.
        """
        columns: dict[str, object] = {"split": self.splits}
        if self.ids:
            columns["id"] = self.ids
        columns["sequence"] = self.sequences
        if self.intervals:
            for part in ("chrom", "start", "end", "strand"):
                columns[part] = [getattr(place, part) for place in self.intervals]
        if self.labels.ndim == 1:
            columns["label"] = [self.label_names[i] for i in self.labels.tolist()]
            return pd.DataFrame(columns)
        wide = pd.DataFrame(self.labels, columns=list(self.label_names))
        return pd.concat([pd.DataFrame(columns), wide], axis=1)

    def _count(self, chosen: Shaped[np.ndarray, " sequences"]) -> list[int]:
        labels = self.labels[chosen]
        if self.task == "regression":
            return [len(labels)]
        if self.task == "multilabel":
            return labels.sum(axis=0, dtype=np.int64).tolist()
        return np.bincount(labels, minlength=len(self.label_names)).tolist()

    def _check_lengths(self) -> None:
        rows = len(self.sequences)
        for name in ("labels", "splits", "ids", "intervals"):
            found = len(getattr(self, name))
            if found != rows and (found or name in ("labels", "splits")):
                raise LabelError(
                    f"{name} must have one entry per sequence, {rows:,}; got {found:,}."
                )

    def _check_names(self) -> None:
        names = self.label_names
        if len(set(names)) < len(names) or not all(names):
            raise LabelError(f"label_names must be different names; got {names!r}.")
        if not all(self.splits):
            raise LabelError("splits must be names; got an empty one.")
        least = {"binary": 2, "multiclass": 2}.get(self.task, 1)
        if len(names) < least or (self.task == "binary" and len(names) > 2):
            raise LabelError(
                f"label_names must fit task {self.task!r}, which has "
                f"{'two' if self.task == 'binary' else f'{least} or more'}; "
                f"got {len(names)}: {', '.join(names[:6])}."
            )
        taken = _OWN_COLUMNS & set(names)
        if taken and self.task in ("multilabel", "regression"):
            raise LabelError(
                f"label_names must not be {', '.join(sorted(_OWN_COLUMNS))}, which "
                f"tables have of their own; got {', '.join(sorted(taken))}."
            )

    def _checked_labels(self) -> Shaped[np.ndarray, "sequences ..."]:
        labels = np.asarray(self.labels)
        kept = {"multilabel": np.int8, "regression": np.float64}.get(
            self.task, np.int64
        )
        wide = self.task in ("multilabel", "regression")
        shape = (len(self.sequences), len(self.label_names)) if wide else (len(self),)
        if labels.shape != shape:
            raise LabelError(
                f"labels must have shape {shape} for task {self.task!r}; got "
                f"{labels.shape}."
            )
        if self.task == "regression":
            fits, rule = np.isfinite(labels), "finite"
        elif wide:
            fits, rule = np.isin(labels, (0, 1)), "0 or 1"
        else:
            count = len(self.label_names)
            fits = np.isin(labels, np.arange(count))
            rule = f"a whole number from 0 to {count - 1}"
        if not fits.all():
            bad = np.argwhere(~fits)[0]
            raise LabelError(
                f"labels must be {rule}; got {labels[tuple(bad)]} in row {bad[0] + 1}."
            )
        labels = labels.astype(kept)
        labels.flags.writeable = False
        return labels


def checked_sequence(text: str) -> str:
    """Return DNA in upper case, or refuse what is empty, missing or no DNA.

    Examples
    --------
    >>> checked_sequence("acgN")
    'ACGN'
    """
    if not text or text.lower() in _NOT_SEQUENCES:
        raise LabelError(f"sequence must hold bases; got {text!r}.")
    if text.encode("ascii", "replace").translate(None, _LETTERS):
        try:
            validate_dna(text)
        except ValueError as err:
            raise LabelError(f"sequence {str(err).removeprefix('seq ')}") from None
    return text.upper()


def _at_row(number: int, text: str) -> str:
    try:
        return checked_sequence(text)
    except LabelError as err:
        raise LabelError(f"sequences, row {number}: {err}") from None
