"""A synthetic genome as the files that real ones come in.

Every writer gives the same bytes for the same input, and each file appears whole or
not at all. Positions are 0-based half-open in Python and BED, 1-based in GTF and VCF.
"""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from hyenascope.data.atomic import atomic_path
from hyenascope.data.gene import Gene, Transcript
from hyenascope.data.interval import Interval
from hyenascope.data.synthetic_variants import Site

_LINE = 60


@dataclass(frozen=True)
class SyntheticFiles:
    """Where `SyntheticGenome.write` put what."""

    fasta: Path
    genes: Path
    motifs: Path
    variants: Path

    @classmethod
    def inside(cls, folder: Path) -> "SyntheticFiles":
        """Return the four paths in ``folder``; nothing is written.

        Examples
        --------
        >>> SyntheticFiles.inside(Path("demo")).fasta.name
        'genome.fa'
        """
        names = ("genome.fa", "genes.gtf", "motifs.bed", "variants.vcf")
        return cls(*(folder / name for name in names))


def write_fasta(path: Path, sequences: Mapping[str, str]) -> None:
    """Write 60 bases a line, and the ``.fai`` index beside it."""
    records, index, offset = [], [], 0
    for name, text in sequences.items():
        offset += len(name) + 2
        width = min(_LINE, len(text))
        index.append(f"{name}\t{len(text)}\t{offset}\t{width}\t{width + 1}")
        lines = [text[i : i + _LINE] for i in range(0, len(text), _LINE)]
        offset += len(text) + len(lines)
        records += [f">{name}", *lines]
    _write_lines(path, records)
    _write_lines(path.with_name(f"{path.name}.fai"), index)


def write_gtf(path: Path, genes: Iterable[Gene]) -> None:
    """Write GTF rows: gene, transcript, exon, start_codon, CDS, stop_codon.

    As in every GTF, CDS leaves out the stop codon and frame counts the bases before
    the next codon begins. Start and stop codons must not be split by an intron.
    """
    lines = ["#!genome-build synthetic"]
    for gene in genes:
        lines.append(_gtf_row("gene", gene.interval, ".", _attributes(gene)))
        for transcript in gene.transcripts:
            lines += _transcript_rows(gene, transcript)
    _write_lines(path, lines)


def write_bed(path: Path, motifs: Iterable[tuple[Interval, str]]) -> None:
    """Write (interval, name) as BED with six columns and a score of 0."""
    lines = [
        f"{where.chrom}\t{where.start}\t{where.end}\t{name}\t0\t{where.strand}"
        for where, name in motifs
    ]
    _write_lines(path, lines)


def write_vcf(
    path: Path,
    contigs: Mapping[str, int],
    records: Iterable[tuple[Site, Sequence[float], str]],
) -> None:
    """Write (alleles, their true effects in nats, region); NaN becomes missing."""
    lines = [
        "##fileformat=VCFv4.3",
        *(f"##contig=<ID={name},length={size}>" for name, size in contigs.items()),
        "##INFO=<ID=TRUE_EFFECT,Number=A,Type=Float,Description="
        '"log p(ALT) - log p(REF) in nats by the grammar that wrote the genome; '
        'missing for a change of length">',
        "##INFO=<ID=REGION,Number=1,Type=String,Description="
        '"What wrote the first changed base">',
        "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO",
    ]
    for site, effects, region in records:
        first = site[0]
        alts = ",".join(allele.alt for allele in site)
        truth = ",".join("." if math.isnan(x) else f"{x:.6g}" for x in effects)
        info = f"TRUE_EFFECT={truth};REGION={region}"
        fields = (first.chrom, first.pos, first.id, first.ref, alts, ".", ".", info)
        lines.append("\t".join(map(str, fields)))
    _write_lines(path, lines)


def _transcript_rows(gene: Gene, transcript: Transcript) -> Iterator[str]:
    about = _attributes(
        gene,
        f'transcript_id "{transcript.transcript_id}"; '
        f'transcript_biotype "{transcript.biotype}"; ',
    )
    yield _gtf_row("transcript", transcript.interval, ".", about)
    step = -1 if transcript.interval.is_reverse else 1
    for number, exon in enumerate(transcript.exons[::step], start=1):
        yield _gtf_row("exon", exon, ".", f'{about} exon_number "{number}";')
    coding = transcript.cds[::step]
    yield _gtf_row("start_codon", _head(coding[0], 3), "0", about)
    last = coding[-1].length - 3
    read = 0
    for block in (*coding[:-1], _head(coding[-1], last)):
        yield _gtf_row("CDS", block, str(-read % 3), about)
        read += block.length
    yield _gtf_row("stop_codon", _tail(coding[-1], 3), "0", about)


def _attributes(gene: Gene, transcript: str = "") -> str:
    return (
        f'gene_id "{gene.gene_id}"; {transcript}gene_name "{gene.name}"; '
        f'gene_biotype "{gene.biotype}";'
    )


def _gtf_row(kind: str, where: Interval, frame: str, attributes: str) -> str:
    place = f"{where.start + 1}\t{where.end}\t.\t{where.strand}"
    return f"{where.chrom}\tsynthetic\t{kind}\t{place}\t{frame}\t{attributes}"


def _head(block: Interval, bases: int) -> Interval:
    """Return the first bases as its strand reads."""
    if block.is_reverse:
        return replace(block, start=block.end - bases)
    return replace(block, end=block.start + bases)


def _tail(block: Interval, bases: int) -> Interval:
    return _head(block.reverse_strand(), bases).reverse_strand()


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    with atomic_path(path) as temporary:
        text = "".join(f"{line}\n" for line in lines)
        temporary.write_text(text, encoding="ascii", newline="\n")
