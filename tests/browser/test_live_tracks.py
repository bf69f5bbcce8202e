"""The shared part of the widgets, in JupyterLab."""

import pytest

SETUP = """
import numpy as np
import hyenascope as hs
from hyenascope.viz.components import Line, Sequence
from hyenascope.widgets.live_tracks import LiveTracks

genome = hs.FastaReader(hs.example_locus().fasta)
place = hs.Interval("chrDemo", 0, genome.contigs["chrDemo"])
values = np.random.default_rng(0).normal(size=place.length)
live = LiveTracks(genome, hs.Interval("chrDemo", 20_000, 21_000))
live.tracks.add("signal", Line(hs.TrackData(values, ("signal",), place, "nats")))
live.tracks.add("sequence", Sequence(genome))
"""


@pytest.fixture
def live(kept_notebook):
    return kept_notebook(SETUP, "live")


def shown(page):
    return page.interval("live")


def test_draws_and_follows_the_mouse_and_the_keys(live):
    page = live.page
    assert shown(live) == [20_000, 21_000]
    page.locator(".hs-plot").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "document.querySelector('.hs-search').value === 'chrDemo:20,251-21,250'"
    )
