"""Levels: some tile for every window, up to the last detail or the last byte."""

import base64
import gzip
import json
import struct
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import plotly.graph_objects as go
import pytest

from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.viz.components import Line, Logo, Sequence
from hyenascope.viz.lane import Lane
from hyenascope.viz.pyramid import FINEST, build_pyramid
from tests.viz.test_packing import unpack

LENGTHS = [1, 63, FINEST, FINEST + 1, 49_152, 81_188, 100_000, 1_000_003]


@dataclass
class Remembering:
    """Complete from a given width on; remembers where it was drawn."""

    wide: int
    seen: list = field(default_factory=list)

    def draw(self, view):
        self.seen.append((view.interval, view.pixels, view.max_points))
        trace = go.Scatter(x=[view.left, view.right], y=[0, 1], yaxis=view.yaxis)
        complete = view.interval.length <= self.wide
        return Lane("lane", 20, (trace,), {"range": [0, 1]}, complete=complete)


def build(components, interval, *, max_bytes=10**7, **facts):
    pyramid = build_pyramid(components, interval, facts, max_bytes=max_bytes)
    raw = gzip.decompress(base64.b64decode(pyramid.content))
    (length,) = struct.unpack("<I", raw[:4])
    header = json.loads(raw[4 : 4 + length])
    return pyramid, unpack(header, raw[-(-(4 + length) // 8) * 8 :])


@pytest.fixture(scope="module", params=LENGTHS)
def levels(request):
    where = Interval("chr1", 5_000, 5_000 + request.param)
    pyramid, page = build([Remembering(1)], where)
    edges = [[(t["left"], t["right"]) for t in level] for level in page["levels"]]
    return where, pyramid.widths, edges


def test_the_first_level_is_everything(levels):
    where, widths, edges = levels
    assert edges[0] == [(where.start + 0.5, where.end + 0.5)]
    assert widths[0] == where.length


def test_tiles_lie_inside_and_are_as_wide_as_their_level(levels):
    where, widths, edges = levels
    for width, level in zip(widths, edges, strict=True):
        for left, right in level:
            assert where.start + 0.5 <= left < right <= where.end + 0.5
            assert right - left == width


def test_levels_are_a_quarter_of_the_one_before_and_end_at_the_finest(levels):
    where, widths, _ = levels
    assert widths[-1] <= FINEST or where.length <= FINEST
    ratios = [wide / narrow for wide, narrow in pairwise(widths[1:])]
    assert ratios == [4.0] * len(ratios)
    if len(widths) > 1:
        assert widths[-1] == FINEST
        assert 1 < widths[0] / widths[1] <= 8


def test_some_tile_holds_any_window_a_sixth_as_wide(levels):
    where, widths, edges = levels
    for width, level in zip(widths, edges, strict=True):
        window = width // 6
        for left in np.arange(where.start, where.end - window + 1, max(width // 97, 1)):
            start, end = left + 0.5, left + 0.5 + window
            assert any(low <= start and end <= high for low, high in level)
        start, end = where.end + 0.5 - window, where.end + 0.5
        assert any(low <= start and end <= high for low, high in level)


def test_no_tile_is_drawn_twice(levels):
    for level in levels[2]:
        assert len(set(level)) == len(level)


@pytest.mark.parametrize(("wide", "expected"), [(10**6, 1), (24_576, 2), (6144, 3)])
def test_ends_where_all_is_drawn(wide, expected):
    component = Remembering(wide)
    pyramid, page = build([component], Interval("chr1", 0, 81_188))
    assert len(pyramid.widths) == len(page["levels"]) == expected
    assert not pyramid.cut
    assert not page["cut"]
    assert all(tile["complete"] for tile in page["levels"][-1])
    assert len(component.seen) == sum(map(len, page["levels"]))


def test_closer_levels_are_drawn_for_a_wider_screen():
    component = Remembering(1)
    build([component], Interval("chr1", 0, 20_000))
    pixels = [(place.length, pixels) for place, pixels, _ in component.seen]
    assert pixels[0] == (20_000, 900)
    assert set(pixels[1:]) == {(FINEST, 1800)}
    assert {most for _, _, most in component.seen} == {FINEST}


@pytest.fixture(scope="module")
def noisy():
    where = Interval("chr1", 0, 60_000)
    values = np.random.default_rng(0).normal(size=60_000)
    return [Line(TrackData(values, ("p",), where))], where


@pytest.mark.parametrize("max_bytes", [100_000, 250_000])
def test_the_finest_levels_go_when_bytes_run_out(noisy, max_bytes):
    pyramid, page = build(*noisy, max_bytes=max_bytes)
    assert pyramid.cut
    assert page["cut"] is True
    assert len(pyramid.content) <= max_bytes
    assert pyramid.widths[0] == 60_000
    assert FINEST not in pyramid.widths


def test_the_first_level_stays_whatever_its_size(noisy):
    pyramid, page = build(*noisy, max_bytes=10)
    assert pyramid.widths == (60_000,)
    assert pyramid.cut
    assert len(page["levels"]) == 1


def test_facts_count_and_go_with_the_levels(noisy):
    rng = np.random.default_rng(1)
    names = [str(number) for number in rng.integers(0, 2**60, 20_000)]
    whole, _ = build(*noisy)
    limit = int(1.1 * len(whole.content))
    assert not build(*noisy, max_bytes=limit)[0].cut
    pyramid, page = build(*noisy, max_bytes=limit, names=names, glyphs={"A": "M0,0"})
    assert pyramid.cut
    assert len(pyramid.content) <= limit
    assert page["names"] == names
    assert page["glyphs"] == {"A": "M0,0"}


def test_a_tile_of_the_finest_level_holds_every_value(noisy):
    (line,), where = noisy
    _, page = build(*noisy)
    values = line.track_data.values[:, 0]
    for tile in page["levels"][-1]:
        (trace,) = tile["data"]
        inside = slice(int(tile["left"] - 0.5), int(tile["right"] - 0.5))
        np.testing.assert_array_equal(trace["x"], np.arange(where.end)[inside] + 1)
        np.testing.assert_allclose(trace["y"], values[inside], rtol=2**-14)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["probability", "information", "one sign"])
def test_letters_leave_out_the_bottoms_that_a_page_can_find(dtype, kind):
    rng = np.random.default_rng(2)
    where = Interval("chr1", 0, 500)
    values = rng.dirichlet(np.ones(4), size=500).astype(dtype)
    values[rng.random(500) < 0.1] = [0.25, 0.25, 0.25, 0.25]  # no bits: no letter
    track = TrackData(values, tuple("ACGT"), where)
    logo = Logo(track, kind="attribution" if kind == "one sign" else kind)
    _, page = build([logo], where)
    (spec,) = page["levels"][0][0]["letters"]
    assert "bottom" not in spec
    assert len(spec["top"]) == len(spec["x"]) == len(spec["text"])
    assert spec["on_axis"].dtype == np.int32


def test_letters_that_stand_on_nothing_keep_their_bottoms():
    where = Interval("chr1", 0, 4)
    _, page = build([Sequence("ACGT")], where)
    (spec,) = page["levels"][0][0]["letters"]
    np.testing.assert_allclose(spec["bottom"], 0.22, rtol=1e-3)
