"""Rows of a labelled data set as files give them, checked one by one."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Float64, Int8, Shaped

from hyenascope.data.file_sha256 import file_sha256
from hyenascope.data.interval import Interval
from hyenascope.data.labelled_sequences import (
    LabelError,
    LabelledSequences,
    Task,
    checked_sequence,
)
from hyenascope.data.provenance import Provenance

_MISSING = {"", "nan", "na", "none", "null", "inf", "-inf"}
_WHOLE = re.compile(r"(-?\d+)(\.0*)?")
_WORDS = {"true": 1.0, "false": 0.0}


class LabelRows:
    """Collects rows and turns them into `LabelledSequences`.

    Parameters
    ----------
    task
        What the labels are; by default classes if there is one label per row, and
        yes or no if there are several.
    names
        Of several labels or of a number, their names; None for classes.
    """

    def __init__(self, task: Task | None, names: Sequence[str] | None) -> None:
        if task in ("binary", "multiclass") and names is not None:
            raise LabelError(
                f"labels must be one column for task {task!r}; got {len(names)}."
            )
        if task == "multilabel" and names is None:
            raise LabelError(
                "labels must be a list of columns for task 'multilabel'; got one."
            )
        self.task = task or ("multilabel" if names is not None else None)
        self.names = names
        self._sequences: list[str] = []
        self._classes: list[str] = []
        self._numbers: list[
            Float64[np.ndarray, " labels"] | Int8[np.ndarray, " labels"]
        ]
        self._numbers = []
        self._splits: list[str] = []
        self._ids: list[str] = []
        self._intervals: list[Interval] = []
        self._sources: dict[str, str] = {}

    def add(
        self,
        split: str,
        sequence: str,
        labels: Sequence[str],
        *,
        identifier: str = "",
        interval: Interval | None = None,
    ) -> None:
        """Add one row; a refusal says what is wrong, and the caller says where."""
        self._sequences.append(checked_sequence(sequence.strip()))
        if self.names is None:
            self._classes.append(class_name(labels[0]))
        else:
            self._numbers.append(self._row(labels, self.names))
        if not split:
            raise LabelError("split must be a name; got ''.")
        self._splits.append(split)
        self._ids.append(identifier)
        if interval is not None:
            self._intervals.append(interval)

    def came_from(self, split: str, source: str) -> None:
        """Note which file a split was read from, for refusals of the whole."""
        self._sources.setdefault(split, source)

    def finish(self, name: str, provenance: dict[str, object]) -> LabelledSequences:
        """Give classes their numbers and check that every split has rows of each."""
        if not self._sequences:
            raise LabelError(f"{name} must hold rows; got none.")
        names, labels, task = self._labels(name)
        record = {**provenance, "label_names": list(names)}
        data = LabelledSequences(
            name,
            tuple(self._sequences),
            labels,
            tuple(names),
            tuple(self._splits),
            task,
            tuple(self._ids) if any(self._ids) else (),
            tuple(self._intervals),
            Provenance(record),
        )
        if task in ("binary", "multiclass"):
            self._check_classes(data)
        return data

    def _labels(
        self, source: str
    ) -> tuple[Sequence[str], Shaped[np.ndarray, "rows ..."], Task]:
        if self.names is not None:
            return self.names, np.stack(self._numbers), self.task or "multilabel"
        names = sorted_names(self._classes)
        if len(names) < 2:
            raise LabelError(
                f"labels of {source} must be of two classes or more; got {names}."
            )
        position = {name: i for i, name in enumerate(names)}
        labels = np.array([position[text] for text in self._classes], dtype=np.int64)
        return (
            names,
            labels,
            self.task or ("binary" if len(names) == 2 else "multiclass"),
        )

    def _check_classes(self, data: LabelledSequences) -> None:
        counts = data.counts()
        for split, row in counts.iterrows():
            empty = [label for label, rows in row.items() if not rows]
            if empty:
                source = self._sources.get(str(split), data.name)
                raise LabelError(
                    f"{source}: every split must have rows of every class, "
                    f"{', '.join(data.label_names[:6])}; {split} has none of "
                    f"{', '.join(map(str, empty[:6]))}."
                )

    def _row(
        self, cells: Sequence[str], names: Sequence[str]
    ) -> Float64[np.ndarray, " labels"] | Int8[np.ndarray, " labels"]:
        try:
            row = np.array(cells, dtype=np.float64)
        except ValueError:
            pairs = zip(cells, names, strict=True)
            row = np.array([_number(cell, name) for cell, name in pairs])
        yes_no = self.task == "multilabel"
        fits = np.isin(row, (0, 1)) if yes_no else np.isfinite(row)
        if not fits.all():
            first = int(np.flatnonzero(~fits)[0])
            raise LabelError(
                f"label {names[first]!r} must be "
                + ("0 or 1, or task 'regression'" if yes_no else "a finite number")
                + f"; got {cells[first]!r}."
            )
        return row.astype(np.int8) if yes_no else row


def class_name(text: str) -> str:
    """Return the name of a class; ``1.0``, as tables write it, is ``1``.

    Examples
    --------
    >>> class_name("1.0"), class_name(" promoter")
    ('1', 'promoter')
    """
    text = text.strip()
    if text.lower() in _MISSING:
        raise LabelError(f"label must be a class; got {text!r}.")
    if (whole := _WHOLE.fullmatch(text)) is not None:
        return whole[1]
    try:
        float(text)
    except ValueError:
        return text
    raise LabelError(f"label must be a class, or task 'regression'; got {text!r}.")


def sorted_names(classes: Iterable[str]) -> list[str]:
    """Return the different names sorted: as numbers if all are, else as text.

    Examples
    --------
    >>> sorted_names(["10", "9", "10"]), sorted_names(["weak", "10", "9"])
    (['9', '10'], ['10', '9', 'weak'])
    """
    names = set(classes)
    if all(_WHOLE.fullmatch(name) for name in names):
        return sorted(names, key=lambda name: (int(name), name))
    return sorted(names)


def file_record(path: Path, folder: Path | None = None) -> dict[str, object]:
    """Return name, size and sha256 of a file, for the provenance."""
    name = path.relative_to(folder).as_posix() if folder else path.name
    return {"file": name, "bytes": path.stat().st_size, "sha256": file_sha256(path)}


def _number(cell: str, name: str) -> float:
    word = _WORDS.get(cell.strip().lower())
    if word is not None:
        return word
    try:
        return float(cell)
    except ValueError:
        raise LabelError(f"label {name!r} must be a number; got {cell!r}.") from None
