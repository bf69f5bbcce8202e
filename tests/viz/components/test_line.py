"""Lines: places, gaps, infinite values, thinning, and what is refused."""

import numpy as np
import pytest

from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.viz.components import Line
from hyenascope.viz.view import View


def track(interval: Interval, *names: str) -> TrackData:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(interval.length, len(names)))
    return TrackData(values, names, interval, "nats")


def test_value_stands_over_its_one_based_position(locus):
    data = track(Interval("chr1", 990, 1010), "log p")
    [trace] = Line(data).draw(View(locus)).traces
    np.testing.assert_array_equal(trace.x, np.arange(1001, 1011))
    np.testing.assert_array_equal(trace.y, data.values[10:, 0])


def test_says_nothing_of_thinning_when_nothing_is_dropped(locus):
    assert Line(track(locus, "log p")).draw(View(locus)).note == ""


def test_thinned_points_are_true_values_and_the_note_says_so():
    where = Interval("chr1", 5000, 15_000)
    data = track(where, "log p")
    lane = Line(data).draw(View(where, max_points=100))
    [trace] = lane.traces
    assert lane.note == "lowest and highest of every 200 bp"
    assert len(trace.x) <= 100
    np.testing.assert_array_equal(trace.y, data.values[trace.x - 5001, 0])


def test_axis_holds_all_values_and_the_reference(locus):
    values = np.linspace(-3.0, -1.0, 100)
    values[5] = np.nan
    lane = Line(TrackData(values, ("p",), locus), reference=-4.0).draw(View(locus))
    low, high = lane.yaxis["range"]
    assert low < -4.0
    assert high > -1.0
    assert lane.shapes[0]["y0"] == -4.0
    assert lane.note == "dotted line at −4.000"


def test_without_any_value_the_axis_is_still_drawn(locus):
    lane = Line(TrackData(np.full(100, np.nan), ("p",), locus)).draw(View(locus))
    assert np.isfinite(lane.yaxis["range"]).all()


def test_several_tracks_are_told_apart_by_colour(locus):
    lane = Line(track(locus, "forward", "<b>")).draw(View(locus))
    colours = [trace.line.color for trace in lane.traces]
    assert len(set(colours)) == 2
    assert all(colour in lane.label for colour in colours)
    assert "&lt;b&gt;" in lane.label


def test_contig_spelled_otherwise_is_the_same(locus):
    data = track(Interval("1", 1000, 1100), "log p")
    [trace] = Line(data).draw(View(locus)).traces
    assert len(trace.x) == 100


@pytest.mark.parametrize(
    "elsewhere", [Interval("chr2", 1000, 1100), Interval("chr1", 0, 1000)]
)
def test_refuses_a_track_from_elsewhere(locus, elsewhere):
    with pytest.raises(ValueError, match=r"track_data must overlap.*1,001-1,100"):
        Line(track(elsewhere, "p")).draw(View(locus))


def test_only_the_shared_part_is_drawn():
    data = track(Interval("chr1", 1090, 1200), "p")
    [trace] = Line(data).draw(View(Interval("chr1", 1000, 1100))).traces
    np.testing.assert_array_equal(trace.x, np.arange(1091, 1101))
    np.testing.assert_array_equal(trace.y, data.values[:10, 0])


def test_infinite_values_are_counted_gaps(locus):
    values = np.arange(100.0)
    values[[3, 50, 51]] = np.inf, -np.inf, np.inf
    lane = Line(TrackData(values, ("p",), locus)).draw(View(locus))
    assert np.flatnonzero(np.isnan(lane.traces[0].y)).tolist() == [3, 50, 51]
    assert lane.note == "3 infinite values not drawn"
    assert lane.yaxis["range"] == pytest.approx([-5.94, 104.94])


def test_infinity_is_no_extreme_of_its_bin():
    where = Interval("chr1", 0, 1000)
    values = np.arange(1000.0)
    values[5] = np.inf
    lane = Line(TrackData(values, ("p",), where)).draw(View(where, max_points=20))
    assert lane.traces[0].y[:2].tolist() == [0.0, 99.0]
    assert (
        lane.note == "lowest and highest of every 100 bp   1 infinite value not drawn"
    )


def test_gap_breaks_the_line(locus):
    values = np.zeros(100)
    values[10:20] = np.nan
    [trace] = Line(TrackData(values, ("p",), locus)).draw(View(locus)).traces
    assert np.isnan(trace.y).sum() == 10
    assert not trace.connectgaps


def dashes(lane):
    [shape] = lane.shapes
    ends = [part.split("L") for part in shape["path"].split("M")[1:]]
    return {
        tuple(float(number) for end in dash for number in end.split(","))
        for dash in ends
    }


def test_line_ends_at_the_edge_of_a_base_not_in_its_middle(locus):
    values = np.full(100, np.nan)
    values[[7, 20, 21, 99]] = 2.0, 1.0, 1.5, -0.5
    lane = Line(TrackData(values, ("p",), locus)).draw(View(locus))
    assert dashes(lane) == {
        (1007.5, 2.0, 1008.0, 2.0), (1008.0, 2.0, 1008.5, 2.0),
        (1020.5, 1.0, 1021.0, 1.0), (1022.0, 1.5, 1022.5, 1.5),
        (1099.5, -0.5, 1100.0, -0.5), (1100.0, -0.5, 1100.5, -0.5),
    }  # fmt: skip


def test_a_lone_bin_is_a_dash_as_wide_as_the_bin():
    where = Interval("chr1", 0, 1000)
    values = np.full(1000, np.nan)
    values[540] = 3.0
    lane = Line(TrackData(values, ("p",), where)).draw(View(where, max_points=20))
    assert dashes(lane) == {(491.0, 3.0, 541.0, 3.0), (541.0, 3.0, 591.0, 3.0)}


def test_a_thinned_signal_does_not_count_what_it_left_out():
    where = Interval("chr1", 0, 100_000)
    data = TrackData(np.full(100_000, 5.0), ("five",), where)
    lane = Line(data, y_range=(0.0, 1.0)).draw(View(where, max_points=2000))
    assert lane.note == "lowest and highest of every 100 bp   values beyond the axis"


def test_axis_is_as_asked_for_and_what_lies_beyond_is_counted(locus):
    lane = Line(TrackData(np.arange(100.0), ("p",), locus), y_range=(-1.0, 97.0)).draw(
        View(locus)
    )
    assert lane.yaxis["range"] == [-1.0, 97.0]
    assert lane.note == "2 values beyond the axis"


@pytest.mark.parametrize("y_range", [(1.0, 1.0), (2.0, 1.0), (0.0, np.inf)])
def test_refuses_an_axis_without_extent(locus, y_range):
    with pytest.raises(ValueError, match="y_range must be two finite numbers, low"):
        Line(track(locus, "p"), y_range=y_range)


def test_traces_are_named_for_a_readout(locus):
    lane = Line(track(locus, "p", "<q>")).draw(View(locus))
    assert [trace.name for trace in lane.traces] == ["p", "&lt;q&gt;"]


def test_float32_stays_float32(locus):
    data = TrackData(np.ones(100, np.float32), ("p",), locus)
    assert Line(data).draw(View(locus)).traces[0].y.dtype == np.float32
