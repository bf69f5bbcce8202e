"""What a browser computes of wrapped models, and what it leaves out."""

import numpy as np
import pytest
import torch

from hyenascope.data.interval import Interval
from hyenascope.interpret import ModelOutput, saturation_mutagenesis
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.wrappers import (
    FunctionModel,
    HuggingFaceModel,
    HyenaModel,
    OneHotModel,
)
from hyenascope.widgets.computed_track import ComputedTrack
from hyenascope.widgets.locus_browser import LocusBrowser
from hyenascope.widgets.model_tracks import lanes_of
from hyenascope.widgets.track_recipe import possible_kinds
from tests.hugging_face_models import bert, kmer_tokenizer
from tests.wrapped_models import Weighted, random_genome

VIEW = Interval("chr1", 128, 144)


@pytest.fixture
def genome(tmp_path):
    with random_genome(tmp_path) as reader:
        yield reader


def weighted():
    return OneHotModel(
        Weighted(64),
        context_length=64,
        outputs=("plain", "square"),
        bin_size=4,
        units="reads",
    )


def masked():
    tokenizer = kmer_tokenizer(3)
    return HuggingFaceModel(
        bert(tokenizer), tokenizer, kind="masked", context_length=48
    )


def computed(track, place):
    for _ in track.compute(place):
        pass
    return track.known(place)


def test_kinds_are_what_a_model_offers():
    config = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)
    assert possible_kinds(masked()) == ("ism", "conditional")
    assert possible_kinds(weighted()) == (
        *("ism", "saliency", "integrated_gradients", "deep_lift_shap"),
    )
    assert len(possible_kinds(HyenaModel(HyenaLM(config)))) == 6
    function = FunctionModel(lambda texts: [0.0] * len(texts), context_length=20)
    assert possible_kinds(function) == ("ism",)


def test_mutagenesis_of_an_output(genome):
    output = ModelOutput("square", width=8)
    track = ComputedTrack("ism", weighted(), genome, score=output, chunk=16)
    assert track.units == "reads"
    expected = saturation_mutagenesis(weighted(), genome, VIEW, score=output)
    np.testing.assert_allclose(computed(track, VIEW).values, expected.values, atol=1e-6)


@pytest.mark.parametrize("kind", ["ism", "conditional"])
def test_tracks_of_a_masked_model(genome, kind):
    found = computed(ComputedTrack(kind, masked(), genome), VIEW)
    assert np.isfinite(found.values).all()


def test_an_attribution_of_a_region_asks_for_its_bins(genome):
    track = ComputedTrack("saliency", weighted(), genome)
    assert track.units == "reads"
    region = Interval("chr1", 130, 131)
    window = track.window_around(region)
    found = track.explain(region)
    touched = np.flatnonzero(np.nan_to_num(found.values).any(axis=1)) + window.start
    assert len(touched) == 4  # the one bin that holds it
    assert touched[0] <= 130 <= touched[-1]


def test_weights_that_change_make_another_track(genome):
    model = weighted()
    track = ComputedTrack("ism", model, genome)
    before = track.key
    with torch.no_grad():
        model.module.weight.add_(1)
    assert track.key != before


def test_what_a_model_lacks_is_refused(genome):
    with pytest.raises(ValueError, match="kind must be one of ism, conditional for B"):
        ComputedTrack("saliency", masked(), genome)
    with pytest.raises(ValueError, match="got 'log_prob'"):
        ComputedTrack("log_prob", weighted(), genome)


def test_a_browser_of_a_network(genome):
    browser = LocusBrowser(
        weighted(), genome, VIEW, output=ModelOutput("square"), tracks=("ism",)
    )
    code = browser.python()
    assert "output=hs.ModelOutput(output='square', region=None" in code
    assert "    model,\n" in code
    browser.mutate(VIEW)
    assert browser.wait(30.0)
    (lane,) = lanes_of(browser.tracks)
    expected = saturation_mutagenesis(
        weighted(), genome, VIEW, score=ModelOutput("square"), context=64
    )
    known = lane.computed.known(VIEW)
    assert np.isfinite(known.values).all()
    assert known.units == expected.units == "reads"
