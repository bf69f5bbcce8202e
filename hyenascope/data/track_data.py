"""Numbers over an interval: what models hand to figures."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from jaxtyping import Float
from numpy.typing import ArrayLike

from hyenascope._typing import StrPath
from hyenascope.data.atomic import atomic_path
from hyenascope.data.interval import Interval
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
        metadata = {**(table.schema.metadata or {}), _METADATA_KEY: self._labels()}
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
        fields = json.loads(labels)
        names = tuple(fields["names"])
        columns = [table[name].to_numpy() for name in names]
        values = np.stack(columns, axis=1) if columns else np.empty((len(table), 0))
        where = Interval(**fields["interval"])
        # Files of version 0.1 have no provenance.
        return cls(values, names, where, fields["units"], fields.get("provenance"))

    def _labels(self) -> bytes:
        where = vars(self.interval)
        labels = {"names": self.names, "interval": where, "units": self.units}
        return json.dumps({**labels, "provenance": self.provenance}).encode()

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
