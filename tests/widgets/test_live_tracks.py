"""From edges of an axis to bases and back, and what a tile holds."""

import json
from fractions import Fraction

import numpy as np
import pytest

from hyenascope.data.contigs import UnknownContigError
from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.viz.components import Line, Sequence
from hyenascope.viz.figure import plot_locus
from hyenascope.viz.style import THEMES
from hyenascope.widgets.live_tracks import LiveTracks
from tests.widgets.pretend_page import PretendPage, array, note_of, notes

TEXT = "".join(np.random.default_rng(4).choice(list("ACGT"), 400))
TINY = 7


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    path = tmp_path_factory.mktemp("genome") / "g.fa"
    path.write_text(f">chr1\n{TEXT}\n>tiny\n{TEXT[:TINY]}\n>one\nA\n")
    with FastaReader(path) as reader:
        yield reader


@pytest.fixture
def page(genome) -> PretendPage:
    return opened(genome, Interval("chr1", 100, 140))


def opened(genome, interval: Interval, *components) -> PretendPage:
    widget = LiveTracks(genome, interval)
    for component in components or (Sequence(genome),):
        widget.tracks.add("track", component)
    return PretendPage(widget)


def shown(page: PretendPage, left: float, right: float, chrom: str) -> Interval:
    page.tell("window", chrom=chrom, left=left, right=right)
    assert page.said == []
    return page.widget.interval


def test_every_window_of_a_tiny_contig_comes_back_as_it_was(genome):
    page = opened(genome, Interval("tiny", 0, 1))
    for start in range(TINY):
        for end in range(start + 1, TINY + 1):
            where = Interval("tiny", start, end)
            edges = page.place(where)
            assert shown(page, edges["left"], edges["right"], "tiny") == where
            for slip in (-1e-9, 1e-9):  # the page computes with floats
                left, right = edges["left"] + slip, edges["right"] - slip
                assert shown(page, left, right, "tiny") == where


def test_every_pair_of_edges_gives_the_bases_between_them(genome):
    page = opened(genome, Interval("tiny", 0, 1))
    steps = [Fraction(n, 4) for n in range(-12, 4 * (TINY + 4))]
    for left in steps:
        for right in steps:
            found = shown(page, float(left), float(right), "tiny")
            low, high = sorted((left, right))
            # Base p (0-based) fills p + 0.5 to p + 1.5 of the axis.
            bases = [
                p
                for p in range(TINY)
                if p + Fraction(1, 2) < high and p + Fraction(3, 2) > low
            ]
            assert found.length >= 1
            assert 0 <= found.start < found.end <= TINY
            if low < high and bases:
                assert (found.start, found.end) == (bases[0], bases[-1] + 1)


@pytest.mark.parametrize(
    ("left", "right", "expected"),
    [
        (-1e12, -5.0, (0, 1)),
        (900.0, 1e12, (399, 400)),
        (-1e12, 1e12, (0, 400)),
        (200.4, 200.4, (199, 200)),
        (140.5, 100.5, (100, 140)),
    ],
    ids=["before", "behind", "around", "no width", "reversed"],
)
def test_windows_are_clipped_and_never_empty(page, left, right, expected):
    assert shown(page, left, right, "chr1") == Interval("chr1", *expected)


@pytest.mark.parametrize("edge", [float("nan"), float("inf"), -float("inf")])
def test_edges_must_be_numbers(page, edge):
    before = page.widget.interval
    page.tell("window", chrom="chr1", left=edge, right=20.5)
    assert page.said[0].startswith("left and right must be numbers; got")
    assert page.widget.interval == before


def test_a_contig_has_the_name_that_the_genome_gives_it(page):
    assert shown(page, 0.5, 9.5, "1") == Interval("chr1", 0, 9)
    assert page.look(Interval("1", 0, 9))["left"] == 0.5


def test_an_unknown_contig_is_said(page):
    answer = page.ask("look", **page.wish(Interval("chr9", 0, 9)))
    assert answer["error"].startswith("g.fa has no contig 'chr9'; close names: chr1")


@pytest.mark.parametrize(
    ("interval", "error"),
    [
        (Interval("chr1", -3, 9), "interval must hold bases of chr1, which has 400 bp"),
        (Interval("chr1", 390, 401), "interval must hold bases of chr1"),
        (Interval("chr1", 9, 9), "interval must hold bases of chr1"),
        (Interval("chr9", 0, 9), "g.fa has no contig 'chr9'"),
    ],
    ids=["before", "behind", "empty", "unknown contig"],
)
def test_places_off_the_contig_are_refused(genome, page, interval, error):
    with pytest.raises((ValueError, UnknownContigError), match=error):
        LiveTracks(genome, interval)
    with pytest.raises((ValueError, UnknownContigError), match=error):
        page.widget.goto(interval)
    assert page.widget.interval == Interval("chr1", 100, 140)
    assert page.heard == []


