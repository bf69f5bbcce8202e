"""Maps by wrapped models: against our own engine, against edits made by hand."""

import numpy as np
import pytest
import torch

import hyenascope as hs
from hyenascope.cluster import jobs
from hyenascope.data.interval import Interval
from hyenascope.data.variant import Variant
from hyenascope.interpret.head_output import HeadOutput
from hyenascope.interpret.ism import conditional_map, saturation_mutagenesis
from hyenascope.interpret.model_output import ModelOutput
from hyenascope.interpret.unscored import NothingScoredError
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
    Speechless,
    Weighted,
    random_genome,
    stranded,
)

PLACE = Interval("chr1", 100, 112)


@pytest.mark.parametrize("score", ["conditional", "downstream", "full"])
@pytest.mark.parametrize("strands", ["forward", "reverse", "both"])
def test_whole_windows_give_what_the_incremental_engine_gives(
    genome, hyena, score, strands
):
    ours, plain = (
        saturation_mutagenesis(model, genome, PLACE, score=score, strands=strands)
        for model in (hyena, PlainHyena(hyena))
    )
    np.testing.assert_allclose(plain.values, ours.values, atol=2e-5)
    assert (plain.units, plain.names) == (ours.units, ours.names)
    assert plain.provenance["unscored"] == ours.provenance["unscored"]
    if score == "downstream":
        share = ours.provenance["last_tenth"]
        assert plain.provenance["last_tenth"] == pytest.approx(share, rel=1e-3)


def test_our_own_model_is_unwrapped(genome, hyena):
    track = saturation_mutagenesis(HyenaModel(hyena), genome, PLACE, window=8)
    assert track.provenance["engine"] == "incremental"


def test_conditional_maps_are_alike(genome, hyena):
    ours, plain = (
        conditional_map(model, genome, PLACE, strands="both")
        for model in (hyena, PlainHyena(hyena))
    )
    np.testing.assert_allclose(plain.values, ours.values, atol=1e-5)


@pytest.mark.parametrize(
    ("output", "bins", "reduce"),
    [
        (ModelOutput("square"), slice(0, 4), np.mean),
        (ModelOutput(0, aggregation="sum"), slice(0, 4), np.sum),
        # The window is chr1:98-114, so bins start at 98, 102, 106, 110.
        (ModelOutput(1, region=Interval("chr1", 105, 107)), slice(1, 3), np.mean),
        (ModelOutput(1, width=2), slice(1, 3), np.mean),
    ],
    ids=["named", "sum", "region", "width"],
)
@pytest.mark.parametrize("strand", ["forward", "reverse"])
def test_outputs_are_differences_of_predictions(genome, output, bins, reduce, strand):
    model = OneHotModel(
        Weighted(),
        context_length=16,
        outputs=("plain", "square"),
        bin_size=4,
        units="reads",
    )
    track = saturation_mutagenesis(model, genome, PLACE, score=output, strands=strand)
    assert track.units == "reads"
    window = Interval("chr1", 98, 114)
    text = genome.fetch(window)
    column = output.index(model)

    def value(read):
        if strand == "forward":
            return reduce(model.predict(read)[0][bins, column])
        found = model.predict(reverse_complement(read))[0][::-1]
        return reduce(found[bins, column])

    for i in range(12):
        at = PLACE.start + i - window.start
        for j, base in enumerate("ACGT"):
            edited = text[:at] + base + text[at + 1 :]
            expected = np.nan if text[at] == "N" else value(edited) - value(text)
            np.testing.assert_allclose(track.values[i, j], expected, atol=2e-5)


@pytest.mark.parametrize("output", ["RNA+", "RNA-"])
def test_outputs_of_strands_change_places_with_them(genome, output):
    score = ModelOutput(output, width=6)
    place = Interval("chr1", 60, 68)
    forward, reverse, both = (
        saturation_mutagenesis(
            stranded(16), genome, place, score=score, strands=strands
        ).values
        for strands in ("forward", "reverse", "both")
    )
    assert np.abs(forward).max() > 0
    np.testing.assert_allclose(reverse, forward, atol=1e-6)
    np.testing.assert_allclose(both, forward, atol=1e-6)


def test_a_function_is_asked_with_texts_alone(genome):
    model = FunctionModel(
        lambda texts: [text.count("G") + text.count("C") for text in texts],
        context_length=20,
        outputs=("GC",),
        units="bases",
    )
    track = saturation_mutagenesis(model, genome, PLACE)
    text = genome.fetch(PLACE)
    for row, old in zip(track.values, text, strict=True):
        if old == "N":
            assert np.isnan(row).all()
            continue
        gained = [(new in "GC") - (old in "GC") for new in "ACGT"]
        np.testing.assert_allclose(row, gained)


