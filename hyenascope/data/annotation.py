"""Genes, transcripts and exons over an interval, from GTF or GFF3."""

from pathlib import Path

from hyenascope._typing import StrPath
from hyenascope.data._annotation_rows import AnnotationError, read_rows
from hyenascope.data._gene_assembly import assemble_genes
from hyenascope.data.gene import Gene, Transcript
from hyenascope.data.interval import Interval

__all__ = ["AnnotationError", "Gene", "Transcript", "read_genes"]

# Longer than any known gene (2.5 Mb): far enough to see all of one from inside.
_REACH = 3_000_000


def read_genes(path: StrPath, interval: Interval | None = None) -> list[Gene]:
    """Read genes from GTF or GFF3, plain, gzip or bgzip.

    Ensembl, GENCODE, RefSeq, UCSC (exon and CDS rows only) and WormBase files are
    understood; the format is told from the attributes of each row. A gene or
    transcript without a row of its own is put together from its parts. The stop
    codon counts as coding, which GTF leaves open and GFF3 demands. An identifier
    found at several places makes several genes.

    Parameters
    ----------
    path
        The annotation. A tabix index as new as the file is used, else every line
        is read.
    interval
        0-based half-open: only genes that overlap it, on either strand, but each
        of them whole, with all its transcripts. Their contig is spelled as here,
        also where the file says ``20`` for ``chr20`` (a line is logged).

    Returns
    -------
    list of Gene
        By contig in file order, then by position; empty where there are none.

    Raises
    ------
    AnnotationError
        If the file is missing, empty or damaged, or a row is malformed; the message
        names file and line.

    Examples
    --------
    >>> import tempfile
    >>> row = 'chr1 x exon {} {} . + . gene_id "g1"; transcript_id "t1";'
    >>> text = [row.format(11, 20), row.format(31, 45)]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "tiny.gtf"
    ...     rows = (line.replace(" ", chr(9), 8) for line in text)
    ...     _ = path.write_text(chr(10).join(rows))
    ...     [gene] = read_genes(path, Interval("chr1", 22, 25))
    >>> gene.gene_id, str(gene.interval), str(gene.transcripts[0].introns[0])
    ('g1', 'chr1:11-45:+', 'chr1:21-30:+')
    """
    if interval is None:
        return assemble_genes(read_rows(Path(path), None))
    window = _widened(interval)
    while True:
        genes = assemble_genes(read_rows(Path(path), window))
        found = [gene for gene in genes if gene.interval.overlaps(interval)]
        if all(window.contains(gene.interval) for gene in found):
            return found
        window = _widened(_span([window, *(gene.interval for gene in found)]))


def _widened(interval: Interval) -> Interval:
    start = max(0, interval.start - _REACH)
    return Interval(interval.chrom, start, max(start, interval.end + _REACH))


def _span(intervals: list[Interval]) -> Interval:
    start, end = min(i.start for i in intervals), max(i.end for i in intervals)
    return Interval(intervals[0].chrom, start, end)
