"""Dependencies and tracks by wrapped models: our own engine, and the definition."""

import numpy as np
import pytest

from hyenascope.data.interval import Interval
from hyenascope.interpret.dependency import dependency_map
from hyenascope.interpret.ism import conditional_map
from hyenascope.interpret.likelihood_track import log_prob_track
from hyenascope.models.wrappers import (
    FunctionModel,
    HuggingFaceModel,
    HyenaModel,
    WrappedModel,
)
from hyenascope.models.wrappers.protocol import NoAnswerError
from hyenascope.sequence.dna import reverse_complement
from tests.hugging_face_models import bert, kmer_tokenizer
from tests.wrapped_models import PlainHyena, Speechless

PLACE = Interval("chr1", 100, 112)  # base 6 of it is N
KNOWN = Interval("chr1", 60, 72)


@pytest.fixture(scope="module")
def masked():
    tokenizer = kmer_tokenizer(1)
    return HuggingFaceModel(
        bert(tokenizer), tokenizer, kind="masked", context_length=20
    )


class Falls(PlainHyena):
    """Has no answer to a text that holds a word."""

    def __init__(self, model, word):
        super().__init__(model)
        self.word = word

    def _log_probs(self, texts, places, device):
        if any(self.word in text for text in texts):
            raise NoAnswerError("log_probs must be finite; got NaN.")
        return super()._log_probs(texts, places, device)


class Lettered(WrappedModel):
    """Reads no N."""

    def __init__(self):
        super().__init__(
            "lettered", context_length=20, alphabet="ACGT", offers=("log_probs",)
        )

    @property
    def modules(self):
        return []

    def _log_probs(self, texts, places, device):
        del places, device
        return [np.full((len(text), 4), np.log(0.25)) for text in texts]


@pytest.mark.parametrize("strands", ["forward", "reverse", "both"])
@pytest.mark.parametrize("band", [None, 4])
def test_whole_windows_give_what_the_incremental_engine_gives(
    genome, hyena, strands, band
):
    ours, plain = (
        dependency_map(model, genome, PLACE, strands=strands, band=band)
        for model in (hyena, PlainHyena(hyena))
    )
    np.testing.assert_allclose(plain.X, ours.X, atol=2e-4)
    assert np.isfinite(plain.X).sum() > 20
    details = plain.uns["hyenascope"]
    assert (details["engine"], details["wrapper"]) == ("full passes", "PlainHyena")
    assert details["unscored"] == ours.uns["hyenascope"]["unscored"]


def test_our_own_model_is_unwrapped(genome, hyena):
    found = dependency_map(HyenaModel(hyena), genome, KNOWN)
    assert found.uns["hyenascope"]["engine"] == "incremental"


def odds(model, text):
    (table,) = model.log_probs(text)
    p = np.exp(table)
    return np.log2(p / (1 - p))


def by_definition(model, text, i, j):
    expected = odds(model, text)[j]
    mutants = (text[:i] + base + text[i + 1 :] for base in "ACGT")
    return max(np.abs(odds(model, mutant)[j] - expected).max() for mutant in mutants)


def test_a_model_that_fills_masks_fills_the_square_on_either_strand(genome, masked):
    sides = {
        strands: dependency_map(masked, genome, KNOWN, strands=strands).X
        for strands in ("forward", "reverse", "both")
    }
    text = genome.fetch(Interval("chr1", 56, 76))
    flipped = reverse_complement(text)
    for i, j in [(0, 1), (3, 2), (0, 11), (11, 0), (7, 5)]:
        forward = by_definition(masked, text, 4 + i, 4 + j)
        reverse = by_definition(masked, flipped, 15 - i, 15 - j)
        assert sides["forward"][i, j] == pytest.approx(forward, abs=1e-3)
        assert sides["reverse"][i, j] == pytest.approx(reverse, abs=1e-3)
        assert forward > 0.01
    off = ~np.eye(12, dtype=bool)
    assert all(np.isnan(np.diag(square)).all() for square in sides.values())
    mean = (sides["forward"] + sides["reverse"]) / 2
    np.testing.assert_allclose(sides["both"][off], mean[off])


