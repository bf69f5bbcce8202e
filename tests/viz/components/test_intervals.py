"""Intervals: rows, strands, blocks, colours, crowds, and what is refused."""

import re

import numpy as np
import pandas as pd
import pytest

from hyenascope.data.interval import Interval
from hyenascope.viz.components import Intervals
from hyenascope.viz.style import DARK
from hyenascope.viz.view import View

WHERE = Interval("chr1", 1000, 1640)
VIEW = View(WHERE)  # one base a pixel


def table(*rows, columns=("chrom", "start", "end", "name", "score", "strand")):
    return pd.DataFrame(rows, columns=list(columns[: len(rows[0])]))


def outlines(shape):
    """Return the corners of each body of a compound path."""
    return [
        np.array(re.findall(r"(-?[\d.]+),(-?[\d.]+)", part), dtype=float)
        for part in shape["path"].split("M")[1:]
    ]


def test_body_fills_its_bases():
    [body] = outlines(Intervals(table(("1", 1009, 1020))).draw(VIEW).shapes[0])
    assert (body[:, 0].min(), body[:, 0].max()) == (1009.5, 1020.5)


def test_arrow_points_where_the_strand_leads():
    rows = [("1", 1100, 1150, "a", 0.0, "+"), ("1", 1200, 1250, "b", 0.0, "-")]
    forward, reverse = outlines(Intervals(table(*rows)).draw(VIEW).shapes[0])
    for body, tip in ((forward, 1150.5), (reverse, 1200.5)):
        assert (body[:, 0] == tip).sum() == 1
        at = body[body[:, 0] == tip][0]
        assert at[1] == pytest.approx((body[:, 1].min() + body[:, 1].max()) / 2)


def test_a_cut_end_is_no_arrow():
    rows = [("1", 1600, 1700, "a", 0.0, "+"), ("1", 900, 1050, "b", 0.0, "-")]
    for body in outlines(Intervals(table(*rows)).draw(VIEW).shapes[0]):
        assert len(body) == 4
        assert body[:, 0].min() >= VIEW.left
        assert body[:, 0].max() <= VIEW.right


def test_all_outlines_run_the_same_way_so_that_overlaps_are_filled():
    rows = [("1", 1100, 1150, "a", 0.0, s) for s in "+-."]
    [shape] = Intervals(table(*rows)).draw(VIEW).shapes
    for x, y in (body.T for body in outlines(shape)):
        assert np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1)) > 0
    assert shape["fillrule"] == "nonzero"


def test_what_is_narrower_than_a_pixel_is_a_pixel_wide():
    view = View(Interval("chr1", 0, 64_000))
    rows = [("1", 10_000, 10_001), ("1", 20_000, 20_000)]
    lane = Intervals(table(*rows)).draw(view)
    widths = [np.ptp(body[:, 0]) for body in outlines(lane.shapes[0])]
    assert widths == pytest.approx([100.0, 100.0])
    assert not lane.complete


def test_arrow_heads_are_drawn_anew_until_bases_are_wide():
    frame = table(("1", 1100, 1150, "a", 0.0, "+"))
    assert not Intervals(frame).draw(VIEW).complete
    assert Intervals(frame).draw(View(WHERE, pixels=2560)).complete
    assert Intervals(frame.assign(strand=".")).draw(VIEW).complete


def test_overlaps_take_rows_and_names_make_them_high():
    rows = [("1", 1100, 1200, "a"), ("1", 1150, 1250, "b"), ("1", 1400, 1450, "c")]
    lane = Intervals(table(*rows)).draw(VIEW)
    assert lane.yaxis["range"] == [-2, 0]
    names = lane.traces[-1]
    assert dict(zip(names.text, np.floor(names.y), strict=True)) == {
        "a": -1, "b": -2, "c": -1,
    }  # fmt: skip
    squished = Intervals(table(*rows), display="squish").draw(VIEW)
    assert squished.height < lane.height
    assert all(trace.type == "heatmap" for trace in squished.traces)
    assert Intervals(table(*rows), display="dense").draw(VIEW).yaxis["range"] == [-1, 0]


def test_rows_beyond_the_limit_are_counted():
    rows = [("1", 1100, 1200, f"n{n}") for n in range(9)]
    lane = Intervals(table(*rows), max_rows=4).draw(VIEW)
    assert lane.note == "5 more in rows not shown"
    assert not lane.complete


def test_blocks_are_joined_and_thick_inside():
    row = {"chrom": "1", "start": 1100, "end": 1200, "thick_start": 1110}
    row |= {"thick_end": 1190, "blocks": ((1100, 1120), (1180, 1200))}
    joint, bodies = Intervals(pd.DataFrame([row])).draw(VIEW).shapes
    assert outlines(joint)[0][:, 0].tolist() == [1100.5, 1200.5]
    spans = [
        (body[:, 0].min(), body[:, 0].max(), np.ptp(body[:, 1]))
        for body in outlines(bodies)
    ]
    assert [span[:2] for span in spans] == [
        (1100.5, 1120.5), (1180.5, 1200.5), (1110.5, 1120.5), (1180.5, 1190.5),
    ]  # fmt: skip
    assert spans[2][2] > spans[0][2]


