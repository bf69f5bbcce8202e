"""What a table of variants answers, and what it refuses."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from hyenascope.viz.variant_figures.table import VariantTable


@pytest.fixture
def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "chrom": ["chr1", "chr1", "2"],
            "pos": [1007, 1007, 9],
            "ref": "A",
            "alt": ["G", "T", "<DEL>"],
            "llr": [-1.0, np.nan, np.inf],
            "llr_ref": 0.0,
            "llr_alt": 1.0,
            "llr_percentile": 0.5,
            "status": ["ok", "ref_mismatch", "ok"],
        }
    )


def test_adata_and_its_wide_frame_say_the_same(adata):
    values = pd.DataFrame(adata.X, index=adata.obs_names, columns=adata.var_names)
    sides = {
        f"conditional_{side}": np.asarray(adata.layers[side])[:, 0]
        for side in ("ref", "alt")
    }
    ours = VariantTable(adata)
    theirs = VariantTable(pd.concat([adata.obs, values], axis=1).assign(**sides))
    assert ours.scores == theirs.scores == ["conditional", "markov", "cpg"]
    for mine, other in zip(
        ours.sides("conditional"), theirs.sides("conditional"), strict=True
    ):
        np.testing.assert_array_equal(mine, other)
    assert ours.name(3) == theirs.name(3)
    assert (ours.baselines, theirs.baselines) == (["markov", "cpg"], [])


def test_sides_and_percentiles_are_no_scores(frame):
    table = VariantTable(frame)
    assert table.scores == ["llr"]
    assert table.percentile("llr").tolist() == [0.5, 0.5, 0.5]


def test_what_has_no_score_is_counted_with_its_reason(frame):
    told = VariantTable(frame).left_out("llr")
    assert told == "Not drawn: 1 without a score (ref_mismatch 1), 1 infinite."


def test_changes_of_one_base_are_one_block(frame):
    blocks = VariantTable(frame).blocks()
    assert blocks[0] == blocks[1] != blocks[2]


def test_hover_says_the_name_and_escapes_everything(frame, payload):
    hostile = frame.assign(id=payload, chrom="<b>1")
    text = VariantTable(hostile).hover(0, [("llr", "<i>%{x}")])
    assert "<b>&lt;b&gt;1:1007:A&gt;G</b>" in text
    assert "&lt;b&gt;1:1,007  SNV" in text
    assert "<img" not in text
    assert "%{x}" not in text


def test_sparse_scores_are_read():
    sparse = pytest.importorskip("scipy.sparse")
    var = pd.DataFrame(index=["a", "b"])
    table = VariantTable(ad.AnnData(sparse.csr_matrix([[0.0, 2.0]]), var=var))
    assert table.values("b").tolist() == [2.0]


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (lambda f: f.iloc[:0], "adata must hold at least one variant; got 0"),
        (lambda f: f[["chrom", "pos"]], "at least one score; got none"),
        (lambda f: pd.concat([f, f], axis=1), "must name each column once"),
    ],
)
def test_refuses_a_table_without_content(frame, broken, message):
    with pytest.raises(ValueError, match=message):
        VariantTable(broken(frame))


def test_an_unknown_score_is_answered_with_those_there_are(adata):
    with pytest.raises(ValueError, match=r"conditional, markov, cpg; got 'condtional'"):
        VariantTable(adata).resolve("condtional")


def test_refuses_a_score_without_a_finite_value(frame):
    with pytest.raises(ValueError, match=r"3 variants without one \(ref_mismatch 1\)"):
        VariantTable(frame.assign(llr=np.nan)).finite("llr")


def test_refuses_missing_layers_and_columns(adata, frame):
    del adata.layers["alt"]
    with pytest.raises(ValueError, match="layers 'ref' and 'alt'; got no 'alt'"):
        VariantTable(adata).sides("conditional")
    with pytest.raises(ValueError, match="missing gene among chrom, pos"):
        VariantTable(frame).require("gene")
    with pytest.raises(ValueError, match="alt must be numeric"):
        VariantTable(frame).numbers("alt")
    with pytest.raises(ValueError, match=r"whole and 1-based; got 1\.5"):
        VariantTable(frame.assign(pos=1.5)).positions()
