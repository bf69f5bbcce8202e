"""Rows of GTF and GFF3, from whole files or by tabix region.

pysam reads bgzip and tabix. Its column parsers are not used: they turn a position
such as ``zz`` into −1 and stop at legal attributes (``Note=a=b``, an empty field).
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

import pysam

from hyenascope.data._text_lines import check_file, is_bgzip, numbered_lines
from hyenascope.data._vcf_lines import quiet_htslib
from hyenascope.data.contigs import ContigFilter, ContigNames
from hyenascope.data.interval import Interval, Strand

# key "value; with anything but an escaped quote" or key value
_GTF_ATTRIBUTE = re.compile(r'([^\s;"]+)\s+(?:"((?:[^"\\]|\\.)*)"|([^";]*))')
_GFF3_ATTRIBUTES = re.compile(r"\s*[^\s=;\"]+=")

# What never is a gene, a transcript or one of its parts: most rows of most files.
_IGNORED = {
    "intron",
    "start_codon",
    "utr",
    "five_prime_utr",
    "three_prime_utr",
    "5utr",
    "3utr",
    "transcript_region",
    "transcription_end_site",
    "transcription_start_site",
    "polya_site",
    "region",
    "chromosome",
    "selenocysteine",
}


class AnnotationError(ValueError):
    """A GTF or GFF3 file that cannot be read as one."""


@dataclass(frozen=True, slots=True)
class Row:
    """One feature: its type, where it lies, and its attributes, decoded.

    ``place`` is file and line, for messages.
    """

    feature: str
    interval: Interval
    attributes: dict[str, list[str]]
    is_gff3: bool
    place: str

    @property
    def kind(self) -> str:
        """The type in lower case."""
        return self.feature.lower()

    def first(self, *keys: str) -> str:
        """Return the first value of the first key that is there, or ``""``."""
        for key in keys:
            values = self.attributes.get(key)
            if values and values[0]:
                return values[0]
        return ""


def read_rows(path: Path, region: Interval | None) -> Iterator[Row]:
    """Yield the rows of a file, or those that share a base with ``region``.

    Rows of a region carry its contig name, whatever the file's spelling. A tabix
    index as new as the file is used; otherwise all lines are read.

    Raises
    ------
    AnnotationError
        If the file is missing, empty or damaged, or a line is malformed.
    """
    check_file(path, AnnotationError)
    index = None if region is None else _index(path)
    if region is None or index is None:
        yield from _scanned_rows(path, region)
    else:
        yield from _tabix_rows(path, region, index)


def _index(path: Path) -> Path | None:
    if not is_bgzip(path):
        return None
    made = path.stat().st_mtime_ns
    paths = (path.with_name(path.name + suffix) for suffix in (".tbi", ".csi"))
    fresh = (p for p in paths if p.exists() and p.stat().st_mtime_ns >= made)
    return next(fresh, None)


def _tabix_rows(path: Path, region: Interval, index: Path) -> Iterator[Row]:
    start = max(0, region.start)
    try:
        with (
            quiet_htslib(),
            pysam.TabixFile(str(path), index=str(index), encoding="utf-8") as tabix,
        ):
            chrom = ContigNames(tabix.contigs, source=str(path)).find(region.chrom)
            found = [] if chrom is None else [*tabix.fetch(chrom, start, region.end)]
    except (OSError, ValueError) as err:
        raise AnnotationError(f"{path} is truncated or damaged: {err}") from err
    for line in found:
        place = f"{path}, row at {':'.join(line.split(chr(9), 5)[0:4:3])}"
        row = parse_row(line, place, region.chrom)
        if row is not None:
            yield row


def _scanned_rows(path: Path, region: Interval | None) -> Iterator[Row]:
    wanted = None if region is None else ContigFilter(region.chrom, source=str(path))
    for number, raw in numbered_lines(path, AnnotationError):
        line = raw.rstrip("\n")
        if line.startswith(("##FASTA", ">")):
            return  # GFF3 may carry its sequences at the end
        if not line.strip() or line.startswith(("#", "track ", "browser ")):
            continue
        if wanted is None or region is None:
            row = parse_row(line, f"{path}, line {number}", None)
        elif wanted(line.split("\t", 1)[0]):
            row = parse_row(line, f"{path}, line {number}", region.chrom)
            if row is not None and not row.interval.overlaps(region):
                row = None
        else:
            row = None
        if row is not None:
            yield row


def parse_row(line: str, place: str, chrom: str | None) -> Row | None:
    """Return one line as a row, or None if its type is of no interest here.

    Parameters
    ----------
    line
        Nine columns; positions are 1-based inclusive.
    place
        File and line, for messages.
    chrom
        Contig name to give the row; None keeps the line's own.

    Raises
    ------
    AnnotationError
        If columns are missing, or positions or strand are not what they must be.
    """
    cells = line.split("\t")
    if len(cells) != 9:
        raise AnnotationError(
            f"{place}: a GTF or GFF3 row must have 9 columns separated by tabs; "
            f"got {len(cells)}: {line[:60]!r}."
        )
    contig, _, feature, first, last, _, strand, _, text = cells
    interval = _interval(chrom or contig, first, last, strand, place)
    if feature.lower() in _IGNORED:
        return None
    is_gff3 = _GFF3_ATTRIBUTES.match(text) is not None
    attributes = _gff3_attributes(text) if is_gff3 else _gtf_attributes(text)
    return Row(feature, interval, attributes, is_gff3, place)


def _interval(chrom: str, first: str, last: str, strand: str, place: str) -> Interval:
    if not (first.isdecimal() and last.isdecimal() and 1 <= int(first) <= int(last)):
        raise AnnotationError(
            f"{place}: start and end must be numbers with 1 <= start <= end; "
            f"got {first!r} and {last!r}."
        )
    sides: dict[str, Strand] = {"+": "+", "-": "-", ".": ".", "?": "."}
    if strand not in sides:
        raise AnnotationError(
            f"{place}: strand must be '+', '-', '.' or '?'; got {strand!r}."
        )
    try:
        return Interval(chrom, int(first) - 1, int(last), sides[strand])
    except ValueError as err:
        raise AnnotationError(f"{place}: {err}") from err


def _gtf_attributes(text: str) -> dict[str, list[str]]:
    attributes: dict[str, list[str]] = {}
    for key, quoted, bare in _GTF_ATTRIBUTE.findall(text):
        attributes.setdefault(key, []).append(quoted or bare.strip())
    return attributes


def _gff3_attributes(text: str) -> dict[str, list[str]]:
    attributes: dict[str, list[str]] = {}
    for entry in text.split(";"):
        key, _, value = entry.partition("=")
        if key.strip():
            values = [unquote(part.strip()) for part in value.split(",")]
            attributes.setdefault(unquote(key.strip()), []).extend(values)
    return attributes
