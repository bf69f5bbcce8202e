import anndata as ad
import numpy as np
import pandas as pd
import pysam
import pytest

from hyenascope.data.variant import Variant
from hyenascope.interpret.score_files import score_suffix, write_scores
from hyenascope.interpret.scores import wide
from hyenascope.interpret.variant_effect import score_variants
from tests.toy_models import first_order

# The first-order model has a forward pass of its own, which the engine cannot know.
pytestmark = pytest.mark.filterwarnings("ignore:mutants are read by full passes")

TEXT = "ACGGTTACCATGAC" * 20


@pytest.fixture(scope="module")
def fasta(tmp_path_factory):
    path = tmp_path_factory.mktemp("genome") / "g.fa"
    path.write_text(f">I\n{TEXT}\n")
    return path


@pytest.fixture(scope="module")
def scores(fasta):
    variants = [
        Variant("I", 100, TEXT[99], "ACGT"["ACGT".index(TEXT[99]) - 1], "rs;1=<b>"),
        Variant("I", 90, TEXT[89], TEXT[89] + "GA"),
        Variant("I", 80, "ACGT"["ACGT".index(TEXT[79]) - 1], TEXT[79]),
    ]
    return score_variants(first_order(), variants, fasta, context=64)


def test_h5ad_comes_back_unchanged(scores, tmp_path):
    write_scores(scores, tmp_path / "s.h5ad")
    back = ad.read_h5ad(tmp_path / "s.h5ad")
    np.testing.assert_array_equal(back.X, scores.X)
    np.testing.assert_array_equal(back.layers["alt"], scores.layers["alt"])
    assert list(back.obs["reason"]) == list(scores.obs["reason"])
    assert list(back.var["formula"]) == list(scores.var["formula"])
    kept, given = back.uns["hyenascope"], scores.uns["hyenascope"]
    assert kept["ref_agreement"] == given["ref_agreement"]
    assert list(kept["scores"]) == given["scores"]
    assert kept["context"] == given["context"] == 64


@pytest.mark.parametrize("name", ["s.tsv", "s.csv", "s.tsv.gz", "s.parquet"])
def test_tables_hold_every_number(scores, tmp_path, name):
    write_scores(scores, tmp_path / name)
    if name.endswith("parquet"):
        table = pd.read_parquet(tmp_path / name)
    else:
        separator = "," if "csv" in name else "\t"
        table = pd.read_csv(tmp_path / name, sep=separator)
    assert list(table["variant"]) == list(scores.obs_names)
    expected = wide(scores)[list(scores.var_names)]
    np.testing.assert_allclose(table[list(scores.var_names)], expected)


@pytest.mark.parametrize("name", ["s.vcf", "s.vcf.gz", "s.bcf"])
def test_vcf_declares_and_holds_the_scores(scores, fasta, tmp_path, name):
    write_scores(scores, tmp_path / name, genome=fasta)
    with pysam.VariantFile(str(tmp_path / name)) as vcf:
        found = {record.pos: record.info for record in vcf}
        assert "I" in vcf.header.contigs
        assert "log p(alt | left)" in vcf.header.info["HS_conditional"].description
    table = wide(scores)
    value = found[100]["HS_conditional"][0]
    assert value == pytest.approx(table["conditional"].iloc[0], rel=1e-5)
    assert found[80]["HS_status"][0] == "ref_mismatch"
    assert found[80].get("HS_conditional", (None,))[0] is None


@pytest.mark.parametrize("name", ["s.xlsx", "s", "vcf"])
def test_refuses_other_suffixes(scores, tmp_path, name):
    with pytest.raises(ValueError, match=r"path must end in one of \.h5ad"):
        write_scores(scores, tmp_path / name)


def test_suffix_ignores_case_and_folders():
    assert score_suffix("out.vcf/S.TSV") == ".tsv"


@pytest.mark.parametrize("name", ["s.h5ad", "s.tsv", "s.parquet", "s.vcf"])
def test_an_interrupted_write_leaves_the_old_file(scores, tmp_path, name, monkeypatch):
    path = tmp_path / name
    path.write_text("old")

    def interrupted(*_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("hyenascope.data.atomic._publish", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_scores(scores, path)
    assert path.read_text() == "old"
    assert [item.name for item in tmp_path.iterdir()] == [name]
