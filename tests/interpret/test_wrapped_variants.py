"""Variant scores of wrapped models: against our own engine and haplotypes by hand."""

import numpy as np
import pandas as pd
import pytest
import torch

from hyenascope.data.interval import Interval
from hyenascope.data.variant import Variant
from hyenascope.interpret.model_output import ModelOutput
from hyenascope.interpret.scores import tidy
from hyenascope.interpret.variant_checks import VariantError
from hyenascope.interpret.variant_effect import score_variants
from hyenascope.models.wrappers import (
    FunctionModel,
    HuggingFaceModel,
    HyenaModel,
    OneHotModel,
)
from hyenascope.sequence.dna import reverse_complement
from tests.hugging_face_models import bert, bpe_tokenizer, gpt, kmer_tokenizer
from tests.wrapped_models import (
    PlainHyena,
    Weighted,
    random_genome,
    stranded,
)

SCORES = (
    *("conditional", "likelihood", "downstream", "full_sum", "full_mean"),
    *("embedding_l2", "embedding_cosine", "last_l2", "last_inner", "variant_cosine"),
)


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


def test_outputs_of_strands_change_places_with_them(genome):
    model = stranded(16)
    start = 60 + genome.fetch_region("chr1", 60, 80).index("G")
    snv = at(genome, start, 1, "A")  # windows of indels differ between the strands
    found = score_variants(model, snv, genome, baselines=())
    for name in ("RNA+", "RNA-"):
        forward, reverse = (
            found[:, f"{name}_{side}"] for side in ("forward", "reverse")
        )
        assert forward.layers["ref"][0, 0] > 0
        for layer in ("ref", "alt"):
            np.testing.assert_allclose(forward.layers[layer], reverse.layers[layer])
    assert found[0, "RNA+"].X[0, 0] != found[0, "RNA-"].X[0, 0]


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
    assert found.obs["status"].iloc[0] == "no_score"
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
    options = {"scores": [ModelOutput(0, width=1)], "baselines": ()}
    found = score_variants(model, rows, genome, **options)
    assert np.isnan(found.X).all(axis=1).tolist() == [True, False]
    assert list(found.obs["status"]) == ["no_score", "ok"]
    reason = "no bin that is asked for of Middle"
    assert reason in found.obs["reason"].iloc[0]
    kept = score_variants(model, rows, genome, **options, on_error="skip")
    assert list(kept.obs_names) == [str(rows[1])]
    assert kept.uns["hyenascope"]["skipped"] == {"no_score": 1}
    with pytest.raises(VariantError, match=f"{rows[0]}: .*{reason}"):
        score_variants(model, rows, genome, **options, on_error="raise")


def fails_on(text, **options):
    """A model that counts G and has no answer where ``text`` stands."""
    return FunctionModel(
        lambda texts: [np.nan if text in each else each.count("G") for each in texts],
        context_length=20,
        outputs=("G",),
        **options,
    )


def test_a_variant_without_an_answer_costs_no_other_its_row(genome, variants):
    snv = variants[0]
    before = genome.fetch_region("chr1", snv.start - 6, snv.start)
    model = fails_on(before + snv.alt)  # and its reverse complement is no such text
    found = score_variants(model, variants, genome, baselines=())
    alone = score_variants(fails_on("none"), variants, genome, baselines=())
    assert list(found.obs["status"]) == ["ok"] * 4
    assert "forward: outputs of" in found.obs["reason"].iloc[0]
    assert np.isnan(found[:, "G_forward"].X[0, 0])
    assert found[:, "G"].X[0, 0] == alone[:, "G_reverse"].X[0, 0]
    np.testing.assert_array_equal(found.X[1:], alone.X[1:])
    options = {"strands": "forward", "baselines": ()}
    found = score_variants(model, variants, genome, **options)
    assert list(found.obs["status"]) == ["no_score", "ok", "ok", "ok"]
    with pytest.raises(VariantError, match=f"{snv}: .* must be finite"):
        score_variants(model, variants, genome, **options, on_error="raise")


def test_a_deletion_that_pulls_n_in_is_flagged(tmp_path):
    model = fails_on("none", alphabet="ACGT")
    with random_genome(tmp_path, 240, unknown=71) as genome:  # just past the window
        deletion, snv = at(genome, 60, 4, "A"), at(genome, 30, 1, "A")
        variants = [Variant("chr1", 61, deletion.ref, deletion.ref[0]), snv]
        found = score_variants(model, variants, genome, baselines=())
    window_end = found.obs["window_end"].iloc[0]
    assert window_end <= 71 < window_end + 4
    assert "N in what is read, which" in found.obs["reason"].iloc[0]
    assert np.isnan(found[:, "G_forward"].X[0, 0])
    assert np.isfinite(found[:, "G_reverse"].X[0, 0])


