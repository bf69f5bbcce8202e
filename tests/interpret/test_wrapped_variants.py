"""Variant scores of wrapped models: against our own engine and haplotypes by hand."""

import numpy as np
import pandas as pd
import pytest

from hyenascope.data.variant import Variant
from hyenascope.interpret.model_output import ModelOutput
from hyenascope.interpret.scores import tidy
from hyenascope.interpret.variant_effect import score_variants
from hyenascope.models.wrappers import (
    FunctionModel,
    HuggingFaceModel,
    HyenaModel,
    OneHotModel,
)
from hyenascope.sequence.dna import reverse_complement
from tests.hugging_face_models import bert, kmer_tokenizer
from tests.wrapped_models import PlainHyena, Weighted, random_genome, small_hyena

SCORES = (
    *("conditional", "likelihood", "downstream", "full_sum", "full_mean"),
    *("embedding_l2", "embedding_cosine", "last_l2", "last_inner", "variant_cosine"),
)


@pytest.fixture
def genome(tmp_path):
    with random_genome(tmp_path) as reader:
        yield reader


@pytest.fixture
def hyena():
    return small_hyena()


def at(genome, start, removed, added):
    """A variant of the genome that takes bases out and puts others in."""
    ref = genome.fetch_region("chr1", start, start + removed)
    return Variant("chr1", start + 1, ref, added)


def other(base):
    return "ACGT"[("ACGT".index(base) + 1) % 4]


@pytest.fixture
def variants(genome):
    first = genome.fetch_region("chr1", 60, 61)
    snv = at(genome, 60, 1, other(first))
    insertion = at(genome, 70, 1, genome.fetch_region("chr1", 70, 71) + "ACG")
    deletion = at(genome, 80, 4, genome.fetch_region("chr1", 80, 81))
    several = "".join(map(other, genome.fetch_region("chr1", 90, 93)))
    return [snv, insertion, deletion, at(genome, 90, 3, several)]


def test_whole_windows_give_what_the_incremental_engine_gives(genome, hyena, variants):
    ours, plain = (
        score_variants(
            model, variants, genome, scores=SCORES, window_stride=1, baselines=()
        )
        for model in (hyena, PlainHyena(hyena))
    )
    assert list(plain.var_names) == list(ours.var_names)
    for layer in ("ref", "alt"):
        expected = ours.layers[layer]
        np.testing.assert_allclose(plain.layers[layer], expected, rtol=1e-4, atol=1e-4)
    pd.testing.assert_frame_equal(plain.var, ours.var)
    assert list(plain.obs["status"]) == ["ok"] * 4


def test_our_own_model_is_unwrapped(genome, hyena, variants):
    found = score_variants(HyenaModel(hyena), variants, genome)
    assert found.uns["hyenascope"]["engine"] == "incremental"


def test_every_output_is_a_column(genome, variants):
    model = OneHotModel(
        Weighted(32),
        context_length=32,
        outputs=("plain", "square"),
        bin_size=4,
        units="reads",
    )
    found = score_variants(model, variants, genome, baselines=("cpg",))
    assert list(found.var_names) == [
        *("plain", "plain_forward", "plain_reverse"),
        *("square", "square_forward", "square_reverse", "cpg"),
    ]
    assert found.var.loc["square", "unit"] == "reads"
    assert found.var.loc["square", "formula"] == "mean of square, alternate − reference"
    for variant, row in zip(variants, found.obs.itertuples(), strict=True):
        start, end = row.window_start, row.window_end
        assert end - start == 32
        text = genome.fetch_region("chr1", start, min(end + 8, 240))
        before, after = variant.start - start, variant.end - start
        edited = text[:before] + variant.alt + text[after:]
        ref, alt = (model.predict(each[:32])[0].mean(axis=0) for each in (text, edited))
        got = found[row.Index, ["plain_forward", "square_forward"]]
        np.testing.assert_allclose(got.layers["ref"][0], ref, rtol=1e-5)
        np.testing.assert_allclose(got.X[0], alt - ref, rtol=1e-3, atol=1e-5)


