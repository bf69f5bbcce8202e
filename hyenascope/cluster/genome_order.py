"""Rows in the order of the genome, without holding them all."""

import heapq
import shutil
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa

from hyenascope.cluster.shard_inputs import Row, read_rows, write_rows

_RUN_ROWS = 262_144  # sorted in memory at once
_MERGED = 64  # files that are open at once


class OrderWatch:
    """Let rows pass, and see whether they come in the order of a genome.

    They do if every contig comes in one piece, and its positions do not go back;
    which contig is first does not matter.

    Parameters
    ----------
    place
        Contig and position of a row.

    Examples
    --------
    >>> watch = OrderWatch(lambda row: (str(row[0]), int(row[1])))
    >>> [watch.passes(row) for row in [("II", 5), ("II", 5), ("I", 1), ("II", 9)]]
    [True, True, True, False]
    """

    def __init__(self, place: Callable[[Row], tuple[str, int]]) -> None:
        self._place = place
        self._seen: set[str] = set()
        self._last = ("", -1)

    def passes(self, row: Row) -> bool:
        """Whether the row may follow those before it."""
        chrom, position = self._place(row)
        known, at = self._last
        self._last = (chrom, position)
        if chrom == known:
            return position >= at
        if chrom in self._seen:
            return False
        self._seen.add(chrom)
        return True


def in_genome_order(
    rows: Iterable[Row],
    key: Callable[[Row], tuple[int, int]],
    schema: pa.Schema,
    scratch: Path,
) -> Iterator[Row]:
    """Yield rows by contig and position, those of one place in their own order.

    Sorted runs of 262,144 rows go to ``scratch`` and are merged from there, 64 at a
    time.

    Parameters
    ----------
    rows
        In any order.
    key
        Rank of the contig, and position.
    schema
        Types of the columns.
    scratch
        A folder, made anew and removed when the last row is out.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    try:
        remaining = iter(rows)
        files: list[Path] = []
        while run := sorted(islice(remaining, _RUN_ROWS), key=key):
            files.append(scratch / f"{len(files):06d}.parquet")
            write_rows(run, files[-1], schema)
        while len(files) > _MERGED:
            files = list(_merged(files, key, schema))
        yield from heapq.merge(*map(read_rows, files), key=key)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _merged(
    files: list[Path], key: Callable[[Row], tuple[int, int]], schema: pa.Schema
) -> Iterator[Path]:
    """Merge neighbouring files to one each, in the place of the first."""
    for start in range(0, len(files), _MERGED):
        some = files[start : start + _MERGED]
        write_rows(heapq.merge(*map(read_rows, some), key=key), some[0], schema)
        for file in some[1:]:
            file.unlink()
        yield some[0]
