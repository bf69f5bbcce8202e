"""The main job on real genomes and variants, through the shell command."""

import anndata as ad
import numpy as np
import pandas as pd
import pysam
import pytest
from click.testing import CliRunner

from hyenascope.cli import main
from hyenascope.data.fasta import FastaReader
from hyenascope.data.vcf import read_vcf
from hyenascope.interpret.variant_checks import check_variant, ref_agreement

# Folder, FASTA, variants, genes, region, rows there, REF that disagree.
CASES = {
    "1000G-chr20": (
        "human_hg19_chr20",
        "hg19.chr20.fa.gz",
        "1000G_phase3.chr20_1-2Mb.sites.vcf.gz",
        "hg19.chr20.refseq.gtf.gz",
        "chr20:1,100,000-1,101,500",
        None,
        0,
    ),
    "BRCA1": (
        "human_hg19_brca1",
        "hg19.chr17_BRCA1.fa.gz",
        "BRCA1_SGE_Findlay2018.vcf.gz",
        "gencode.v19.BRCA1.gff3.gz",
        "17:41,276,000-41,276,060",
        None,
        0,
    ),
    "chrM": (
        "human_chrM",
        "hg38.chrM.fa.gz",
        "mutect2_filtered.chrM.vcf.gz",
        None,
        None,
        8,
        0,
    ),
    "hg38-indels": (
        "human_hg38_1Mb",
        "hg38.chr9_chr20.first1Mb.fa.gz",
        "3samples.hg38.chr20_first1Mb.vcf.gz",
        None,
        "chr20:280,000-285,000",
        None,
        0,
    ),
    "C.elegans": (
        "celegans_1pct",
        "C.elegans_1pct.fa.gz",
        "C.elegans_1pct.vcf.gz",
        "C.elegans_1pct.gff3.gz",
        "I:147,000-148,000",
        None,
        3,
    ),
}


def test_ten_c_elegans_variants_are_strand_flipped(shared):
    folder = shared / "data" / "celegans_1pct"
    with FastaReader(folder / "C.elegans_1pct.fa.gz") as genome:
        found = ref_agreement(
            [
                check_variant(variant, genome, longest_allele=256)
                for variant in read_vcf(folder / "C.elegans_1pct.vcf.gz")
            ]
        )
    assert found == {
        "compared": 8713,
        "match": 8703,
        "mismatch": 10,
        "mismatch_reverse_complement": 10,
    }


@pytest.mark.slow
@pytest.mark.parametrize("name", list(CASES))
def test_score_writes_every_format(name, shared, tmp_path):
    folder, fasta, variants, genes, region, rows, flipped = CASES[name]
    source = shared / "data" / folder
    outs = [tmp_path / f"s.{kind}" for kind in ("h5ad", "vcf.gz", "tsv", "parquet")]
    arguments = ["score", source / variants, "--fasta", source / fasta, "--quiet"]
    arguments += ["--model", "demo-synthetic"]
    arguments += [item for path in outs for item in ("--out", path)]
    arguments += ["--report", tmp_path / "report.html"]
    arguments += ["--region", region] if region else []
    arguments += ["--genes", source / genes] if genes else []
    result = CliRunner().invoke(main, [str(item) for item in arguments])
    assert result.exit_code == 0, result.output

    scores = ad.read_h5ad(outs[0])
    agreement = scores.uns["hyenascope"]["ref_agreement"]
    assert agreement["mismatch"] == flipped
    assert agreement["mismatch_reverse_complement"] == flipped
    assert scores.n_obs == rows if rows else scores.n_obs > 5
    ok = (scores.obs["status"] == "ok").to_numpy()
    assert np.isfinite(np.asarray(scores.X)[ok][:, 0]).all()
    assert np.isnan(np.asarray(scores.X)[~ok]).all()

    table = pd.read_csv(outs[2], sep="\t", keep_default_na=False, na_values=[""])
    parquet = pd.read_parquet(outs[3])
    for column in ("conditional", "likelihood_reverse", "markov"):
        expected = np.asarray(scores[:, column].X)[:, 0]
        np.testing.assert_allclose(table[column], expected)
        np.testing.assert_allclose(parquet[column], expected)
    with pysam.VariantFile(str(outs[1])) as vcf:
        assert "HS_conditional" in vcf.header.info
        annotated = sum("HS_conditional" in record.info for record in vcf)
    assert annotated > 0
    assert "REF agreement" in (tmp_path / "report.html").read_text(encoding="utf-8")
