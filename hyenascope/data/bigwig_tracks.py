"""bigWig files of one genome side by side, as tracks to learn or to draw."""

from collections.abc import Sequence
from os import PathLike
from pathlib import Path

import numpy as np
from jaxtyping import Float

from hyenascope._typing import StrPath
from hyenascope.data.bigwig import bigwig_contigs, read_bigwig
from hyenascope.data.contigs import ContigNames
from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData


def bigwig_tracks(
    paths: StrPath | Sequence[StrPath],
    genome: FastaReader,
    *,
    contigs: str | Sequence[str] | None = None,
    zero_missing: bool = False,
    log1p: bool = False,
) -> list[TrackData]:
    """Read whole contigs of several files, one track per file under the file's name.

    Parameters
    ----------
    paths
        bigWig files of this assembly, one or several.
    genome
        Whose contigs are meant.
    contigs
        Which; by default those that every file has.
    zero_missing
        Take bases that a file leaves out as 0, which many coverage files mean, and not
        as NaN.
    log1p
        Return log(1 + value), the usual scale to learn a coverage on.

    Returns
    -------
    list of TrackData
        One per contig, in the genome's order.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    UnknownContigError
        If the genome or a file lacks a contig that is asked for.
    ValueError
        If a file is not bigWig or of another assembly, two have one name, there is no
        contig in common, or the log is asked of values at or below −1.

    Examples
    --------
    >>> import tempfile
    >>> from hyenascope.data.bigwig import write_bigwig
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     fasta = Path(folder) / "tiny.fa"
    ...     _ = fasta.write_text(">chr1" + chr(10) + "ACGT" + chr(10))
    ...     write_bigwig(
    ...         f"{folder}/cov.bw",
    ...         np.array([3.0]),
    ...         Interval("chr1", 1, 2),
    ...         contig_lengths={"chr1": 4},
    ...     )
    ...     genome = FastaReader(fasta)
    ...     (track,) = bigwig_tracks([f"{folder}/cov.bw"], genome, zero_missing=True)
    >>> track.names, track.values[:, 0].tolist()
    (('cov',), [0.0, 3.0, 0.0, 0.0])
    """
    paths = [paths] if isinstance(paths, str | PathLike) else list(paths)
    contigs = [contigs] if isinstance(contigs, str) else contigs
    if not paths:
        raise ValueError("paths must hold at least one bigWig file; got none.")
    labels = [Path(path).stem for path in paths]
    if len(set(labels)) < len(labels):
        raise ValueError(f"paths must have different names; got {', '.join(labels)}.")
    lengths = [bigwig_contigs(path) for path in paths]
    found = []
    for chrom in _contigs(paths, lengths, genome, contigs):
        place = Interval(chrom, 0, genome.contigs[chrom])
        for path, sizes in zip(paths, lengths, strict=True):
            _check_size(path, sizes, place)
        values = np.stack([read_bigwig(path, place) for path in paths], axis=1)
        if zero_missing:
            values = np.nan_to_num(values, nan=0.0)
        units = "log(1 + value)" if log1p else ""
        if log1p:
            values = _logs(values, labels, place)
        found.append(TrackData(values, labels, place, units))
    return found


def _contigs(
    paths: Sequence[StrPath],
    lengths: Sequence[dict[str, int]],
    genome: FastaReader,
    asked: Sequence[str] | None,
) -> list[str]:
    if asked is not None:
        return [genome.resolve(chrom) for chrom in asked]
    spellings = [
        ContigNames(sizes, source=str(path))
        for path, sizes in zip(paths, lengths, strict=True)
    ]
    common = [
        chrom
        for chrom in genome.contigs
        if all(spelling.find(chrom) is not None for spelling in spellings)
    ]
    if not common:
        raise ValueError(
            f"paths must be of the genome in {genome.path.name}; got none of its "
            f"contigs in every file, but {', '.join(list(lengths[0])[:5])} in "
            f"{Path(paths[0]).name}."
        )
    return common


def _check_size(path: StrPath, sizes: dict[str, int], place: Interval) -> None:
    size = sizes[ContigNames(sizes, source=str(path)).resolve(place.chrom)]
    if size != place.length:
        raise ValueError(
            f"paths must be of this assembly, where {place.chrom} has "
            f"{place.length:,} bp; got {size:,} in {Path(path).name}."
        )


def _logs(
    values: Float[np.ndarray, "length track"], labels: Sequence[str], place: Interval
) -> Float[np.ndarray, "length track"]:
    if (values <= -1).any():
        row, column = np.argwhere(values <= -1)[0]
        raise ValueError(
            "log1p must be of values above -1, such as a coverage; got "
            f"{values[row, column]:g} of {labels[column]} at {place.chrom}:{row + 1:,}."
        )
    return np.log1p(values)
