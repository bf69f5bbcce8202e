"""Percentiles: mid-ranks within a class, from the same model, genome and options."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
import torch

from hyenascope.data.interval import Interval
from hyenascope.data.variant import Variant, all_snvs
from hyenascope.interpret.background import (
    Background,
    check_classes,
    mutation_classes,
    read_contexts,
)
from hyenascope.interpret.fit_background import fit_background
from hyenascope.interpret.scores import wide
from hyenascope.interpret.variant_effect import score_variants
from hyenascope.models.hyena import HyenaConfig, HyenaLM

TEXT = "".join(np.random.default_rng(5).choice(list("ACGT"), 3000))
OPTIONS = {"scores": ("conditional",), "context": 64}


def lm(seed: int) -> HyenaLM:
    config = HyenaConfig(d_model=16, n_layer=1, d_inner=16, l_max=66)
    return HyenaLM(config, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def model() -> HyenaLM:
    return lm(1)


@pytest.fixture(scope="module")
def fasta(tmp_path_factory):
    path = tmp_path_factory.mktemp("genome") / "g.fa"
    path.write_text(f">I\n{TEXT}\n>II\n{'N' * 500}\n")
    return path


@pytest.fixture(scope="module")
def background(model, fasta) -> Background:
    return fit_background(model, fasta, variants=800, seed=3, least=5, **OPTIONS)


def by_hand(values, labels, least=1) -> Background:
    obs = pd.DataFrame(
        {"ref": ["C"] * len(values), "alt": "T", "trinucleotide_context": labels}
    )
    obs.index = obs.index.astype(str)
    var = pd.DataFrame({"strand": ["both"]}, index=["conditional"])
    scores = ad.AnnData(np.array(values)[:, None], obs, var, uns={"hyenascope": {}})
    return Background(scores, least=least)


def test_mid_ranks_by_hand():
    background = by_hand([0.0, 1.0, 1.0, 3.0], ["ACG>ATG"] * 4)
    asked = by_hand([-1.0, 0.0, 1.0, 2.0, 3.0, 9.0, np.nan], ["ACG>ATG"] * 7)
    ranks = background.percentile(asked.scores).layers["percentile"][:, 0]
    expected = [0, 1 / 8, 4 / 8, 6 / 8, 7 / 8, 1, np.nan]
    np.testing.assert_allclose(ranks, expected)


def test_a_small_class_falls_back_and_says_so():
    values = [0.0, 10.0, 20.0, 30.0]
    background = by_hand(values, ["ACG>ATG", *["TCG>TTG"] * 3], least=3)
    asked = by_hand([15.0, 15.0, 15.0], ["ACG>ATG", "TCG>TTG", "ACA>ATA"])
    found = background.percentile(asked.scores)
    assert list(found.obs["background_class"]) == ["C>T CpG", "TCG>TTG", "C>T"]
    assert list(found.obs["background_n"]) == [4, 3, 4]
    np.testing.assert_allclose(found.layers["percentile"][:, 0], [2 / 4, 1 / 3, 2 / 4])


def test_classes_fold_strands_only_where_scores_do(fasta, model):
    found = score_variants(model, snvs(), fasta, **OPTIONS)
    label = found.obs["trinucleotide_context"]
    pyrimidine = found.obs["ref"].isin(["C", "T"])
    forward, reverse = (read_contexts(found.obs, s) for s in ("forward", "reverse"))
    assert list(label) == read_contexts(found.obs)
    assert (label == forward).equals(pyrimidine)
    assert (label == reverse).equals(~pyrimidine)
    read = [TEXT[pos - 2 : pos + 1] for pos in found.obs["pos"]]
    assert [each.split(">")[0] for each in forward] == read
    assert [next(iter(mutation_classes(each))) for each in forward] == forward


def snvs() -> list[Variant]:
    place = Interval("I", 1000, 1040)
    return list(all_snvs(place, TEXT[1000:1040]))


def test_percentile_is_uniform_on_the_background_itself(background):
    found = background.percentile(background.scores)
    column = list(found.var_names).index("conditional")
    for _, rows in found.obs.groupby("background_class", observed=True):
        # Distinct scores of a full class take the mid-ranks 1/2n, 3/2n, …
        if len(rows) == rows["background_n"].iloc[0]:
            ranks = np.sort(found[rows.index].layers["percentile"][:, column])
            expected = (np.arange(len(rows)) + 0.5) / len(rows)
            np.testing.assert_allclose(ranks, expected, atol=1.1 / len(rows))
    ranks = found.layers["percentile"][:, column]
    assert np.nanmean(ranks) == pytest.approx(0.5, abs=1e-3)


def test_percentile_is_monotone_within_a_class(background, model, fasta):
    found = score_variants(model, snvs(), fasta, background=background, **OPTIONS)
    ranks = found.layers["percentile"]
    assert ((ranks >= 0) & (ranks <= 1)).all()
    for column, strand in enumerate(found.var["strand"]):
        labels = pd.Series(read_contexts(found.obs, strand))
        for rows in labels.groupby(labels).groups.values():
            order = np.argsort(found.X[rows, column])
            assert (np.diff(ranks[rows, column][order]) >= 0).all()


def test_what_has_no_class_has_no_percentile(background, model, fasta):
    deletion = Variant("I", 1000, TEXT[999:1002], TEXT[999])
    wrong = Variant("I", 1000, "ACGT"["ACGT".index(TEXT[999]) - 1], TEXT[999])
    given = [snvs()[0], deletion, wrong]
    found = score_variants(model, given, fasta, background=background, **OPTIONS)
    ranks = wide(found)["conditional_percentile"]
    assert list(ranks.isna()) == [False, True, True]
    assert list(found.obs["background_class"][1:]) == ["", ""]
    assert found.uns["hyenascope"]["background"]["seed"] == 3


def test_another_model_genome_or_option_is_refused(background, model, fasta, tmp_path):
    def score(model=model, fasta=fasta, **changed):
        return score_variants(
            model, snvs(), fasta, background=background, **{**OPTIONS, **changed}
        )

    with pytest.raises(ValueError, match=r"checkpoint_hash \w+ against \w+\."):
        score(model=lm(2))
    other = tmp_path / "other.fa"
    other.write_text(f">I\n{TEXT}\n")
    with pytest.raises(ValueError, match="genome_fingerprint"):
        score(fasta=other)
    with pytest.raises(ValueError, match=r"context 32 against 64; window_stride 8 aga"):
        score(context=32)
    with pytest.raises(ValueError, match=r"strands forward against both"):
        score(strands="forward")
    with pytest.raises(ValueError, match=r"every score .*; got no likelihood, "):
        score(scores=("likelihood",))


def test_saved_and_loaded_unchanged(background, model, fasta, tmp_path):
    background.save(tmp_path / "b.h5ad")
    loaded = Background.load(tmp_path / "b.h5ad")
    np.testing.assert_array_equal(loaded.scores.X, background.scores.X)
    assert (loaded.classes, loaded.least) == (background.classes, background.least)
    assert loaded.provenance == background.provenance
    pd.testing.assert_series_equal(loaded.counts, background.counts)
    found = score_variants(model, snvs(), fasta, **OPTIONS)
    before, after = (each.percentile(found) for each in (background, loaded))
    np.testing.assert_array_equal(
        before.layers["percentile"], after.layers["percentile"]
    )
    with pytest.raises(ValueError, match=r"path must end in .h5ad; got b.tsv"):
        background.save("b.tsv")


def test_other_files_are_refused(model, fasta, tmp_path):
    score_variants(model, snvs()[0], fasta, **OPTIONS).write_h5ad(tmp_path / "s.h5ad")
    with pytest.raises(ValueError, match="path must be a saved background"):
        Background.load(tmp_path / "s.h5ad")


def test_the_seed_decides_what_is_drawn(model, fasta):
    found = [
        fit_background(model, fasta, variants=40, seed=seed, **OPTIONS).scores
        for seed in (1, 1, 2)
    ]
    draws = [set(each.obs_names) for each in found]
    assert draws[0] == draws[1] != draws[2]


def test_snvs_are_drawn_from_the_intervals(model, fasta, tmp_path):
    place = Interval("I", 500, 520)
    bed = tmp_path / "r.bed"
    bed.write_text("I\t500\t520\n")
    for intervals in ([place], bed):
        found = fit_background(
            model, fasta, variants=30, intervals=intervals, **OPTIONS
        ).scores
        assert found.obs["pos"].between(501, 520).all()
        assert found.n_obs == 30


@pytest.mark.parametrize("least", [0, -1])
def test_refuses_classes_of_no_snv(background, model, fasta, least):
    with pytest.raises(ValueError, match=f"least must be at least 1; got {least}"):
        Background(background.scores, least=least)
    with pytest.raises(ValueError, match=f"least must be at least 1; got {least}"):
        fit_background(model, fasta, variants=5, least=least)


def test_refuses_unknown_classes():
    # The shape hook would refuse the literal first, so the check is called itself.
    with pytest.raises(ValueError, match=r"classes must be 'trinucleotide' or .*'foo'"):
        check_classes("foo", 1)


def test_refuses_a_genome_of_n(model, fasta):
    place = [Interval("II", 0, 500)]
    with pytest.raises(ValueError, match="genome must hold A, C, G or T"):
        fit_background(model, fasta, variants=2, intervals=place, **OPTIONS)
    with pytest.raises(ValueError, match="variants must be at least 1; got 0"):
        fit_background(model, fasta, variants=0, **OPTIONS)
