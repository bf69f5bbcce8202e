"""The demo locus: whole, cached, in its own language, never in the training set."""

import pytest

from hyenascope.data.annotation import read_genes
from hyenascope.data.example import (
    DEMO_CONTIG,
    DEMO_INTERVAL,
    demo_genome,
    demo_training_genome,
    example_locus,
)
from hyenascope.data.fasta import FastaReader
from hyenascope.data.vcf import read_vcf
from hyenascope.sequence.markov import MarkovModel


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


def test_the_files_hold_the_demo_genome(tmp_path):
    locus = example_locus(tmp_path)
    with FastaReader(locus.fasta) as fasta:
        assert fasta.fetch(locus.interval) == locus.genome.fetch(locus.interval)
    assert read_genes(locus.genes) == list(locus.genome.genes)
    variants = list(read_vcf(locus.variants))
    assert len(variants) == 121
    for variant in variants:
        variant.apply(locus.genome.sequences[DEMO_CONTIG])


def test_the_view_shows_both_strands_introns_and_variants():
    genome, where = demo_genome(), DEMO_INTERVAL
    genes = [gene for gene in genome.genes if where.contains(gene.interval)]
    assert sorted(gene.strand for gene in genes) == ["+", "+", "-", "-"]
    assert all(gene.transcripts[0].introns for gene in genes)
    sites = [site[0] for site in genome.example_variants()]
    inside = [site for site in sites if where.contains(site.interval)]
    assert len(inside) == 15
    assert len({genome.region(site.chrom, site.start) for site in inside}) == 10


def test_the_cache_is_written_once(cache):
    locus = example_locus()
    assert cache in locus.fasta.parents
    before = {path: path.stat().st_mtime_ns for path in locus.fasta.parent.iterdir()}
    assert example_locus().fasta == locus.fasta
    after = {path: path.stat().st_mtime_ns for path in locus.fasta.parent.iterdir()}
    assert before == after


def test_what_is_missing_from_the_cache_is_written_again(cache):
    locus = example_locus()
    text = locus.variants.read_text()
    locus.variants.unlink()
    example_locus()
    assert locus.variants.read_text() == text


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path):
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(OSError, match="demo"):
        example_locus(tmp_path / "file" / "demo")


@pytest.mark.slow
def test_the_training_genome_shares_the_grammar_and_not_the_bases():
    training, demo = demo_training_genome(), demo_genome()
    assert sum(training.contigs.values()) == 6_000_000
    assert DEMO_CONTIG not in training.contigs
    text = demo.sequences[DEMO_CONTIG]
    for start in range(0, len(text), 1000):
        assert text[start : start + 24] not in training.sequences["chrT1"]
    model = MarkovModel.fit([training.sequences["chrT1"]], order=4)
    nats = model.mean_nats(demo.sequences.values())
    assert demo.entropy() < nats < 1.31
