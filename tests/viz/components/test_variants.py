"""Variants over an interval: places, colours, filters, and what is refused."""

import numpy as np
import pandas as pd
import pytest

from hyenascope.data.interval import Interval
from hyenascope.viz.components import Variants
from hyenascope.viz.style import DARK
from hyenascope.viz.view import View


def test_stands_over_its_one_based_position(variants, locus):
    view = View(locus)
    stems, heads, unscored = Variants(variants).draw(view).traces
    drawn = dict(zip(heads.x, heads.y, strict=True))
    assert drawn == {1001: -2.0, 1050: 0.5, 1060: 1.0, 1070: 0.25}
    assert (unscored.x, unscored.y) == ((1100,), (0.0,))
    assert (view.left, view.right) == (1000.5, 1100.5)
    assert sorted(stems.x[::3]) == [1001, 1050, 1060, 1070]


def test_head_says_kind_and_score(variants, locus):
    lane = Variants(variants).draw(View(locus))
    _, heads, unscored = lane.traces
    symbol = dict(zip(heads.x, heads.marker.symbol, strict=True))
    assert symbol[1001] == "circle"
    assert symbol[1050] == "triangle-up"
    assert symbol[1060] == "triangle-down"
    assert symbol[1070] == "square"
    assert tuple(heads.marker.color) == heads.y
    assert heads.marker.coloraxis == "coloraxis"
    assert unscored.marker.symbol == ("cross-open",)
    assert "not scored:</b> ALT is symbolic: &lt;DEL&gt;" in unscored.hovertext[0]


def test_strong_ones_lie_on_top(variants, locus):
    _, heads, _ = Variants(variants).draw(View(locus)).traces
    assert np.abs(heads.y).tolist() == sorted(np.abs(heads.y))


def test_both_ends_of_the_interval_are_inside_and_no_more(variants):
    lane = Variants(variants).draw(View(Interval("chr1", 1000, 1050)))
    assert sorted(lane.traces[1].x) == [1001, 1050]
    lane = Variants(variants).draw(View(Interval("chr1", 1001, 1049)))
    assert len(lane.traces[1].x) == 0


def test_contig_spelled_otherwise_is_the_same(variants):
    lane = Variants(variants).draw(View(Interval("1", 1000, 1100)))
    assert len(lane.traces[1].x) == 4


def test_infinite_scores_are_not_drawn_as_numbers(variants, locus):
    variants.loc[0, "conditional"] = -np.inf
    lane = Variants(variants).draw(View(locus))
    assert set(lane.traces[2].x) == {1001, 1100}
    assert np.isfinite(lane.coloraxis["cmin"])


def test_beyond_a_thousand_the_strongest_keep_their_heads():
    where = Interval("chr1", 0, 3000)
    frame = pd.DataFrame({"chrom": "chr1", "pos": range(1, 3001)})
    scores = np.random.default_rng(0).normal(size=3000)
    frame = frame.assign(ref="A", alt="G", conditional=scores)
    stems, heads, _ = (lane := Variants(frame).draw(View(where))).traces
    assert len(stems.x) <= 4000
    assert np.abs(heads.y).min() == np.sort(np.abs(scores))[-1000]
    assert "2,000 weaker ones without a head" in lane.note


def test_refuses_a_table_without_the_score(variants):
    with pytest.raises(ValueError, match="missing likelihood"):
        Variants(variants, score="likelihood")


def test_refuses_a_score_of_words(variants):
    with pytest.raises(ValueError, match="id must be numeric"):
        Variants(variants, score="id")


def test_refuses_variants_of_another_contig(variants):
    with pytest.raises(ValueError, match=r"variants must lie on chr2.*got chr1"):
        Variants(variants).draw(View(Interval("chr2", 0, 10)))


def drawn_colours(lane) -> dict[int, object]:
    heads = lane.traces[1]
    return dict(zip(heads.x, heads.marker.color, strict=True))


def test_height_and_colour_may_be_different_columns(variants, locus):
    lane = Variants(variants, score="markov_3", colour="conditional").draw(View(locus))
    assert drawn_colours(lane)[1001] == -2.0
    assert dict(zip(lane.traces[1].x, lane.traces[1].y, strict=True))[1001] == 0.1
    assert lane.coloraxis["colorbar"]["title"]["text"] == "conditional"
    assert (lane.coloraxis["cmin"], lane.coloraxis["cmax"]) == (-2.0, 2.0)


def test_colours_without_a_sign_start_at_zero(variants, locus):
    axis = Variants(variants, colour="markov_3").draw(View(locus)).coloraxis
    assert (axis["cmin"], axis["cmax"]) == (0.0, 0.5)


