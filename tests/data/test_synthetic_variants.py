"""Example variants: every kind, every region, valid against the genome."""

from collections import Counter

import pytest

from hyenascope.data.genome_layout import REGIONS
from hyenascope.data.synthetic import synthetic_genome


@pytest.fixture(scope="module")
def genome():
    return synthetic_genome(seed=2, contigs={"chrA": 60_000, "chrB": 50_000})


def test_all_kinds_and_all_regions_are_there(genome):
    sites = genome.example_variants(120)
    assert len(sites) == 120
    kinds = Counter(allele.kind for site in sites for allele in site)
    assert kinds == {"snv": 116, "mnv": 1, "insertion": 1, "deletion": 3}
    assert [len(site) for site in sites].count(2) == 1
    snvs = [site[0] for site in sites if site[0].kind == "snv"]
    regions = Counter(genome.region(snv.chrom, snv.start) for snv in snvs)
    assert set(regions) == set(REGIONS)
    assert max(regions.values()) - min(regions.values()) <= 2


def test_alleles_fit_the_genome_in_order_and_apart(genome):
    previous = ("chrA", -100)
    for site in genome.example_variants(120):
        for allele in site:
            text = genome.sequences[allele.chrom]
            allele.apply(text)  # refuses a REF that is not there
            aligned = allele.left_align(lambda _, a, b, text=text: text[a:b])
            assert aligned == allele
        here = (site[0].chrom, site[0].pos)
        assert here > previous
        previous = here


def test_a_genome_without_genes_has_background_variants_only():
    genome = synthetic_genome(seed=0, contigs={"chrA": 400})
    sites = genome.example_variants(10)
    assert {genome.region("chrA", site[0].start) for site in sites} == {"background"}
    assert len(sites) == 10 - 4  # the sites meant for promoters and codons


def test_a_contig_too_small_has_none():
    genome = synthetic_genome(seed=0, contigs={"chrA": 50})
    assert genome.example_variants(10) == ()


def test_count_is_checked(genome):
    with pytest.raises(ValueError, match="count must not be negative; got -1"):
        genome.example_variants(-1)
