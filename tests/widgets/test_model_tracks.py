"""Lanes of a model and the options they share."""

import numpy as np
import pytest
import torch

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.interpret.ism import saturation_mutagenesis
from hyenascope.viz.components import Sequence
from hyenascope.widgets.computed_lane import KINDS
from hyenascope.widgets.model_tracks import DEFAULT_WINDOW, ModelTracks, lanes_of
from hyenascope.widgets.track_list import TrackList
from tests.models.test_incremental import random_model

TEXT = "".join(np.random.default_rng(4).choice(list("ACGT"), 400))
PLACE = Interval("I", 64, 70)


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    path = tmp_path_factory.mktemp("genome") / "g.fa"
    path.write_text(f">I\n{TEXT}\n")
    with FastaReader(path) as reader:
        yield reader


@pytest.fixture(scope="module")
def model():
    return random_model(dtype=torch.float64)


@pytest.fixture
def made(model, genome) -> ModelTracks:
    return ModelTracks(model, genome, "both", 9, "cpu")


def listed(made: ModelTracks, *kinds: str) -> TrackList:
    tracks = TrackList()
    tracks.add("sequence", Sequence(made.genome))
    for kind in kinds:
        tracks.add(kind, made.lane(kind))
    return tracks


@pytest.mark.parametrize("kind", ["isM", "", "sequence"])
def test_an_unknown_kind_is_refused(made, kind):
    with pytest.raises(ValueError, match=f"tracks must be of .*ism.*; got '{kind}'"):
        made.track(kind)


@pytest.mark.parametrize("kind", list(KINDS))
def test_without_a_model_every_track_is_refused(genome, kind):
    bare = ModelTracks(None, genome, "both")
    with pytest.raises(ValueError, match=f"model must be given for the track '{kind}'"):
        bare.track(kind)
    assert bare.addable(TrackList()) == []


@pytest.mark.parametrize("window", [0, -1, 138, 10_000])
def test_a_window_that_the_model_cannot_read_is_refused(model, genome, window):
    with pytest.raises(ValueError, match=f"window must be 1 to 137 bp, .*got {window}"):
        ModelTracks(model, genome, "both", window)


@pytest.mark.parametrize(("l_max", "window"), [(140, 128), (42, 39), (1026, 128)])
def test_a_window_by_default_fits_the_model(genome, l_max, window):
    made = ModelTracks(random_model(l_max=l_max), genome, "both")
    assert made.added_up == window <= DEFAULT_WINDOW
    assert made.track("ism").window == window


def test_every_kind_can_be_made(made):
    for kind in KINDS:
        track = made.track(kind)
        assert (track.kind, track.strands, track.device) == (kind, "both", "cpu")
        assert track.window == (9 if kind == "ism" else None)
        assert track.cache is made.cache


def test_what_a_list_lacks_can_be_added(made):
    tracks = listed(made, "ism", "saliency")
    missing = [kind for kind in KINDS if kind not in ("ism", "saliency")]
    assert made.addable(tracks) == missing
    tracks.show("ism-2", visible=False)
    assert made.addable(tracks) == missing


def test_lanes_are_those_that_a_model_fills(made):
    tracks = listed(made, "ism", "log_prob")
    tracks.show("ism-2", visible=False)
    assert [lane.computed.kind for lane in lanes_of(tracks)] == ["log_prob"]
    both = lanes_of(tracks, hidden=True)
    assert [lane.computed.kind for lane in both] == ["ism", "log_prob"]


def test_options_reach_every_lane_hidden_or_not(made):
    tracks = listed(made, "ism", "log_prob")
    tracks.show("ism-2", visible=False)
    made.strands, made.window = "reverse", 30
    made.follow(tracks)
    ism, log_prob = (lane.computed for lane in lanes_of(tracks, hidden=True))
    assert (ism.strands, ism.window) == ("reverse", 30)
    assert (log_prob.strands, log_prob.window) == ("reverse", None)


def test_options_change_the_numbers_and_going_back_costs_nothing(made, model, genome):
    tracks = listed(made, "ism")
    [lane] = lanes_of(tracks)
    found = {}
    for strands, window in [("both", 9), ("forward", 9), ("forward", 20)]:
        made.strands, made.window = strands, window
        made.follow(tracks)
        assert lane.signals(PLACE) is None
        for _ in lane.compute(PLACE):
            pass
        found[strands, window] = lane.signals(PLACE)
        whole = saturation_mutagenesis(
            model, genome, PLACE, window=window, strands=strands, device="cpu"
        )
        np.testing.assert_allclose(
            found[strands, window].values, whole.values, atol=1e-11
        )
    for (strands, window), known in found.items():
        made.strands, made.window = strands, window
        made.follow(tracks)
        assert lane.computed.missing(PLACE) == ()
        assert lane.signals(PLACE) == known
