"""Several models on the same changes: each column is what its verb gives alone."""

import anndata as ad
import numpy as np
import pytest
import torch
from scipy.stats import spearmanr

from hyenascope.data.interval import Interval
from hyenascope.data.variant import Variant
from hyenascope.interpret import ModelOutput, saturation_mutagenesis, score_variants
from hyenascope.interpret.compare_models import (
    _correlations,
    _told_apart,
    compare_models,
)
from hyenascope.interpret.head_output import HeadOutput
from hyenascope.interpret.unscored import NothingScoredError
from hyenascope.models.wrappers import FunctionModel, HuggingFaceModel, OneHotModel
from tests.hugging_face_models import bert, kmer_tokenizer
from tests.wrapped_models import Weighted, small_hyena

PLACE = Interval("chr1", 100, 112)


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
    # Weights are of places in the window, so that like changes are alike to rounding.
    expected = spearmanr(np.round(values / np.abs(values).max(axis=0), 5)).statistic
    np.testing.assert_allclose(found.varp["spearman"], expected, atol=1e-12)
    assert (found.varp["rows"] == len(variants)).all()


def test_an_interval_has_a_row_per_substitution(models, genome):
    found = compare_models(models, PLACE, genome)
    assert found.n_obs == 3 * 11  # one of twelve is N
    assert found.obs_names[0].startswith("chr1:101:")
    assert list(found.var["score"]) == ["downstream", "conditional", "mean of plain"]
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


def count(letters, scale=1.0):
    return FunctionModel(
        lambda texts: [sum(map(text.count, letters)) * scale for text in texts],
        context_length=20,
        name=f"count of {letters}",
    )


@pytest.mark.parametrize("where", ["variants", "interval"])
def test_equal_changes_are_ties_whatever_their_last_digits(where, variants, genome):
    two = {"fraction": count("GC", 1 / 101), "count": count("GC")}
    where = variants if where == "variants" else Interval("chr1", 40, 60)
    found = compare_models(two, where, genome)
    assert len(np.unique(found[:, "count"].X)) == 3
    if isinstance(where, list):  # in the last digits
        assert len(np.unique(found[:, "fraction"].X)) > 3
    np.testing.assert_allclose(found.varp["spearman"], 1.0, atol=1e-12)


def test_a_change_within_rounding_is_none(variants, genome):
    rng = np.random.default_rng(0)
    noise = FunctionModel(
        lambda texts: 1.0 + 1e-9 * rng.random(len(texts)), context_length=20
    )
    found = compare_models({"noise": noise, "GC": count("GC")}, variants, genome)
    assert np.asarray(found[:, "noise"].X).any()
    assert np.isnan(found.varp["spearman"][0]).all()
    assert found.varp["spearman"][1, 1] == pytest.approx(1.0)


def test_ties_know_no_borders_and_no_chains():
    beside = 0.5e-5  # where rounding to five digits would go either way
    plain = np.array([1.0, beside - 1e-12, beside + 1e-12, beside, -0.5, np.nan])
    like = np.array([4.0, 2.0, 2.0, 2.0, 1.0, 3.0])
    found = _told_apart(ad.AnnData(np.column_stack([plain, like])))
    assert len(np.unique(found[1:4, 0])) == 1
    ranks, rows = _correlations(found)
    np.testing.assert_allclose(ranks, 1.0, atol=1e-12)
    assert rows[0].tolist() == [5, 5]
    dense = np.linspace(-1, 1, 400_001)[:, None]  # half of what is a tie apart
    found = _told_apart(ad.AnnData(dense))
    assert np.abs(found - dense).max() <= 1.001e-5
    assert len(np.unique(found)) > 100_000


