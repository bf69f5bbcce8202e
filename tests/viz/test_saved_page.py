"""A locus in one file: what is in it, how large it is, what stands beside it."""

import base64
import gzip
import json
import re
import struct

import numpy as np
import pandas as pd
import pytest

from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.viz.components import Genes, Line, Sequence, Variants
from hyenascope.viz.page import packed_plotly
from hyenascope.viz.saved_page import write_locus_html
from tests.viz.test_html_page import Reader


def carried(text: str, name: str) -> bytes:
    (content,) = re.findall(rf'id="{name}">([^<]*)</script>', text)
    return gzip.decompress(base64.b64decode(content))


def facts(path) -> dict:
    raw = carried(path.read_text(encoding="utf-8"), "hs-pyramid")
    (length,) = struct.unpack("<I", raw[:4])
    return json.loads(raw[4 : 4 + length])


@pytest.fixture
def components(locus, variants, make_gene, payload):
    genes = Genes([make_gene(payload, 1010, 20, 40, 20)])
    return [genes, Variants(variants), Sequence("ACGT" * 25)]


@pytest.fixture
def page(components, locus, tmp_path):
    path = tmp_path / "locus.html"
    write_locus_html(components, locus, path, title="<b>Title</b> & more")
    return path


def test_no_address_but_that_of_svg_is_in_the_page(page):
    text = page.read_text(encoding="utf-8")
    assert re.findall(r"https?://[^\s\"']*", text) == []
    code = carried(text, "hs-plotly").decode("utf-8")
    assert code.encode() == gzip.decompress(packed_plotly())
    tags = Reader(text).tags
    assert not [a for _, a in tags if {"src", "href", "action"} & set(a)]
    assert Reader(text).policy()["default-src"] == ["'none'"]
    assert Reader(text).policy()["script-src"] == ["'unsafe-inline'"]


def test_text_of_files_is_never_markup(page, payload):
    text = page.read_text(encoding="utf-8")
    assert payload not in text
    assert "<h1>&lt;b&gt;Title&lt;/b&gt; &amp; more</h1>" in text
    assert Reader(text).title == "<b>Title</b> & more"
    raw = carried(text, "hs-pyramid").decode("utf-8", errors="replace")
    shown = raw[: raw.index('"names"')] + raw[raw.index('"levels"') :]
    assert "<img" not in shown  # names are compared and shown as text


def test_what_the_page_knows_by_name(page, payload, locus):
    held = facts(page)
    assert held["names"] == [
        {"name": payload, "left": 1010.5, "right": 1090.5},
        {"name": payload, "left": 1000.5, "right": 1001.5},
        {"name": "rs2", "left": 1049.5, "right": 1050.5},
        {"name": "sv1", "left": 1099.5, "right": 1100.5},
    ]
    assert held["contig"] == {"chrom": "chr1", "left": 1000.5, "right": 1100.5}
    assert held["window"] == [1000.5, 1100.5]
    assert held["label"] == "<b>Title</b> & more"


def test_without_a_title_the_place_is_the_headline(components, locus, tmp_path):
    write_locus_html(components, locus, tmp_path / "x.html")
    assert "<h1>chr1:1,001-1,100</h1>" in (tmp_path / "x.html").read_text("utf-8")


def test_a_part_can_be_shown_first(components, locus, tmp_path):
    path = tmp_path / "x.html"
    write_locus_html(components, locus, path, show=Interval("chr1", 1010, 1030))
    assert facts(path)["window"] == [1010.5, 1030.5]
    assert facts(path)["contig"]["right"] == 1100.5


@pytest.mark.parametrize(
    "show",
    [
        Interval("chr1", 990, 1010),
        Interval("chr1", 1050, 1101),
        Interval("chr2", 1010, 1020),
        Interval("chr1", 1010, 1010),
    ],
)
def test_refuses_to_show_what_is_not_there(show, components, locus, tmp_path):
    with pytest.raises(ValueError, match="show must lie inside chr1:1,001-1,100"):
        write_locus_html(components, locus, tmp_path / "x.html", show=show)
    assert list(tmp_path.iterdir()) == []


