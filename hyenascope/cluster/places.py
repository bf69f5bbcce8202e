"""Stretches of a genome, one after the other, from a file of any size."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TypeAlias, cast

import pandas as pd
import pyarrow as pa

from hyenascope.cluster.run_folder import RunFolder
from hyenascope.cluster.shard_inputs import Row, write_shards
from hyenascope.data.bed import bed_places
from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval, Strand
from hyenascope.data.sequences import (
    BED_SUFFIXES,
    FASTA_SUFFIXES,
    row_names,
    table_intervals,
)

PlaceSource: TypeAlias = str | Path | Interval | Iterable[Interval] | pd.DataFrame
"""A BED or FASTA path, intervals, or a table: chrom start end [strand name]."""

Place: TypeAlias = tuple[str, Interval]
"""A name, and 0-based half-open."""

_SCHEMA = pa.schema(
    [
        ("input_row", pa.int64()),
        ("name", pa.string()),
        ("chrom", pa.string()),
        ("start", pa.int64()),
        ("end", pa.int64()),
        ("strand", pa.string()),
    ]
)


def is_fasta(source: PlaceSource) -> bool:
    """Whether the places are all records of a FASTA file."""
    path = isinstance(source, str | Path)
    return path and str(source).lower().endswith(FASTA_SUFFIXES)


def held(source: PlaceSource) -> PlaceSource:
    """Hold what can be gone through once: it is gone through twice."""
    if isinstance(source, str | Path | Interval | pd.DataFrame):
        return source
    return list(source)


def read_places(source: PlaceSource, genome: FastaReader) -> Iterator[Place]:
    """Yield places and their names, checked, a file as it is read.

    What has no name is called by its place, 1-based.

    Raises
    ------
    ValueError
        If the source is none, there is no place at all, or one is empty or not on its
        contig.
    """
    count = 0
    for name, place in _given(source, genome):
        chrom = genome.resolve(place.chrom)
        size = genome.contigs[chrom]
        if place.start < 0 or place.end > size or place.length < 1:
            raise ValueError(
                f"places must hold bases of their contig; got {place} on {chrom}, "
                f"which has {size:,} bp."
            )
        yield name, Interval(chrom, place.start, place.end, place.strand)
        count += 1
    if not count:
        raise ValueError("places must not be empty; got none.")


def plan_places(places: Iterable[Place], folder: RunFolder, shard_size: int) -> int:
    """Write the places of every shard, and return how many there are."""
    rows = (_row(i, *place) for i, place in enumerate(places))
    return write_shards(rows, folder.inputs, _SCHEMA, shard_size)


def plan_tiles(places: Iterable[Place], folder: RunFolder, shard_size: int) -> int:
    """Cut places so that every shard has ``shard_size`` bases; return the bases.

    A row is a tile, and ``input_row`` the number of its place.
    """
    tiles = _tiles(places, shard_size)
    return write_shards(tiles, folder.inputs, _SCHEMA, shard_size, _bases)


def _given(source: PlaceSource, genome: FastaReader) -> Iterator[Place]:
    if isinstance(source, Interval):
        yield str(source), source
    elif isinstance(source, pd.DataFrame):
        places = table_intervals(source)
        yield from zip(row_names(source, places), places, strict=True)
    elif not isinstance(source, str | Path):
        for place in source:
            yield str(place), place
    elif is_fasta(source):
        if Path(source).resolve() != genome.path.resolve():
            raise ValueError(
                f"places must be the FASTA that bases are read from, {genome.path}, a "
                f"BED or intervals; got {source}."
            )
        for name, size in genome.contigs.items():
            yield name, Interval(name, 0, size)
    elif str(source).lower().endswith(BED_SUFFIXES):
        for chrom, start, end, name, _, strand in bed_places(source):
            place = Interval(chrom, start, end, cast(Strand, strand))
            yield (name if name not in ("", ".") else str(place)), place
    else:
        raise ValueError(
            f"a file of places must end in {', '.join(BED_SUFFIXES + FASTA_SUFFIXES)}; "
            f"got {source}."
        )


def _tiles(places: Iterable[Place], shard_size: int) -> Iterator[Row]:
    room = shard_size
    for i, (name, place) in enumerate(places):
        start = place.start
        while start < place.end:
            end = min(place.end, start + room)
            yield _row(i, name, Interval(place.chrom, start, end, place.strand))
            room = room - (end - start) or shard_size
            start = end


def _bases(row: Row) -> int:
    return int(row[4]) - int(row[3])


def _row(number: int, name: str, place: Interval) -> Row:
    return number, name, place.chrom, place.start, place.end, place.strand