def test_nothing_is_thick_where_the_file_says_so():
    row = {"chrom": "1", "start": 1100, "end": 1200, "thick_start": 1100}
    thin = Intervals(pd.DataFrame([row | {"thick_end": 1100}])).draw(VIEW).shapes[0]
    thick = Intervals(pd.DataFrame([row | {"thick_end": 1200}])).draw(VIEW).shapes[0]
    assert len(outlines(thin)) == 1
    assert len(outlines(thick)) == 2


def test_own_colours_are_a_path_each_and_never_those_of_the_paper():
    frame = table(("1", 1100, 1110), ("1", 1200, 1210), ("1", 1300, 1310))
    frame["rgb"] = ["#ff0000", "", "#000000"]
    colours = [s["fillcolor"] for s in Intervals(frame).draw(VIEW).shapes]
    assert colours == ["#ff0000", VIEW.theme.coding, "#000000"]
    dark = Intervals(frame).draw(View(WHERE, theme=DARK)).shapes
    assert [s["fillcolor"] for s in dark] == ["#ff0000", DARK.coding, DARK.muted]


def test_many_own_colours_are_few_paths():
    starts = np.arange(1000, 1600)
    frame = pd.DataFrame({"chrom": "1", "start": starts, "end": starts + 1})
    frame["rgb"] = [f"#{n % 256:02x}{n // 3:02x}40" for n in range(600)]
    assert len(Intervals(frame).draw(VIEW).shapes) <= 36


def test_higher_scores_have_stronger_colours():
    rows = [("1", 1100 + 20 * n, 1110 + 20 * n, ".", n) for n in range(11)]
    lane = Intervals(table(*rows), colour_by="score").draw(VIEW)
    assert len(lane.shapes) == 5
    firsts = [outlines(shape)[0][:, 0].min() for shape in lane.shapes]
    light = [sum(map(int, re.findall(r"\d+", s["fillcolor"]))) for s in lane.shapes]
    order = np.argsort(firsts)
    assert (np.diff(np.array(light)[order]) < 0).all()
    assert lane.note == "stronger colour: higher score, 0 to 10"


def test_hover_text_is_escaped_and_tells_further_columns(payload):
    frame = table(("1", 1099, 1110, payload, 7.5, "+")).assign(motif="CTCF", q=np.nan)
    told = Intervals(frame).draw(VIEW).traces[0].hovertext
    [text] = [text for row in told for text in row if text]
    assert text == (
        "<b>&lt;img src=x onerror=alert(1)&gt;</b> chr1:1,100-1,110 · 11 bp (+)"
        "<br>score 7.500<br>motif CTCF"
    )


def test_overlapping_ones_in_one_row_share_their_hover_text():
    rows = [("1", 1100, 1200, f"n{n}") for n in range(7)]
    lane = Intervals(table(*rows), display="dense").draw(VIEW)
    [text] = [text for row in lane.traces[0].hovertext for text in row if text]
    assert text.startswith("<b>n0</b> chr1:1,101-1,200")
    assert text.endswith("and 2 more")


def test_a_crowd_is_counted_place_by_place():
    rng = np.random.default_rng(0)
    start = rng.integers(900, 1600, 10_000)
    frame = pd.DataFrame({"chrom": "1", "start": start, "end": start + 30})
    lane = Intervals(frame).draw(VIEW)
    [row] = lane.traces
    seen = frame[(frame.end > 1000) & (frame.start < 1640)]
    for number in (0, 100, 639):
        base = 1000 + number
        over = ((seen.start <= base) & (seen.end > base)).sum()
        assert np.nan_to_num(row.z[0, number]) == over
    assert lane.note.startswith(f"{len(seen):,} intervals; full colour where")
    assert (lane.shapes, lane.complete) == ((), False)


def test_reads_a_file_and_takes_its_name(tmp_path):
    (tmp_path / "peaks.bed").write_text("chr1\t1100\t1200\ta\n")
    lane = Intervals(tmp_path / "peaks.bed").draw(VIEW)
    assert lane.label == "peaks"
    assert lane.traces[-1].text == ("a",)


def test_names_places_for_a_search():
    rows = [("1", 1100, 1200, "a"), ("1", 1300, 1310, "."), ("1", 0, 10, "far")]
    found = list(Intervals(table(*rows)).places(WHERE))
    assert found == [("a", Interval("chr1", 1100, 1200))]


def test_nothing_in_sight_is_said():
    lane = Intervals(table(("1", 0, 10, "far"))).draw(VIEW)
    assert lane.note == "none here"
    assert len(lane.traces) == 1


@pytest.mark.parametrize(
    ("frame", "options", "message"),
    [
        (table(("1", 5)), {}, "columns chrom, start and end; missing end"),
        (
            table(("1", 5.5, 9.0)),
            {},
            "start must be whole numbers; got a column of",
        ),
        (table(("1", 9, 5)), {}, "0 ≤ start ≤ end; got 9 and 5 on 1"),
        (table(("1", 5, 9)), {"max_rows": 0}, "max_rows must be at least 1; got 0"),
        (table(("1", 5, 9)), {"colour_by": "rgb"}, "colour_by must name a column"),
    ],
)
def test_refusals(frame, options, message):
    with pytest.raises(ValueError, match=message):
        Intervals(frame, **options)


def test_refuses_intervals_of_another_contig():
    with pytest.raises(ValueError, match=r"intervals must lie on chr2.*got 1"):
        Intervals(table(("1", 5, 9))).draw(View(Interval("chr2", 0, 10)))
