"""BED: features on the genome, a line each, with names, strand, colours and blocks.

The format is that of UCSC (https://genome.ucsc.edu/FAQ/FAQformat.html#format1);
coordinates are 0-based half-open in the file as here.
"""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from hyenascope._typing import StrPath
from hyenascope.data._text_lines import check_file, numbered_lines
from hyenascope.data.contigs import ContigFilter
from hyenascope.data.interval import Interval

COLUMNS = (
    "chrom",
    "start",
    "end",
    "name",
    "score",
    "strand",
    "thick_start",
    "thick_end",
    "rgb",
    "blocks",
)
"""Columns of `read_bed`; a file has the first three or more of them."""

_SKIPPED = ("track", "browser")
_EXTENDED = {".narrowpeak": 6, ".broadpeak": 6, ".gappedpeak": 12}
_TWELVE = 12


def read_bed(
    path: StrPath, *, region: Interval | None = None, fields: int | None = None
) -> pd.DataFrame:
    r"""Read a BED file of three to twelve fields, plain or gzip.

    Lines that begin with ``#``, ``track`` or ``browser`` are passed over. Fields are
    separated by tabs, or in a line without any tab by white space.

    Parameters
    ----------
    path
        The file.
    region
        Keep what overlaps it, 0-based half-open, under any usual spelling of the
        contig; all lines are checked either way.
    fields
        How many fields are BED's own, 3 to 12; those after are passed over. By
        default all there are, but six of ``.narrowPeak`` and ``.broadPeak`` files.

    Returns
    -------
    pd.DataFrame
        One row per line, in the order of the file, with those of ``chrom``,
        ``start``, ``end`` (0-based half-open), ``name``, ``score`` (NaN for ``.``),
        ``strand`` (``+``, ``-`` or ``.``), ``thick_start``, ``thick_end``, ``rgb``
        (``"#rrggbb"``, or empty) and ``blocks`` (pairs of start and end on the
        genome) that the file has.

    Raises
    ------
    ValueError
        If the file is missing, damaged or empty, or a line is malformed; the message
        names its number.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "x.bed"
    ...     _ = path.write_text("chr1\t10\t20\tpeak 1\t7.5\t+")
    ...     read_bed(path)
      chrom  start  end    name  score strand
    0  chr1     10   20  peak 1    7.5      +
    """
    file = Path(path)
    check_file(file, ValueError)
    reader = _Reader(str(path), _own_fields(file, fields))
    wanted = None if region is None else ContigFilter(region.chrom, source=str(path))
    rows = []
    for number, line in numbered_lines(file, ValueError):
        if _passed_over(line):
            continue
        row = reader.row(number, line.rstrip("\n"))
        if region is None or (wanted and wanted(row[0]) and _overlaps(row, region)):
            rows.append(row)
    columns = COLUMNS[: reader.columns]
    frame = pd.DataFrame(rows, columns=list(columns))
    return frame.astype({name: _DTYPES[name] for name in columns if name in _DTYPES})


def read_bed_places(path: StrPath) -> pd.DataFrame:
    r"""Read the first six fields of a BED file whose lines may differ in number.

    Of a list of places, not of features to draw: that is `read_bed`.

    Parameters
    ----------
    path
        The file, plain or gzip.

    Returns
    -------
    pd.DataFrame
        ``chrom``, ``start``, ``end`` (0-based half-open), ``name`` and ``score`` as
        text, empty if not given, and ``strand``, ``.`` if not given.

    Raises
    ------
    ValueError
        If a line has fewer than three fields or its positions are not numbers.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "x.bed"
    ...     _ = path.write_text("chr1\t10\t20\nchr1\t30\t40\tpeak\t0\t-\n")
    ...     read_bed_places(path)[["start", "name", "strand"]].values.tolist()
    [[10, '', '.'], [30, 'peak', '-']]
    """
    return pd.DataFrame(list(bed_places(path)), columns=list(COLUMNS[:6]))


def bed_places(path: StrPath) -> Iterator[tuple[str, int, int, str, str, str]]:
    """Yield the rows of `read_bed_places` as the file is read.

    Raises
    ------
    ValueError
        As `read_bed_places`, at the line.
    """
    for number, line in numbered_lines(Path(path), ValueError):
        if not _passed_over(line):
            yield _place(line, f"{path}, line {number}")


def _place(line: str, where: str) -> tuple[str, int, int, str, str, str]:
    fields = line.rstrip("\r\n").split("\t" if "\t" in line else None)
    try:
        chrom, start, end = fields[0], int(fields[1]), int(fields[2])
    except (IndexError, ValueError):
        raise ValueError(
            f"{where} must start with chrom, start and end; got {line.strip()!r}."
        ) from None
    name, score, strand = (fields[3:6] + ["", "", "."][len(fields[3:6]) :])[:3]
    return chrom, start, end, name, score, strand if strand in ("+", "-") else "."


def _passed_over(line: str) -> bool:
    return not line.strip() or line.startswith("#") or line.split()[0] in _SKIPPED


_MOST = 2**63 - 1  # what a column holds
_DTYPES = {
    "start": "int64",
    "end": "int64",
    "score": "float64",
    "thick_start": "int64",
    "thick_end": "int64",
}