def test_a_single_base_can_be_shown(genome):
    page = opened(genome, Interval("one", 0, 1))
    assert page.widget.facts()["window"] == [0.5, 1.5]
    tile = page.look()
    assert (tile["left"], tile["right"]) == (0.5, 1.5)
    assert page.widget.figure().layout.xaxis.range == (0.5, 1.5)


def test_going_somewhere_is_told_with_the_contig(page):
    page.widget.goto(Interval("tiny", 2, 5))
    contig = {"chrom": "tiny", "left": 0.5, "right": 7.5}
    assert page.heard == [{"kind": "go", "left": 2.5, "right": 5.5, "contig": contig}]
    assert page.widget.interval == Interval("tiny", 2, 5)


def test_facts_say_where_and_how_far(page):
    facts = page.ask("hello")
    assert facts["contig"] == {"chrom": "chr1", "left": 0.5, "right": 400.5}
    assert facts["window"] == [100.5, 140.5]
    assert facts["label"] == "Genome tracks at chr1:101-140"
    assert set(facts["glyphs"]) >= set("ACGT")


@pytest.mark.parametrize("start", [0, 1, 39, 100, 359, 360])
def test_a_tile_holds_a_window_to_either_side_and_stays_on_the_contig(page, start):
    window = Interval("chr1", start, start + 40)
    tile = page.look(window)
    assert tile["left"] == max(0, start - 40) + 0.5
    assert tile["right"] == min(400, start + 80) + 0.5
    assert page.widget.interval == window


def test_a_wide_tile_holds_less_beside_the_window(genome, monkeypatch):
    monkeypatch.setattr("hyenascope.widgets.live_tracks._WIDE", 50)
    page = opened(genome, Interval("chr1", 100, 200))
    tile = page.look()
    assert (tile["left"], tile["right"]) == (75.5, 225.5)


def test_points_are_as_many_as_the_page_has_room_for(genome):
    ramp = Line(TrackData(np.arange(400.0), ("ramp",), Interval("chr1", 0, 400)))
    page = opened(genome, Interval("chr1", 130, 270), ramp)
    few, many = (page.look(pixels=pixels) for pixels in (40, 900))
    assert len(array(few["data"][0]["x"])) <= 2 * 3 * 40
    assert not few["complete"]
    np.testing.assert_array_equal(array(many["data"][0]["x"]), np.arange(1, 401))
    assert many["complete"]


def test_the_theme_of_the_page_is_followed(page):
    for name, theme in THEMES.items():
        tile = page.look(theme=name)
        assert tile["layout"]["font"]["color"] == theme.ink
        assert page.widget.theme == name
    last = page.widget.theme
    for unknown in ("sepia", None, 3):
        page.look(theme=unknown)
        assert page.widget.theme == last


def test_the_figure_is_what_plot_locus_draws(genome, page):
    drawn = plot_locus([Sequence(genome)], page.widget.interval, theme="dark")
    assert page.widget.figure(theme="dark") == drawn


def test_where_no_widget_lives_the_figure_stands(page):
    data, _ = page.widget._repr_mimebundle_()
    plain = data["application/vnd.plotly.v1+json"]
    json.dumps(plain, allow_nan=False)
    assert plain["layout"]["xaxis"]["range"] == [100.5, 140.5]
    assert "application/vnd.jupyter.widget-view+json" in data


def test_a_track_of_elsewhere_takes_no_other_away(genome):
    away = Line(TrackData([1.0], ("gc",), Interval("chr2", 5, 6)))
    page = opened(genome, Interval("chr1", 100, 140), away, Sequence(genome))
    assert note_of(page.look(), "track").startswith("nothing here: track_data must")
    texts = [note.text for note in page.widget.figure().layout.annotations]
    assert "sequence" in texts
    assert any(text.startswith("nothing here") for text in texts)


def test_where_all_is_hidden_the_first_track_is_shown(genome):
    page = opened(genome, Interval("chr1", 100, 140), Sequence(genome))
    page.widget.tracks.show("track-1", visible=False)
    assert notes(page.look()) == ["sequence"]


@pytest.mark.parametrize("query", ["chr1:51-90", "1:51-90", "51-90", "chr1:90-51"])
def test_places_are_found_in_any_view(page, query):
    answer = page.ask("find", query=query, **page.place(page.widget.interval))
    [choice] = answer["choices"]
    assert (choice["left"], choice["right"]) == (50.5, 90.5)
    assert choice["contig"] == {"chrom": "chr1", "left": 0.5, "right": 400.5}


def test_what_is_not_found_is_said(page):
    answer = page.ask("find", query="BRCA1", **page.place(page.widget.interval))
    assert answer["choices"] == []
    assert answer["message"].startswith("Nothing is called BRCA1: no genes are loaded.")
