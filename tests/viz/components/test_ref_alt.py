"""Reference and alternate: thinned alike, filled between, gaps kept."""

import re

import numpy as np
import pytest

from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.viz.components import RefAlt
from hyenascope.viz.style import DARK, LIGHT
from hyenascope.viz.view import NothingHereError, View


def track(values, where, name="signal", units="nats") -> TrackData:
    return TrackData(values, (name,), where, units)


def area(path: str) -> float:
    """Return the area of all polygons of a path (shoelace formula)."""
    total = 0.0
    for polygon in filter(None, path.split("Z")):
        x, y = np.array(
            [point.split(",") for point in polygon[1:].split("L")], dtype=float
        ).T
        total += abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2
    return total


@pytest.fixture
def both(locus):
    rng = np.random.default_rng(0)
    return [track(rng.normal(size=100), locus) for _ in range(2)]


@pytest.mark.parametrize("mode", ["difference", "both"])
def test_the_filled_ground_is_the_sum_of_differences(both, locus, mode):
    change = (both[1].values - both[0].values).ravel()
    lane = RefAlt(*both, mode=mode).draw(View(locus))
    lower, higher = (shape["path"] for shape in lane.shapes[:2])
    assert area(lower) == pytest.approx(-change[change < 0].sum(), rel=1e-4)
    assert area(higher) == pytest.approx(change[change > 0].sum(), rel=1e-4)


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_lines_have_the_colours_of_the_legend(both, locus, theme):
    lane = RefAlt(*both, mode="overlay").draw(View(locus, theme=theme))
    ref, alt = lane.traces
    np.testing.assert_array_equal(ref.y, both[0].values[:, 0])
    np.testing.assert_array_equal(alt.y, both[1].values[:, 0])
    assert f"color:{ref.line.color}" in lane.note
    assert f"color:{alt.line.color}" in lane.note
    assert lane.shapes == ()


def test_thinning_keeps_the_same_bases_and_every_extreme():
    where = Interval("chr1", 5000, 55_000)
    rng = np.random.default_rng(0)
    ref, alt = rng.normal(size=(2, 50_000))
    lane = RefAlt(track(ref, where), track(alt, where)).draw(
        View(where, max_points=900)
    )
    one, other = lane.traces
    np.testing.assert_array_equal(one.x, other.x)
    assert len(one.x) <= 900
    np.testing.assert_array_equal(one.y, ref[one.x - 5001])
    np.testing.assert_array_equal(other.y, alt[one.x - 5001])
    drawn = np.asarray(other.y) - np.asarray(one.y)
    assert (drawn.min(), drawn.max()) == ((alt - ref).min(), (alt - ref).max())
    assert (one.y.min(), other.y.max()) == (ref.min(), alt.max())
    assert "lowest and highest of every 334 bp" in lane.note
    assert not lane.complete


def test_a_deleted_base_is_a_gap_and_counted(both, locus):
    values = both[1].values[:, 0].copy()
    values[40:45] = np.nan
    lane = RefAlt(both[0], track(values, locus)).draw(View(locus))
    assert np.isnan(lane.traces[1].y[40:45]).all()
    assert np.isfinite(lane.traces[0].y).all()
    assert "5 bp in only one of them" in lane.note
    for shape in lane.shapes:
        xs = [float(x) for x in re.findall(r"[ML]([\d.]+),", shape["path"])]
        assert not any(1040.5 < x < 1045.5 for x in xs)
        assert "NaN" not in shape["path"]
        assert "nan" not in shape["path"]


def test_tracks_of_different_reach_share_an_axis(locus):
    ref = track(np.ones(50), Interval("chr1", 990, 1040))
    alt = track(np.ones(50), Interval("chr1", 1030, 1080))
    lane = RefAlt(ref, alt).draw(View(locus))
    assert (lane.traces[0].x[0], lane.traces[0].x[-1]) == (1001, 1080)
    assert np.isfinite(lane.traces[0].y).sum() == 40
    assert np.isfinite(lane.traces[1].y).sum() == 50


def test_equal_signals_have_no_ground(both, locus):
    assert RefAlt(both[0], both[0]).draw(View(locus)).shapes == ()


def test_infinite_values_are_gaps(both, locus):
    values = both[1].values[:, 0].copy()
    values[3] = -np.inf
    lane = RefAlt(both[0], track(values, locus), mode="difference").draw(View(locus))
    assert np.isnan(lane.traces[0].y[3])
    assert np.isfinite(lane.yaxis["range"]).all()


def test_hover_tells_both_and_the_difference(locus):
    pair = (track(np.full(100, value), locus) for value in (1.0, -0.5))
    for trace in RefAlt(*pair).draw(View(locus)).traces:
        assert {trace.y[7], trace.customdata[7]} == {1.0, -0.5}
        assert trace.text[7] == "−1.500"
        assert "difference %{text} nats" in trace.hovertemplate


def test_refuses_what_does_not_belong_together(both, locus):
    two = TrackData(np.zeros((100, 2)), ("a", "b"), locus, "nats")
    with pytest.raises(ValueError, match=r"alt must hold one track.*got a, b"):
        RefAlt(both[0], two)
    with pytest.raises(ValueError, match="same units; got 'nats' and 'bits'"):
        RefAlt(both[0], track(np.zeros(100), locus, units="bits"))
    elsewhere = track(np.zeros(100), Interval("chr2", 0, 100))
    with pytest.raises(ValueError, match="same contig; got chr1 and chr2"):
        RefAlt(both[0], elsewhere)


def test_refuses_tracks_from_elsewhere(both):
    with pytest.raises(NothingHereError, match=r"must overlap the figure"):
        RefAlt(*both).draw(View(Interval("chr1", 5000, 6000)))
