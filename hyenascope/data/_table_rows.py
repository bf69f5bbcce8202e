"""From cells of tables to labelled rows."""

import fnmatch
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from hyenascope._typing import StrPath
from hyenascope.data._label_rows import LabelRows, file_record
from hyenascope.data._split_files import split_name, split_of_file
from hyenascope.data._tables import Table, read_table
from hyenascope.data.interval import Interval
from hyenascope.data.labelled_sequences import LabelError, LabelledSequences, Task

TableSource = StrPath | pd.DataFrame
"""A path to CSV, TSV or parquet, or a table."""

Part = tuple[str | None, TableSource]
"""A split, if known, and one of its tables."""

DnaReader = Callable[[Sequence[str]], tuple[str, Interval | None]]
"""Gives DNA, and the interval it is from if there is one, of the cells of a row."""

WHOLE = "all"
"""The split of rows whose split nothing says."""


@dataclass(frozen=True)
class Columns:
    """What the columns of a table mean.

    Parameters
    ----------
    sequence
        DNA.
    labels
        One column of classes, several of labels, or a pattern for several.
    split, identifier
        Columns, or None.
    keep
        A column and the text it must have for a row to be taken.
    """

    sequence: str = "sequence"
    labels: str | Sequence[str] = "label"
    split: str | None = None
    identifier: str | None = None
    keep: tuple[str, str] | None = None

    def names(self, table: Table, task: Task | None) -> list[str] | None:
        """Return the names of labels or targets, or None of one column of classes."""
        if isinstance(self.labels, str) and "*" not in self.labels:
            table.column("labels", self.labels)
            return [self.labels] if task == "regression" else None
        if isinstance(self.labels, str):
            found = fnmatch.filter(table.columns, self.labels)
            if not found:
                raise LabelError(
                    f"labels must fit columns of {table.source}; {self.labels!r} fits "
                    "none."
                )
            return found
        if not self.labels or len(set(self.labels)) < len(self.labels):
            raise LabelError(f"labels must be different columns; got {self.labels!r}.")
        for column in self.labels:
            table.column("labels", column)
        return list(self.labels)


def parts_of(source: TableSource | Mapping[str, TableSource]) -> list[Part]:
    """Return tables with the split that a mapping or the name of a file gives."""
    if isinstance(source, Mapping):
        if not source:
            raise LabelError("source must hold one table or more; got none.")
        return [(split_name(split), table) for split, table in source.items()]
    if isinstance(source, pd.DataFrame):
        return [(None, source)]
    return [(split_of_file(Path(source)), source)]


def collect_rows(
    parts: Sequence[Part],
    columns: Columns,
    task: Task | None,
    *,
    dna: Callable[[Table], DnaReader] | None = None,
) -> LabelRows:
    """Read the rows of all tables; the labels must be the same columns in each.

    ``dna`` makes, of a table, what reads the DNA of a row; by default its column.
    """
    rows: LabelRows | None = None
    for split, source in parts:
        table = read_table(source)
        names = columns.names(table, task)
        rows = rows or LabelRows(task, names)
        if names != rows.names:
            raise LabelError(
                f"{table.source}: must have the label columns of the tables before it, "
                f"{len(rows.names or ())}; got {len(names or ())}."
            )
        _collect(rows, table, split, columns, dna)
    if rows is None:
        raise LabelError("source must hold one table or more; got none.")
    return rows


def finish(
    rows: LabelRows, parts: Sequence[Part], name: str | None, layout: str
) -> LabelledSequences:
    """Make the data set, with its format and files in the provenance."""
    paths = [
        Path(source) for _, source in parts if not isinstance(source, pd.DataFrame)
    ]
    files = [file_record(path) for path in paths]
    return rows.finish(name or _title(paths), {"format": layout, "files": files})


def _title(paths: Sequence[Path]) -> str:
    """Return the name of the first file, or of its folder if it only says a split."""
    if not paths:
        return "table"
    if split_of_file(paths[0]) is not None:
        return paths[0].resolve().parent.name
    return paths[0].name.partition(".")[0]


def _collect(
    rows: LabelRows,
    table: Table,
    known: str | None,
    columns: Columns,
    dna: Callable[[Table], DnaReader] | None,
) -> None:
    read = _column_reader(table, columns.sequence) if dna is None else dna(table)
    labels = [
        table.columns.index(label) for label in rows.names or [str(columns.labels)]
    ]
    split = _optional(table, "split", columns.split)
    identifier = _optional(table, "identifier", columns.identifier)
    keep, wanted = None, ""
    if columns.keep is not None:
        keep, wanted = table.column("subset", columns.keep[0]), columns.keep[1]

    def take(cells: Sequence[str]) -> None:
        if keep is not None and cells[keep].strip() != wanted:
            return
        own = split_name(cells[split]) if split is not None else known or WHOLE
        sequence, interval = read(cells)
        rows.add(
            own,
            sequence,
            [cells[i] for i in labels],
            identifier="" if identifier is None else cells[identifier],
            interval=interval,
        )
        rows.came_from(own, table.source)

    table.each(take)


def _column_reader(table: Table, name: str) -> DnaReader:
    at = table.column("sequence", name)
    return lambda cells: (cells[at], None)


def _optional(table: Table, argument: str, name: str | None) -> int | None:
    return None if name is None else table.column(argument, name)
