"""Tiles: what `plot_locus` draws, with letters still to come."""

import json
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import pytest

from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.viz.components import Genes, Heatmap, Line, Logo, Sequence, Variants
from hyenascope.viz.figure import DEFAULT_WIDTH, plot_locus
from hyenascope.viz.lane import Lane
from hyenascope.viz.packing import encoded
from hyenascope.viz.tile import draw_tile
from tests.viz.test_packing import bdata

BASES = "ACGT" * 25


@dataclass(frozen=True)
class Partial:
    """Never all of it."""

    def draw(self, view):
        blank = go.Scatter(x=[], y=[], yaxis=view.yaxis)
        return Lane("partial", 20, (blank,), {"range": [0, 1]}, complete=False)


def plain(value):
    """Return a part of a figure with its arrays as lists of numbers that compare."""
    if isinstance(value, dict):
        if "bdata" in value:
            return plain(np.nan_to_num(bdata(value).astype(float), nan=-9e9).tolist())
        return {key: plain(item) for key, item in value.items()}
    if isinstance(value, np.ndarray):
        return plain(value.tolist())
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return float(np.float32(value)) if isinstance(value, float) else value


def unplaced(part):
    """Return it wherever it stands: a tile has room for a note over every lane."""
    bar = {**part["colorbar"], "y": 0} if "colorbar" in part else None
    return plain({**part, "y": 0, "colorbar": bar})


@pytest.fixture
def track(locus):
    values = np.random.default_rng(0).normal(size=(100, 4))
    return TrackData(values, tuple("ACGT"), locus, "nats")


