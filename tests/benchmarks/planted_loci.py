"""Loci of a synthetic genome that no bundled model has seen, and what lies in them.

A locus begins 60 bp before promoter A, in the direction of its gene. By default it must
hold a whole intron, so that every locus has both promoter motifs, a start codon, a
splice donor and a splice acceptor. Which loci these are depends on the layout alone, on
no score.
"""

from collections.abc import Iterator
from itertools import islice, pairwise

import numpy as np
from jaxtyping import Bool

from hyenascope.data.gene import Gene
from hyenascope.data.interval import Interval
from hyenascope.data.synthetic import SyntheticGenome, synthetic_genome

UPSTREAM = 60

NONCODING = ("background", "utr", "intron")
"""Regions that the chain alone wrote."""

PLAIN = (*NONCODING, "cds")
"""Regions without a planted element: coding bases but for start and stop are plain."""

ELEMENTS = {
    "promoter A": ("promoter_A",),
    "promoter B": ("promoter_B",),
    "splice donor": ("splice_donor",),
    "splice acceptor": ("splice_acceptor",),
    "start codon": ("start",),
    "stop codon": ("stop",),
}

PLANTED = (*(region for regions in ELEMENTS.values() for region in regions), "decoy")
"""Regions written by a motif or by the start or stop table, decoy motifs too."""


def held_out_genome() -> SyntheticGenome:
    """Draw a contig with a seed that neither training nor the demo locus uses."""
    return synthetic_genome(seed=77, contigs={"chrHeld": 300_000})


def planted_loci(
    genome: SyntheticGenome,
    count: int,
    *,
    length: int,
    margin: int,
    introns: bool = True,
) -> list[Interval]:
    """Return the first ``count`` loci, none overlapping another.

    ``margin`` is the least distance from the ends of the contig; without ``introns``
    a locus need not hold one.
    """
    return list(islice(_loci(genome, length, margin, introns), count))


def inside(
    genome: SyntheticGenome, interval: Interval, regions: tuple[str, ...]
) -> Bool[np.ndarray, " length"]:
    """Mark the bases of an interval that lie in any of the regions."""
    return np.isin(genome.regions(interval), regions)


def _loci(
    genome: SyntheticGenome, length: int, margin: int, introns: bool
) -> Iterator[Interval]:
    genes = {gene.name: gene for gene in genome.genes}
    last = margin
    for motif in genome.motifs:
        if motif.name != "A" or motif.gene is None:
            continue
        place = motif.interval
        start = place.start - UPSTREAM
        if place.is_reverse:
            start = place.end + UPSTREAM - length
        locus = Interval(place.chrom, start, start + length)
        fits = last <= start and locus.end <= genome.contigs[place.chrom] - margin
        if fits and (not introns or _holds_intron(locus, genes[motif.gene])):
            last = locus.end
            yield locus


def _holds_intron(locus: Interval, gene: Gene) -> bool:
    exons = sorted(gene.transcripts[0].exons)
    return any(
        locus.start <= one.end and two.start <= locus.end
        for one, two in pairwise(exons)
    )