def test_the_band_of_a_masked_model_reaches_both_ways(genome, masked):
    whole, band = (
        dependency_map(masked, genome, KNOWN, band=reach).X for reach in (None, 3)
    )
    distance = np.abs(np.subtract.outer(np.arange(12), np.arange(12)))
    inside = (distance > 0) & (distance <= 3)
    np.testing.assert_allclose(band[inside], whole[inside], atol=1e-5)
    assert np.isnan(band[~inside]).all()


def test_a_base_with_a_mutant_unanswered_has_no_row_and_is_named(genome, hyena):
    text = genome.fetch(KNOWN)
    base = next(base for base in "ACGT" if base != text[5])
    word = text[:5] + base + text[6:]
    found, expected = (
        dependency_map(model, genome, KNOWN, strands="forward")
        for model in (Falls(hyena, word), PlainHyena(hyena))
    )
    assert np.isnan(found.X[5]).all()
    expected.X[5] = np.nan
    np.testing.assert_array_equal(found.X, expected.X)
    assert found.uns["hyenascope"]["unscored"] == [
        "chr1:66, forward: the model gives no finite number"
    ]


def test_the_largest_change_is_of_bases_that_can_be_spelled(genome, hyena):
    found = dependency_map(Speechless(hyena), genome, KNOWN, strands="forward").X
    whole = dependency_map(hyena, genome, KNOWN, strands="forward").X
    above = np.triu_indices(12, k=1)
    assert np.isfinite(found[above]).all()
    assert (found[above] <= whole[above] + 1e-4).all()


def test_what_cannot_be_asked_is_said(genome, masked):
    with pytest.raises(ValueError, match=r"no N is in the window of 20 bp.*lettered"):
        dependency_map(Lettered(), genome, PLACE)
    assert (dependency_map(Lettered(), genome, KNOWN, band=2).X == 0).sum() == 42
    with pytest.raises(ValueError, match="fit the context of 20 bp; got 30 bp"):
        dependency_map(masked, genome, Interval("chr1", 10, 40))
    count = FunctionModel(lambda texts: [len(text) for text in texts], context_length=9)
    for verb in (dependency_map, log_prob_track):
        with pytest.raises(ValueError, match="likelihoods"):
            verb(count, genome, Interval("chr1", 10, 12))


def test_a_track_is_that_of_our_own_model_where_windows_are_one(genome, hyena):
    place = Interval("chr1", 0, 9)
    ours, plain = (
        log_prob_track(model, genome, place) for model in (hyena, PlainHyena(hyena))
    )
    assert plain.names == ours.names == ("both", "forward", "reverse")
    forward = ours.track("forward")
    np.testing.assert_allclose(plain.track("forward"), forward, atol=1e-5)
    assert np.isnan(plain.values).sum() == np.isnan(ours.values).sum() == 1
    assert plain.units == ours.units


def test_a_track_is_of_the_bases_that_are_there(genome, masked):
    track = log_prob_track(masked, genome, PLACE)
    text = genome.fetch(PLACE)
    for strands in ("forward", "reverse"):
        rows = conditional_map(masked, genome, PLACE, strands=strands)
        for value, row, base in zip(
            track.track(strands), rows.values, text, strict=True
        ):
            assert base == "N" or value == row["ACGT".index(base)]
    assert np.flatnonzero(np.isnan(track.track("both"))).tolist() == [5]


def test_what_a_track_lacks_is_said(genome):
    track = log_prob_track(Lettered(), genome, PLACE, strands="forward")
    assert np.isnan(track.values).all()
    reasons = {row["reason"] for row in track.provenance["unscored"]}
    assert "N is read with it, and the model has no letter for N" in reasons
    known = log_prob_track(Lettered(), genome, KNOWN)
    np.testing.assert_allclose(known.values, np.log(0.25))
    assert list(known.provenance["unscored"]) == []
