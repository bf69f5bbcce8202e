"""The scripts of a page against Python and numpy: same letters, same numbers."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.viz.components import Haplotype, Line, Logo, Motifs, Sequence
from hyenascope.viz.letters import GLYPHS, Letters
from hyenascope.viz.packing import Packer, encoded, joined
from hyenascope.viz.saved_page import write_locus_html
from hyenascope.viz.view import View
from tests.browser.watched_page import SavedPage

WHERE = Interval("chr1", 1_000, 31_000)
RNG = np.random.default_rng(7)
BASES = "".join(RNG.choice(list("ACGT"), WHERE.length))
VALUES = RNG.normal(size=(WHERE.length, 4))
TRACK = TrackData(VALUES, tuple("ACGT"), WHERE, "nats")
# One letter of each colour, so that a colour tells the letter.
COLOURS = {"A": "#00a000", "C": "#0000a0", "G": "#a0a000", "T": "#a00000", "N": "#aaa"}


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    path = tmp_path_factory.mktemp("scripts") / "x.html"
    signal = TrackData(VALUES[:, 0], ("signal <1>",), WHERE, "nats")
    write_locus_html([Line(signal), Logo(TRACK)], WHERE, path)
    return path


@pytest.fixture(scope="module")
def page(chrome, file, screenshots):
    """One page for all that only reads its scripts."""
    opened = SavedPage(chrome, file)
    opened.page.wait_for_selector('#locus[data-state="ready"]')
    yield opened
    unasked = opened.unasked()
    opened.close(screenshots, "page-scripts")
    assert not unasked, unasked


def numbers(path: str) -> np.ndarray:
    found = re.findall(r"-?[\d.]+(?:e[+-]?\d+)?", path)
    return np.array(found, dtype=float).reshape(-1, 2)


def commands(path: str) -> str:
    return re.sub(r"[^A-Z]", "", re.sub(r"e[+-]?\d+", "", path))


def as_json(letters: Letters) -> dict:
    return json.loads(json.dumps(encoded(letters.spec("y3"))))


def sequence_letters(start: int, text: str) -> Letters:
    count = len(text)
    x = np.arange(start, start + count)
    low, high = np.full(count, 0.22), np.full(count, 0.78)
    return Letters(text, x, low, high, COLOURS, widest=9.0)


def stacked_letters(start: int) -> Letters:
    x = np.repeat(np.arange(start, start + 200), 3)
    top = RNG.normal(size=600)
    top[::50], top[1::50], top[2::50] = np.nan, np.inf, 0.0
    bottom = np.where(
        np.arange(600) % 3 == 1, 0.5 * np.nan_to_num(top, posinf=1.0), 0.0
    )
    text = "".join(RNG.choice(list("ACGTNRa"), 600))
    return Letters(text, x, bottom, top, COLOURS, least_pixels=1.5, replaces=(2, 4))


@pytest.mark.parametrize("start", [1, 12_345_601, 248_000_001])
@pytest.mark.parametrize("pixels", [150, 700, 2000])
@pytest.mark.parametrize("kind", ["sequence", "stacks"])
def test_letters_are_drawn_where_python_draws_them(page, start, pixels, kind):
    letters = (
        stacked_letters(start)
        if kind == "stacks"
        else sequence_letters(start, "".join(RNG.choice(list("ACGTN"), 200)))
    )
    window = [start + 59.5, start + 119.5]  # and half as much on both sides
    drawn = page.page.evaluate(
        """([spec, glyphs, window, pixels]) => {
          const made = drawLetters([spec], compileGlyphs(glyphs), ...window, pixels);
          return { ...made, replaced: [...made.replaced] };
        }""",
        [as_json(letters), GLYPHS, window, pixels],
    )
    view = View(Interval("1", start + 29, start + 149), slot=3, pixels=2 * pixels)
    expected = letters.shapes(view) if letters.fit(view) else ()
    assert len(drawn["shapes"]) == len(expected)
    assert drawn["replaced"] == (list(letters.replaces) if expected else [])
    theirs = {shape["fillcolor"]: shape for shape in drawn["shapes"]}
    for ours in expected:
        other = theirs[ours["fillcolor"]]
        assert {**other, "path": ours["path"]} == ours
        assert commands(other["path"]) == commands(ours["path"])
        mine, yours = numbers(ours["path"]), numbers(other["path"])
        np.testing.assert_allclose(yours, mine, rtol=2e-6, atol=1.1e-3)


def test_letters_wait_for_room_and_for_a_window_small_enough(page):
    few = as_json(sequence_letters(1, "ACGT" * 2500))
    draw = """([spec, glyphs, right, pixels]) =>
      drawLetters([spec], compileGlyphs(glyphs), 0.5, right, pixels).shapes.length"""
    assert page.page.evaluate(draw, [few, GLYPHS, 100.5, 479]) == 0
    assert page.page.evaluate(draw, [few, GLYPHS, 100.5, 481]) == 4
    assert page.page.evaluate(draw, [few, GLYPHS, 9000.5, 90_000]) == 0


def test_the_axis_reaches_as_far_as_the_letters_in_sight(page):
    x = np.arange(1, 101)
    top = np.where(x == 50, 4.0, np.where(x == 51, -1.0, 0.5))
    top[79] = 99.0  # not in the window
    letters = Letters("A" * 100, x, np.zeros(100), top, COLOURS, rescale=True)
    ranges = page.page.evaluate(
        """([spec, glyphs]) =>
          drawLetters([spec], compileGlyphs(glyphs), 39.5, 60.5, 600).ranges""",
        [as_json(letters), GLYPHS],
    )
    assert ranges == {"y3": [pytest.approx(-1.3), pytest.approx(4.3)]}


@pytest.mark.parametrize("kind", ["Array", "Int32Array", "Float64Array"])
def test_lower_bound_is_numpys_search(page, kind):
    values = np.sort(RNG.integers(-20, 20, 200))
    wanted = [*range(-22, 23), 0.5, -3.5]
    found = page.page.evaluate(
        f"""([sorted, wanted]) => {{
          const values = {kind}.from(sorted);
          const found = wanted.map((value) => lowerBound(values, value));
          return [...found, lowerBound([], 1)];
        }}""",
        [values.tolist(), wanted],
    )
    assert found == [*np.searchsorted(values, wanted).tolist(), 0]


LIST = """(value) => {
  const plain = (part) => {
    if (ArrayBuffer.isView(part)) return [part.constructor.name, Array.from(part)];
    if (Array.isArray(part)) return part.map(plain);
    if (part === null || typeof part !== "object") return part;
    return Object.fromEntries(Object.entries(part).map(([k, v]) => [k, plain(v)]));
  };
  return plain(value);
}"""


def check(theirs, ours: np.ndarray, *, rtol: float = 0.0) -> None:
    if ours.ndim == 1:
        np.testing.assert_allclose(np.array(theirs[1], float), ours, rtol=rtol)
        return
    assert len(theirs) == len(ours)
    for row, expected in zip(theirs, ours, strict=True):
        check(row, expected, rtol=rtol)


def test_packed_arrays_are_read_as_numpy_wrote_them(page):
    arrays = {
        "f4": RNG.normal(size=11).astype(np.float32),
        "f8": 2.0**25 + 0.5 + np.arange(5.0),
        "half": 10_000_000.5 + np.arange(3.0),
        "i1": np.arange(-3, 4, dtype=np.int8),
        "u1": np.arange(250, 256, dtype=np.uint8),
        "i2": np.array([-30_000, 7], np.int16),
        "u2": np.array([65_535, 1], np.uint16),
        "i4": np.array([-(2**31), 2**31 - 1]),
        "wide": np.array([3_000_000_000, 1]),
        "none": np.zeros(0),
        "gaps": np.array([np.nan, np.inf, -np.inf, -0.0]),
        "rows": np.arange(12, dtype=np.int16).reshape(3, 4),
        "cube": RNG.normal(size=(1, 5, 4)).astype(np.float32),
    }
    packer = Packer()
    packed = packer.pack(
        {"deep": [arrays, "text", None, {"s": np.array(["é", None], object)}]}
    )
    content = joined(json.dumps(packed).encode(), packer.data())
    back = page.settle(
        f"""async (content) => {{
          const pyramid = openPyramid(await gunzip(content));
          return ({LIST})(unpack(pyramid.deep, pyramid));
        }}""",
        content,
    )
    for name, values in arrays.items():
        check(back[0][name], values)
    assert back[1:] == ["text", None, {"s": ["é", None]}]


def test_arrays_of_the_kernel_are_read_as_numpy_wrote_them(page):
    flat = np.array([1.5, -2.0, np.nan])
    rows, cube = RNG.normal(size=(3, 4)), RNG.normal(size=(2, 3, 4))
    read = page.page.evaluate(
        f"""([flat, rows, cube]) =>
          ({LIST})([toArray(flat), toRows(rows), toRows(cube),
                    toArray([1]), toRows(null)])""",
        [encoded(flat), encoded(rows), encoded(cube)],
    )
    check(read[0], flat)
    check(read[1], rows, rtol=1e-7)
    check(read[2], cube, rtol=1e-7)
    assert read[3:] == [[1], []]


def drawn_letters(component, where: Interval) -> Letters:
    (letters,) = component.draw(View(where, pixels=1800)).letters
    return letters


@pytest.mark.parametrize(
    ("kind", "signs"),
    [
        ("information", "positive"),
        ("attribution", "positive"),
        ("attribution", "one negative"),
        ("attribution", "both"),
    ],
)
def test_letters_stand_again_where_they_stood(saved_page, tmp_path, kind, signs):
    values = RNG.dirichlet(np.ones(4), 300)
    where = Interval("chr1", 0, 300)
    if kind == "attribution" and signs != "positive":
        values[:, 1] *= -1
    if kind == "attribution" and signs == "both":
        values[::2, 2] *= -1
    logo = Logo(TrackData(values, tuple("ACGT"), where), kind=kind)
    write_locus_html([logo], where, tmp_path / "logo.html")
    other = saved_page(tmp_path / "logo.html")
    other.page.wait_for_selector('#locus[data-state="ready"]')
    spec = other.page.evaluate(
        """() => {
          const [spec] = hyenascopeView.tile.letters;
          return { text: spec.text, ...Object.fromEntries(
            ["x", "bottom", "top"].map((name) => [name, Array.from(spec[name])])) };
        }"""
    )
    expected = drawn_letters(logo, where)
    assert spec["text"] == expected.text
    assert spec["x"] == expected.x.tolist()
    for name in ("bottom", "top"):
        np.testing.assert_allclose(
            spec[name], getattr(expected, name), rtol=2.0**-10, atol=1e-6
        )


def test_a_window_gets_the_closest_tile_that_holds_it(page):
    windows = [
        [left, left + width]
        for width in (50.0, 600.0, 1024.0, 3000.0, 20_000.0)
        for left in RNG.uniform(1000.5, 31_000.5 - width, 20)
    ]
    windows += [[30_900.5, 31_000.5 + 1e-9], [1000.5 - 1e-9, 1100.5]]
    tiles = page.settle(
        """async (windows) => {
          const { source } = hyenascopeView;
          const found = [];
          for (const [left, right] of windows) {
            const tile = await source.tile({ left, right });
            found.push([tile.left, tile.right]);
          }
          return [found, source.pyramid.levels.map(
            (level) => level.map((tile) => [tile.left, tile.right]))];
        }""",
        windows,
    )
    found, levels = tiles
    for (left, right), (low, high) in zip(windows, found, strict=True):
        assert low <= left + 1e-6
        assert right <= high + 1e-6
        narrowest = min(
            b - a
            for level in levels
            for a, b in level
            if a <= left + 1e-6 and right <= b + 1e-6
        )
        assert high - low == narrowest


def test_values_at_a_base_are_those_of_the_data(page):
    page.settle("() => hyenascopeView.go(5000.5, 5060.5)")
    page.page.wait_for_function(
        "() => hyenascopeView.tile.right - hyenascopeView.tile.left < 7000"
    )
    told = page.page.evaluate(
        """() => Array.from({ length: 60 }, (_, offset) =>
          valuesAt(hyenascopeView.plot, 5001 + offset))"""
    )
    for offset, texts in enumerate(told):
        row = VALUES[5000 - WHERE.start + offset]
        signal, logo = texts
        name, _, value = signal.rpartition(" ")
        assert name == "signal <1>"
        assert float(value.replace("−", "-")) == pytest.approx(row[0], abs=6e-4)
        assert float(logo.split()[-1].replace("−", "-")) == pytest.approx(
            row.sum(), abs=6e-4
        )


@pytest.mark.parametrize(
    ("trace", "position", "expected"),
    [
        ({"x": [1, 2, 3], "y": [7, 8, 9]}, 2, 8),
        ({"x": [1, 2, 3], "y": [7, None, 9]}, 2, None),
        ({"x": [10, 14, 20], "y": [7, 8, 9]}, 13, 8),
        ({"x": [10, 14, 20], "y": [7, 8, 9]}, 11, 7),
        ({"x": [10, 14, 20], "y": [7, 8, 9]}, 50, None),
        ({"x": [10, 14, 20], "y": [7, 8, 9]}, 1, None),
        ({"x": [10], "y": [7]}, 10, 7),
        ({"x": [10], "y": [7]}, 12, None),
        ({"x": [], "y": []}, 12, None),
        ({}, 12, None),
    ],
)
def test_the_value_of_a_line_is_that_of_its_nearest_point(
    page, trace, position, expected
):
    read = "([trace, position]) => scatterValue(trace, position)"
    assert page.page.evaluate(read, [trace, position]) == expected


@pytest.mark.parametrize(
    ("columns", "values"),
    [
        ({"x0": 11, "dx": 1}, [1, 2, 3]),
        ({"x": [10.5, 11.5, 12.5, 13.5]}, [1, 2, 3]),
        ({"x": [11, 12, 13]}, [1, 2, 3]),
        ({"x": [10.5, 12.5, 13.5]}, [1, 1, 2]),  # the first bin is two bases wide
    ],
)
def test_the_value_of_a_heatmap_is_that_of_its_column(page, columns, values):
    wide = max(values)
    trace = {"z": [list(range(1, wide + 1)), [0] * wide], "y": ["A", "C"], **columns}
    read = """(trace) => [10, 11, 12, 13, 14].map((position) =>
      heatmapValues(trace, position))"""
    found = page.page.evaluate(read, trace)
    assert found[1:4] == [[["A", value], ["C", 0]] for value in values]
    assert not found[0]
    assert not found[4]


@pytest.mark.parametrize(
    "number", [0.0, -1.23456, 1e-5, -2.5e-7, 12_345.678, 2e5, 0.1, -99.99]
)
def test_numbers_are_written_with_four_digits(page, number):
    text = page.page.evaluate(f"() => formatNumber({number!r})")
    assert "-" not in text  # a true minus is as wide as a plus
    assert float(text.replace("−", "-")) == pytest.approx(number, rel=5.1e-4)
    assert len(re.sub(r"e.*|\D", "", text).lstrip("0")) <= 5


def test_what_is_no_number_is_a_dash(page):
    read = "() => [NaN, Infinity, null, undefined].map(formatNumber)"
    assert page.page.evaluate(read) == ["–"] * 4


def test_the_base_is_that_of_the_genome_not_of_a_motif_or_a_haplotype(
    saved_page, tmp_path
):
    where = Interval("chr1", 0, 100)
    hits = pd.DataFrame(
        {"chrom": ["chr1"], "start": [20], "end": [24], "strand": ["+"], "name": ["m"]}
    )
    matrix = np.eye(4)[[3, 3, 3, 3]]
    lanes = [
        Haplotype([(49, 52, "GGG")]),
        Motifs(hits, {"m": matrix}),
        Sequence("A" * 100),
    ]
    write_locus_html(lanes, where, tmp_path / "x.html")
    page = saved_page(tmp_path / "x.html")
    page.page.wait_for_selector('#locus[data-state="ready"]')
    read = "(places) => places.map((x) => baseAt(hyenascopeView.tile.letters, x))"
    assert page.page.evaluate(read, [22, 50, 51, 1, 100]) == ["A"] * 5
    assert page.page.evaluate(read, [0, 101]) == ["", ""]


HELD = "This page holds chr17:1,001-9,000; {} lies outside."


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("chr17:2,001-3,000", (2000.5, 3000.5)),
        (" 17 : 2001 – 3000 ", (2000.5, 3000.5)),
        ("2001..3000", (2000.5, 3000.5)),
        ("3,000-2,001", (2000.5, 3000.5)),
        ("chr17:2,001", (1960.5, 2041.5)),
        ("brca1", (3878.5, 6122.5)),
        ("RS80", (4979.5, 5020.5)),
        ("chr17:20,001-30,000", HELD.format("chr17:20,001-30,000")),
        ("10", HELD.format("10")),
        ("chr2:2,001-3,000", HELD.format("chr2:2,001-3,000")),
        ("nowhere", "This page knows no nowhere."),
        ("<img src=x>", "This page knows no <img src=x>."),
        ("", "Type a place, a gene or a variant."),
    ],
)
def test_a_query_leads_to_a_place_or_says_why_not(page, query, expected):
    held = {
        "contig": {"chrom": "chr17", "left": 1000.5, "right": 9000.5},
        "names": [
            {"name": "BRCA1", "left": 3980.5, "right": 6020.5},
            {"name": "rs80", "left": 4999.5, "right": 5000.5},
        ],
    }
    found = page.page.evaluate(
        "([query, held]) => findCarried(query, held, { span: 8000 })", [query, held]
    )
    if isinstance(expected, str):
        assert found == {"message": expected}
    else:
        (choice,) = found["choices"]
        assert (choice["left"], choice["right"]) == pytest.approx(expected)


def test_a_name_in_several_places_is_a_choice(page):
    names = [{"name": f"rs{n}", "left": n + 0.5, "right": n + 1.5} for n in range(40)]
    held = {"contig": {"chrom": "1", "left": 0.5, "right": 99.5}, "names": names}
    found = page.page.evaluate("(held) => findCarried('rs', held, { span: 80 })", held)[
        "choices"
    ]
    assert len(found) == 12
    assert found[3]["label"] == "rs3  1:4-4"
