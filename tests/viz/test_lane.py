"""What lanes share: axes that hold their values, level lines, the two protocols."""

import numpy as np
import pytest

from hyenascope.data.interval import Interval
from hyenascope.viz.components import (
    Arcs,
    BigWig,
    Genes,
    Heatmap,
    Intervals,
    Line,
    Sequence,
    Variants,
)
from hyenascope.viz.lane import Component, Named, level_line, value_axis
from hyenascope.viz.style import DARK
from hyenascope.viz.view import View


@pytest.mark.parametrize(
    ("values", "air", "expected"),
    [
        ([0.0, 10.0], 0.1, [-1.0, 11.0]),
        ([-4.0, np.nan, 4.0], 0.0, [-4.5, 4.5]),
        ([np.inf, 1.0, -np.inf, 3.0], 0.5, [0.0, 4.0]),
        ([7.0, 7.0], 0.06, [6.5, 7.5]),
        ([np.nan], 0.06, [-0.06, 1.06]),
        ([], 0.1, [-0.1, 1.1]),
    ],
)
def test_an_axis_holds_all_finite_values(values, air, expected):
    axis = value_axis(np.array(values, dtype=float), air=air)
    assert axis["range"] == pytest.approx(expected)
    assert all(type(end) is float for end in axis["range"])


def test_a_level_line_crosses_the_lane():
    line = level_line(-1.5, View(Interval("1", 9, 20), 3, theme=DARK), dash="dot")
    assert (line["x0"], line["x1"], line["y0"], line["y1"]) == (9.5, 20.5, -1.5, -1.5)
    assert (line["yref"], line["layer"]) == ("y3", "between")
    assert line["line"] == {"color": DARK.faint, "width": 1, "dash": "dot"}


@pytest.mark.parametrize("kind", [Arcs, BigWig, Genes, Heatmap, Line, Sequence])
def test_components_draw(kind):
    assert issubclass(kind, Component)


@pytest.mark.parametrize("kind", [Genes, Intervals, Variants])
def test_what_has_names_can_be_searched(kind):
    assert issubclass(kind, Named)


@pytest.mark.parametrize("kind", [Heatmap, Line, Sequence])
def test_what_has_none_cannot(kind):
    assert not issubclass(kind, Named)