def test_what_does_not_fit_is_said(genome, hyena):
    counts = OneHotModel(Weighted(), context_length=16, outputs=2, bin_size=4)
    for options, message in (
        ({"score": "conditional"}, "model must give likelihoods for this"),
        ({"score": ModelOutput("DNase")}, r"output must be one of the 2 of Weighted"),
        ({"score": HeadOutput(torch.nn.Linear(2, 1))}, "must be a ModelOutput"),
        ({"context": 20}, "context must be 16 bp, all that Weighted reads; got 20"),
        (
            {"score": ModelOutput(0, region=Interval("chr1", 10, 20))},
            r"region must overlap the bins of Weighted in chr1:99-114.*got chr1:11-20",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            saturation_mutagenesis(counts, genome, PLACE, **options)
    with pytest.raises(ValueError, match="interval must fit the context of 16 bp"):
        saturation_mutagenesis(counts, genome, Interval("chr1", 100, 120))
    with pytest.raises(ValueError, match="a HeadOutput is for our own"):
        saturation_mutagenesis(hyena, genome, PLACE, score=ModelOutput())


def test_what_is_no_model_is_named(unchecked, genome):
    with pytest.raises(TypeError, match=r"model must be a HyenaLM; got Linear"):
        saturation_mutagenesis(torch.nn.Linear(4, 1), genome, PLACE)


def test_a_masked_model_judges_by_both_sides(genome):
    tokenizer = kmer_tokenizer(3)
    model = HuggingFaceModel(
        bert(tokenizer), tokenizer, kind="masked", context_length=48
    )
    place = Interval("chr1", 108, 112)
    track = saturation_mutagenesis(model, genome, place, strands="forward")
    assert track.provenance["score"] == "conditional"
    assert "all other bases" in track.provenance["formula"]
    # Places 108 to 120 of the grid, with at least 12 of 48 bases on either side.
    text = genome.fetch(Interval("chr1", 95, 143))
    rows = model.log_probs(text)[0][13:17]
    old = ["ACGT".index(base) for base in text[13:17]]
    expected = rows - rows[range(4), old][:, None]
    np.testing.assert_allclose(track.values, expected, atol=1e-5)


def test_full_of_a_masked_model_is_of_pseudo_likelihoods(genome):
    tokenizer = kmer_tokenizer(1)
    model = HuggingFaceModel(
        bert(tokenizer), tokenizer, kind="masked", context_length=24
    )
    place = Interval("chr1", 0, 2)
    track = saturation_mutagenesis(
        model, genome, place, score="full", strands="forward"
    )
    text = genome.fetch(Interval("chr1", 0, 24))

    def likelihood(read):
        (table,) = model.log_probs(read)
        return sum(table[i, "ACGT".index(base)] for i, base in enumerate(read))

    for i in range(2):
        for j, base in enumerate("ACGT"):
            edited = text[:i] + base + text[i + 1 :]
            change = likelihood(edited) - likelihood(text)
            assert track.values[i, j] == pytest.approx(change, abs=1e-4)
    with pytest.raises(ValueError, match="causal for 'downstream'; got Hugging"):
        saturation_mutagenesis(model, genome, place, score="downstream")


def test_full_of_byte_pairs_is_of_all_tokens(genome):
    tokenizer = bpe_tokenizer()
    model = HuggingFaceModel(
        gpt(tokenizer), tokenizer, kind="causal", context_length=24
    )
    place = Interval("chr1", 1, 12)
    track = saturation_mutagenesis(
        model, genome, place, score="full", strands="forward"
    )
    text = genome.fetch(Interval("chr1", 0, 24))

    def picked(read):
        (table,) = model.log_probs(read)
        return table[range(24), ["ACGT".index(base) for base in read]]

    known, left = 0, 0
    before = picked(text)
    for i in range(1, 12):
        for j, base in enumerate("ACGT"):
            after = picked(text[:i] + base + text[i + 1 :])
            change = after - before
            expected = np.nansum(change) if np.isfinite(change[i]) else np.nan
            np.testing.assert_allclose(track.values[i - 1, j], expected, atol=1e-4)
            known += np.isfinite(expected)
            left += np.nansum(np.abs(change[:i])) > 1e-3
    assert known > 8
    assert left  # tokens before a mutated base change with it


@pytest.mark.parametrize("score", ["conditional", "downstream", "full"])
def test_a_base_that_cannot_be_spelled_has_no_number(genome, hyena, score):
    place = Interval("chr1", 60, 70)
    track = saturation_mutagenesis(
        Speechless(hyena), genome, place, score=score, strands="forward"
    )
    text = genome.fetch(place)
    assert set(text) == set("ACGT")
    for row, base in zip(track.values, text, strict=True):
        if base == "T":
            continue
        assert np.isnan(row[3])
        assert np.isfinite(row[:3]).all()


def test_a_model_without_n_is_asked_where_there_is_none(genome):
    model = FunctionModel(
        lambda texts: [text.count("G") for text in texts],
        context_length=20,
        alphabet="ACGT",
        outputs=("G",),
    )
    with pytest.raises(NothingScoredError, match="the model has no letter for N"):
        saturation_mutagenesis(model, genome, Interval("chr1", 100, 110))
    track = saturation_mutagenesis(model, genome, Interval("chr1", 60, 70))
    assert np.isfinite(track.values).all()


def test_a_contig_too_short_for_the_model_is_named(tmp_path):
    model = OneHotModel(Weighted(32), context_length=32, outputs=2, bin_size=4)
    with (
        random_genome(tmp_path, 24, unknown=0) as short,
        pytest.raises(ValueError, match=r"at least 32 bp.*Weighted.*got chr1, 24 bp"),
    ):
        saturation_mutagenesis(model, short, Interval("chr1", 4, 8))


def test_a_region_goes_by_any_name_of_its_contig(genome):
    model = OneHotModel(Weighted(), context_length=16, outputs=2, bin_size=4)
    one, other = (
        saturation_mutagenesis(
            model, genome, PLACE, score=ModelOutput(1, region=Interval(name, 105, 107))
        )
        for name in ("chr1", "1")
    )
    np.testing.assert_array_equal(one.values, other.values)
    assert np.nanmax(np.abs(one.values)) > 0


def test_a_model_that_predicts_reads_all_that_it_can(tmp_path):
    model = FunctionModel(
        lambda texts: [len(text) for text in texts], context_length=20_000
    )
    place = Interval("chr1", 12_000, 12_002)
    with random_genome(tmp_path, 24_000) as genome:
        track = saturation_mutagenesis(model, genome, place)
    assert track.provenance["context"] == 20_000


def test_a_mutant_without_an_answer_costs_no_other_its_number(genome):
    place = Interval("chr1", 60, 70)
    text = genome.fetch(place)
    mutant = text[:4] + ("A" if text[4] != "A" else "C")

    def count(texts):
        return [np.nan if mutant in each else each.count("G") for each in texts]

    def whole(texts):
        return [each.count("G") for each in texts]

    found, expected = (
        saturation_mutagenesis(
            FunctionModel(each, context_length=20), genome, place, strands="forward"
        ).values
        for each in (count, whole)
    )
    lost = np.isnan(found)
    assert np.argwhere(lost).tolist() == [[4, "ACGT".index(mutant[-1])]]
    np.testing.assert_array_equal(found[~lost], expected[~lost])


VERBS = {
    "deletion_scan": lambda model, genome: hs.deletion_scan(model, genome, PLACE),
    "pairwise": lambda model, genome: hs.pairwise_mutagenesis(model, genome, PLACE),
    "log_probs": lambda model, genome: hs.log_probs(model, "ACGT"),
    "log_likelihood": lambda model, genome: hs.log_likelihood(model, "ACGT"),
    "embed": lambda model, genome: hs.embed(model, "ACGT"),
    "logits": lambda model, genome: hs.logits(model, "ACGT"),
    "generate": lambda model, genome: hs.generate(model, "ACGT", n=4),
    "score_haplotypes": lambda model, genome: hs.score_haplotypes(
        model, [Variant("chr1", 101, "A", "C")], genome
    ),
    "jobs": lambda model, genome: jobs.score_variants(
        model, Variant("chr1", 101, "A", "C"), genome, "out"
    ),
}


@pytest.mark.parametrize("verb", VERBS)
def test_verbs_of_our_own_model_say_so(unchecked, genome, hyena, verb):
    with pytest.raises(TypeError, match=r"model must be a HyenaLM.*got PlainHyena"):
        VERBS[verb](PlainHyena(hyena), genome)
