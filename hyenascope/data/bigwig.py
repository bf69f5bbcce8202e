"""bigWig: one float32 signal per file, which every genome browser opens."""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyBigWig
from jaxtyping import Float, Int64

from hyenascope._typing import StrPath
from hyenascope.data.atomic import atomic_path
from hyenascope.data.contigs import ContigNames
from hyenascope.data.interval import Interval

_MOST_BYTES = 24  # per value, before compression: 8 of data and 11 of zoom levels


_MOST_READ = 2**21  # bases; reading as many is quicker than asking for 800 bins


class BigWigBins(NamedTuple):
    """Statistics of equal bins, NaN where a bin holds no value.

    Attributes
    ----------
    edges
        0-based positions where bins start, and where the last one ends.
    mean
        Over the bases of each bin that have a value.
    low, high
        Extremes.
    """

    edges: Int64[np.ndarray, " edges"]
    mean: Float[np.ndarray, " bins"]
    low: Float[np.ndarray, " bins"]
    high: Float[np.ndarray, " bins"]


def write_bigwig(
    path: StrPath,
    values: Float[np.ndarray, " length"],
    interval: Interval,
    *,
    contig_lengths: Mapping[str, int] | None = None,
) -> None:
    """Write one signal over an interval; the file appears whole or not at all.

    The format keeps float32 and nothing else: no name, no units, no provenance.
    Values run in genome order whatever the strand; NaN becomes a gap.

    Parameters
    ----------
    path
        Where to write.
    values
        One per base of ``interval``.
    interval
        0-based half-open.
    contig_lengths
        Length of every contig in bp, for example ``FastaReader(path).contigs``. If
        absent, the file declares one contig that ends where ``interval`` does; some
        browsers refuse such a file beside a genome of another length.

    Raises
    ------
    ValueError
        If a value lies off its contig or is infinite in float32, all are NaN, or
        the contig is not in ``contig_lengths``.
    OSError
        If the file cannot be written; what was there before stays.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> where = Interval("chr1", 10, 13)
    >>> with TemporaryDirectory() as folder:
    ...     write_bigwig(f"{folder}/x.bw", np.array([0.5, np.nan, 2.0]), where)
    ...     read_bigwig(f"{folder}/x.bw", where)
    array([0.5, nan, 2. ], dtype=float32)
    """
    if values.shape != (interval.length,):
        raise ValueError(
            f"values must have one number per base of {interval}; got {values.shape}."
        )
    with np.errstate(over="ignore"):  # refused below, with its place
        narrow = values.astype(np.float32)
    positions = interval.start + np.flatnonzero(~np.isnan(narrow))
    lengths = contig_lengths or {interval.chrom: max(1, interval.end)}
    _check_values(narrow, interval)
    _check_contig(interval.chrom, positions, lengths)
    with atomic_path(path) as target:
        _write(target, narrow, positions, interval, lengths)


def read_bigwig(path: StrPath, interval: Interval) -> Float[np.ndarray, " length"]:
    """Return the float32 values over an interval, in genome order.

    Bases that the file leaves out, and those off the contig, are NaN. Another usual
    spelling of the contig (``1`` for ``chr1``) is found.

    Parameters
    ----------
    path
        A bigWig file from anywhere.
    interval
        0-based half-open.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not bigWig or lacks the contig.
    """
    values = np.full(interval.length, np.nan, np.float32)
    with _open_existing(path) as file:
        lengths = file.chroms()
        chrom = ContigNames(lengths, source=str(path)).resolve(interval.chrom)
        start, end = max(0, interval.start), min(lengths[chrom], interval.end)
        # pyBigWig refuses an empty stretch, and knows no values of an empty file.
        if start < end and file.header()["nBasesCovered"]:
            rows = slice(start - interval.start, end - interval.start)
            values[rows] = file.values(chrom, start, end, numpy=True)
    return values


def bigwig_contigs(path: StrPath) -> dict[str, int]:
    """Return the length in bp of every contig that a file declares.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not bigWig.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_bigwig(f"{folder}/x.bw", np.ones(3), Interval("chr1", 10, 13))
    ...     bigwig_contigs(f"{folder}/x.bw")
    {'chr1': 13}
    """
    with _open_existing(path) as file:
        return {str(name): int(length) for name, length in file.chroms().items()}


