"""A toy locus: 100 bp, five variants, genes of given lengths, and hostile text."""

import pandas as pd

from hyenascope.data.gene import Gene, Transcript
from hyenascope.data.interval import Interval

PAYLOAD = "<img src=x onerror=alert(1)>"
LOCUS = Interval("chr1", 1000, 1100)


def toy_variants() -> pd.DataFrame:
    """Five kinds of change; the last has no score."""
    rows = [
        ("chr1", 1001, "A", "G", PAYLOAD, -2.0, ""),
        ("chr1", 1050, "C", "CTT", "rs2", 0.5, ""),
        ("chr1", 1060, "GAT", "G", ".", 1.0, ""),
        ("chr1", 1070, "AC", "GT", ".", 0.25, ""),
        ("chr1", 1100, "T", "<DEL>", "sv1", float("nan"), "ALT is symbolic: <DEL>"),
    ]
    names = ["chrom", "pos", "ref", "alt", "id", "conditional", "reason"]
    frame = pd.DataFrame(rows, columns=names)
    return frame.assign(markov_3=[0.1, 0.2, 0.3, 0.4, 0.5], cpg=[True] + [False] * 4)


def build_gene(name: str, start: int, *lengths: int, strand: str = "+") -> Gene:
    """Build a gene of one transcript from exon, intron, exon … lengths.

    All but the first base of the first exon and the last of the last is coding.
    """
    exons, at = [], start
    for number, length in enumerate(lengths):
        if number % 2 == 0:
            exons.append(Interval("chr1", at, at + length, strand))
        at += length
    whole = Interval("chr1", start, at, strand)
    coding = Interval("chr1", start + 1, at - 1, strand)
    cds = tuple(part for exon in exons if (part := exon.intersect(coding)))
    transcript = Transcript(f"{name}-201", whole, tuple(exons), cds, "protein_coding")
    return Gene(name, f"{name}-id", whole, (transcript,))
