"""What a browser computes of wrapped models, and what it leaves out."""

import numpy as np
import pytest
import torch

import hyenascope as hs
from hyenascope.data.interval import Interval
from hyenascope.interpret import (
    ModelOutput,
    conditional_map,
    saturation_mutagenesis,
)
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.wrappers import (
    FunctionModel,
    HuggingFaceModel,
    HyenaModel,
    OneHotModel,
)
from hyenascope.widgets.computed_track import ComputedTrack
from hyenascope.widgets.locus_browser import LocusBrowser
from hyenascope.widgets.model_tracks import ModelTracks, lanes_of
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


@pytest.mark.parametrize(
    ("kind", "verb"),
    [("ism", saturation_mutagenesis), ("conditional", conditional_map)],
)
def test_tracks_of_a_masked_model(genome, kind, verb):
    found = computed(ComputedTrack(kind, masked(), genome), VIEW)
    expected = verb(masked(), genome, VIEW, strands="both")
    assert (found.names, found.units) == (expected.names, expected.units)
    assert np.isfinite(found.values).all()
    np.testing.assert_allclose(found.values, expected.values, atol=1e-6)


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


HYENA = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
OFF = Interval("chr1", 300, 310)


@pytest.mark.parametrize(
    ("model", "output", "expected"),
    [
        (weighted(), ModelOutput("DNase"), "output must be .* 2 of .*; got 'DNase'"),
        (weighted(), ModelOutput(2), r"output must be .* or its number; got 2\."),
        (weighted(), ModelOutput(region=OFF), "output must ask for a region of the ge"),
        (masked(), ModelOutput(), "model must give predictions for this; Hugging"),
        (HYENA, ModelOutput(), "output must come with a wrapped .*; got HyenaLM"),
        (HyenaModel(HYENA), ModelOutput(), "output must come .*; got HyenaLM"),
        (None, ModelOutput(), "output must come with a wrapped .*; got no model"),
    ],
    ids=["name", "number", "region", "language model", "ours", "ours wrapped", "none"],
)
def test_an_output_that_is_not_there_is_refused_at_once(
    genome, model, output, expected
):
    with pytest.raises(ValueError, match=expected):  # no track would be made of it
        LocusBrowser(model, genome, VIEW, output=output, tracks=())


def test_a_name_is_no_output(unchecked, genome):
    with pytest.raises(TypeError, match=r"^output must be a ModelOutput; got 'DNase'"):
        LocusBrowser(weighted(), genome, VIEW, output="DNase")


@pytest.mark.parametrize(
    ("model", "got"), [(Weighted(), "Weighted"), ("tiny", "'tiny'")]
)
@pytest.mark.parametrize("tracks", [None, ()])
def test_what_is_no_model_is_refused(unchecked, genome, model, got, tracks):
    with pytest.raises(TypeError, match=f"^model must be a HyenaLM; got {got}"):
        LocusBrowser(model, genome, VIEW, tracks=tracks)


def test_our_own_model_comes_out_of_its_wrapper(genome):
    made = ModelTracks(HyenaModel(HYENA), genome, "both")
    assert made.model is HYENA


def test_a_namesake_of_a_bundled_model_is_a_variable(genome):
    model = OneHotModel(Weighted(64), context_length=64, name="demo-synthetic")
    code = LocusBrowser(model, genome, VIEW).python()
    assert "    model,\n" in code
    assert "load_pretrained" not in code
    ours = hs.load_pretrained("demo-synthetic")
    code = LocusBrowser(HyenaModel(ours), genome, VIEW).python()
    assert "    hs.load_pretrained('demo-synthetic'),\n" in code