def summarize_bigwig(path: StrPath, interval: Interval, bins: int) -> BigWigBins:
    """Return mean, lowest and highest value of equal bins, however long the interval.

    Up to 2 Mb every value is read. Beyond, bins are read from the zoom levels of the
    file, whose blocks do not end where bins do: then the mean is approximate, and the
    extremes are those of all blocks that a bin touches, never less far apart than the
    truth.

    Parameters
    ----------
    path
        A bigWig file from anywhere.
    interval
        0-based half-open; the part on the contig is divided.
    bins
        How many; fewer where the part has fewer bases, none where it has none.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If ``bins`` is below 1, or the file is not bigWig or lacks the contig.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> where = Interval("chr1", 10, 14)
    >>> with TemporaryDirectory() as folder:
    ...     write_bigwig(f"{folder}/x.bw", np.array([1.0, 3.0, 5.0, 5.0]), where)
    ...     summarize_bigwig(f"{folder}/x.bw", where, 2).mean
    array([2., 5.])
    """
    if bins < 1:
        raise ValueError(f"bins must be at least 1; got {bins}.")
    with _open_existing(path) as file:
        lengths = file.chroms()
        chrom = ContigNames(lengths, source=str(path)).resolve(interval.chrom)
        start, end = max(0, interval.start), min(lengths[chrom], interval.end)
        length = max(0, end - start)
        count = min(bins, length)
        # As the library cuts them, whole numbers rounded down.
        edges = start + np.arange(count + 1) * length // max(count, 1)
        if not count or not file.header()["nBasesCovered"]:
            return BigWigBins(edges, *(np.full(count, np.nan) for _ in range(3)))
        if length <= _MOST_READ:
            values = file.values(chrom, start, end, numpy=True)
            return _binned(values, edges)
        found = (
            file.stats(chrom, start, end, type=kind, nBins=count)
            for kind in ("mean", "min", "max")
        )
        return BigWigBins(edges, *(np.array(each, dtype=float) for each in found))


def _binned(
    values: Float[np.ndarray, " length"], edges: Int64[np.ndarray, " edges"]
) -> BigWigBins:
    first = edges[:-1] - edges[0]
    known = ~np.isnan(values)
    count = np.add.reduceat(known, first, dtype=np.int64)
    total = np.add.reduceat(np.where(known, values, 0.0), first, dtype=float)
    mean = np.divide(total, count, out=np.full(len(first), np.nan), where=count > 0)
    low, high = np.fmin.reduceat(values, first), np.fmax.reduceat(values, first)
    return BigWigBins(edges, mean, low.astype(float), high.astype(float))


def _check_values(values: Float[np.ndarray, " length"], interval: Interval) -> None:
    infinite = np.flatnonzero(np.isinf(values))
    if infinite.size:
        raise ValueError(
            "values must be finite in float32, which is all that bigWig holds; got "
            f"infinity at {interval.chrom}:{interval.start + infinite[0] + 1:,}."
        )
    if np.isnan(values).all():
        raise ValueError(
            f"values must hold a number; got none over {interval}, and a bigWig file "
            "without any cannot be opened."
        )


def _check_contig(
    chrom: str, positions: np.ndarray, lengths: Mapping[str, int]
) -> None:
    if chrom not in lengths:
        shown = ", ".join(list(lengths)[:6])
        raise ValueError(
            f"contig_lengths must hold {chrom!r}; got {shown}, {len(lengths)} in all."
        )
    if positions[0] < 0 or positions[-1] >= lengths[chrom]:
        outside = positions[0] if positions[0] < 0 else positions[-1]
        raise ValueError(
            f"values must lie on {chrom}, which contig_lengths says has "
            f"{lengths[chrom]:,} bp; got one at {chrom}:{outside + 1:,}."
        )


def _write(
    target: Path,
    values: Float[np.ndarray, " length"],
    positions: np.ndarray,
    interval: Interval,
    lengths: Mapping[str, int],
) -> None:
    known = values[positions - interval.start]
    first, last = int(positions[0]), int(positions[-1])
    _check_space(target, _MOST_BYTES * len(known) + 100 * len(lengths) + 2**16)
    try:
        with pyBigWig.open(str(target), "w") as file:
            # The index of contigs is searched by name.
            file.addHeader(sorted((str(k), int(n)) for k, n in lengths.items()))
            if last - first + 1 == len(known):
                file.addEntries(interval.chrom, first, values=known, span=1, step=1)
            else:
                file.addEntries(interval.chrom, positions, values=known, span=1)
        # Closing complains on stderr only, so count what arrived.
        with _open(target) as file:
            written = file.header()["nBasesCovered"]
    except (RuntimeError, ValueError) as err:
        raise OSError(f"cannot write {target}: pyBigWig says {err}") from err
    if written != len(known):
        raise OSError(f"cannot write {target}: {written} of {len(known)} values did.")


def _check_space(target: Path, size: int) -> None:
    """Let the disk refuse here: pyBigWig crashes the process when it is full."""
    if not hasattr(os, "posix_fallocate"):
        return
    try:
        with target.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, size)
    finally:
        target.unlink(missing_ok=True)


def _open_existing(path: StrPath) -> Any:  # noqa: ANN401, pyBigWig has no types
    if not Path(path).is_file():
        raise FileNotFoundError(f"path must be a bigWig file; there is none at {path}.")
    return _open(path)


def _open(path: StrPath) -> Any:  # noqa: ANN401, pyBigWig has no types
    try:
        file = pyBigWig.open(str(Path(path).resolve()))
    except RuntimeError:
        raise ValueError(f"path must be a bigWig file; got {path}.") from None
    if not file.isBigWig():
        file.close()
        raise ValueError(f"path must be a bigWig file; got the bigBed {path}.")
    return file
