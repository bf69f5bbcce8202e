"""The rows of a run, cut into one small Parquet file per shard."""

import shutil
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from hyenascope.data.atomic import atomic_path

Row = tuple[Any, ...]
"""Texts and numbers of one row, in the order of the columns; None for NaN."""

_ROWS_AT_ONCE = 4_096  # of each file


def write_shards(
    rows: Iterable[Row],
    folder: Path,
    schema: pa.Schema,
    shard_size: int,
    weight: Callable[[Row], int] = lambda _row: 1,
) -> int:
    """Write rows to ``folder``, a file per shard, and return the rows of the result.

    The folder is made anew, and memory holds one shard.

    Parameters
    ----------
    rows
        In their order.
    folder, schema
        Where to, and the types of the columns.
    shard_size
        Rows of the result to a shard; the last has what is left.
    weight
        Rows of the result that a row gives; they must fill every shard to the brim.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    batch: list[Row] = []
    total = shard = 0
    for row in rows:
        batch.append(row)
        total += weight(row)
        if total == (shard + 1) * shard_size:
            write_rows(batch, folder / f"{shard:06d}.parquet", schema)
            batch, shard = [], shard + 1
    if batch:
        write_rows(batch, folder / f"{shard:06d}.parquet", schema)
    return total


def write_rows(rows: Iterable[Row], path: Path, schema: pa.Schema) -> None:
    """Write one file, whole or not at all, a few thousand rows in memory at once."""
    remaining = iter(rows)
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema) as file:
        while batch := list(islice(remaining, _ROWS_AT_ONCE)):
            file.write_table(as_table(batch, schema))


def as_table(rows: Sequence[Row], schema: pa.Schema) -> pa.Table:
    """Turn rows into columns."""
    arrays = [
        pa.array(column, kind)
        for column, kind in zip(zip(*rows, strict=True), schema.types, strict=True)
    ]
    return pa.table(arrays, schema=schema)


def read_rows(path: Path) -> Iterator[Row]:
    """Yield the rows of a file, a few thousand in memory at once."""
    with pq.ParquetFile(path, pre_buffer=False) as file:
        for batch in file.iter_batches(batch_size=_ROWS_AT_ONCE):
            columns = [column.to_pylist() for column in batch.columns]
            yield from zip(*columns, strict=True)