def test_a_width_is_of_the_bins_around_the_variant_on_either_strand(genome, variants):
    model = OneHotModel(Weighted(32), context_length=32, outputs=2, bin_size=4)
    snv = variants[0]
    found = score_variants(
        model, snv, genome, scores=[ModelOutput(1, width=1, aggregation="sum")]
    )
    name = "output 1, 1 bp, sum"
    start = int(found.obs["window_start"].iloc[0])
    text = genome.fetch_region("chr1", start, start + 32)
    place = snv.start - start
    edited = text[:place] + snv.alt + text[place + 1 :]
    ref, alt = (model.predict(each)[0, place // 4, 1] for each in (text, edited))
    forward = found[:, f"{name}_forward"].X[0, 0]
    assert forward == pytest.approx(alt - ref, rel=1e-4)
    ref, alt = (
        model.predict(reverse_complement(each))[0, ::-1][place // 4, 1]
        for each in (text, edited)
    )
    assert found[:, f"{name}_reverse"].X[0, 0] == pytest.approx(alt - ref, rel=1e-4)


def test_a_masked_model_sees_neither_allele_of_an_snv(genome, variants):
    tokenizer = kmer_tokenizer(3)
    model = HuggingFaceModel(
        bert(tokenizer), tokenizer, kind="masked", context_length=48
    )
    found = score_variants(model, variants[0], genome, strands="forward", baselines=())
    assert list(found.var_names) == ["conditional"]
    assert "all other bases" in found.var.loc["conditional", "formula"]
    start = int(found.obs["window_start"].iloc[0])
    text = genome.fetch_region("chr1", start, start + 48)
    place = variants[0].start - start
    row = model.log_probs(text)[0][place]
    change = row["ACGT".index(variants[0].alt)] - row["ACGT".index(variants[0].ref)]
    assert found.X[0, 0] == pytest.approx(change, abs=1e-5)


def test_pseudo_likelihoods_are_of_whole_haplotypes(genome, variants):
    tokenizer = kmer_tokenizer(1)
    model = HuggingFaceModel(
        bert(tokenizer), tokenizer, kind="masked", context_length=24
    )
    several = variants[3]
    found = score_variants(
        model,
        several,
        genome,
        scores=["conditional", "full_sum", "full_mean", "embedding_l2"],
        strands="forward",
        baselines=(),
    )
    start = int(found.obs["window_start"].iloc[0])
    text = genome.fetch_region("chr1", start, start + 24)
    place = several.start - start
    edited = text[:place] + several.alt + text[place + 3 :]

    def picked(read):
        (table,) = model.log_probs(read)
        return table[range(24), ["ACGT".index(base) for base in read]]

    ref, alt = picked(text), picked(edited)
    changed = slice(place, place + 3)
    states = [model.embed(read)[0].mean(axis=0) for read in (text, edited)]
    expected = [
        alt[changed].sum() - ref[changed].sum(),
        alt.sum() - ref.sum(),
        alt.mean() - ref.mean(),
        np.linalg.norm(states[1] - states[0]),
    ]
    np.testing.assert_allclose(found.X[0], expected, rtol=1e-4, atol=1e-5)


def test_rows_that_cannot_be_read_keep_their_place(genome, variants):
    strict = FunctionModel(
        lambda texts: [text.count("G") for text in texts],
        context_length=20,
        alphabet="ACGT",
        outputs=("G",),
    )
    beside_n = at(genome, 104, 1, other(genome.fetch_region("chr1", 104, 105)))
    wrong = Variant("chr1", 61, other(variants[0].ref), "A")
    found = score_variants(strict, [beside_n, variants[0], wrong], genome)
    assert list(found.obs["status"]) == ["ambiguous_window", "ok", "ref_mismatch"]
    assert np.isnan(found[:, "G"].X).ravel().tolist() == [True, False, True]


def test_a_contig_too_short_for_a_fixed_length_says_so(tmp_path):
    with random_genome(tmp_path, 24, unknown=0) as short:
        model = OneHotModel(Weighted(32), context_length=32, outputs=2, bin_size=4)
        base = short.fetch_region("chr1", 12, 13)
        found = score_variants(
            model, Variant("chr1", 13, base, other(base)), short, baselines=()
        )
    assert np.isnan(found.X).all()
    assert "contig must hold the 32 bp that are read" in found.obs["reason"].iloc[0]


def test_a_variant_beside_all_bins_is_flagged_and_the_others_are_scored(genome):
    class Middle(Weighted):
        def forward(self, rows):
            return super().forward(rows)[..., 3:-3]

    model = OneHotModel(Middle(32), context_length=32, outputs=2, bin_size=4)
    rows = [
        at(genome, start, 1, other(genome.fetch_region("chr1", start, start + 1)))
        for start in (2, 60)
    ]
    found = score_variants(
        model, rows, genome, scores=[ModelOutput(0, width=1)], baselines=()
    )
    assert np.isnan(found.X).all(axis=1).tolist() == [True, False]
    assert "no bin that is asked for of Middle" in found.obs["reason"].iloc[0]


def test_tables_are_tidy(genome, variants):
    model = OneHotModel(Weighted(32), context_length=32, outputs=2, bin_size=4)
    frame = tidy(score_variants(model, variants, genome, baselines=()))
    assert len(frame) == 4 * 6
    change = frame["alt_value"] - frame["ref_value"]
    np.testing.assert_allclose(frame["value"], change)


def test_what_does_not_fit_is_said(genome, hyena, variants):
    counts = OneHotModel(Weighted(32), context_length=32, outputs=2, bin_size=4)
    tokenizer = kmer_tokenizer(1)
    masked = HuggingFaceModel(bert(tokenizer), tokenizer, kind="masked")
    for model, scores, message in (
        (counts, ["conditional"], "model must give likelihoods for this"),
        (counts, ["embedding_l2"], "model must give embeddings for this"),
        (counts, [ModelOutput("DNase")], "output must be one of the 2 of Weighted"),
        (masked, ["downstream"], "scores of a model that fills masks must be among"),
        (masked, [ModelOutput()], "model must give predictions for this"),
        (hyena, [ModelOutput()], "scores must be names for our own model"),
        (counts, [], "scores must name at least one score; got none"),
    ):
        with pytest.raises(ValueError, match=message):
            score_variants(model, variants, genome, scores=scores)
