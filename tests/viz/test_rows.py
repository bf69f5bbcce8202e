"""Rows and names: no overlaps, nothing cut, names where they fit."""

from itertools import combinations
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyenascope.data.interval import Interval
from hyenascope.viz import rows
from hyenascope.viz.view import View


class Thing(NamedTuple):
    start: int
    end: int
    label: str


VIEW = View(Interval("chr1", 1000, 2000), pixels=1000)


def name_span(text: str, x: float, position: str) -> tuple[float, float]:
    width = 6.6 * len(text) * VIEW.bases_per_pixel
    return (x, x + width) if position == "middle right" else (x - width, x)


extents = st.tuples(st.floats(0, 100), st.floats(0.1, 40)).map(
    lambda pair: (pair[0], pair[0] + pair[1])
)


@given(st.lists(extents, max_size=30), st.sampled_from([None, 1, 3]))
def test_packed_rows_never_overlap(spans, most):
    found = rows.pack_rows(spans, most)
    assert len(found) == len(spans)
    assert set(found) == set(range(max(found, default=-1) + 1))
    for (one, row), (other, other_row) in combinations(
        zip(spans, found, strict=True), 2
    ):
        if row == other_row != most:
            assert one[1] <= other[0] or other[1] <= one[0]


things = st.lists(
    st.tuples(st.integers(900, 2050), st.integers(1, 300), st.integers(1, 25))
    .map(lambda t: Thing(t[0], t[0] + t[1], "x" * t[2]))
    .filter(lambda thing: thing.start < 2000 and thing.end > 1000),
    max_size=30,
)


@given(things, st.sampled_from(["pack", "squish", "dense"]), st.sampled_from([2, 40]))
def test_names_neither_overlap_nor_leave_the_view(items, display, max_rows):
    layout = rows.arrange(items, VIEW, display=display, max_rows=max_rows)
    assert len(layout.items) + layout.hidden == len(items)
    assert layout.depth <= max_rows
    trace = rows.name_trace(layout, VIEW)
    places = [
        (y, *name_span(text, x, side))
        for text, x, y, side in zip(
            trace.text, trace.x, trace.y, trace.textposition, strict=True
        )
    ]
    for y, left, right in places:
        assert VIEW.left - 1e-6 <= left < right <= VIEW.right + 1e-6, y
    for one, other in combinations(places, 2):
        if one[0] == other[0]:
            assert one[2] <= other[1] or other[2] <= one[1]


@given(things, st.sampled_from(["pack", "squish"]))
def test_bodies_do_not_overlap_unless_asked_for(items, display):
    layout = rows.arrange(items, VIEW, display=display, max_rows=3)
    pairs = combinations(zip(layout.items, layout.rows, strict=True), 2)
    for (one, row), (other, other_row) in pairs:
        if row == other_row:
            assert one.end <= other.start or other.end <= one.start


def test_names_give_way_before_bodies_do():
    items = [Thing(1000 + 40 * n, 1030 + 40 * n, "a long name") for n in range(20)]
    layout = rows.arrange(items, VIEW, max_rows=1)
    assert (layout.depth, layout.hidden) == (1, 0)
    assert 0 < sum(layout.named) < 20
    assert all(rows.arrange(items, VIEW, max_rows=9).named)


def test_dense_is_one_row_and_the_widest_is_named():
    items = [Thing(1100, 1110, "small"), Thing(1090, 1200, "wide")]
    layout = rows.arrange(items, VIEW, display="dense")
    assert layout.rows == (0, 0)
    assert layout.named == (False, True)
    assert layout.crowded


def test_squished_rows_are_thin_and_nameless():
    layout = rows.arrange([Thing(1100, 1110, "x")], VIEW, display="squish")
    assert layout.named == (False,)
    assert layout.style.height < rows.NAMED.height / 2


@pytest.mark.parametrize(("start", "rightward"), [(1010, True), (1990, False)])
def test_labels_grow_into_the_figure(start, rightward):
    item = Thing(start, start + 5, "LONGNAME")
    anchor, grows_right = rows.label_anchor(item, VIEW)
    assert grows_right is rightward
    left, _ = rows.extent(item, VIEW)
    assert VIEW.left <= left <= anchor <= VIEW.right


def test_the_page_learns_which_names_to_keep_in_sight():
    layout = rows.arrange([Thing(900, 1100, "<b>")], VIEW)
    trace = rows.name_trace(layout, VIEW)
    assert trace.meta == {"hyenascope": "sticky"}
    assert [tuple(span) for span in trace.customdata] == [(1000.5, 1100.5)]
    assert trace.text == ("&lt;b&gt;",)
