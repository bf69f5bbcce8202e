"""Lanes on one axis: where they stand, what they share, what is refused."""

from itertools import pairwise

import numpy as np
import pytest

from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.viz.components import Genes, Line, Sequence, Variants
from hyenascope.viz.figure import CONFIG, plot_locus


@pytest.fixture
def components(locus, variants, make_gene):
    data = TrackData(np.linspace(-2, 0, 100), ("log p",), locus, "nats")
    genes = Genes([make_gene("A", 1010, 10, 30, 10)])
    return [genes, Variants(variants), Line(data), Sequence("ACGT" * 25)]


def test_the_axis_is_one_based_with_thousands_separators(components, locus):
    axis = plot_locus(components, locus).layout.xaxis
    assert axis.range == (1000.5, 1100.5)
    assert (axis.minallowed, axis.maxallowed) == (1000.5, 1100.5)
    assert axis.tickformat == ",d"
    assert axis.title.text == "chr1 position (1-based)"


def test_all_lanes_share_one_axis_and_one_crosshair(components, locus):
    figure = plot_locus(components, locus)
    layout = figure.to_dict()["layout"]
    assert [name for name in layout if name.startswith("xaxis")] == ["xaxis"]
    assert all(trace.xaxis in (None, "x") for trace in figure.data)
    assert all(shape.xref in (None, "x") for shape in figure.layout.shapes)
    assert layout["xaxis"]["showspikes"]
    assert layout["xaxis"]["spikemode"] == "across"
    assert layout["hovermode"] == "closest"


def test_lanes_stand_in_order_without_overlap(components, locus):
    layout = plot_locus(components, locus).layout
    axes = [layout.yaxis, layout.yaxis2, layout.yaxis3, layout.yaxis4]
    assert all(axis.fixedrange for axis in axes)
    assert axes[0].domain[1] < 1
    assert axes[-1].domain[0] == pytest.approx(0)
    for upper, lower in pairwise(axes):
        assert upper.domain[0] > lower.domain[1]


def test_lanes_have_their_natural_height(components, locus):
    figure = plot_locus(components, locus)
    margin = figure.layout.margin
    inner = figure.layout.height - margin.t - margin.b
    bottom, top = figure.layout.yaxis2.domain
    assert (top - bottom) * inner == pytest.approx(170)
    assert figure.layout.coloraxis2.colorbar.len == 170


def test_height_and_width_are_obeyed(components, locus):
    layout = plot_locus(components, locus, height=900, width=700).layout
    assert (layout.height, layout.width) == (900, 700)


def test_axes_of_two_variant_lanes_stay_apart(variants, locus):
    lanes = [Variants(variants), Variants(variants, score="markov_3")]
    figure = plot_locus(lanes, locus)
    assert figure.layout.coloraxis.cmax == 2.0
    assert figure.layout.coloraxis2.cmax == 0.5
    assert {trace.yaxis for trace in figure.data} == {"y", "y2"}
    bars = figure.layout.coloraxis.colorbar, figure.layout.coloraxis2.colorbar
    assert bars[0].y > bars[1].y


def test_max_points_reaches_the_lines():
    where = Interval("chr1", 0, 10_000)
    data = TrackData(np.random.default_rng(0).normal(size=10_000), ("p",), where)
    figure = plot_locus([Line(data)], where, max_points=500)
    assert len(figure.data[0].x) <= 500
    notes = [note.text for note in figure.layout.annotations]
    assert "lowest and highest of every 40 bp" in notes


def test_text_is_taken_literally(variants, payload):
    where = Interval("<b>1", 0, 10)
    lane = Sequence("ACGTACGTAC")
    figure = plot_locus([lane], where, title=f"{payload} %{{x}} $x$")
    assert "<img" not in figure.to_json()
    assert figure.layout.title.text == (
        "<b>&lt;img src=x onerror=alert(1)&gt; &#37;{x} &#36;x&#36;</b>"
    )
    assert figure.layout.xaxis.title.text == "&lt;b&gt;1 position (1-based)"
    assert figure.layout.title.subtitle.text.startswith("&lt;b&gt;1:1-10")


def test_nothing_is_sent_to_a_cloud(components, locus):
    figure = plot_locus(components, locus)
    for config in (CONFIG, figure._config):
        assert config["scrollZoom"] is True
        assert config["showSendToCloud"] is False
        assert "sendChartToCloud" in config["modeBarButtonsToRemove"]


def test_refuses_no_components(locus):
    with pytest.raises(ValueError, match="components must hold at least one track"):
        plot_locus([], locus)


def test_refuses_what_cannot_draw(locus):
    with pytest.raises(TypeError, match=r"components must be|parameter 'components'"):
        plot_locus(["a track"], locus)


def test_refuses_an_empty_interval():
    with pytest.raises(ValueError, match="interval must hold at least one base"):
        plot_locus([Sequence("A")], Interval("chr1", 5, 5))