def test_a_model_that_has_nothing_costs_the_others_nothing(models, genome):
    end, scores = Interval("chr1", 228, 238), {"hyena": "downstream"}
    pair = {name: models[name] for name in ("hyena", "counts")}
    options = {"scores": scores, "strands": "forward"}
    found = compare_models(pair, end, genome, **options)
    assert np.isnan(found[:, "hyena"].X).all()
    alone = compare_models({"counts": models["counts"]}, end, genome, strands="forward")
    np.testing.assert_array_equal(found[:, "counts"].X, alone.X)
    assert set(found.obs["status"]) == {"flagged"}
    assert found.obs["reason"].iloc[0].startswith("hyena: forward: the contig ends")
    assert set(alone.obs["status"]) == {"ok"}
    assert set(alone.obs["reason"]) == {""}
    records = found.uns["hyenascope"]
    assert set(records["hyena"]) <= set(records["counts"]) | {"modulation_shift"}
    assert records["hyena"]["checkpoint_hash"]
    with pytest.raises(NothingScoredError, match=r"models\['hyena'\]: .*contig ends"):
        compare_models({"hyena": models["hyena"]}, end, genome, **options)


def test_a_strand_without_a_number_is_told_of(models, genome):
    end = Interval("chr1", 228, 238)
    found = compare_models({"hyena": models["hyena"]}, end, genome)
    assert set(found.obs["status"]) == {"ok"}
    assert found.obs["reason"].iloc[0].startswith("forward: the contig ends")


def test_all_read_the_context_that_is_asked_for(variants, genome):
    length = FunctionModel(lambda texts: [len(t) for t in texts], context_length=60)
    for where in (variants, Interval("chr1", 60, 64)):
        found = compare_models({"a": length}, where, genome, context=16)
        assert found.uns["hyenascope"]["a"]["context"] == 16


def test_a_head_of_our_own_is_compared(models, genome):
    head = HeadOutput(lambda states: states.mean(dim=(1, 2)), name="mean state")
    place = Interval("chr1", 60, 64)
    pair = {"hyena": models["hyena"], "GC": count("GC")}
    found = compare_models(pair, place, genome, scores={"hyena": head})
    track = saturation_mutagenesis(models["hyena"], genome, place, score=head)
    expected = [
        track.values[row.pos - 61, "ACGT".index(row.alt)]
        for row in found.obs.itertuples()
    ]
    np.testing.assert_allclose(np.asarray(found[:, "hyena"].X)[:, 0], expected)


def test_it_is_written_and_read(models, variants, genome, tmp_path):
    models = {f"zoo/{name}": model for name, model in models.items()}
    for number, where in enumerate((variants, PLACE)):
        found = compare_models(models, where, genome)
        found.write_h5ad(tmp_path / f"{number}.h5ad")
        again = ad.read_h5ad(tmp_path / f"{number}.h5ad")
        np.testing.assert_array_equal(again.X, found.X)
        assert list(again.var_names) == list(models)
        keys = {name.replace("/", "|") for name in models}
        assert set(again.uns["hyenascope"]) == keys


def test_names_that_differ_by_a_slash_keep_both_records(genome):
    pair = {"zoo/GC": count("GC"), "zoo|GC": count("GC", 2.0)}
    found = compare_models(pair, Interval("chr1", 60, 64), genome)
    assert len(found.uns["hyenascope"]) == 2


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
    asked = {"counts": ModelOutput("DNase")}
    for where in (variants, PLACE):
        with pytest.raises(ValueError, match=r"models\['counts'\]: output must be one"):
            compare_models(models, where, genome, scores=asked)
    with pytest.raises(ValueError, match=r"models\['counts'\]: interval must fit the"):
        compare_models(models, Interval("chr1", 50, 90), genome)


def test_what_is_no_mapping_is_named(models, variants, genome, unchecked):
    with pytest.raises(TypeError, match=r"models must be a mapping .*; got list"):
        compare_models(list(models.values()), variants, genome)
    with pytest.raises(TypeError, match=r"scores must be a mapping .*; got str"):
        compare_models(models, variants, genome, scores="conditional")
    with pytest.raises(TypeError, match=r"models\['mine'\]: model must be a HyenaLM"):
        compare_models({"mine": torch.nn.Linear(4, 1)}, variants, genome)