@pytest.mark.parametrize("kind", ["causal", "masked"])
def test_sums_of_byte_pairs_are_of_all_of_either_haplotype(genome, kind):
    tokenizer = bpe_tokenizer()
    network = gpt(tokenizer) if kind == "causal" else bert(tokenizer)
    model = HuggingFaceModel(network, tokenizer, kind=kind, context_length=24)
    snvs = [
        at(genome, start, 1, other(genome.fetch_region("chr1", start, start + 1)))
        for start in range(12, 90, 2)
    ]
    found = score_variants(
        model,
        snvs,
        genome,
        scores=["full_sum", "full_mean"],
        strands="forward",
        baselines=(),
    )

    def known(text, at):
        (table,) = model.log_probs(text)
        picked = table[range(24), ["ACGT".index(base) for base in text]]
        return picked[~np.isnan(picked)], picked[at]

    moved = 0
    for snv, row in zip(snvs, found.obs.itertuples(), strict=True):
        text = genome.fetch_region("chr1", row.window_start, row.window_end)
        place = snv.start - row.window_start
        edited = text[:place] + snv.alt + text[place + 1 :]
        (ref, gone), (alt, come) = known(text, place), known(edited, place)
        got = found[row.Index].X[0]
        if np.isnan([gone, come]).any():  # no token spells it: no number
            assert np.isnan(got).all()
            assert row.status == "no_score"
            continue
        expected = [alt.sum() - ref.sum(), alt.mean() - ref.mean()]
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-4)
        moved += len(ref) != len(alt) or not np.allclose(ref[:3], alt[:3])
    assert moved  # tokens left of some change differ


def test_columns_that_would_share_a_name_are_refused(genome, variants):
    def model(*names):
        return FunctionModel(
            lambda texts: np.zeros((len(texts), len(names))),
            context_length=20,
            outputs=names,
        )

    with pytest.raises(ValueError, match=r"columns of their own.*'cpg' twice"):
        score_variants(model("cpg"), variants, genome)
    score_variants(model("cpg"), variants, genome, baselines=())
    with pytest.raises(ValueError, match="'s_forward' twice"):
        score_variants(model("s", "s_forward"), variants, genome, baselines=())
    score_variants(
        model("s", "s_forward"), variants, genome, strands="forward", baselines=()
    )


def test_a_score_that_is_asked_for_twice_is_one_column(genome, variants):
    model = OneHotModel(Weighted(32), context_length=32, outputs=("a", "b"), bin_size=4)
    asked = [ModelOutput(0), ModelOutput("a")]
    found = score_variants(
        model, variants, genome, scores=asked, strands="forward", baselines=()
    )
    assert list(found.var_names) == ["a"]


def test_thousands_of_outputs_are_each_their_own(genome, variants):
    count = 5_000
    model = FunctionModel(
        lambda texts: np.outer([t.count("G") for t in texts], np.arange(count)),
        context_length=20,
        outputs=count,
    )
    found = score_variants(model, variants, genome, baselines=())
    assert found.shape == (4, 3 * count)
    one = found[:, "output 1"].X
    means = found[:, [f"output {i}" for i in range(count)]].X
    np.testing.assert_allclose(means, one * np.arange(count), rtol=1e-5)
    assert np.abs(one).max() > 0


def test_a_region_goes_by_any_name_of_its_contig(genome, variants):
    model = OneHotModel(Weighted(32), context_length=32, outputs=2, bin_size=4)
    found = [
        score_variants(
            model,
            variants[:1],
            genome,
            scores=[ModelOutput(0, region=Interval(name, 52, 60))],
            baselines=(),
        )
        for name in ("chr1", "1")
    ]
    assert np.isfinite(found[0].X).all()
    np.testing.assert_array_equal(found[0].X, found[1].X)


def test_an_indel_of_a_masked_model_is_judged_on_as_many_bases_of_either(genome):
    tokenizer = kmer_tokenizer(1)
    model = HuggingFaceModel(
        bert(tokenizer), tokenizer, kind="masked", context_length=24
    )
    start = 60
    ref = genome.fetch_region("chr1", start, start + 1)
    added = other(genome.fetch_region("chr1", start + 1, start + 2))
    insertion = Variant("chr1", start + 1, ref, ref + added * 2)
    found = score_variants(model, insertion, genome, strands="forward", baselines=())
    left = int(found.obs["window_start"].iloc[0])
    text = genome.fetch_region("chr1", left, left + 24)
    place = start + 1 - left
    edited = (text[:place] + added * 2 + text[place:])[:24]
    sums = []
    for read in (text, edited):
        (table,) = model.log_probs(read)
        picked = table[range(24), ["ACGT".index(base) for base in read]]
        sums.append(picked[place : place + 2].sum())
    assert found.X[0, 0] == pytest.approx(sums[1] - sums[0], abs=1e-5)


@pytest.mark.parametrize(("length", "status"), [(44, "ok"), (42, "no_score")])
def test_bins_that_a_short_contig_cuts_have_no_number(tmp_path, length, status):
    model = OneHotModel(
        torch.nn.AvgPool1d(4),
        context_length=64,
        outputs=4,
        bin_size=4,
        fixed_length=False,
    )
    with random_genome(tmp_path, length, unknown=0) as short:
        ref = short.fetch_region("chr1", 21, 22)
        variant = Variant("chr1", 22, ref, other(ref))
        asked = [ModelOutput("ACGT".index(variant.alt), width=1, aggregation="sum")]
        found = score_variants(
            model, variant, short, scores=asked, strands="forward", baselines=()
        )
    assert found.obs["status"].iloc[0] == status
    if status == "ok":
        assert found.X[0, 0] == pytest.approx(1 / 4)
    else:
        assert "must be whole bins of 4 bp" in found.obs["reason"].iloc[0]


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