@pytest.fixture
def components(locus, variants, make_gene, track):
    return [
        Genes([make_gene("A", 1010, 10, 30, 10)]),
        Variants(variants),
        Line(TrackData(track.values[:, 0], ("log p",), locus, "nats")),
        Heatmap(track, BASES),
        Logo(track),
        Sequence(BASES),
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_draws_what_plot_locus_draws(components, locus, theme):
    del components[4]  # so few pixels have room for letters of the logo alone
    tile = draw_tile(components, locus, pixels=200, theme=theme)
    figure = plot_locus(components, locus, width=324, theme=theme).to_dict()
    assert plain(encoded(list(tile.data))) == plain(figure["data"])
    layout = encoded(tile.layout)
    for name in ("shapes", "xaxis"):
        assert plain(layout[name]) == plain(figure["layout"][name])
    for name in ("coloraxis2", "coloraxis4"):
        assert unplaced(layout[name]) == unplaced(figure["layout"][name])
    said = [each["text"] for each in figure["layout"]["annotations"]]
    # The one thing that differs: what a tile counts is not all in the window.
    of_the_tile = [
        text.replace("5 variants", "5 variants here and beside") for text in said
    ]
    assert [each["text"] for each in layout["annotations"]] == of_the_tile
    for mine, theirs in zip(
        layout["annotations"], figure["layout"]["annotations"], strict=True
    ):
        assert unplaced({**mine, "text": ""}) == unplaced({**theirs, "text": ""})


def test_lanes_stay_where_they_are_when_a_note_comes(locus):
    plain_lane = np.zeros(100)
    told = np.where(np.arange(100) == 50, np.inf, 0.0)  # its note counts the infinite
    layouts = [
        draw_tile(
            [Line(TrackData(values, ("log p",), locus, "nats")), Sequence(BASES)], locus
        ).layout
        for values in (plain_lane, told)
    ]
    notes = [len(layout["annotations"]) for layout in layouts]
    assert notes == [2, 3]
    for name in ("yaxis", "yaxis2"):
        assert layouts[0][name]["domain"] == layouts[1][name]["domain"]
    assert layouts[0]["height"] == layouts[1]["height"]


def test_draws_what_plot_locus_draws_where_letters_take_the_place_of_traces(
    components, locus
):
    tile = draw_tile(components, locus, pixels=DEFAULT_WIDTH - 204)
    figure = plot_locus(components, locus).to_dict()
    gone = {number for spec in tile.letters for number in spec["replaces"]}
    kept = [trace for number, trace in enumerate(tile.data) if number not in gone]
    assert plain(encoded(kept)) == plain(figure["data"])
    letters = [s for s in figure["layout"]["shapes"] if s.get("fillrule")]
    assert len(letters) == 8  # four of the logo, four of the sequence


def test_replaced_traces_are_counted_through_all_lanes(components, locus):
    tile = draw_tile(components, locus)
    logo, sequence = tile.letters
    assert {tile.data[number]["yaxis"] for number in logo["replaces"]} == {"y5"}
    assert {tile.data[number]["type"] for number in logo["replaces"]} == {"scatter"}
    own = [n for n, each in enumerate(tile.data) if each["yaxis"] == "y5"]
    assert set(own) - set(logo["replaces"]) == {own[-1]}  # the row for hover text
    assert sequence["replaces"] == []
    assert (logo["yaxis"], sequence["yaxis"]) == ("y5", "y6")


def test_only_the_sequence_spells_the_genome(components, locus):
    spelled = [s["text"] for s in draw_tile(components, locus).letters if s["genome"]]
    assert spelled == [BASES]


def test_a_lane_whose_data_lie_elsewhere_says_so(components, locus):
    far = Interval("chr1", 5000, 5100)
    lanes = [components[3], Sequence(BASES)]
    tile = draw_tile(lanes, far)
    notes = [each["text"] for each in tile.layout["annotations"]]
    (note,) = [text for text in notes if text.startswith("nothing here")]
    assert "chr1:1000-1100" in note or "chr1:1,001-1,100" in note
    assert tile.data[0]["yaxis"] == "y"
    assert len(tile.data[0]["x"]) == 0
    assert tile.data[1]["yaxis"] == "y2"
    assert {"yaxis", "yaxis2"} <= set(tile.layout)


def test_the_name_and_the_reason_of_an_empty_lane_are_text(track, payload):
    hostile = TrackData(track.values, track.names, Interval("<img/src=x>", 0, 100))
    lanes = [Heatmap(track, label=payload), Heatmap(hostile), Sequence("A")]
    tile = draw_tile(lanes, Interval("<img/src=y>", 0, 1))
    told = json.dumps(encoded({**tile.layout, "meta": None}))
    assert "&lt;img/src=y&gt;" in told
    assert "&lt;img/src=x&gt;" in told
    assert "<img" not in told


def test_other_errors_are_not_swallowed(locus):
    with pytest.raises(ValueError, match="source must be as long"):
        draw_tile([Sequence("ACGT")], locus)


def test_a_tile_is_complete_if_every_lane_is(components, locus):
    assert draw_tile(components[3:], locus).complete
    assert not draw_tile([*components[3:], Partial()], locus).complete
    assert not draw_tile(components[3:], locus, max_points=40).complete


def test_the_window_may_leave_the_tile_only_where_it_ends(components, locus):
    axis = draw_tile(components, locus).layout["xaxis"]
    assert axis["range"] == [1000.5, 1100.5]
    assert (axis["minallowed"], axis["maxallowed"]) == (1000.5, 1100.5)


def test_refuses_what_plot_locus_refuses(locus):
    with pytest.raises(ValueError, match="components must hold at least one track"):
        draw_tile([], locus)
    with pytest.raises(ValueError, match="interval must hold at least one base"):
        draw_tile([Sequence("A")], Interval("chr1", 5, 5))


def test_a_count_over_a_tile_is_not_taken_for_that_of_the_window(variants, locus):
    drawn = draw_tile([Variants(variants)], locus)
    [note] = [
        a["text"]
        for a in drawn.layout["annotations"]
        if "variant" in a["text"] and "●" in a["text"]
    ]
    assert note.startswith("5 variants here and beside")
    whole = plot_locus([Variants(variants)], locus)
    assert any(a.text.startswith("5 variants   ") for a in whole.layout.annotations)
