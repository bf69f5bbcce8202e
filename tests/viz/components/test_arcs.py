"""Arcs: ends where the bases are, the strongest kept, colours by sign and size."""

import re

import numpy as np
import pandas as pd
import pytest

from hyenascope.data.interval import Interval
from hyenascope.viz.components import Arcs
from hyenascope.viz.style import DARK, LIGHT
from hyenascope.viz.view import View


def pairs(*rows: tuple[int, int, float], **columns) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["pos_a", "pos_b", "value"])
    return frame.assign(**columns)


def drawn(lane) -> dict[tuple[int, int], str]:
    """Return the colour of each arc by its ends."""
    found = {}
    for shape in lane.shapes:
        for a, b in re.findall(r"M(\d+),0C\S+ \S+ (\d+),0", shape["path"]):
            found[int(a), int(b)] = shape["line"]["color"]
    return found


def test_arcs_stand_on_their_bases_whatever_the_order(locus):
    lane = Arcs(pairs((1010, 1020, 1.0), (1090, 1030, 0.5))).draw(View(locus))
    assert set(drawn(lane)) == {(1010, 1020), (1030, 1090)}


@pytest.mark.parametrize("height", ["distance", "value"])
def test_markers_lie_on_the_tops(locus, height):
    lane = Arcs(pairs((1010, 1030, -2.0)), height=height).draw(View(locus))
    [trace] = lane.traces
    top = {"distance": 20.0, "value": 2.0}[height]
    assert (trace.x, trace.y) == ((1020.0,), (top,))
    handle = float(re.search(r"C1010,([\d.]+) ", lane.shapes[0]["path"])[1])
    # A cubic curve reaches three quarters of the height of its handles.
    assert handle * 0.75 == pytest.approx(top, rel=1e-4)
    assert lane.yaxis["range"][1] > top


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_sign_and_size_are_colours(locus, theme):
    frame = pairs((1001, 1011, -4.0), (1002, 1012, 4.0), (1003, 1013, 0.1))
    colours = drawn(Arcs(frame).draw(View(locus, theme=theme)))
    assert colours[1001, 1011] == theme.diverging[0][1].lower()
    assert colours[1002, 1012] == theme.diverging[-1][1].lower()
    assert colours[1003, 1013] not in {theme.paper, *list(colours.values())[1:]}


def test_few_paths_however_many_arcs():
    rng = np.random.default_rng(0)
    ends = rng.integers(1, 1000, size=(5000, 2))
    frame = pairs(
        *(
            (int(a), int(b), float(v))
            for (a, b), v in zip(ends, rng.normal(size=5000), strict=True)
        )
    )
    frame = frame[frame["pos_a"] != frame["pos_b"]]
    lane = Arcs(frame, max_arcs=400).draw(View(Interval("chr1", 0, 1000)))
    assert len(lane.shapes) <= 12
    assert len(lane.traces[0].x) <= 300
    assert f"{len(frame) - 400:,} weaker ones not drawn" in lane.note
    assert not lane.complete
    kept = np.sort(np.abs(frame["value"]))[-300:]
    np.testing.assert_allclose(np.abs(lane.traces[0].marker.color), kept)


def test_strong_ones_lie_on_top(locus):
    frame = pairs((1001, 1011, 6.0), (1002, 1012, 0.1), (1003, 1013, -3.0))
    order = list(drawn(Arcs(frame).draw(View(locus))))
    assert order == [(1002, 1012), (1003, 1013), (1001, 1011)]


def test_an_arc_with_an_end_outside_does_not_flatten_the_others(locus):
    frame = pairs((1010, 1030, 1.0), (1050, 90_000, 1.0), (5, 9, 1.0))
    lane = Arcs(frame).draw(View(locus))
    assert set(drawn(lane)) == {(1010, 1030), (1050, 90_000)}
    assert lane.yaxis["range"][1] == pytest.approx(1.06 * 20)


def test_values_without_a_number_are_not_drawn(locus):
    frame = pairs((1010, 1030, np.nan), (1011, 1031, np.inf), (1012, 1032, 1.0))
    lane = Arcs(frame).draw(View(locus))
    assert set(drawn(lane)) == {(1012, 1032)}
    assert lane.coloraxis["cmax"] == 1.0


def test_hover_tells_both_positions_and_the_value(locus):
    lane = Arcs(pairs((1010, 1030, -1.5)), units="<nats>").draw(View(locus))
    assert lane.traces[0].hovertext == (
        "<b>chr1:1,010 – 1,030</b> · 20 bp<br>value −1.500 &lt;nats&gt;",
    )


@pytest.mark.parametrize("frame", [pairs(), pairs((1, 9, 1.0))])
def test_nothing_here(frame, locus):
    lane = Arcs(frame).draw(View(locus))
    assert lane.note == "no pairs here"
    assert lane.shapes == ()


def test_contigs_are_told_apart(locus):
    frame = pairs((1010, 1030, 1.0), (1011, 1031, 1.0), chrom=["1", "2"])
    assert set(drawn(Arcs(frame).draw(View(locus)))) == {(1010, 1030)}
    with pytest.raises(ValueError, match=r"arcs must lie on chr3.*got 1, 2"):
        Arcs(frame).draw(View(Interval("chr3", 0, 10)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_arcs": 0}, "max_arcs must be at least 1; got 0"),
        ({"limit": -1.0}, "limit must be above 0; got -1.0"),
        ({"value": "llr"}, "missing llr"),
        ({"value": "word"}, "word must be numeric; got"),
    ],
)
def test_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        Arcs(pairs((1, 2, 1.0), word="x"), **options)


def test_without_a_negative_value_the_scale_starts_at_zero(locus):
    axis = Arcs(pairs((1001, 1011, 4.0))).draw(View(locus)).coloraxis
    assert (axis["cmin"], axis["cmax"]) == (0.0, 4.0)
    assert axis["colorscale"][-1][1] == LIGHT.diverging[-1][1]
    assert axis["colorscale"][0][0] == 0.0
