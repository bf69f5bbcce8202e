"""Glyphs: where they stand, how large, and which are drawn at all."""

import re

import numpy as np
import pytest

from hyenascope.data.interval import Interval
from hyenascope.viz.letters import GLYPHS, Letters
from hyenascope.viz.view import View

VIEW = View(Interval("chr1", 0, 10), slot=2, pixels=1000)
COLOURS = {"A": "#0a0", "C": "#00a", "G": "#aa0", "T": "#a00", "N": "#aaa"}


def make(text, x, bottom, top, **options):
    numbers = [np.array(each, dtype=float) for each in (bottom, top)]
    return Letters(text, np.array(x, dtype=np.int64), *numbers, COLOURS, **options)


def points(path: str) -> np.ndarray:
    found = re.findall(r"(-?[\d.]+(?:e-?\d+)?),(-?[\d.]+(?:e-?\d+)?)", path)
    return np.array(found, dtype=float)


@pytest.mark.parametrize("kind", list(GLYPHS))
def test_outlines_fill_the_unit_box(kind):
    outline = points(GLYPHS[kind])
    np.testing.assert_allclose(outline.min(axis=0), 0, atol=0.07)
    np.testing.assert_allclose(outline.max(axis=0), 1, atol=0.12)


@pytest.mark.parametrize("kind", list(GLYPHS))
def test_an_outline_is_scaled_into_its_box(kind):
    (shape,) = make(kind, [4], [1.0], [3.5]).shapes(VIEW)
    unit = points(GLYPHS[kind])
    expected = np.stack([4 - 0.46 + 0.92 * unit[:, 0], 1 + 2.5 * unit[:, 1]], axis=1)
    np.testing.assert_allclose(points(shape["path"]), expected, atol=6e-4)
    assert re.sub(r"[^A-Z]", "", shape["path"]) == re.sub(r"[^A-Z]", "", GLYPHS[kind])
    assert (shape["yref"], shape["xref"]) == ("y2", "x")
    assert shape["fillcolor"] == COLOURS[kind]
    assert shape["fillrule"] == "evenodd"


def test_below_the_axis_a_letter_hangs_upside_down():
    (shape,) = make("TT", [2, 3], [0.0, 0.0], [1.0, -1.0]).shapes(VIEW)
    up, down = np.split(points(shape["path"]), 2)
    np.testing.assert_allclose(down[:, 1], -up[:, 1], atol=1e-9)
    np.testing.assert_allclose(down[:, 0], up[:, 0] + 1, atol=1e-9)


def test_positions_of_a_chromosome_stay_exact():
    where = Interval("chr1", 248_000_000, 248_000_010)
    (shape,) = make("A", [248_000_004], [0.0], [1.0]).shapes(View(where, pixels=1000))
    left, right = points(shape["path"])[:, 0].min(), points(shape["path"])[:, 0].max()
    assert left == pytest.approx(248_000_003.54, abs=1e-3)
    assert right == pytest.approx(248_000_004.46, abs=1e-3)


def test_only_what_the_view_shows():
    view = View(Interval("chr1", 3, 6), pixels=1000)  # bases 4, 5 and 6
    (shape,) = make("AAAAA", [3, 4, 5, 6, 7], [0.0] * 5, [1.0] * 5).shapes(view)
    middles = [each[:, 0].mean() for each in np.split(points(shape["path"]), 3)]
    np.testing.assert_allclose(np.round(middles), [4, 5, 6])


def test_one_path_for_all_letters_of_a_kind():
    shapes = make("ACCA", [1, 2, 3, 4], [0.0] * 4, [1.0] * 4).shapes(VIEW)
    assert [shape["fillcolor"] for shape in shapes] == [COLOURS["A"], COLOURS["C"]]


def test_what_is_no_base_looks_like_n():
    (shape,) = make("RNa-", [1, 2, 3, 4], [0.0] * 4, [1.0] * 4).shapes(VIEW)
    (alone,) = make("N", [1], [0.0], [1.0]).shapes(VIEW)
    assert shape["path"].startswith(alone["path"])
    assert shape["path"].count("M") == 4
    assert shape["fillcolor"] == COLOURS["N"]


@pytest.mark.parametrize("top", [0.5, np.nan, np.inf])
def test_nothing_for_a_letter_without_a_height(top):
    assert make("A", [1], [0.5], [top]).shapes(VIEW) == ()


def test_no_letters_no_shapes():
    assert make("", [], [], []).shapes(VIEW) == ()


def test_widest_counts_pixels_and_never_exceeds_the_base():
    for widest, width in ((50.0, 0.5), (500.0, 0.92)):  # a base is 100 pixels wide
        (shape,) = make("T", [5], [0.0], [1.0], widest=widest).shapes(VIEW)
        assert np.ptp(points(shape["path"])[:, 0]) == pytest.approx(width, abs=2e-3)


@pytest.mark.parametrize(("pixels", "fits"), [(48, True), (47, False)])
def test_letters_fit_from_their_least_width_on(pixels, fits):
    letters = make("A", [1], [0.0], [1.0], least_pixels=4.8)
    assert letters.fit(View(Interval("chr1", 0, 10), pixels=pixels)) is fits


def test_the_page_gets_the_same_numbers():
    spec = make("GA", [16_777_217, 248_000_001], [0.0, -0.1], [1.0, 2.0]).spec("y7")
    assert spec["x"].tolist() == [16_777_217, 248_000_001]
    assert spec["x"].dtype == np.int32
    assert spec["bottom"].dtype == spec["top"].dtype == np.float32
    np.testing.assert_allclose(spec["bottom"], [0.0, -0.1], rtol=1e-6)
    del spec["x"], spec["bottom"], spec["top"]
    assert spec == {
        "text": "GA",
        "colours": COLOURS,
        "least": 4.8,
        "widest": None,
        "replaces": [],
        "rescale": False,
        "genome": False,
        "yaxis": "y7",
    }


def test_refuses_unequal_lengths():
    with pytest.raises(ValueError, match=r"must be equally long; got 2, 1, 1, 1\."):
        make("AC", [1], [0.0], [1.0])
