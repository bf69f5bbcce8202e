"""A seeded genome whose grammar, and so the true effect of each change, is known.

Real genomes come without the answer: nobody knows by how much a model *should*
like a base less. Here every base was drawn from a table of a `Grammar`, and
which table is remembered. The true effect of a substitution is then exact:

``log p(alternate sequence | grammar, layout) − log p(reference | grammar, layout)``

in nats, negative where the change makes the sequence less likely. The layout
(where genes, introns and motifs lie) is held fixed, so this is what a reader with
perfect knowledge of the annotation would say; a model that has to guess the
layout can approach it, not exceed it on average.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float, Int

from hyenascope._typing import StrPath
from hyenascope.data.emission import draw_bases, log_probs, pick, substitution_effects
from hyenascope.data.gene import Gene, Transcript
from hyenascope.data.genome_layout import REGIONS, GenePlan, Layout, draw_layout
from hyenascope.data.grammar import Grammar, encode_bases
from hyenascope.data.interval import Interval
from hyenascope.data.synthetic_files import (
    SyntheticFiles,
    write_bed,
    write_fasta,
    write_gtf,
    write_vcf,
)
from hyenascope.data.synthetic_variants import Site, draw_variants
from hyenascope.data.variant import Variant
from hyenascope.sequence.dna import BASES, reverse_complement

_BYTES = np.frombuffer(b"ACGTN", np.uint8)


@dataclass(frozen=True)
class Motif:
    """A promoter motif as placed: name ``A`` or ``B``, 0-based interval, gene.

    ``gene`` is None for a decoy, which stands alone in the background.
    """

    name: str
    interval: Interval
    gene: str | None


@dataclass(frozen=True, eq=False)
class SyntheticGenome:
    """Contigs, what was written where, and what each base is worth.

    Make one with `synthetic_genome`; ``contigs`` and ``fetch`` read like those of a
    `FastaReader`. Intervals are 0-based half-open, variants 1-based as in VCF. What
    is asked per base is answered on the forward strand, in the order A, C, G, T,
    whatever the strand of the interval.

    Examples
    --------
    >>> genome = synthetic_genome(seed=1, contigs={"chrA": 30_000})
    >>> motif = genome.motifs[0]
    >>> motif.name, str(motif.interval), genome.fetch(motif.interval)
    ('B', 'chrA:540-549:-', 'CGGTCAAGCT')
    >>> genome.region("chrA", 539), genome.region("chrA", 549)
    ('promoter_B', 'background')
    >>> genome.true_effects(Interval("chrA", 539, 540)).round(2)  # column T 0.7
    array([[ 0.  , -1.95, -1.95, -1.95]])
    >>> genome.true_log_probs(Interval("chrA", 539, 540)).round(2)
    array([[-0.36, -2.3 , -2.3 , -2.3 ]])
    >>> round(genome.entropy(), 2)
    1.19
    """

    sequences: Mapping[str, str] = field(repr=False)
    layouts: Mapping[str, Layout] = field(repr=False)
    grammar: Grammar = field(repr=False)
    seed: int

    @property
    def contigs(self) -> dict[str, int]:
        """Length of each contig in bases."""
        return {chrom: len(text) for chrom, text in self.sequences.items()}

    def fetch(self, interval: Interval) -> str:
        """Return bases; N off the ends, reverse complement for strand ``-``."""
        text = self.sequences[self._known(interval.chrom)]
        left = min(max(-interval.start, 0), interval.length)
        inside = text[max(interval.start, 0) : max(interval.end, 0)]
        bases = ("N" * left + inside).ljust(interval.length, "N")
        return reverse_complement(bases) if interval.strand == "-" else bases

    @cached_property
    def genes(self) -> tuple[Gene, ...]:
        """Genes of one transcript each, by contig and position."""
        return tuple(
            _gene(gene_name(chrom, i), chrom, plan)
            for chrom, layout in self.layouts.items()
            for i, plan in enumerate(layout.genes)
        )

    @cached_property
    def motifs(self) -> tuple[Motif, ...]:
        """Promoter motifs and decoys, by contig and position."""
        return tuple(
            Motif(
                plan.name,
                Interval(chrom, plan.start, plan.end, plan.strand),
                None if plan.gene is None else gene_name(chrom, plan.gene),
            )
            for chrom, layout in self.layouts.items()
            for plan in sorted(layout.motifs, key=lambda plan: plan.start)
        )

    def region(self, chrom: str, position: int) -> str:
        """Return what wrote the base at a 0-based position, one of ``REGIONS``."""
        self._check_inside(Interval(chrom, position, position + 1))
        return REGIONS[self.layouts[chrom].region[position]]

    def regions(self, interval: Interval) -> tuple[str, ...]:
        """Return what wrote each base of a 0-based half-open interval."""
        self._check_inside(interval)
        codes = self.layouts[interval.chrom].region[interval.start : interval.end]
        return tuple(REGIONS[code] for code in codes)

    def true_log_probs(self, interval: Interval) -> Float[np.ndarray, "length 4"]:
        """Return log p(base | bases to its left, layout) in nats.

        ``interval`` is 0-based half-open. Reading left to right, a base of the chain
        depends on three bases, a motif column on none, and a base of a codon on the
        bases of that codon already read, even across an intron; for a gene on −
        the codon is met last base first. Each row sums to one in probability.

        Raises
        ------
        ValueError
            If the interval is not inside a contig of this genome.
        """
        self._check_inside(interval)
        chrom, start, end = interval.chrom, interval.start, interval.end
        return log_probs(
            self.grammar, self.layouts[chrom], self._codes[chrom], start, end
        )

    def true_effects(self, interval: Interval) -> Float[np.ndarray, "length 4"]:
        """Return the true effect of every substitution, alternate − reference.

        In nats, rows as in ``interval`` (0-based half-open), columns A, C, G, T on
        the forward strand; the reference base has 0.

        Raises
        ------
        ValueError
            If the interval is not inside a contig of this genome.
        """
        self._check_inside(interval)
        chrom, start, end = interval.chrom, interval.start, interval.end
        return substitution_effects(
            self.grammar, self.layouts[chrom], self._codes[chrom], start, end
        )

    def true_effect(self, variant: Variant) -> float:
        """Return log p(alternate) − log p(reference) in nats, exact by the tables.

        For substitutions of any length. NaN for insertions, deletions and symbolic
        alleles: a change of length moves the layout, and no table says how.

        Raises
        ------
        ValueError
            If the reference allele is not what the genome holds there, or an
            allele holds a base other than A, C, G, T.

        Examples
        --------
        >>> genome = synthetic_genome(seed=1, contigs={"chrA": 30_000})
        >>> genome.region("chrA", 21603)  # 0.88 G, 0.04 each of A, C and T
        'promoter_B'
        >>> round(genome.true_effect(Variant("chrA", 21604, "G", "A")), 3)
        -3.091
        """
        start, end, here = variant.start, variant.end, variant.interval
        self._check_inside(here)
        if (found := self.fetch(here)) != variant.ref:
            raise ValueError(f"ref must be {found} at {here}; got {variant.ref}.")
        if variant.has_ambiguous_bases:
            raise ValueError(f"alt must hold only {BASES}; got {variant.alt}.")
        if variant.kind not in ("snv", "mnv"):
            return float("nan")
        alternate = self._codes[variant.chrom].copy()
        alternate[start:end] = encode_bases(variant.alt)
        return self._log_likelihood_change(variant.chrom, alternate, start, end)

    def entropy(self, chrom: str | None = None) -> float:
        """Return the mean of −log p(base | left, layout) over the bases, in nats.

        No model that reads left to right can be expected to do better on this
        genome (or on ``chrom`` alone) without having memorised it. Expect a floor
        that is not quite in reach: a model does not see the layout.
        """
        chroms = list(self.contigs) if chrom is None else [self._known(chrom)]
        total = sum(self._log_likelihood(c, self._codes[c]) for c in chroms)
        return -total / sum(self.contigs[c] for c in chroms)

    def example_variants(self, count: int = 120) -> tuple[Site, ...]:
        """Return up to ``count`` sites, an equal number from each kind of region.

        The same for the same genome and count. Most are SNVs; the first six make a
        multi-allelic SNV, an MNV, an insertion and three deletions. IDs are
        ``syn0001`` onwards in genome order.

        Examples
        --------
        >>> genome = synthetic_genome(seed=1, contigs={"chrA": 30_000})
        >>> [str(allele) for allele in genome.example_variants(10)[0]]
        ['chrA:3063:C>T']
        """
        generator = np.random.default_rng([self.seed])
        return draw_variants(
            self.sequences, self.layouts, count=count, generator=generator
        )

    def write(self, folder: StrPath, *, variants: int = 120) -> SyntheticFiles:
        """Write FASTA with index, genes, motifs and example variants to a folder.

        ``genome.fa``, ``genome.fa.fai``, ``genes.gtf``, ``motifs.bed`` (decoys are
        named ``decoy_A`` and ``decoy_B``) and ``variants.vcf`` with INFO fields
        TRUE_EFFECT, in nats, and REGION. The same genome gives the same bytes. The
        folder is made if need be and files in it are replaced.
        """
        Path(folder).mkdir(parents=True, exist_ok=True)
        files = SyntheticFiles.inside(Path(folder))
        write_fasta(files.fasta, self.sequences)
        write_gtf(files.genes, self.genes)
        names = [m.name if m.gene else f"decoy_{m.name}" for m in self.motifs]
        where = [motif.interval for motif in self.motifs]
        write_bed(files.motifs, zip(where, names, strict=True))
        records = [
            (site, [self.true_effect(allele) for allele in site], self._region_of(site))
            for site in self.example_variants(variants)
        ]
        write_vcf(files.variants, self.contigs, records)
        return files

    def _region_of(self, site: Site) -> str:
        """Return the region of the first base that changes or is inserted before."""
        anchored = any(len(allele.ref) != len(allele.alt) for allele in site)
        return self.region(site[0].chrom, site[0].start + anchored)

    @cached_property
    def _codes(self) -> dict[str, Int[np.ndarray, " length"]]:
        return {chrom: encode_bases(text) for chrom, text in self.sequences.items()}

    def _log_likelihood(self, chrom: str, codes: Int[np.ndarray, " length"]) -> float:
        layout, stride, total = self.layouts[chrom], 1 << 18, 0.0
        for start in range(0, len(codes), stride):
            end = min(start + stride, len(codes))
            rows = log_probs(self.grammar, layout, codes, start, end)
            total += float(pick(rows, codes[start:end]).sum())
        return total

    def _log_likelihood_change(
        self, chrom: str, alternate: Int[np.ndarray, " length"], start: int, end: int
    ) -> float:
        """Compare over a window that holds every factor the change touches."""
        layout, sums = self.layouts[chrom], []
        touched = layout.codon[start:end]
        last = min(end + self.grammar.order, len(alternate)) - 1
        held = np.append(layout.codons[touched[touched >= 0]], [start, last])
        first, stop = int(held.min()), int(held.max()) + 1
        for codes in (self._codes[chrom], alternate):
            rows = log_probs(self.grammar, layout, codes, first, stop)
            sums.append(float(pick(rows, codes[first:stop]).sum()))
        return sums[1] - sums[0]

    def _known(self, chrom: str) -> str:
        if chrom not in self.sequences:
            names = ", ".join(self.sequences)
            raise ValueError(f"chrom must be one of {names}; got {chrom}.")
        return chrom

    def _check_inside(self, interval: Interval) -> None:
        length = len(self.sequences[self._known(interval.chrom)])
        if interval.start < 0 or interval.end > length:
            raise ValueError(
                f"interval must lie inside {interval.chrom}, which has {length} bp; "
                f"got {interval}."
            )


def synthetic_genome(
    *,
    seed: int = 0,
    contigs: Mapping[str, int] | None = None,
    grammar: Grammar | None = None,
) -> SyntheticGenome:
    """Draw a genome from a grammar.

    The same seed, name and length give the same contig, whatever the others are.

    Parameters
    ----------
    seed
        Non-negative.
    contigs
        Length in bases by contig name; two of 200 kb if not given.
    grammar
        ``Grammar.default()`` if not given.

    Raises
    ------
    ValueError
        If a contig is shorter than one base or the seed is negative.

    Examples
    --------
    >>> genome = synthetic_genome(seed=1, contigs={"chrA": 30_000, "chrB": 100})
    >>> genome.contigs
    {'chrA': 30000, 'chrB': 100}
    """
    grammar = Grammar.default() if grammar is None else grammar
    contigs = {"chrA": 200_000, "chrB": 200_000} if contigs is None else contigs
    if seed < 0:
        raise ValueError(f"seed must not be negative; got {seed}.")
    sequences, layouts = {}, {}
    for chrom, length in contigs.items():
        if length < 1:
            raise ValueError(f"contigs must have at least 1 bp; got {chrom}: {length}.")
        generator = np.random.default_rng([seed, zlib.crc32(chrom.encode())])
        layouts[chrom] = draw_layout(grammar, length, generator)
        codes = draw_bases(grammar, layouts[chrom], generator)
        sequences[chrom] = _BYTES[codes].tobytes().decode("ascii")
    return SyntheticGenome(sequences, layouts, grammar, seed)


def gene_name(chrom: str, index: int) -> str:
    """Return the name of the gene with that 0-based rank on its contig.

    Examples
    --------
    >>> gene_name("chrA", 0)
    'chrA_g0001'
    """
    return f"{chrom}_g{index + 1:04d}"


def _gene(name: str, chrom: str, plan: GenePlan) -> Gene:
    whole = Interval(chrom, plan.start, plan.end, plan.strand)
    exons, coding = (
        tuple(Interval(chrom, *block, plan.strand) for block in blocks)
        for blocks in (plan.exons, plan.coding)
    )
    transcript = Transcript(f"{name}.1", whole, exons, coding, "protein_coding")
    return Gene(name, name, whole, (transcript,), "protein_coding")
