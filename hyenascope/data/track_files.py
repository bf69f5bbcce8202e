"""Many tracks in one parquet file, written and read one at a time."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from hyenascope._typing import StrPath
from hyenascope.data.atomic import atomic_path
from hyenascope.data.json_text import parse_json
from hyenascope.data.track_data import TrackData

_METADATA = {b"hyenascope.tracks": b"1"}
_KEPT = ("window", "labels")


def write_tracks(tracks: Iterable[TrackData], path: StrPath) -> None:
    """Stream tracks to one parquet file, holding one of them in memory at a time.

    The file appears whole when the last is written, or not at all. To others it is
    one table: ``window`` (0, 1, …), ``chrom``, 1-based ``pos``, a column per track
    name, and ``labels``, the JSON of `TrackData.labels`, provenance included. Each
    `TrackData` is one row group.

    Parameters
    ----------
    tracks
        For example one per window of a mutagenesis scan. Names and dtype must be
        those of the first; intervals, units and provenance may differ.
    path
        Where to write.

    Raises
    ------
    ValueError
        If names or dtype change, a name is kept for the table, or an interval is
        empty.
    OSError
        If the file cannot be written; what was there before stays.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from hyenascope.data.interval import Interval
    >>> windows = [Interval("chr1", start, start + 2) for start in (0, 10)]
    >>> scan = [TrackData([0.5, 1.0], ("x",), window) for window in windows]
    >>> with TemporaryDirectory() as folder:
    ...     write_tracks(iter(scan), f"{folder}/scan.parquet")
    ...     list(read_tracks(f"{folder}/scan.parquet")) == scan
    True
    """
    with atomic_path(path) as target:
        writer, first = None, None
        try:
            for window, data in enumerate(tracks):
                table = _as_table(window, data)
                first = first or _shape(data)
                if writer is None:
                    writer = pq.ParquetWriter(target, table.schema)
                _check_same(window, _shape(data), first)
                writer.write_table(table, row_group_size=len(table))
            if writer is None:
                columns = [("window", pa.int64()), ("labels", pa.string())]
                schema = pa.schema(columns, metadata=_METADATA)
                writer = pq.ParquetWriter(target, schema)
        finally:
            if writer is not None:
                writer.close()


def read_tracks(path: StrPath) -> Iterator[TrackData]:
    """Read what `write_tracks` wrote, one `TrackData` at a time and unchanged.

    Raises
    ------
    ValueError
        At once, if the file holds a table from elsewhere.
    """
    schema = pq.read_schema(Path(path))
    if not _METADATA.items() <= (schema.metadata or {}).items():
        raise ValueError(f"path must be a file written by write_tracks; got {path}.")
    return _each(Path(path))


def _each(path: Path) -> Iterator[TrackData]:
    with pq.ParquetFile(path, read_dictionary=["labels"]) as file:
        for group in range(file.num_row_groups):
            table = file.read_row_group(group)
            labels = parse_json(table["labels"][0].as_py())
            columns = [table[name].to_numpy() for name in labels["names"]]
            yield TrackData.from_labels(np.stack(columns, axis=1), labels)


def _as_table(window: int, data: TrackData) -> pa.Table:
    clash = set(_KEPT) & set(data.names)
    if clash or not data.names or not data.interval.length:
        raise ValueError(
            f"tracks must each have a name other than {_KEPT} and at least one base; "
            f"got {list(data.names)} over {data.interval} at index {window}."
        )
    frame = data.to_frame()
    frame.insert(0, "window", window)
    table = pa.Table.from_pandas(frame, preserve_index=False)
    # One copy of the text and an index of zeros, which packs to nothing.
    indices = pa.array(np.zeros(len(table), np.int8))
    labels = pa.DictionaryArray.from_arrays(indices, [json.dumps(data.labels())])
    table = table.append_column("labels", labels)
    return table.replace_schema_metadata({**table.schema.metadata, **_METADATA})


def _shape(data: TrackData) -> dict[str, Any]:
    return {"names": data.names, "dtype": data.values.dtype}


def _check_same(window: int, found: dict[str, Any], first: dict[str, Any]) -> None:
    if found != first:
        raise ValueError(
            f"tracks must all have names {list(first['names'])} of {first['dtype']}, "
            f"as the first has; got {list(found['names'])} of {found['dtype']} at "
            f"index {window}."
        )
