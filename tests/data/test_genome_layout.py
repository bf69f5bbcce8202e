"""Layouts are the units that the grammar describes, on both strands."""

import numpy as np
import pytest

from hyenascope.data.genome_layout import (
    MIN_EXON,
    MIN_GAP,
    REGIONS,
    draw_layout,
)
from hyenascope.data.grammar import Grammar

LENGTH = 150_000


@pytest.fixture(scope="module")
def grammar():
    return Grammar.default()


@pytest.fixture(scope="module")
def layout(grammar):
    return draw_layout(grammar, LENGTH, np.random.default_rng(7))


def labels(layout, start, end, strand):
    """Region names in gene direction, repeats collapsed."""
    codes = layout.region[start:end][:: 1 if strand == "+" else -1]
    kept = codes[np.flatnonzero(np.diff(codes, prepend=255))]
    return [REGIONS[code] for code in kept]


def test_genes_fill_a_good_part_of_the_contig_on_both_strands(layout):
    share = sum(gene.end - gene.start for gene in layout.genes) / LENGTH
    assert 0.4 < share < 0.5
    assert {gene.strand for gene in layout.genes} == {"+", "-"}


def test_a_transcript_reads_in_the_order_of_the_grammar(layout):
    intron = ["splice_donor", "intron", "splice_acceptor", "cds"]
    for gene in layout.genes:
        found = labels(layout, gene.start, gene.end, gene.strand)
        introns = len(gene.exons) - 1
        assert found == ["utr", "start", "cds", *intron * introns, "stop", "utr"]


def test_coding_bases_make_whole_codons_in_long_enough_exons(layout):
    for gene in layout.genes:
        sizes = [end - start for start, end in gene.coding]
        assert sum(sizes) % 3 == 0
        assert min(sizes) >= MIN_EXON


def test_introns_fall_into_all_three_phases(layout):
    phases = {
        (end - start) % 3
        for gene in layout.genes
        if len(gene.coding) > 1
        for start, end in gene.coding[:1]
    }
    assert phases == {0, 1, 2}


def test_promoters_lie_at_the_set_distances(layout, grammar):
    spacings = []
    for index, gene in enumerate(layout.genes):
        a, b = sorted(
            (motif for motif in layout.motifs if motif.gene == index),
            key=lambda motif: motif.name,
        )
        if gene.strand == "+":
            spacings.append(b.start - a.end)
            distance = gene.start - b.end
        else:
            spacings.append(a.start - b.end)
            distance = b.start - gene.end
        assert distance == grammar.promoter_distance
    assert set(spacings) == set(grammar.spacings)
    assert np.mean(np.array(spacings) == 12) == pytest.approx(0.6, abs=0.15)


def test_genes_never_come_nearer_than_the_least_gap(layout):
    ends = np.array([gene.end for gene in layout.genes])
    starts = np.array([gene.start for gene in layout.genes])
    assert (starts[1:] - ends[:-1] >= MIN_GAP).all()


def test_each_base_has_at_most_one_factor_and_codons_point_back(layout):
    assert not ((layout.column >= 0) & (layout.codon >= 0)).any()
    for row, triple in enumerate(layout.codons[:50]):
        assert (layout.codon[triple] == row).all()
        assert (np.diff(triple) > 0).all()
    assert np.count_nonzero(layout.codon >= 0) == layout.codons.size


def test_decoys_stand_alone_in_the_background(layout):
    decoys = [motif for motif in layout.motifs if motif.gene is None]
    assert decoys
    for motif in decoys:
        assert labels(layout, motif.start - 20, motif.end + 20, "+") == [
            "background",
            "decoy",
            "background",
        ]


def test_a_contig_without_room_is_background(grammar):
    layout = draw_layout(grammar, 300, np.random.default_rng(0))
    assert not layout.genes
    assert not layout.region.any()
