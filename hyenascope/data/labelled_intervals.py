"""Labels of intervals, with the DNA read from a genome: BED, CSV or a DataFrame."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

from hyenascope._typing import StrPath
from hyenascope.data._table_rows import (
    Columns,
    DnaReader,
    TableSource,
    collect_rows,
    finish,
    parts_of,
)
from hyenascope.data._tables import Table
from hyenascope.data.fasta import FastaReader, opened
from hyenascope.data.interval import Interval, Strand
from hyenascope.data.labelled_sequences import LabelError, LabelledSequences, Task

_STRANDS: dict[str, Strand] = {"+": "+", "-": "-", ".": ".", "": "."}
_PROFILE_COLUMNS = ("Chr_No", "Start", "End")


def read_labelled_intervals(
    source: TableSource | Mapping[str, TableSource],
    *,
    genome: FastaReader | StrPath,
    labels: str | Sequence[str] = "name",
    split: str | None = None,
    width: int | None = None,
    task: Task | None = None,
    name: str | None = None,
) -> LabelledSequences:
    r"""Read labelled intervals and their DNA, on their own strand.

    Parameters
    ----------
    source
        A BED file, or a CSV, TSV or parquet file or DataFrame with columns ``chrom``,
        ``start``, ``end`` (0-based half-open) and, if there are strands, ``strand``;
        or a mapping from split to one of them. Columns of BED are called as by
        `read_bed`, and from the 13th on ``column_13`` and so on.
    genome
        Where the DNA is, under any usual spelling of its contigs.
    labels
        A column of classes, several columns of 0 and 1, or a pattern for several.
    split
        Column of splits; without it as for `read_label_table`.
    width
        Read this many bases about the centre of each interval, N where they leave the
        contig. By default the interval, which must then lie on its contig.
    task
        ``"regression"`` if labels are numbers; the rest shows.
    name
        By default the name of the first file.

    Raises
    ------
    LabelError
        If a position is no number, an interval is empty or leaves its contig, the
        genome has no such contig, or as `read_label_table`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     fasta, bed = Path(folder) / "g.fa", Path(folder) / "x.bed"
    ...     _ = fasta.write_text(">I\nAACCGGGT\n")
    ...     _ = bed.write_text("I\t0\t4\tweak\t0\t+\nI\t4\t8\tstrong\t0\t-\n")
    ...     data = read_labelled_intervals(bed, genome=fasta)
    >>> data.sequences, data.label_names, data.labels.tolist()
    (('AACC', 'ACCC'), ('strong', 'weak'), [1, 0])
    """
    parts = parts_of(source)
    columns = Columns(labels=labels, split=split)
    with opened(genome) as reader:
        rows = collect_rows(
            parts, columns, task, dna=partial(dna_reader, genome=reader, width=width)
        )
    return finish(rows, parts, name, "intervals")


def read_chromatin_profiles(
    source: StrPath | Mapping[str, StrPath],
    *,
    genome: FastaReader | StrPath,
    width: int | None = None,
    name: str | None = None,
) -> LabelledSequences:
    """Read the table of DeepSEA's chromatin profiles as HyenaDNA's code reads it.

    Columns are ``Chr_No`` (0-based: 0 is chromosome 1), ``Start`` and ``End`` (0-based
    half-open) and one ``y_…`` of 0 and 1 for each profile.

    Parameters
    ----------
    source
        CSV, plain or gzip, or a mapping from split to CSV.
    genome
        The assembly that the coordinates are of; the file name says hg19 or hg38.
    width
        As for `read_labelled_intervals`; published intervals have 1,000 bp.
    name
        By default the name of the first file.

    Raises
    ------
    LabelError
        As `read_labelled_intervals`.
    """
    parts = parts_of(source)
    with opened(genome) as reader:
        read = partial(
            dna_reader,
            genome=reader,
            width=width,
            names=_PROFILE_COLUMNS,
            chrom=_number,
        )
        rows = collect_rows(parts, Columns(labels="y_*"), "multilabel", dna=read)
    return finish(rows, parts, name, "chromatin profiles")


def dna_reader(
    table: Table,
    *,
    genome: FastaReader,
    width: int | None = None,
    names: tuple[str, str, str] = ("chrom", "start", "end"),
    chrom: Callable[[str], str] = str.strip,
) -> DnaReader:
    """Return what reads the interval of a row, and its DNA from the genome."""
    if width is not None and width < 1:
        raise LabelError(f"width must be 1 or more; got {width}.")
    columns = [table.column("source", name) for name in names]
    strand = table.columns.index("strand") if "strand" in table.columns else None

    def read(cells: Sequence[str]) -> tuple[str, Interval]:
        contig, start, end = (cells[i] for i in columns)
        sign = "." if strand is None else cells[strand].strip()
        interval = Interval(
            chrom(contig), _whole("start", start), _whole("end", end), _strand(sign)
        )
        return fetched(genome, interval, width)

    return read


def fetched(
    genome: FastaReader, interval: Interval, width: int | None = None
) -> tuple[str, Interval]:
    """Return the DNA of an interval and the interval in the spelling of the genome."""
    name = genome.resolve(interval.chrom)
    if width is None:
        genome.inside(interval)
    else:
        interval = interval.resize(width)
    interval = replace(interval, chrom=name)
    return genome.fetch(interval), interval


def _strand(text: str) -> Strand:
    if text not in _STRANDS:
        raise LabelError(f"strand must be '+', '-' or '.'; got {text!r}.")
    return _STRANDS[text]


def _whole(name: str, text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise LabelError(f"{name} must be a whole number; got {text!r}.") from None


def _number(text: str) -> str:
    return f"chr{_whole('Chr_No', text) + 1}"
