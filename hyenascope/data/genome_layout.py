"""Where the parts of a synthetic contig lie: the latent structure behind its bases.

A contig is a row of units with gaps between them. A unit reads, in the direction
of its gene:

``promoter A · spacer · promoter B · 12 bp · 5' UTR · ATG codons stop · 3' UTR``

with introns (``donor · chain · acceptor``) cut into the codons at any phase.
Positions are 0-based half-open on the forward strand throughout.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from jaxtyping import Int, UInt8

from hyenascope.data.grammar import SENSE, START, STOP, Grammar
from hyenascope.data.interval import Strand

REGIONS = (
    "background", "promoter_A", "promoter_B", "utr", "start", "cds", "stop",
    "splice_donor", "intron", "splice_acceptor", "decoy",
)  # fmt: skip
"""Labels of a base; ``Layout.region`` holds indices into this."""

MIN_GAP = 60
MIN_EXON = 30
MIN_CODONS = 40
MIN_INTRON = 30

Piece = tuple[str, int, str | None]
"""Region, bases, and the motif that writes them, if one does."""


@dataclass(frozen=True)
class GenePlan:
    """One gene: 0-based half-open blocks in ascending order, forward strand."""

    strand: Strand
    exons: tuple[tuple[int, int], ...]
    coding: tuple[tuple[int, int], ...]

    @property
    def start(self) -> int:
        """0-based first base of the transcript on the forward strand."""
        return self.exons[0][0]

    @property
    def end(self) -> int:
        """0-based position after the transcript."""
        return self.exons[-1][1]


@dataclass(frozen=True)
class MotifPlan:
    """One promoter motif; ``gene`` indexes ``Layout.genes``, None for a decoy."""

    name: str
    start: int
    end: int
    strand: Strand
    gene: int | None


@dataclass(frozen=True, eq=False)
class Layout:
    """Which factor of a `Grammar` wrote each base of one contig.

    ``column`` is a row of ``Grammar.columns``, or −1; ``codon`` is a row of
    ``codons``, or −1; a base with neither belongs to the chain. Each row of
    ``codons`` holds three ascending positions, and ``codon_tables`` the index
    into ``Grammar.forward_codons``.
    """

    region: UInt8[np.ndarray, " length"]
    column: Int[np.ndarray, " length"]
    codon: Int[np.ndarray, " length"]
    codons: Int[np.ndarray, "triples 3"]
    codon_tables: Int[np.ndarray, " triples"]
    genes: tuple[GenePlan, ...]
    motifs: tuple[MotifPlan, ...]


def draw_layout(
    grammar: Grammar, length: int, generator: np.random.Generator
) -> Layout:
    """Fill a contig of ``length`` bases with genes until no further one fits.

    Parameters
    ----------
    grammar
        How long and how frequent the parts are.
    length
        Bases of the contig. One too short for a gene is all background.
    generator
        Source of uniform numbers; drawn from one at a time.

    Examples
    --------
    >>> layout = draw_layout(Grammar.default(), 5000, np.random.default_rng(0))
    >>> [(gene.start, gene.end, gene.strand) for gene in layout.genes][:2]
    [(756, 1161, '+'), (1243, 2273, '-')]
    """
    sheet = _Sheet(grammar, length)
    at = 0
    while True:
        gap = MIN_GAP + _waiting(grammar.mean_gap, generator)
        strand: Strand = "+" if generator.random() < 0.5 else "-"
        unit = _unit(grammar, generator)
        size = sum(bases for _, bases, _ in unit)
        if at + gap + size + MIN_GAP > length:
            return sheet.finish()
        sheet.add_decoy(at, gap, generator)
        sheet.add_gene(at + gap, unit, strand)
        at += gap + size


def _waiting(mean: int, generator: np.random.Generator) -> int:
    """Draw a whole number of bases from an exponential of that mean."""
    return int(-mean * math.log(1 - generator.random()))


def _choose(probabilities: Sequence[float], generator: np.random.Generator) -> int:
    point, last = generator.random(), len(probabilities) - 1
    sums = np.cumsum(probabilities)
    return min(int(np.searchsorted(sums, point, side="right")), last)


def _unit(grammar: Grammar, generator: np.random.Generator) -> list[Piece]:
    """Return promoter and transcript in gene direction."""
    spacer = grammar.spacings[_choose(grammar.spacing_probabilities, generator)]
    utr5, utr3 = grammar.utr_lengths
    return [
        ("promoter_A", len(grammar.motifs["A"]), "A"),
        ("background", spacer, None),
        ("promoter_B", len(grammar.motifs["B"]), "B"),
        ("background", grammar.promoter_distance, None),
        ("utr", utr5, None),
        *_coding(grammar, generator),
        ("utr", utr3, None),
    ]


def _coding(grammar: Grammar, generator: np.random.Generator) -> list[Piece]:
    """Return coding pieces, whose bases sum to whole codons, and introns."""
    codons = MIN_CODONS + _waiting(grammar.mean_codons, generator)
    cuts = _cuts(
        3 * codons, _choose(grammar.intron_probabilities, generator), generator
    )
    pieces: list[Piece] = []
    for first, last in pairwise([0, *cuts, 3 * codons]):
        if pieces:
            pieces += _intron(grammar, generator)
        pieces.append(("cds", last - first, None))
    return pieces


def _cuts(bases: int, introns: int, generator: np.random.Generator) -> list[int]:
    """Place introns so that every coding piece keeps ``MIN_EXON`` bases."""
    introns = min(introns, bases // MIN_EXON - 1)
    room = bases - MIN_EXON * (introns + 1)
    offsets = sorted(int(generator.random() * (room + 1)) for _ in range(introns))
    return [offset + MIN_EXON * (i + 1) for i, offset in enumerate(offsets)]


def _intron(grammar: Grammar, generator: np.random.Generator) -> list[Piece]:
    return [
        ("splice_donor", len(grammar.motifs["donor"]), "donor"),
        ("intron", MIN_INTRON + _waiting(grammar.mean_intron, generator), None),
        ("splice_acceptor", len(grammar.motifs["acceptor"]), "acceptor"),
    ]


@dataclass(eq=False)
class _Sheet:
    """A contig being filled in."""

    grammar: Grammar
    length: int
    codons: list[Int[np.ndarray, "_ 3"]] = field(default_factory=list)
    tables: list[Int[np.ndarray, " _"]] = field(default_factory=list)
    genes: list[GenePlan] = field(default_factory=list)
    motifs: list[MotifPlan] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.region = np.zeros(self.length, np.uint8)
        self.column = np.full(self.length, -1, np.int32)

    def add_decoy(self, at: int, gap: int, generator: np.random.Generator) -> None:
        """Now and then put a lone promoter motif into the gap starting at ``at``."""
        wanted, which, place, side = (generator.random() for _ in range(4))
        if wanted >= self.grammar.decoy_probability:
            return
        name = "A" if which < 0.5 else "B"
        strand: Strand = "+" if side < 0.5 else "-"
        width, margin = len(self.grammar.motifs[name]), MIN_GAP // 3
        start = at + margin + int(place * (gap - width - 2 * margin + 1))
        self._write_motif(start, ("decoy", width, name), strand)
        self.motifs.append(MotifPlan(name, start, start + width, strand, None))

    def add_gene(self, at: int, unit: list[Piece], strand: Strand) -> None:
        """Write a unit whose leftmost base is ``at``."""
        coding, inside = [], []
        for piece in unit if strand == "+" else reversed(unit):
            region, bases, motif = piece
            if motif is not None:
                self._write_motif(at, piece, strand)
            else:
                self.region[at : at + bases] = REGIONS.index(region)
            if motif in ("A", "B"):
                plan = MotifPlan(motif, at, at + bases, strand, len(self.genes))
                self.motifs.append(plan)
            if region == "cds":
                coding.append((at, at + bases))
            if region in ("cds", "utr"):
                inside.append((at, at + bases))
            at += bases
        self._write_codons(coding, strand)
        self.genes.append(GenePlan(strand, _joined(inside), tuple(coding)))

    def _write_motif(self, at: int, piece: Piece, strand: Strand) -> None:
        region, bases, motif = piece
        assert motif is not None
        first = self.grammar.column_starts[motif, strand]
        self.region[at : at + bases] = REGIONS.index(region)
        self.column[at : at + bases] = np.arange(first, first + bases)

    def _write_codons(self, coding: list[tuple[int, int]], strand: Strand) -> None:
        positions = np.concatenate([np.arange(*block) for block in coding])
        triples = positions.reshape(-1, 3)
        tables = np.full(len(triples), SENSE)
        first, last = (0, -1) if strand == "+" else (-1, 0)
        tables[first], tables[last] = START, STOP
        self.region[triples[first]] = REGIONS.index("start")
        self.region[triples[last]] = REGIONS.index("stop")
        self.codons.append(triples)
        self.tables.append(tables + (0 if strand == "+" else 3))

    def finish(self) -> Layout:
        empty = np.empty((0, 3), np.int64)
        codons = np.concatenate([empty, *self.codons])
        tables = np.concatenate([empty[:, 0], *self.tables])
        codon = np.full(self.length, -1, np.int32)
        codon[codons] = np.arange(len(codons))[:, None]
        return Layout(
            self.region,
            self.column,
            codon,
            codons,
            tables,
            tuple(self.genes),
            tuple(self.motifs),
        )


def _joined(blocks: list[tuple[int, int]]) -> tuple[tuple[int, int], ...]:
    """Merge ascending blocks that touch."""
    merged: list[tuple[int, int]] = []
    for start, end in blocks:
        if merged and merged[-1][1] == start:
            start = merged.pop()[0]
        merged.append((start, end))
    return tuple(merged)
