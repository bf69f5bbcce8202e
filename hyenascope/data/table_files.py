"""Tables of any length as TSV, CSV or Parquet, a block of rows in memory at once."""

import gzip
import io
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from hyenascope._typing import StrPath
from hyenascope.data.atomic import atomic_path

TABLE_SUFFIXES = (".tsv", ".tsv.gz", ".csv", ".csv.gz", ".parquet")

_BLOCK = 16_384  # rows that are written together, and a row group of Parquet


def write_table(frames: Iterable[pd.DataFrame], path: StrPath) -> int:
    """Write one table that comes in pieces, and return its rows.

    The suffix decides the format; the index is left out. However the rows are cut, the
    bytes are the same. The file appears whole or not at all.

    Parameters
    ----------
    frames
        One at least, of the same columns and types.
    path
        Where to: ``.tsv`` or ``.csv``, also ``.gz``, or ``.parquet``.

    Raises
    ------
    ValueError
        If the suffix is another, or there is no piece.
    OSError
        If the disk refuses.

    Examples
    --------
    >>> import tempfile
    >>> pieces = [pd.DataFrame({"n": [1, 2]}), pd.DataFrame({"n": [3]})]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write_table(pieces, Path(folder) / "n.tsv")
    ...     (Path(folder) / "n.tsv").read_text().split()
    3
    ['n', '1', '2', '3']
    """
    name = Path(path).name.lower()
    if not name.endswith(TABLE_SUFFIXES):
        raise ValueError(
            f"path must end in one of {', '.join(TABLE_SUFFIXES)}; got {path}."
        )
    with atomic_path(path) as target:
        if name.endswith(".parquet"):
            return _write_parquet(_blocks(frames), target)
        separator = "," if name.endswith((".csv", ".csv.gz")) else "\t"
        with _text(target, compress=name.endswith(".gz")) as file:
            return _write_text(_blocks(frames), file, separator)


def _blocks(frames: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Cut rows anew, so that it does not show how they came."""
    held: list[pd.DataFrame] = []
    count = 0
    for frame in frames:
        held.append(frame)
        count += len(frame)
        if count > _BLOCK:
            whole = _joined(held)
            end = (count - 1) // _BLOCK * _BLOCK  # some rows stay for the last block
            for start in range(0, end, _BLOCK):
                yield whole.iloc[start : start + _BLOCK]
            held, count = [whole.iloc[end:]], count - end
    if not held:
        raise ValueError("frames must hold a table; got none.")
    yield _joined(held)


def _joined(frames: list[pd.DataFrame]) -> pd.DataFrame:
    return frames[0] if len(frames) == 1 else pd.concat(frames)


def _write_parquet(blocks: Iterator[pd.DataFrame], path: Path) -> int:
    first = next(blocks)
    table = pa.Table.from_pandas(first, preserve_index=False)
    rows = len(first)
    with pq.ParquetWriter(path, table.schema) as file:
        file.write_table(table)
        for block in blocks:
            table = pa.Table.from_pandas(block, table.schema, preserve_index=False)
            file.write_table(table)
            rows += len(block)
    return rows


def _write_text(
    blocks: Iterator[pd.DataFrame], file: io.TextIOWrapper, separator: str
) -> int:
    rows = 0
    for block in blocks:
        block.to_csv(file, sep=separator, index=False, header=not rows)
        rows += len(block)
    return rows


@contextmanager
def _text(path: Path, *, compress: bool) -> Iterator[io.TextIOWrapper]:
    """Open a file to write text; compressed, it holds neither name nor time."""
    if not compress:
        with path.open("w", encoding="utf-8", newline="") as file:
            yield file
        return
    with (
        path.open("wb") as raw,
        gzip.GzipFile("", "wb", fileobj=raw, mtime=0) as zipped,
        io.TextIOWrapper(zipped, encoding="utf-8", newline="") as file,
    ):
        yield file
