"""Whatever a person has at hand, as named sequences: text, FASTA, BED, a table."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from hyenascope._typing import StrPath
from hyenascope.data.bed import read_bed_places
from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.sequence.dna import is_dna

_STEMS = (".fa", ".fasta", ".fna")
BED_SUFFIXES = (".bed", ".bed.gz")
FASTA_SUFFIXES = tuple(stem + gz for gz in ("", ".gz", ".bgz") for stem in _STEMS)

SequenceSource = (
    str | Path | Interval | pd.DataFrame | Sequence[str] | Sequence[Interval]
)
"""DNA text or a list of it, a FASTA or BED path, intervals, or a table."""


@dataclass(frozen=True)
class NamedSequences:
    """Sequences and their names, equally many, in the order they came."""

    names: tuple[str, ...]
    texts: tuple[str, ...]


def collect_sequences(
    source: SequenceSource, *, genome: FastaReader | StrPath | None = None
) -> NamedSequences:
    """Read sequences from anything that names them.

    Parameters
    ----------
    source
        DNA text or a list of it; a FASTA path (every record); a BED path, an
        `Interval` or a list of them (needs ``genome``); a table with a
        ``sequence`` column, or with ``chrom``, ``start``, ``end`` (0-based
        half-open) and optionally ``strand`` and ``name`` (needs ``genome``).
    genome
        Where intervals are read from; a reader or a FASTA path.

    Raises
    ------
    ValueError
        If the source is none of these, is empty, or intervals lack a genome.

    Examples
    --------
    >>> collect_sequences(["ACGT", "TTT"]).names
    ('0', '1')
    """
    named = list(_named(source, genome))
    if not named:
        raise ValueError(f"sequences must not be empty; got {_show(source)}.")
    names, texts = zip(*named, strict=True)
    return NamedSequences(names, texts)


def table_intervals(frame: pd.DataFrame) -> list[Interval]:
    """Return the place of each row, 0-based half-open, from its columns.

    Raises
    ------
    ValueError
        If there is no column ``chrom``, ``start`` or ``end``.

    Examples
    --------
    >>> table = pd.DataFrame({"chrom": ["I"], "start": [4], "end": [9]})
    >>> [str(place) for place in table_intervals(table)]
    ['I:5-9']
    """
    missing = {"chrom", "start", "end"} - set(frame.columns)
    if missing:
        raise ValueError(
            "a table of sequences must have a column 'sequence', or 'chrom', 'start' "
            f"and 'end'; got {list(frame.columns)}."
        )
    strands = frame["strand"] if "strand" in frame else ["."] * len(frame)
    return [
        Interval(str(chrom), int(start), int(end), strand)
        for chrom, start, end, strand in zip(
            frame["chrom"], frame["start"], frame["end"], strands, strict=True
        )
    ]


def row_names(frame: pd.DataFrame, otherwise: Iterable[object]) -> list[str]:
    """Return the names of a table; where there is none, or a dot, something else.

    Examples
    --------
    >>> row_names(pd.DataFrame({"name": ["a", "."]}), ["I:1-2", "I:3-4"])
    ['a', 'I:3-4']
    """
    if "name" not in frame:
        return list(map(str, otherwise))
    given = frame["name"].astype(object)
    known = given.where(given.notna(), "").astype(str)
    pairs = zip(known, otherwise, strict=True)
    return [str(other) if name in ("", ".") else name for name, other in pairs]


def _named(
    source: SequenceSource, genome: FastaReader | StrPath | None
) -> Iterator[tuple[str, str]]:
    if isinstance(source, Interval):
        yield from _from_intervals([source], genome)
    elif isinstance(source, pd.DataFrame):
        yield from _from_frame(source, genome)
    elif isinstance(source, str) and is_dna(source):
        yield "0", source
    elif isinstance(source, str | Path):
        yield from _from_file(Path(source), genome)
    elif len(source) and all(isinstance(item, Interval) for item in source):
        yield from _from_intervals(source, genome)  # type: ignore[arg-type]
    elif all(isinstance(item, str) for item in source):
        yield from ((str(i), str(text)) for i, text in enumerate(source))
    else:
        raise ValueError(
            "sequences must be DNA text, a FASTA or BED path, intervals or a table; "
            f"got {_show(source)}."
        )


def _from_file(
    path: Path, genome: FastaReader | StrPath | None
) -> Iterator[tuple[str, str]]:
    if path.name.lower().endswith(BED_SUFFIXES):
        yield from _from_frame(read_bed_places(path), genome)
    elif path.name.lower().endswith(FASTA_SUFFIXES):
        with FastaReader(path) as reader:
            for name, length in reader.contigs.items():
                yield name, reader.fetch(Interval(name, 0, length))
    else:
        raise ValueError(
            "sequences must be DNA text or a path ending in "
            f"{', '.join((*BED_SUFFIXES, *FASTA_SUFFIXES))}; got {_show(path)}."
        )


def _from_frame(
    frame: pd.DataFrame, genome: FastaReader | StrPath | None
) -> Iterator[tuple[str, str]]:
    if "sequence" in frame:
        names = row_names(frame, frame.index)
        for name, text in zip(names, frame["sequence"], strict=True):
            if not isinstance(text, str):
                raise ValueError(f"sequence {name} must be text; got {text!r}.")
            yield name, text
        return
    places = table_intervals(frame)
    names = row_names(frame, places)
    for (_, text), name in zip(_from_intervals(places, genome), names, strict=True):
        yield name, text


def _from_intervals(
    intervals: Sequence[Interval], genome: FastaReader | StrPath | None
) -> Iterator[tuple[str, str]]:
    if genome is None:
        raise ValueError("genome must be given to read intervals; got None.")
    reader = genome if isinstance(genome, FastaReader) else FastaReader(genome)
    for interval in intervals:
        size = reader.contigs[reader.resolve(interval.chrom)]
        if interval.start < 0 or interval.end > size:
            raise ValueError(
                f"interval {interval} must lie on its contig, which has {size:,} bp."
            )
        yield str(interval), reader.fetch(interval)


def _show(source: object) -> str:
    text = repr(source) if isinstance(source, str | Path) else type(source).__name__
    return text if len(text) <= 60 else f"{text[:57]}..."
