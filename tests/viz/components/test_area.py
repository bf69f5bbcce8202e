"""Areas: signs apart, the level, gaps, and one picture with `Line`."""

import numpy as np
import pytest

from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.viz.components import Area, Line
from hyenascope.viz.view import View

WHERE = Interval("chr1", 1000, 1004)
VALUES = np.array([1.0, -2.0, np.nan, 3.0])


def draw(values, *, max_points=4000, where=WHERE, **options):
    names = ("a", "b")[: 1 if np.ndim(values) == 1 else 2]
    data = TrackData(values, names, where, "nats")
    return Area(data, **options).draw(View(where, max_points=max_points))


def stairs(trace):
    """Vertices of a line that changes half-way between its points, as plotly draws."""
    x, y = trace.x, trace.y
    middle = (x[1:] + x[:-1]) / 2
    xs = np.concatenate([x[:1], np.repeat(middle, 2), x[-1:]])
    return xs, np.repeat(y, 2)


def test_each_sign_is_filled_apart_and_covers_its_sum():
    above, below, _ = draw(VALUES).traces
    assert above.fillcolor != below.fillcolor
    for trace, area in ((above, 4.0), (below, 2.0)):
        xs, ys = stairs(trace)
        filled = np.sum(np.diff(xs) * np.abs(ys[1:] + ys[:-1]) / 2)
        assert filled == pytest.approx(area)
        assert (trace.x[0], trace.x[-1]) == (1000.5, 1004.5)


def test_a_gap_has_no_ground():
    above, below, told = draw(VALUES).traces
    assert above.y[above.x == 1003].tolist() == [0.0]
    assert below.y[below.x == 1003].tolist() == [0.0]
    assert np.isnan(told.y[told.x == 1003]).all()


def test_ground_reaches_to_the_level_asked_for():
    lane = draw(VALUES, baseline=2.0)
    above, below, _ = lane.traces
    assert (above.y.min(), above.y.max()) == (2.0, 3.0)
    assert (below.y.min(), below.y.max()) == (-2.0, 2.0)
    assert lane.shapes[0]["y0"] == 2.0


def test_positive_signals_stand_on_the_floor():
    lane = draw(np.abs(VALUES))
    assert len(lane.traces) == 2
    assert lane.yaxis["range"][0] == 0.0


def test_several_tracks_are_glass_in_a_colour_each():
    lane = draw(np.stack([VALUES, -VALUES], axis=1))
    fills = [trace for trace in lane.traces if trace.fill == "toself"]
    lines = [trace for trace in lane.traces if trace.fill is None]
    assert [trace.fillcolor for trace in fills] == [
        lines[0].line.color, lines[0].line.color,
        lines[1].line.color, lines[1].line.color,
    ]  # fmt: skip
    assert all(trace.opacity < 0.5 for trace in fills)
    assert [trace.name for trace in lines] == ["a", "b"]


def test_tells_and_thins_what_a_line_does():
    where = Interval("chr1", 0, 10_000)
    values = np.random.default_rng(0).normal(size=10_000)
    values[17] = np.inf
    lane = draw(values, where=where, max_points=100)
    line = Line(TrackData(values, ("a",), where)).draw(View(where, max_points=100))
    np.testing.assert_array_equal(lane.traces[-1].x, line.traces[0].x)
    np.testing.assert_array_equal(lane.traces[-1].y, line.traces[0].y)
    assert (lane.note, lane.complete) == (line.note, False)


def test_without_any_value_nothing_is_filled():
    lane = draw(np.full(4, np.nan))
    assert len(lane.traces) == 1
    assert np.isfinite(lane.yaxis["range"]).all()


def test_refuses_a_level_nowhere():
    with pytest.raises(ValueError, match="baseline must be finite; got nan"):
        draw(VALUES, baseline=np.nan)


def test_refuses_data_from_elsewhere():
    with pytest.raises(ValueError, match="track_data must overlap the figure, chr2"):
        Area(TrackData(VALUES, ("a",), WHERE)).draw(View(Interval("chr2", 0, 9)))
