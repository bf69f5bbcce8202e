"""bedGraph: one signal as lines of text, which come back exactly as they were."""

import json
from collections.abc import Iterator, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from hyenascope._typing import StrPath
from hyenascope.data._text_lines import check_file, numbered_lines
from hyenascope.data.atomic import atomic_path
from hyenascope.data.interval import Interval
from hyenascope.data.json_text import parse_json

_MARK = "#hyenascope "
_IGNORED = ("#", "track", "browser")
_CHUNK = 2**16  # bases turned to text at a time


def write_bedgraph(
    path: StrPath,
    values: Float[np.ndarray, " length"],
    interval: Interval,
    labels: Mapping[str, object],
) -> None:
    """Write one signal over an interval; the file appears whole or not at all.

    Numbers have as many digits as their floating type needs to come back exactly.
    Neighbours with the same text share a line; NaN is left out. ``labels`` stand in
    a comment on the first line, which other programs skip.

    Parameters
    ----------
    path
        Where to write.
    values
        One per base of ``interval``, in genome order.
    interval
        0-based half-open, as the lines are.
    labels
        What else to keep, as JSON can hold it.

    Raises
    ------
    ValueError
        If ``interval`` starts before its contig does.
    OSError
        If the file cannot be written; what was there before stays.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     path = Path(folder) / "x.bedgraph"
    ...     where = Interval("chr1", 10, 13)
    ...     write_bedgraph(path, np.array([0.1, 0.1, np.nan]), where, {"units": "1"})
    ...     print(path.read_text())
    #hyenascope {"units": "1"}
    chr1	10	12	0.1
    """
    if interval.start < 0:
        raise ValueError(f"interval must lie on its contig; got {interval}.")
    with atomic_path(path) as target, target.open("w", encoding="utf-8") as file:
        file.write(f"{_MARK}{json.dumps(labels)}\n")
        for start in range(0, interval.length, _CHUNK):
            part = values[start : start + _CHUNK]
            file.writelines(_lines(part, interval.chrom, interval.start + start))


def read_bedgraph_labels(path: StrPath) -> dict[str, Any] | None:
    """Return the labels `write_bedgraph` put on the first line, or None.

    Raises
    ------
    ValueError
        If the file is missing or empty, or its first line is damaged.
    """
    check_file(Path(path), ValueError)
    _, line = next(numbered_lines(Path(path), ValueError))
    if not line.startswith(_MARK):
        return None
    try:
        return parse_json(line.removeprefix(_MARK))
    except ValueError as err:
        raise ValueError(f"{path} line 1: the labels are damaged: {err}") from None


def read_bedgraph(path: StrPath, interval: Interval) -> Float[np.ndarray, " length"]:
    """Return the values over an interval as float64, NaN where no line is.

    Parameters
    ----------
    path
        A bedGraph file from anywhere, also gzip.
    interval
        0-based half-open; lines elsewhere are passed over.

    Raises
    ------
    ValueError
        If the file is missing, or a line is malformed or overlaps another; the
        message names its number.
    """
    check_file(Path(path), ValueError)
    values = np.full(interval.length, np.nan)
    filled = np.zeros(interval.length, bool)
    for number, line in numbered_lines(Path(path), ValueError):
        if not line.strip() or line.startswith(_IGNORED):
            continue
        chrom, start, end, value = _fields(line, f"{path} line {number}")
        if chrom != interval.chrom:
            continue
        left, right = max(start, interval.start), min(end, interval.end)
        rows = slice(left - interval.start, max(left, right) - interval.start)
        if filled[rows].any():
            raise ValueError(f"{path} line {number}: overlaps an earlier line.")
        values[rows], filled[rows] = value, True
    return values


def _lines(
    values: Float[np.ndarray, " length"], chrom: str, start: int
) -> Iterator[str]:
    texts = values.astype(np.str_)
    # Texts, not numbers: 0.0 and -0.0 are equal and must not merge.
    edges = np.flatnonzero(texts[1:] != texts[:-1]) + 1
    bounds = [0, *edges.tolist(), len(texts)]
    for left, right in pairwise(bounds):
        if texts[left] != "nan":
            yield f"{chrom}\t{start + left}\t{start + right}\t{texts[left]}\n"


def _fields(line: str, where: str) -> tuple[str, int, int, float]:
    try:
        chrom, start_text, end_text, value = line.split()[:4]
        start, end, number = int(start_text), int(end_text), float(value)
    except ValueError:
        raise ValueError(
            f"{where}: must be chrom, start, end, value; got {line.strip()!r}."
        ) from None
    if not 0 <= start < end:
        raise ValueError(f"{where}: must have 0 ≤ start < end; got {line.strip()!r}.")
    return chrom, start, end, number
