"""Files written from a synthetic genome, read back by the package's own readers."""

import pysam
import pytest

from hyenascope.data.annotation import read_genes
from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.data.synthetic import synthetic_genome
from hyenascope.data.vcf import read_vcf


@pytest.fixture(scope="module")
def genome():
    return synthetic_genome(seed=8, contigs={"chrA": 40_000, "chrB": 90, "chrC": 59})


@pytest.fixture(scope="module")
def files(genome, tmp_path_factory):
    return genome.write(tmp_path_factory.mktemp("synthetic"), variants=60)


def test_writing_twice_gives_the_same_bytes(genome, files, tmp_path):
    again = synthetic_genome(seed=8, contigs=genome.contigs)
    again.write(tmp_path / "new" / "folder", variants=60)
    names = sorted(path.name for path in files.fasta.parent.iterdir())
    assert len(names) == 5
    for name in names:
        written = (tmp_path / "new" / "folder" / name).read_bytes()
        assert written == files.fasta.with_name(name).read_bytes()


def test_the_fasta_and_its_index_hold_every_contig(genome, files, caplog):
    with FastaReader(files.fasta) as fasta:
        assert fasta.contigs == genome.contigs
        for chrom, text in genome.sequences.items():
            assert fasta.fetch(Interval(chrom, 0, len(text))) == text
    assert not caplog.records  # the index was taken as it is
    with pysam.FastaFile(str(files.fasta)) as fasta:
        assert fasta.fetch("chrC", 50, 59) == genome.sequences["chrC"][50:]


def test_genes_come_back_from_the_gtf_as_they_are(genome, files):
    assert read_genes(files.genes) == list(genome.genes)
    assert len(genome.genes) > 15


def test_gtf_codons_and_frames_are_those_of_the_sequence(genome, files):
    rows = [
        line.split("\t")
        for line in files.genes.read_text().splitlines()
        if not line.startswith("#")
    ]
    for chrom, _, kind, start, end, _, strand, frame, _ in rows:
        text = genome.fetch(Interval(chrom, int(start) - 1, int(end), strand))
        if kind == "start_codon":
            assert text == "ATG"
        if kind == "stop_codon":
            assert text in ("TAA", "TAG", "TGA")
        if kind == "CDS":
            rest = text[int(frame) :]
            codons = {rest[i : i + 3] for i in range(0, len(rest), 3)}
            assert not codons & {"TAA", "TAG", "TGA"}


def test_the_bed_holds_motifs_and_decoys(genome, files):
    rows = [line.split("\t") for line in files.motifs.read_text().splitlines()]
    assert len(rows) == len(genome.motifs)
    for row, motif in zip(rows, genome.motifs, strict=True):
        where = Interval(row[0], int(row[1]), int(row[2]), row[5])
        assert where == motif.interval
        assert row[3] == ("" if motif.gene else "decoy_") + motif.name


def test_the_vcf_carries_the_truth_of_every_allele(genome, files):
    with pysam.VariantFile(str(files.variants)) as vcf:
        records = list(vcf)
    assert [record.id for record in records] == [
        f"syn{i:04d}" for i in range(1, len(records) + 1)
    ]
    truth = [effect for record in records for effect in record.info["TRUE_EFFECT"]]
    variants = list(read_vcf(files.variants))
    assert len(variants) == len(truth) > len(records)
    for variant, effect in zip(variants, truth, strict=True):
        if variant.kind in ("snv", "mnv"):
            assert effect == pytest.approx(genome.true_effect(variant), rel=1e-5)
        else:
            assert effect is None
    snvs = [record for record in records if len(record.ref) == 1 == len(record.alts[0])]
    for record in snvs:
        region = genome.region(record.chrom, record.pos - 1)
        assert record.info["REGION"] == region


def test_no_variants_may_be_asked_for(genome, tmp_path):
    files = genome.write(tmp_path, variants=0)
    assert list(read_vcf(files.variants)) == []
