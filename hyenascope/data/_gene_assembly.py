"""Rows of GTF or GFF3 put together: parts to transcripts, transcripts to genes.

Both formats become the same three things: gene rows, transcript rows and parts
(exons and coding parts), linked by identifier *and* contig and strand. Identifiers
are not trusted to be unique: what is far apart stays apart.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from hyenascope.data._annotation_rows import AnnotationError, Row
from hyenascope.data.gene import Gene, Transcript
from hyenascope.data.interval import Interval

_Key = tuple[str, str, str]
"""Contig, strand, identifier."""

_CODING = {"cds", "stop_codon"}
_GTF_TRANSCRIPTS = {"transcript", "mrna"}
_ID_PREFIX = re.compile(r"(?i)(gene|transcript|pseudogene|cds|m?rna)[:-](?=.)")

_LONGEST_INTRON = 1_500_000  # of known ones 1.2 Mb; only where no row spans the exons


@dataclass
class _Rows:
    """All rows of interest, by what they are and whom they belong to."""

    genes: dict[_Key, list[Row]] = field(default_factory=lambda: defaultdict(list))
    transcripts: dict[_Key, list[Row]] = field(
        default_factory=lambda: defaultdict(list)
    )
    parts: dict[_Key, list[Row]] = field(default_factory=lambda: defaultdict(list))


@dataclass(frozen=True)
class _Locus:
    """A transcript and the gene it belongs to."""

    gene: _Key
    transcript: Transcript
    rows: tuple[Row, ...]


def assemble_genes(rows: Iterable[Row]) -> list[Gene]:
    """Return the genes that the rows describe, sorted by position within a contig."""
    sorted_in = _sort_in(rows)
    by_gene: dict[_Key, list[_Locus]] = {key: [] for key in sorted_in.genes}
    for key in dict.fromkeys([*sorted_in.transcripts, *sorted_in.parts]):
        for locus in _loci(key, sorted_in):
            by_gene.setdefault(locus.gene, []).append(locus)
    genes = [
        gene
        for key, loci in by_gene.items()
        for gene in _genes(key, sorted_in.genes.get(key, []), loci)
    ]
    rank = {chrom: i for i, chrom in enumerate(dict.fromkeys(g.chrom for g in genes))}
    return sorted(genes, key=lambda gene: (rank[gene.chrom], gene.interval))


def _sort_in(rows: Iterable[Row]) -> _Rows:
    found = _Rows()
    for row in rows:
        is_part = row.kind in _CODING or row.kind.endswith("exon")
        if is_part:
            for parent in _parents(row):
                found.parts[_key(row, parent)].append(row)
        elif row.kind.endswith("gene"):
            found.genes[_key(row, _own_id(row, "gene_id"))].append(row)
        elif row.is_gff3 or row.kind in _GTF_TRANSCRIPTS:
            identifier = _own_id(row, "transcript_id", required=not row.is_gff3)
            if identifier:
                found.transcripts[_key(row, identifier)].append(row)
    return found


def _key(row: Row, identifier: str) -> _Key:
    return row.interval.chrom, row.interval.strand, identifier


def _own_id(row: Row, gtf_key: str, *, required: bool = True) -> str:
    keys = ("ID", gtf_key) if row.is_gff3 else (gtf_key, "gene_id")
    identifier = row.first(*keys)
    if required and not identifier:
        raise AnnotationError(
            f"{row.place}: a row of type {row.feature} must have {keys[0]}; got none."
        )
    return identifier


def _parents(row: Row) -> list[str]:
    """Return the transcripts that an exon or coding part belongs to."""
    if row.is_gff3 and row.attributes.get("Parent"):
        return row.attributes["Parent"]
    return [row.first("transcript_id") or _own_id(row, "gene_id")]


def _loci(key: _Key, rows: _Rows) -> list[_Locus]:
    """Return one locus per place where this transcript identifier is found."""
    own, parts = rows.transcripts.get(key, []), rows.parts.get(key, [])
    if not parts and not _has_gene(key, own, rows):
        return []  # some other feature with an ID: an alignment, a repeat
    groups = _by_row(own, parts) if own else [([], g) for g in _by_distance(parts)]
    return [
        _Locus(_gene_key(key, group + members, rows), transcript, (*group, *members))
        for group, members in groups
        for transcript in [_transcript(key, group, members)]
    ]


def _has_gene(key: _Key, own: Sequence[Row], rows: _Rows) -> bool:
    return not own[0].is_gff3 or _gene_key(key, own, rows) in rows.genes


def _gene_key(key: _Key, own: Sequence[Row], rows: _Rows) -> _Key:
    """Return the gene of a transcript: by GTF's gene_id, or up GFF3's parents."""
    chrom, strand, identifier = key
    if not own[0].is_gff3:
        return chrom, strand, own[0].first("gene_id") or identifier
    current, seen = key, set[_Key]()
    while current not in rows.genes and current not in seen:
        seen.add(current)
        above = rows.transcripts.get(current)
        parent = above[0].first("Parent") if above else ""
        if not parent:
            break
        current = (chrom, strand, parent)
    if current in rows.genes:
        return current
    return chrom, strand, own[0].first("gene_id") or current[2]


def _by_row(
    own: Sequence[Row], parts: Sequence[Row]
) -> list[tuple[list[Row], list[Row]]]:
    """Give each part to the transcript row that holds it, else to the nearest."""
    spans = dict.fromkeys(row.interval for row in own)
    members: dict[Interval, list[Row]] = {span: [] for span in spans}
    for part in parts:
        nearest = min(spans, key=lambda span: _distance(span, part.interval))
        members[nearest].append(part)
    rows = {row.interval: row for row in reversed(own)}
    return [([rows[span]], members[span]) for span in spans]


def _distance(span: Interval, part: Interval) -> int:
    return max(0, span.start - part.start) + max(0, part.end - span.end)


def _by_distance(parts: Sequence[Row]) -> list[list[Row]]:
    """Split the parts of one identifier where another copy begins.

    That is after a gap longer than any intron, or where an exon number comes again.
    """
    groups: list[list[Row]] = []
    numbers: set[str] = set()
    end = 0
    for part in sorted(
        parts, key=lambda part: (part.interval.start, part.kind == "cds")
    ):
        number = part.first("exon_number") if part.kind.endswith("exon") else ""
        beyond = part.interval.start >= end
        far = part.interval.start - end > _LONGEST_INTRON
        if not groups or (beyond and (far or number in numbers)):
            groups.append([])
            numbers = set()
            end = 0
        groups[-1].append(part)
        numbers |= {number} - {""}
        end = max(end, part.interval.end)
    return groups


def _transcript(key: _Key, own: Sequence[Row], parts: Sequence[Row]) -> Transcript:
    exons = _merged(p.interval for p in parts if p.kind not in _CODING)
    cds = _merged((p.interval for p in parts if p.kind in _CODING), touching=True)
    spans = [row.interval for row in own]
    whole = _hull([*spans, *exons, *cds])
    row = (*own, *parts)[0]
    return Transcript(
        row.first("transcript_id") or _ID_PREFIX.sub("", key[2], count=1),
        whole,
        exons or cds or (whole,),
        cds,
        _biotype(row) if own else row.first("transcript_biotype", "transcript_type"),
    )


def _biotype(row: Row) -> str:
    stated = row.first("transcript_biotype", "transcript_type", "biotype")
    if stated or not row.is_gff3 or row.kind == "transcript":
        return stated
    return "protein_coding" if row.kind == "mrna" else row.feature


def _merged(
    parts: Iterable[Interval], *, touching: bool = False
) -> tuple[Interval, ...]:
    """Return the union of parts, sorted; neighbours that only touch stay two."""
    merged: list[Interval] = []
    for part in sorted(set(parts)):
        last = merged[-1] if merged else None
        if last and part.start < last.end + touching:
            merged[-1] = _hull([last, part])
        else:
            merged.append(part)
    return tuple(merged)


def _hull(parts: Sequence[Interval]) -> Interval:
    start, end = min(p.start for p in parts), max(p.end for p in parts)
    return Interval(parts[0].chrom, start, end, parts[0].strand)


def _genes(key: _Key, own: Sequence[Row], loci: Sequence[_Locus]) -> list[Gene]:
    """Return one gene per gene row and per group of overlapping transcripts."""
    rows = {row.interval: row for row in reversed(own)}
    members: dict[Interval, list[_Locus]] = {span: [] for span in rows}
    homeless = []
    for locus in loci:
        span = locus.transcript.interval
        home = next((place for place in rows if place.overlaps(span)), None)
        if home is None:
            homeless.append(locus)
        else:
            members[home].append(locus)
    placed = [_gene(key, rows[span], members[span]) for span in rows]
    return placed + [_gene(key, None, group) for group in _overlapping(homeless)]


def _overlapping(loci: Iterable[_Locus]) -> list[list[_Locus]]:
    groups: list[list[_Locus]] = []
    end = 0
    for locus in sorted(loci, key=lambda locus: locus.transcript.interval):
        if not groups or locus.transcript.interval.start >= end:
            groups.append([])
        groups[-1].append(locus)
        end = max(end, locus.transcript.interval.end)
    return groups


def _gene(key: _Key, own: Row | None, loci: Sequence[_Locus]) -> Gene:
    identifier = _ID_PREFIX.sub("", key[2], count=1)
    ordered = sorted((locus.transcript for locus in loci), key=_by_position)
    spans = [transcript.interval for transcript in ordered]
    if own is not None:
        gene_id = own.first("gene_id") or identifier
        name = own.first("gene_name", "gene", "locus", "sequence_name", "Name")
        biotype = own.first("gene_biotype", "gene_type", "biotype")
        return Gene(
            name or gene_id,
            gene_id,
            _hull([own.interval, *spans]),
            tuple(ordered),
            biotype,
        )
    row = loci[0].rows[0]
    gene_id = row.first("gene_id") or identifier
    name = row.first("gene_name", "gene", "locus") or gene_id
    biotype = row.first("gene_biotype", "gene_type")
    return Gene(name, gene_id, _hull(spans), tuple(ordered), biotype)


def _by_position(transcript: Transcript) -> tuple[Interval, str]:
    return transcript.interval, transcript.transcript_id
