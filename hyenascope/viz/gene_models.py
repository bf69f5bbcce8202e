"""Genes as lines of exons: whole, or transcript by transcript.

Rows and names are given out in `hyenascope.viz.rows`; what is drawn is in
`hyenascope.viz.gene_shapes`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from hyenascope.data.gene import Gene, Transcript
from hyenascope.viz.text import shorten

Span = tuple[int, int]
"""0-based half-open start and end."""


@dataclass(frozen=True)
class GeneModel:
    """One drawn line of exons: a transcript, or a gene with its transcripts merged.

    Parameters
    ----------
    name
        Label, as the file has it.
    about
        Facts for the hover text, as the file has them, one a line.
    chrom, start, end, strand
        Extent, 0-based half-open.
    exons, cds
        Sorted, not overlapping, 0-based half-open.
    part
        What an exon is called in the hover text.
    """

    name: str
    about: tuple[str, ...]
    chrom: str
    start: int
    end: int
    strand: str
    exons: tuple[Span, ...]
    cds: tuple[Span, ...]
    part: str = "exon"

    @property
    def introns(self) -> tuple[Span, ...]:
        """The gaps between exons."""
        return tuple(
            (left[1], right[0])
            for left, right in zip(self.exons, self.exons[1:], strict=False)
        )

    @property
    def label(self) -> str:
        """Name and reading direction, not escaped."""
        name = shorten(self.name, 30)
        return {"+": f"{name} →", "-": f"← {name}"}.get(self.strand, name)


def merge_spans(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return the union of ``spans``, sorted; neighbours that touch become one.

    Examples
    --------
    >>> merge_spans([(5, 9), (0, 3), (8, 12)])
    ((0, 3), (5, 12))
    """
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def collapse(gene: Gene) -> GeneModel:
    """Draw a gene as one line: the union of its transcripts' exons and CDS."""
    transcripts = gene.transcripts
    kinds = sorted({item.biotype for item in transcripts if item.biotype})
    about = [
        "" if gene.gene_id == gene.name else gene.gene_id,
        gene.biotype or ", ".join(kinds),
        _count(len(transcripts), "transcript"),
    ]
    exons = _union(part for item in transcripts for part in (item.exons, item.cds))
    return GeneModel(
        name=gene.name or gene.gene_id,
        about=tuple(line for line in about if line),
        chrom=gene.interval.chrom,
        start=gene.interval.start,
        end=gene.interval.end,
        strand=gene.interval.strand,
        exons=exons or ((gene.interval.start, gene.interval.end),),
        cds=_union(item.cds for item in transcripts),
        part="exon" if len(transcripts) <= 1 else "merged exon",
    )


def each(gene: Gene) -> list[GeneModel]:
    """Draw every transcript as a line of its own; a gene without any as itself."""
    models = [_of_transcript(gene, transcript) for transcript in gene.transcripts]
    return models or [collapse(gene)]


def _of_transcript(gene: Gene, transcript: Transcript) -> GeneModel:
    where = transcript.interval
    about = (f"{gene.name} {gene.gene_id}".strip(), transcript.biotype)
    return GeneModel(
        name=transcript.transcript_id,
        about=tuple(line for line in about if line),
        chrom=where.chrom,
        start=where.start,
        end=where.end,
        strand=where.strand,
        exons=_union([transcript.exons, transcript.cds]) or ((where.start, where.end),),
        cds=_union([transcript.cds]),
    )


def _union(groups: Iterable[Iterable[Any]]) -> tuple[Span, ...]:
    return merge_spans((part.start, part.end) for group in groups for part in group)


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'s' if number != 1 else ''}"
