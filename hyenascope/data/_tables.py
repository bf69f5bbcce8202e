"""Tables as columns and text cells: CSV, TSV, BED, parquet or a DataFrame."""

import csv
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from hyenascope._typing import StrPath
from hyenascope.data._text_lines import check_file, numbered_lines
from hyenascope.data.bed import COLUMNS as BED_COLUMNS
from hyenascope.data.labelled_sequences import LabelError

_SKIPPED = ("track", "browser")


@dataclass(frozen=True)
class Table:
    """Columns and rows of one file or frame.

    Parameters
    ----------
    source
        What it is called in messages.
    columns
        Names, all different.
    rows
        1-based numbers of lines or rows, and their cells.
    unit
        What the numbers count.
    """

    source: str
    columns: tuple[str, ...]
    rows: Iterator[tuple[int, Sequence[str]]]
    unit: str = "line"

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for name in self.columns:
            if name in seen:
                raise LabelError(
                    f"{self.source}, {self.unit} 1: columns must have different names; "
                    f"got {name!r} twice."
                )
            seen.add(name)

    def column(self, argument: str, name: str) -> int:
        """Return the position of a column that an argument names."""
        if name not in self.columns:
            shown = ", ".join(self.columns[:12])
            raise LabelError(
                f"{argument} must be a column of {self.source}, which has {shown}; "
                f"got {name!r}."
            )
        return self.columns.index(name)

    def each(self, take: Callable[[Sequence[str]], None]) -> None:
        """Hand every row to ``take``; a refusal is told with its place."""
        width = len(self.columns)
        for number, cells in self.rows:
            try:
                if len(cells) != width:
                    raise LabelError(
                        f"must have {width} cells, as the first line has; got "
                        f"{len(cells)}."
                    )
                take(cells)
            except ValueError as err:
                place = f"{self.source}, {self.unit} {number}"
                raise LabelError(f"{place}: {err}") from None


def read_table(source: StrPath | pd.DataFrame) -> Table:
    """Open a table; text is split at tabs if its first line has any, else at commas.

    A name ending in ``.parquet`` or ``.bed`` says what is inside; of BED, which has
    no header, columns are named as `read_bed` names them, then ``column_13`` on.
    """
    if isinstance(source, pd.DataFrame):
        return _from_frame(source, "table")
    path = Path(source)
    check_file(path, LabelError)
    if path.name.endswith(".parquet"):
        return _from_frame(pd.read_parquet(path), str(path))
    if path.name.endswith((".bed", ".bed.gz")):
        return _from_bed(path)
    lines = numbered_lines(path, LabelError)
    number, header = next(lines, (1, ""))
    separator = "\t" if "\t" in header else ","
    columns = tuple(
        name.strip() for name in _cells(header, separator, str(path), number)
    )
    rows = (
        (number, _cells(line, separator, str(path), number))
        for number, line in lines
        if line.strip()
    )
    return Table(str(path), columns, rows)


def _from_frame(frame: pd.DataFrame, source: str) -> Table:
    columns = [_texts(frame.iloc[:, i]) for i in range(frame.shape[1])]
    rows = (
        (number, list(cells))
        for number, cells in enumerate(zip(*columns, strict=True), 1)
    )
    return Table(source, tuple(map(str, frame.columns)), rows, "row")


def _texts(column: "pd.Series[Any]") -> list[str]:
    missing = column.isna().tolist()
    values = column.tolist()
    return ["" if no else str(it) for it, no in zip(values, missing, strict=True)]


def _from_bed(path: Path) -> Table:
    def rows() -> Iterator[tuple[int, list[str]]]:
        for number, line in numbered_lines(path, LabelError):
            if line.strip() and not line.startswith("#"):
                cells = line.rstrip("\n").split("\t" if "\t" in line else None)
                if cells[0] not in _SKIPPED:
                    yield number, cells

    width = len(next(rows(), (0, []))[1])
    known = (*BED_COLUMNS[:9], "block_count", "block_sizes", "block_starts")
    more = tuple(f"column_{i}" for i in range(len(known) + 1, width + 1))
    return Table(str(path), (*known[:width], *more), rows())


def _cells(line: str, separator: str, source: str, number: int) -> list[str]:
    text = line.rstrip("\r\n")
    if '"' not in text:
        return text.split(separator)
    try:
        return next(csv.reader([text], delimiter=separator, strict=True))
    except csv.Error as err:
        raise LabelError(
            f"{source}, line {number}: a quoted cell must end on its line; got {err}."
        ) from None
