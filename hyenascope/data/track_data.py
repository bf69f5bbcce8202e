"""Numbers over an interval: what models hand to figures."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float
from numpy.typing import ArrayLike

from hyenascope._typing import StrPath
from hyenascope.data.atomic import atomic_path
from hyenascope.data.bedgraph import (
    read_bedgraph,
    read_bedgraph_labels,
    write_bedgraph,
)
from hyenascope.data.bigwig import read_bigwig, write_bigwig
from hyenascope.data.interval import Interval
from hyenascope.data.json_text import parse_json
from hyenascope.data.provenance import Provenance

_METADATA_KEY = b"hyenascope.track_data"
_COORDINATES = ("chrom", "pos")


@dataclass(frozen=True, eq=False, init=False)
class TrackData:
    """One or more signals with one value per base of an interval.

    Row ``i`` belongs to 0-based position ``interval.start + i``: rows run in genome
    order, left to right, whatever the strand of the interval. NaN is no value.

    Parameters
    ----------
    values
        ``length track``. A list or a one-axis array is taken as a single track;
        anything but a floating type becomes float64. Stored as a read-only copy.
    names
        One name per track, unique; ``chrom`` and ``pos`` are kept for coordinates.
    interval
        Where the rows lie, 0-based half-open.
    units
        Of all values, for axis labels; for example ``"nats"``.
    provenance
        What made the values (model, score, window, seed, …), as JSON can hold it.
        Stored as a read-only deep copy, lists as tuples; every method keeps it.

    Raises
    ------
    ValueError
        If the shape of ``values`` does not fit ``interval`` and ``names``, they are
        not real numbers, or a name is repeated, empty or kept.
    TypeError
        If ``provenance`` holds what JSON cannot.

    Examples
    --------
    >>> gc = TrackData([0.5, 1.0, 0.0], ("gc",), Interval("chr1", 10, 13), "fraction")
    >>> gc.values.shape
    (3, 1)
    >>> gc.slice(Interval("chr1", 11, 12)).track("gc")
    array([1.])
    """

    values: Float[np.ndarray, "length track"]
    names: tuple[str, ...]
    interval: Interval
    units: str = ""
    provenance: Mapping[str, object] = field(default_factory=Provenance)

    def __init__(
        self,
        values: ArrayLike,
        names: Sequence[str],
        interval: Interval,
        units: str = "",
        provenance: Mapping[str, object] | None = None,
    ) -> None:
        names = (names,) if isinstance(names, str) else tuple(names)
        columns = _as_columns(values)
        _check_names(names)
        if columns.shape != (interval.length, len(names)):
            raise ValueError(
                f"values must have shape ({interval.length}, {len(names)}), one row "
                f"per base of {interval} and one column per name; got {columns.shape}."
            )
        columns.flags.writeable = False
        record = Provenance(provenance)
        labels = {"names": names, "interval": interval, "units": units}
        fields = {"values": columns, **labels, "provenance": record}
        for name, value in fields.items():
            object.__setattr__(self, name, value)

    def __eq__(self, other: object) -> bool:
        """Whether labels, provenance, dtype and values agree; NaN equals NaN."""
        if not isinstance(other, TrackData):
            return NotImplemented
        names = ("names", "interval", "units", "provenance")
        return (
            all(getattr(self, name) == getattr(other, name) for name in names)
            and self.values.dtype == other.values.dtype
            and np.array_equal(self.values, other.values, equal_nan=True)
        )

    def track(self, name: str) -> Float[np.ndarray, " length"]:
        """Return the values of one track, read-only.

        Raises
        ------
        KeyError
            If there is no track of that name.

        Examples
        --------
        >>> both = TrackData(np.eye(2), ("left", "right"), Interval("chr1", 0, 2))
        >>> both.track("right")
        array([0., 1.])
        """
        if name not in self.names:
            raise KeyError(f"name must be one of {list(self.names)}; got {name!r}.")
        return self.values[:, self.names.index(name)]

    def slice(self, interval: Interval) -> "TrackData":
        """Return the rows of a smaller interval, which takes the place of the old.

        Raises
        ------
        ValueError
            If ``interval`` (0-based half-open) is not inside the present one.

        Examples
        --------
        >>> ramp = TrackData(np.arange(4.0), ("ramp",), Interval("chr1", 10, 14))
        >>> ramp.slice(Interval("chr1", 12, 14)).track("ramp")
        array([2., 3.])
        """
        if not self.interval.contains(interval):
            raise ValueError(
                f"interval must lie inside {self.interval}; got {interval}."
            )
        rows = slice(
            interval.start - self.interval.start, interval.end - self.interval.start
        )
        return self._with(self.values[rows], interval=interval)

    def select(self, *names: str) -> "TrackData":
        """Return some of the tracks, in the order asked for.

        Raises
        ------
        KeyError
            If there is no track of a name.

        Examples
        --------
        >>> both = TrackData(np.eye(2), ("left", "right"), Interval("chr1", 0, 2))
        >>> both.select("right").values.ravel()
        array([0., 1.])
        """
        columns = np.stack([self.track(name) for name in names], axis=1)
        return self._with(columns, names=names)

    def rolling_mean(self, width: int) -> "TrackData":
        """Return the mean of the ``width`` bases around each base.

        The window reaches ``width // 2`` to the left and is cut at the ends; NaN
        does not count, and a window of nothing else gives NaN.

        Raises
        ------
        ValueError
            If ``width`` is below 1.

        Examples
        --------
        >>> ramp = TrackData([0.0, 3.0, 6.0, 9.0], ("ramp",), Interval("chr1", 0, 4))
        >>> ramp.rolling_mean(3).track("ramp")
        array([1.5, 3. , 6. , 7.5])
        """
        if width < 1:
            raise ValueError(f"width must be at least 1; got {width}.")
        frame = pd.DataFrame(self.values)
        # pandas closes a window on the right: look ahead by what is missing there.
        ahead = width - 1 - width // 2
        padded = frame.reindex(range(len(frame) + ahead))
        means = padded.rolling(width, min_periods=1).mean().iloc[ahead:]
        return self._with(means.to_numpy())

    def to_frame(self) -> pd.DataFrame:
        """Return a table with ``chrom``, 1-based ``pos`` and a column per track.

        Examples
        --------
        >>> TrackData([0.5, 1.0], ("gc",), Interval("chr1", 10, 12)).to_frame()
          chrom  pos   gc
        0  chr1   11  0.5
        1  chr1   12  1.0
        """
        positions = np.arange(self.interval.start + 1, self.interval.end + 1)
        columns = dict(zip(self.names, self.values.T, strict=True))
        return pd.DataFrame({"chrom": self.interval.chrom, "pos": positions, **columns})

    def to_parquet(self, path: StrPath) -> None:
        """Write the table of `to_frame`, with all labels in its metadata.

        The file appears whole or not at all. `from_parquet` reads it back unchanged.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> gc = TrackData([0.5, np.nan], ("gc",), Interval("chr1", 10, 12), "fraction")
        >>> with TemporaryDirectory() as folder:
        ...     gc.to_parquet(f"{folder}/gc.parquet")
        ...     TrackData.from_parquet(f"{folder}/gc.parquet") == gc
        True
        """
        table = pa.Table.from_pandas(self.to_frame(), preserve_index=False)
        labels = json.dumps(self.labels()).encode()
        metadata = {**(table.schema.metadata or {}), _METADATA_KEY: labels}
        with atomic_path(path) as target:
            pq.write_table(table.replace_schema_metadata(metadata), target)

    @classmethod
    def from_parquet(cls, path: StrPath) -> "TrackData":
        """Read a file that `to_parquet` wrote.

        Raises
        ------
        ValueError
            If the file holds a table from elsewhere.
        """
        table = pq.read_table(Path(path))
        labels = (table.schema.metadata or {}).get(_METADATA_KEY)
        if labels is None:
            raise ValueError(f"path must be a file written by to_parquet; got {path}.")
        fields = parse_json(labels.decode())
        columns = [table[name].to_numpy() for name in fields["names"]]
        values = np.stack(columns, axis=1) if columns else np.empty((len(table), 0))
        return cls.from_labels(values, fields)

    def to_bigwig(
        self,
        path: StrPath,
        *,
        track: str | None = None,
        contig_lengths: Mapping[str, int] | None = None,
    ) -> None:
        """Write one track as bigWig: float32, NaN as gaps, no labels.

        See `hyenascope.data.bigwig.write_bigwig`. A file holds one signal: of several
        tracks name one, or put ``{track}`` in the path for a file of each.

        Raises
        ------
        KeyError
            If there is no track of that name.
        ValueError
            If it is not clear which track to write, or bigWig cannot hold it.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> both = TrackData(np.eye(2), ("left", "right"), Interval("chr1", 0, 2))
        >>> with TemporaryDirectory() as folder:
        ...     both.to_bigwig(f"{folder}/{{track}}.bw")
        ...     sorted(file.name for file in Path(folder).iterdir())
        ['left.bw', 'right.bw']
        """
        for name, target in self._files(path, track).items():
            write_bigwig(
                target, self.track(name), self.interval, contig_lengths=contig_lengths
            )

    @classmethod
    def from_bigwig(
        cls, path: StrPath, interval: Interval, *, name: str | None = None
    ) -> "TrackData":
        """Read an interval (0-based half-open) of a bigWig file as one track.

        The track takes the name of the file unless ``name`` is given.
        """
        return cls(read_bigwig(path, interval), (name or Path(path).stem,), interval)

    def to_bedgraph(self, path: StrPath, *, track: str | None = None) -> None:
        """Write one track as bedGraph, which `from_bedgraph` reads back unchanged.

        Labels and provenance go into a comment on the first line. Of several tracks
        name one, or put ``{track}`` in the path for a file of each.

        Raises
        ------
        KeyError
            If there is no track of that name.
        ValueError
            If it is not clear which track to write.

        Examples
        --------
        >>> from tempfile import TemporaryDirectory
        >>> gc = TrackData([0.1, np.nan], ("gc",), Interval("chr1", 10, 12), "fraction")
        >>> with TemporaryDirectory() as folder:
        ...     gc.to_bedgraph(f"{folder}/gc.bedgraph")
        ...     TrackData.from_bedgraph(f"{folder}/gc.bedgraph") == gc
        True
        """
        for name, target in self._files(path, track).items():
            labels = {**self.select(name).labels(), "dtype": str(self.values.dtype)}
            write_bedgraph(target, self.track(name), self.interval, labels)

    @classmethod
    def from_bedgraph(
        cls, path: StrPath, *, interval: Interval | None = None
    ) -> "TrackData":
        """Read a bedGraph file as one track.

        A file that `to_bedgraph` wrote brings its labels; ``interval`` (0-based
        half-open) cuts it. Of any other file the interval must be given, and the
        track takes the name of the file.

        Raises
        ------
        ValueError
            If the file is malformed, or has no labels and ``interval`` is absent.
        """
        labels = read_bedgraph_labels(path)
        if labels is not None:
            values = read_bedgraph(path, Interval(**labels["interval"]))
            data = cls.from_labels(values.astype(labels["dtype"]), labels)
            return data if interval is None else data.slice(interval)
        if interval is None:
            raise ValueError(
                f"interval must be given for a file that to_bedgraph did not write; "
                f"got None for {path}."
            )
        return cls(read_bedgraph(path, interval), (Path(path).stem,), interval)

    def labels(self) -> dict[str, Any]:
        """Return everything but the values, as JSON can hold it.

        Examples
        --------
        >>> TrackData([0.5], ("gc",), Interval("chr1", 10, 11)).labels()["names"]
        ['gc']
        """
        where = dict(vars(self.interval))
        labels = {"names": list(self.names), "interval": where, "units": self.units}
        return {**labels, "provenance": self.provenance}

    @classmethod
    def from_labels(cls, values: ArrayLike, labels: Mapping[str, Any]) -> "TrackData":
        """Return values under the labels that `labels` gave."""
        where, names = Interval(**labels["interval"]), labels["names"]
        # Files of version 0.1 have no provenance.
        return cls(values, names, where, labels["units"], labels.get("provenance"))

    def _files(self, path: StrPath, track: str | None) -> dict[str, str]:
        """Return where each track that is to be written goes."""
        if track is not None:
            self.track(track)  # refuses an unknown one
            return {track: str(path).replace("{track}", track)}
        if len(self.names) != 1 and "{track}" not in str(path):
            raise ValueError(
                f"track must be one of {list(self.names)}, or path must hold "
                f"'{{track}}', since a file holds one signal; got {path}."
            )
        return {name: str(path).replace("{track}", name) for name in self.names}

    def _with(
        self,
        values: ArrayLike,
        *,
        names: Sequence[str] | None = None,
        interval: Interval | None = None,
    ) -> "TrackData":
        """Return other values under the same labels, except for those given."""
        names = self.names if names is None else names
        interval = interval or self.interval
        return TrackData(values, names, interval, self.units, self.provenance)


def _as_columns(values: ArrayLike) -> Float[np.ndarray, "length track"]:
    """Return a floating copy of ``values`` with two axes."""
    array = np.array(values)
    if array.ndim == 1:
        array = array[:, None]
    if array.ndim != 2 or array.dtype.kind not in "fiub":
        raise ValueError(
            "values must be real numbers with axes (length, track); "
            f"got {array.dtype} of shape {array.shape}."
        )
    return array if array.dtype.kind == "f" else array.astype(np.float64)


def _check_names(names: tuple[str, ...]) -> None:
    if len(set(names)) < len(names):
        raise ValueError(f"names must be unique; got {list(names)}.")
    for name in names:
        if not name or name in _COORDINATES:
            raise ValueError(
                f"names must be neither empty nor one of {_COORDINATES}; got {name!r}."
            )