def test_refuses_what_plot_locus_refuses(locus, tmp_path):
    with pytest.raises(ValueError, match="components must hold at least one track"):
        write_locus_html([], locus, tmp_path / "x.html")
    with pytest.raises(ValueError, match="interval must hold at least one base"):
        write_locus_html([Sequence("A")], Interval("1", 5, 5), tmp_path / "x.html")


def test_linked_plotly_lies_beside_the_page(components, locus, tmp_path):
    path = tmp_path / "x.html"
    write_locus_html(components, locus, path, plotly="linked")
    script = tmp_path / "plotly.min.js"
    assert sorted(tmp_path.iterdir()) == [script, path]
    assert script.read_bytes() == gzip.decompress(packed_plotly())
    text = path.read_text(encoding="utf-8")
    sources = [a["src"] for tag, a in Reader(text).tags if "src" in a]
    assert sources == ["plotly.min.js"]
    assert Reader(text).policy()["script-src"] == ["'unsafe-inline'", "'self'", "file:"]
    assert "hs-plotly" not in re.sub(r"<script>.*?</script>", "", text, flags=re.DOTALL)


def test_linking_saves_half_a_megabyte(components, locus, tmp_path):
    sizes = []
    for plotly in ("inside", "linked"):
        write_locus_html(components, locus, tmp_path / "x.html", plotly=plotly)
        sizes.append((tmp_path / "x.html").stat().st_size)
    assert sizes[0] - sizes[1] == pytest.approx(len(packed_plotly()) * 4 / 3, abs=200)
    assert sizes[1] < 100_000


@pytest.mark.parametrize("plotly", ["inside", "linked"])
def test_an_older_page_survives_an_error(plotly, locus, tmp_path):
    path = tmp_path / "x.html"
    path.write_text("older")
    with pytest.raises(ValueError, match="source must be as long"):
        write_locus_html([Sequence("ACGT")], locus, path, plotly=plotly)
    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]


def many_names() -> pd.DataFrame:
    rng = np.random.default_rng(0)
    numbers = rng.integers(10**8, 10**10, 2_000)
    return pd.DataFrame(
        {
            "chrom": "chr1",
            "pos": rng.integers(1, 60_000, 2_000),
            "ref": "A",
            "alt": "C",
            "id": [f"rs{number}" for number in numbers],
            "conditional": rng.normal(size=2_000),
        }
    )


@pytest.mark.parametrize("title", ["chr1", "≥" * 30_000])
@pytest.mark.parametrize("named", [False, True])
def test_the_file_keeps_its_limit(title, named, tmp_path):
    where = Interval("chr1", 0, 60_000)
    values = np.random.default_rng(0).normal(size=(60_000, 3))
    lanes = [Line(TrackData(values, ("a", "b", "c"), where))]
    lanes += [Variants(many_names())] if named else []
    path = tmp_path / "x.html"
    limit = 1_400_000
    made = write_locus_html(lanes, where, path, title=title, max_bytes=limit)
    assert path.stat().st_size <= limit
    assert made.cut
    assert facts(path)["cut"] is True
    assert made.widths[0] == 60_000


def test_what_fits_is_not_cut(tmp_path):
    where = Interval("chr1", 0, 60_000)
    values = np.random.default_rng(0).normal(size=60_000)
    path = tmp_path / "x.html"
    made = write_locus_html([Line(TrackData(values, ("a",), where))], where, path)
    assert not made.cut
    assert made.widths == (60_000, 24_576, 6144)
    assert path.stat().st_size < 2_000_000
    assert len(facts(path)["levels"]) == 3


def test_colours_without_a_number_are_no_obstacle(variants, locus, tmp_path):
    frame = variants.assign(phylop=[0.1, float("nan"), 2.0, float("inf"), 1.0])
    path = tmp_path / "x.html"
    write_locus_html([Variants(frame, colour="phylop")], locus, path)
    heads = facts(path)["levels"][0][0]["data"][1]
    assert None in heads["marker"]["color"]
