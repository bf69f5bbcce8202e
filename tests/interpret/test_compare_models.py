"""Several models on the same changes: each column is what its verb gives alone."""

import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from hyenascope.data.interval import Interval
from hyenascope.data.variant import Variant
from hyenascope.interpret import ModelOutput, saturation_mutagenesis, score_variants
from hyenascope.interpret.compare_models import compare_models
from hyenascope.models.wrappers import HuggingFaceModel, OneHotModel
from tests.hugging_face_models import bert, kmer_tokenizer
from tests.wrapped_models import Weighted, random_genome, small_hyena

PLACE = Interval("chr1", 100, 112)


@pytest.fixture
def genome(tmp_path):
    with random_genome(tmp_path) as reader:
        yield reader


@pytest.fixture
def models():
    tokenizer = kmer_tokenizer(3)
    return {
        "hyena": small_hyena(),
        "bert": HuggingFaceModel(
            bert(tokenizer), tokenizer, kind="masked", context_length=48
        ),
        "counts": OneHotModel(
            Weighted(32), context_length=32, outputs=("plain", "square"), bin_size=4
        ),
    }


@pytest.fixture
def variants(genome):
    found = []
    for start in range(40, 100, 7):
        ref = genome.fetch_region("chr1", start, start + 1)
        found.append(Variant("chr1", start + 1, ref, "C" if ref == "A" else "A"))
    return [each for each in found if each.ref != each.alt]


def test_columns_are_those_of_score_variants(models, variants, genome):
    found = compare_models(
        models, variants, genome, scores={"counts": ModelOutput("square")}
    )
    assert list(found.var_names) == ["hyena", "bert", "counts"]
    for name, score in (
        ("hyena", "conditional"),
        ("bert", "conditional"),
        ("counts", ModelOutput("square")),
    ):
        alone = score_variants(models[name], variants, genome, scores=[score])
        np.testing.assert_allclose(found[:, name].X, alone.X[:, :1], rtol=1e-5)
        for side in ("ref", "alt"):
            layer = found[:, name].layers[side]
            np.testing.assert_allclose(layer, alone.layers[side][:, :1], rtol=1e-5)
        assert found.var.loc[name, "formula"] == alone.var["formula"].iloc[0]
        assert found.uns["hyenascope"][name]["checkpoint_hash"]


def test_ranks_are_compared_by_spearman_over_rows_of_both(models, variants, genome):
    beside_n = Variant("chr1", 106, "A", "C")  # the reference there is N
    found = compare_models(models, [*variants, beside_n], genome)
    assert found.obs["status"].iloc[-1] == "flagged"
    assert found.obs["reason"].iloc[-1]
    values = np.asarray(found.X)[:-1]
    expected = spearmanr(values).statistic
    np.testing.assert_allclose(found.varp["spearman"], expected, atol=1e-12)
    assert (found.varp["rows"] == len(variants)).all()


def test_an_interval_has_a_row_per_substitution(models, genome):
    found = compare_models(models, PLACE, genome)
    assert found.n_obs == 3 * 11  # one of twelve is N
    assert found.obs_names[0].startswith("chr1:101:")
    assert list(found.var["score"]) == ["downstream", "conditional", "mean of output 0"]
    for name, model in models.items():
        track = saturation_mutagenesis(model, genome, PLACE)
        for row, value in zip(
            found.obs.itertuples(), np.asarray(found[:, name].X)[:, 0], strict=True
        ):
            expected = track.values[row.pos - 101, "ACGT".index(row.alt)]
            assert value == pytest.approx(expected, rel=1e-5)


def test_a_column_that_does_not_vary_has_no_rank(genome):
    flat = OneHotModel(
        torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(128, 1)),
        context_length=32,
    )
    with torch.no_grad():
        flat.module[1].weight[:] = 0
    found = compare_models({"flat": flat, "other": flat}, PLACE, genome)
    assert np.isnan(found.varp["spearman"]).all()


def test_it_is_written_and_read(models, variants, genome, tmp_path):
    anndata = pytest.importorskip("anndata")
    for number, where in enumerate((variants, PLACE)):
        found = compare_models(models, where, genome)
        found.write_h5ad(tmp_path / f"{number}.h5ad")
        again = anndata.read_h5ad(tmp_path / f"{number}.h5ad")
        np.testing.assert_array_equal(again.X, found.X)


def test_what_does_not_fit_is_said(models, variants, genome):
    with pytest.raises(ValueError, match="models must name at least one model"):
        compare_models({}, variants, genome)
    with pytest.raises(
        ValueError, match="scores must be of hyena, bert, counts; got x"
    ):
        compare_models(models, variants, genome, scores={"x": "conditional"})
    with pytest.raises(ValueError, match=r"scores\['hyena'\] must be a score of an in"):
        compare_models(models, PLACE, genome, scores={"hyena": "likelihood"})
    with pytest.raises(ValueError, match=r"scores\['hyena'\] must be a score of varia"):
        compare_models(models, variants, genome, scores={"hyena": "full"})