def test_colours_stay_while_the_view_moves(variants, locus):
    part = View(Interval("chr1", 1040, 1065))
    assert Variants(variants).draw(part).coloraxis["cmax"] == 2.0
    assert Variants(variants, limit=0.5).draw(part).coloraxis["cmax"] == 0.5


@pytest.mark.parametrize("column", ["cpg", "ref"])
def test_words_have_colours_of_their_own_and_a_legend(variants, locus, column):
    lane = Variants(variants, colour=column).draw(View(locus, theme=DARK))
    colours = drawn_colours(lane)
    assert lane.coloraxis is None
    assert all(colour in lane.note for colour in colours.values())
    assert colours[1001] != colours[1050]


def test_beyond_six_categories_the_rest_is_grey(locus):
    frame = pd.DataFrame({"chrom": "chr1", "pos": range(1001, 1011)})
    frame = frame.assign(ref="A", alt="G", conditional=1.0, kind=list("abcdefghij"))
    view = View(locus)
    colours = drawn_colours(Variants(frame, colour="kind").draw(view))
    assert list(colours.values()).count(view.theme.flagged) == 4


def test_heads_by_the_alternate_base(variants, locus):
    view = View(locus)
    lane = Variants(variants, by_allele=True).draw(view)
    colours = drawn_colours(lane)
    assert colours[1001] == view.theme.bases["G"]
    assert colours[1050] == view.theme.bases["N"]
    assert colours[1060] == view.theme.bases["G"]
    assert view.theme.bases["G"] in lane.note
    assert lane.coloraxis is None


def test_weak_scores_can_be_hidden_and_are_counted(variants, locus):
    lane = Variants(variants, min_abs=0.5).draw(View(locus))
    assert sorted(lane.traces[1].x) == [1001, 1050, 1060]
    assert len(lane.traces[2].x) == 1
    assert "1 hidden: within ±0.5" in lane.note


def test_only_significant_ones(variants, locus):
    variants.loc[1, "markov_3"] = np.nan
    lane = Variants(variants, significance=("markov_3", 0.3)).draw(View(locus))
    assert sorted(lane.traces[1].x) == [1001, 1060]
    assert "3 hidden: markov_3 above 0.3" in lane.note


def test_all_hidden_is_not_an_error(variants, locus):
    lane = Variants(variants, significance=("markov_3", 0.0)).draw(View(locus))
    assert "5 hidden" in lane.note


@pytest.mark.parametrize(
    "frame", [pd.DataFrame(), pd.DataFrame(columns=["chrom", "pos", "ref", "alt"])]
)
def test_an_empty_table_is_an_empty_lane(frame, locus):
    lane = Variants(frame, colour="x", significance=("q", 0.1)).draw(View(locus))
    assert lane.note == "no variants"
    assert list(Variants(frame).places(locus)) == []


def test_nothing_in_sight_keeps_the_height(variants, locus):
    lane = Variants(variants).draw(View(Interval("chr1", 5000, 6000)))
    assert lane.note == "no variants here"
    assert lane.height == Variants(variants).draw(View(locus)).height


def test_stems_cover_those_that_are_left_out():
    where = Interval("chr1", 0, 100_000)
    frame = pd.DataFrame({"chrom": "chr1", "pos": range(1, 100_001)})
    scores = np.random.default_rng(0).normal(size=100_000)
    frame = frame.assign(ref="A", alt="G", conditional=scores)
    stems = Variants(frame).draw(View(where, max_points=3000)).traces[0]
    assert len(stems.x) <= 3000
    tops = np.asarray(stems.y)[1::3]
    assert {scores.min(), scores.max()} <= set(tops)


def test_ten_thousand_on_top_of_one_another_stay_few(locus):
    frame = pd.DataFrame({"chrom": "chr1", "pos": [1050] * 10_000})
    scores = np.random.default_rng(0).normal(size=10_000)
    frame = frame.assign(ref="A", alt="G", conditional=scores)
    lane = Variants(frame).draw(View(locus))
    assert len(lane.traces[1].x) == 1000
    assert len(lane.traces[0].x) <= 4000


def test_identifiers_are_found_for_a_search(variants, locus):
    found = dict(Variants(variants).places(Interval("1", 1000, 1099)))
    assert found["rs2"] == Interval("1", 1049, 1050)
    assert "sv1" not in found


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"colour": "cpg", "by_allele": True}, "colour must be None with by_allele"),
        ({"limit": 0.0}, "limit must be above 0; got 0.0"),
        ({"min_abs": -1.0}, "min_abs must not be negative; got -1.0"),
        ({"colour": "hue"}, "missing hue"),
        ({"significance": ("id", 0.5)}, "id must be numeric"),
    ],
)
def test_refuses(variants, options, message):
    with pytest.raises(ValueError, match=message):
        Variants(variants, **options)
