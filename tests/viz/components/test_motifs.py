"""Motifs: boxes where they match, logos inside them, the strongest kept."""

import re

import numpy as np
import pandas as pd
import pytest

from hyenascope.data.interval import Interval
from hyenascope.viz.components import Motifs
from hyenascope.viz.components.motifs import information
from hyenascope.viz.view import View

TGAC = np.eye(4)[[3, 2, 0, 1]]


def hits(*rows, **columns) -> pd.DataFrame:
    names = ["chrom", "start", "end", "strand", "motif", "score"]
    return pd.DataFrame(rows, columns=names).assign(**columns)


def corners(path: str) -> list[float]:
    return [float(x) for x in re.findall(r"[ML]([\d.]+),", path)]


@pytest.mark.parametrize(("strand", "tip"), [("+", 1014.5), ("-", 1010.5)])
def test_boxes_cover_the_match_and_point_along_the_strand(locus, strand, tip):
    frame = hits(("chr1", 1010, 1014, strand, "TGAC", 9.0))
    [box] = Motifs(frame).draw(View(locus)).shapes
    x = corners(box["path"])
    assert (min(x), max(x)) == (1010.5, 1014.5)
    assert x.count(tip) == 1


def test_letters_stand_on_their_bases_and_fill_the_box(locus):
    frame = hits(("chr1", 1010, 1014, "+", "TGAC", 9.0))
    [letters] = Motifs(frame, {"TGAC": TGAC}).draw(View(locus)).letters
    assert letters.text == "TGAC"
    assert letters.x.tolist() == [1011, 1012, 1013, 1014]
    # Two bits everywhere: as high as the box, 0.6 of a row.
    np.testing.assert_allclose(letters.top - letters.bottom, 0.6)


def test_on_the_reverse_strand_the_logo_is_turned_round(locus):
    frame = hits(("chr1", 1010, 1014, "-", "TGAC", 9.0))
    [letters] = Motifs(frame, {"TGAC": TGAC}).draw(View(locus)).letters
    assert letters.text == "GTCA"


def test_letters_are_stacked_the_highest_on_top(locus):
    matrix = np.array([[0.25, 0.75, 0.0, 0.0]])
    frame = hits(("chr1", 1010, 1011, "+", "m", 9.0))
    [letters] = Motifs(frame, {"m": matrix}).draw(View(locus)).letters
    assert letters.text == "AC"
    assert letters.top[0] == pytest.approx(letters.bottom[1])
    bits = 2 + 0.25 * np.log2(0.25) + 0.75 * np.log2(0.75)
    assert letters.top[1] - letters.bottom[0] == pytest.approx(0.6 * bits / 2)


def test_information_is_nothing_where_all_bases_are_alike():
    np.testing.assert_allclose(information(np.full((3, 4), 0.25)), 0.0)


def test_letters_are_sorted_as_the_page_needs_them(locus):
    frame = hits(
        ("chr1", 1050, 1054, "+", "TGAC", 9.0), ("chr1", 1010, 1014, "-", "TGAC", 8.0)
    )
    [letters] = Motifs(frame, {"TGAC": TGAC}).draw(View(locus)).letters
    assert (np.diff(letters.x) >= 0).all()


def test_from_afar_no_letters_are_sent_but_a_closer_look_is_promised():
    frame = hits(("chr1", 1010, 1014, "+", "TGAC", 9.0))
    lane = Motifs(frame, {"TGAC": TGAC}).draw(View(Interval("chr1", 0, 100_000)))
    assert lane.letters == ()
    assert not lane.complete
    x = corners(lane.shapes[0]["path"])
    assert max(x) - min(x) == pytest.approx(2 * 100_000 / 640, rel=1e-3)


def test_rows_are_for_the_strongest(locus):
    frame = hits(*(("chr1", 1010, 1040, "+", f"m{n}", float(n)) for n in range(6)))
    lane = Motifs(frame, max_rows=2).draw(View(locus))
    assert lane.traces[-1].text == ("m5 →", "m4 →")
    assert lane.note == "4 weaker ones not drawn"


def test_many_hits_stay_few_things():
    rng = np.random.default_rng(0)
    rows = [
        ("chr1", int(s), int(s) + 9, "+", "m", float(s % 97))
        for s in rng.integers(0, 90_000, 5000)
    ]
    lane = Motifs(hits(*rows)).draw(View(Interval("chr1", 0, 100_000)))
    assert len(lane.shapes) == 1
    assert lane.shapes[0]["path"].count("Z") <= 500
    assert "weaker ones not drawn" in lane.note


def test_hover_tells_what_the_table_knows(locus, payload):
    frame = hits(("chr1", 1010, 1014, "+", payload, 9.0), p_value=1e-5, sequence="TGAC")
    [hover, names] = Motifs(frame).draw(View(locus)).traces
    [[text]] = hover.hovertext
    assert "<img" not in text
    assert "<img" not in names.text[0]
    assert text.split("<br>")[1:] == [
        "chr1:1,011-1,014 · 4 bp",
        "score 9.000",
        "p_value 1.00e−05",
        "sequence TGAC",
    ]


def test_one_colour_per_motif(locus):
    frame = hits(
        ("chr1", 1010, 1014, "+", "a", 1.0),
        ("chr1", 1030, 1034, "+", "b", 2.0),
        ("chr1", 1050, 1054, "-", "a", 3.0),
    )
    shapes = Motifs(frame).draw(View(locus)).shapes
    assert sorted(shape["path"].count("Z") for shape in shapes) == [1, 2]


def test_nothing_here(locus):
    assert Motifs(hits()).draw(View(locus)).note == "no motifs here"
    assert Motifs(pd.DataFrame()).draw(View(locus)).note == "no motifs here"
    frame = hits(("chr1", 5, 9, "+", "a", 1.0))
    assert Motifs(frame).draw(View(locus)).note == "no motifs here"
    with pytest.raises(ValueError, match=r"motifs must lie on chr2.*got chr1"):
        Motifs(frame).draw(View(Interval("chr2", 0, 10)))


def test_refuses(locus):
    frame = hits(("chr1", 5, 9, "+", "a", 1.0))
    with pytest.raises(ValueError, match="max_rows must be at least 1; got 0"):
        Motifs(frame, max_rows=0)
    with pytest.raises(ValueError, match="missing strand, motif"):
        Motifs(frame.drop(columns=["strand", "motif"]))
    with pytest.raises(ValueError, match=r"one row per base of its matches, 4; got 3"):
        Motifs(frame, {"a": TGAC[:3]})
    with pytest.raises(ValueError, match=r"matrices\['a'\] must hold probabilities"):
        Motifs(frame, {"a": TGAC * 3})