def _own_fields(path: Path, fields: int | None) -> int | None:
    """Return how many fields to read at most, or None for all."""
    if fields is not None:
        if not 3 <= fields <= _TWELVE:
            raise ValueError(f"fields must be from 3 to 12; got {fields}.")
        return fields
    suffixes = [suffix.lower() for suffix in path.suffixes]
    return next((n for name, n in _EXTENDED.items() if name in suffixes), None)


def _overlaps(row: list[Any], region: Interval) -> bool:
    start, end = row[1], max(row[2], row[1] + 1)  # an empty feature lies at its start
    return start < region.end and region.start < end


class _Reader:
    """Turns lines into rows, each with as many fields as the first."""

    def __init__(self, source: str, own: int | None) -> None:
        self._source = source
        self._own = own
        self._fields: int | None = None

    @property
    def columns(self) -> int:
        """How many columns the rows have."""
        fields = min(self._fields or 3, self._own or _TWELVE)
        return len(COLUMNS) if fields == _TWELVE else min(fields, 9)

    def row(self, number: int, line: str) -> list[Any]:
        """Return the values of one line."""
        texts = line.split("\t") if "\t" in line else line.split()
        try:
            self._count(len(texts))
            return _values(texts[: self._own], self.columns)
        except ValueError as error:
            raise ValueError(f"{self._source} line {number}: {error}") from None

    def _count(self, found: int) -> None:
        if self._fields is None:
            if found < 3:
                raise ValueError(
                    f"must have at least chrom, start and end; got {found} fields."
                )
            own = found if self._own is None else min(found, self._own)
            if own in (10, 11) or own > _TWELVE:
                raise ValueError(
                    f"must have 3 to 9 or 12 fields; got {own}. If the last are not "
                    "BED's own, say how many are: fields=6 of a narrowPeak file."
                )
            self._fields = found
        elif found != self._fields:
            raise ValueError(
                f"must have {self._fields} fields as the first line has; got {found}."
            )


def _values(texts: list[str], columns: int) -> list[Any]:
    start, end = _whole("start", texts[1]), _whole("end", texts[2])
    if not texts[0]:
        raise ValueError("chrom must not be empty.")
    if not 0 <= start <= end:
        raise ValueError(f"must have 0 ≤ start ≤ end; got {start} and {end}.")
    values: list[Any] = [texts[0], start, end]
    for column in range(3, columns):
        name = COLUMNS[column]
        if name == "blocks":
            values.append(_blocks(texts[9:12], start, end))
        else:
            values.append(_PARSERS[name](name, texts[column]))
    if columns > 7 and values[6:8] == [0, 0]:
        values[6:8] = start, start  # how some programs say that nothing is thick
    if columns > 7 and not start <= values[6] <= values[7] <= end:
        raise ValueError(
            f"the thick part must lie in {start} to {end}; got {values[6]} to "
            f"{values[7]}."
        )
    return values


def _whole(name: str, text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise ValueError(f"{name} must be a whole number; got {text!r}.") from None
    if abs(number) > _MOST:
        raise ValueError(f"{name} must be at most {_MOST:,}; got {text!r}.")
    return number


def _text(_: str, text: str) -> str:
    return text


def _score(name: str, text: str) -> float:
    if text in (".", ""):
        return float("nan")
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{name} must be a number or a dot; got {text!r}.") from None


def _strand(name: str, text: str) -> str:
    if text not in ("+", "-", "."):
        raise ValueError(f"{name} must be +, - or a dot; got {text!r}.")
    return text


def _rgb(name: str, text: str) -> str:
    """Return ``r,g,b`` as ``#rrggbb``, and ``0``, a dot or nothing as nothing."""
    if text in ("0", ".", ""):
        return ""
    parts = text.rstrip(",").split(",")
    if len(parts) != 3 or not all(part.strip().isdecimal() for part in parts):
        raise ValueError(f"{name} must be three numbers, or 0; got {text!r}.")
    levels = [int(part) for part in parts]
    if max(levels) > 255:
        raise ValueError(f"{name} must be from 0 to 255 each; got {text!r}.")
    return "#{:02x}{:02x}{:02x}".format(*levels)


_PARSERS: Mapping[str, Callable[[str, str], Any]] = {
    "name": _text,
    "score": _score,
    "strand": _strand,
    "thick_start": _whole,
    "thick_end": _whole,
    "rgb": _rgb,
}


def _blocks(texts: list[str], start: int, end: int) -> tuple[tuple[int, int], ...]:
    """Return the blocks of a feature as starts and ends on the genome."""
    count = _whole("block count", texts[0])
    sizes, starts = _list("block sizes", texts[1]), _list("block starts", texts[2])
    if not count == len(sizes) == len(starts):
        raise ValueError(
            f"must have as many block sizes and starts as blocks, {count}; got "
            f"{len(sizes)} and {len(starts)}."
        )
    spans = [
        (start + at, start + at + size) for at, size in zip(starts, sizes, strict=True)
    ]
    edges = [edge for span in spans for edge in span]
    if edges != sorted(edges) or not spans or edges[0] != start or edges[-1] != end:
        raise ValueError(
            f"blocks must run from {start} to {end} without overlaps; got "
            f"{', '.join(f'{a}-{b}' for a, b in spans[:4])}."
        )
    return tuple(spans)


def _list(name: str, text: str) -> list[int]:
    return [_whole(name, part) for part in text.strip().rstrip(",").split(",")]
