"""A gene with its transcripts, as intervals on the genome."""

from dataclasses import dataclass
from itertools import pairwise

from hyenascope.data.interval import Interval, Strand


@dataclass(frozen=True)
class Transcript:
    """One transcript; all intervals 0-based half-open, sorted left to right.

    Parameters
    ----------
    transcript_id
        Identifier in the annotation file.
    interval
        From the first to the last base, with the strand.
    exons
        Exons, not overlapping; at least one.
    cds
        Coding parts with the stop codon, in GTF as in GFF3; empty if non-coding.
    biotype
        Such as ``"protein_coding"``; ``""`` where the file does not say.

    Examples
    --------
    >>> exons = Interval("chr1", 0, 10, "-"), Interval("chr1", 20, 30, "-")
    >>> coding = (Interval("chr1", 5, 10, "-"), Interval("chr1", 20, 24, "-"))
    >>> transcript = Transcript("t1", Interval("chr1", 0, 30, "-"), exons, coding)
    >>> [str(part) for part in transcript.introns]
    ['chr1:11-20:-']
    >>> [str(part) for part in transcript.five_prime_utr]
    ['chr1:25-30:-']
    """

    transcript_id: str
    interval: Interval
    exons: tuple[Interval, ...]
    cds: tuple[Interval, ...] = ()
    biotype: str = ""

    @property
    def introns(self) -> tuple[Interval, ...]:
        """What lies between neighbouring exons, left to right."""
        return tuple(
            _part(self.interval, left.end, right.start)
            for left, right in pairwise(self.exons)
            if left.end < right.start
        )

    @property
    def five_prime_utr(self) -> tuple[Interval, ...]:
        """Exonic bases before the coding part, left to right; empty if non-coding."""
        return self._right_utr if self.interval.is_reverse else self._left_utr

    @property
    def three_prime_utr(self) -> tuple[Interval, ...]:
        """Exonic bases after the stop codon, left to right; empty if non-coding."""
        return self._left_utr if self.interval.is_reverse else self._right_utr

    @property
    def _left_utr(self) -> tuple[Interval, ...]:
        if not self.cds:
            return ()
        edge = self.cds[0].start
        return tuple(
            _part(exon, exon.start, min(exon.end, edge))
            for exon in self.exons
            if exon.start < edge
        )

    @property
    def _right_utr(self) -> tuple[Interval, ...]:
        if not self.cds:
            return ()
        edge = self.cds[-1].end
        return tuple(
            _part(exon, max(exon.start, edge), exon.end)
            for exon in self.exons
            if exon.end > edge
        )


@dataclass(frozen=True)
class Gene:
    """One gene at one place; an identifier found at two places makes two genes.

    Parameters
    ----------
    name
        What people call it: ``gene_name``, ``gene``, ``locus``, ``sequence_name`` or
        ``Name`` of the file, else the identifier.
    gene_id
        Identifier in the annotation file.
    interval
        From the first to the last base of any transcript, 0-based half-open, with
        the strand.
    transcripts
        Sorted by position; empty if the file lists none.
    biotype
        Such as ``"protein_coding"``; ``""`` where the file does not say.

    Examples
    --------
    >>> place = Interval("chr1", 0, 30, "+")
    >>> Gene("TINY", "g1", place, (Transcript("t1", place, (place,)),)).strand
    '+'
    """

    name: str
    gene_id: str
    interval: Interval
    transcripts: tuple[Transcript, ...] = ()
    biotype: str = ""

    @property
    def chrom(self) -> str:
        """Contig name."""
        return self.interval.chrom

    @property
    def strand(self) -> Strand:
        """``"+"``, ``"-"`` or ``"."``."""
        return self.interval.strand


def _part(whole: Interval, start: int, end: int) -> Interval:
    return Interval(whole.chrom, start, end, whole.strand)
