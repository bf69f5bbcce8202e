"""Where a lane draws: edges, scale, names of axes."""

import pytest

from hyenascope.data.interval import Interval
from hyenascope.viz.style import DARK, LIGHT
from hyenascope.viz.view import NothingHereError, View, require_contig

VIEW = View(Interval("chr7", 100, 200), pixels=400)


def test_edges_lie_half_a_base_outside_the_first_and_last():
    assert (VIEW.left, VIEW.right) == (100.5, 200.5)  # bases 101 to 200, 1-based
    assert VIEW.right - VIEW.left == VIEW.interval.length


def test_scale_is_bases_per_planned_pixel():
    assert VIEW.bases_per_pixel == 0.25


@pytest.mark.parametrize(
    ("slot", "axis", "colours"),
    [(1, "y", "coloraxis1"), (2, "y2", "coloraxis2"), (11, "y11", "coloraxis11")],
)
def test_axes_are_named_as_plotly_names_them(slot, axis, colours):
    view = View(VIEW.interval, slot)
    assert (view.yaxis, view.coloraxis) == (axis, colours)


@pytest.mark.parametrize("name", ["chr7", "7", "CHR7"])
def test_a_contig_is_known_by_its_usual_spellings(name):
    assert VIEW.holds(name)


@pytest.mark.parametrize("name", ["chr17", "70", "VII", ""])
def test_another_contig_is_another(name):
    assert not VIEW.holds(name)


@pytest.mark.parametrize(
    ("span", "edges"),
    [
        ((0, 500), (100.5, 200.5)),
        ((110, 120), (110.5, 120.5)),
        ((90, 101), (100.5, 101.5)),
        ((199, 300), (199.5, 200.5)),
    ],
)
def test_spans_are_cut_to_the_view(span, edges):
    assert VIEW.clip(*span) == edges


def test_light_unless_told_otherwise():
    assert VIEW.theme is LIGHT
    assert View(VIEW.interval, theme=DARK).theme is DARK


def test_data_of_no_contig_or_of_this_one_are_taken():
    require_contig("genes", set(), VIEW)
    require_contig("genes", {"chr1", "7"}, VIEW)


def test_data_elsewhere_are_refused_by_name():
    with pytest.raises(
        NothingHereError, match=r"genes must lie on chr7.*; got chr1, chr2, chr3, …\."
    ):
        require_contig("genes", {"chr3", "chr1", "chr4", "chr2"}, VIEW)
    assert issubclass(NothingHereError, ValueError)
