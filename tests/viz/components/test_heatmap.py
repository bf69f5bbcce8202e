"""Heatmaps: which cell is where, the reference, the strongest of bins, refusals."""

import numpy as np
import plotly.graph_objects as go
import pytest

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.viz.components import Heatmap
from hyenascope.viz.view import View

WHERE = Interval("chr1", 1000, 1003)
VALUES = np.array([[0.0, -1, 2, -3], [4, np.nan, 0, 1], [1, 2, 3, 0]])


def ism(values=VALUES, where=WHERE, names="ACGT"):
    return TrackData(values, tuple(names), where, "nats")


def test_first_track_is_the_top_row_and_bases_are_columns():
    lane = Heatmap(ism()).draw(View(WHERE))
    [cells] = lane.traces
    np.testing.assert_array_equal(cells.z, VALUES.T.astype(np.float32))
    assert (cells.x0, cells.dx, cells.y) == (1001, 1, ("A", "C", "G", "T"))
    bottom, top = lane.yaxis["range"]
    assert (bottom, top) == (3.5, -0.5)


def test_reference_is_empty_and_grey_in_one_more_trace():
    lane = Heatmap(ism(), "aCn").draw(View(WHERE))
    cells, grey = lane.traces
    reference = np.zeros((4, 3), bool)
    reference[0, 0] = reference[1, 1] = True
    np.testing.assert_array_equal(np.isfinite(grey.z), reference)
    np.testing.assert_array_equal(np.isnan(cells.z), reference | np.isnan(VALUES.T))
    assert "reference" in grey.hovertemplate
    assert lane.note == "grey: reference"


def test_hover_text_names_the_change():
    cells, _ = Heatmap(ism(), "ACG").draw(View(WHERE)).traces
    assert cells.hovertemplate == (
        "<b>chr1:%{x:,d} %{text}&gt;%{y}</b><br>%{z:.3g} nats<extra></extra>"
    )
    assert cells.text.tolist() == [["A", "C", "G"]] * 4


def test_reads_a_genome_under_the_part_in_sight(tmp_path):
    (tmp_path / "g.fa").write_text(">1\nTTACGTT\n")
    data = ism(where=Interval("chr1", 2, 5))
    lane = Heatmap(data, FastaReader(tmp_path / "g.fa")).draw(
        View(Interval("chr1", 3, 9))
    )
    assert np.argwhere(np.isfinite(lane.traces[1].z)).tolist() == [[1, 0], [2, 1]]
    assert lane.traces[1].x0 == 4


def test_colours_reach_equally_far_to_both_sides():
    axis = Heatmap(ism()).draw(View(WHERE)).coloraxis
    assert (axis["cmin"], axis["cmax"]) == (-4.0, 4.0)
    assert axis["colorscale"][2] == [0.5, "#ffffff"]
    assert axis["colorbar"]["title"]["text"] == "nats"
    # The strongest is drawn, not that of a reference cell or elsewhere.
    axis = Heatmap(ism(), "AAT").draw(View(WHERE)).coloraxis
    assert axis["cmax"] == 3.0


def test_colours_may_end_earlier_and_the_note_says_so():
    lane = Heatmap(ism(), limit=2.5).draw(View(WHERE))
    assert lane.coloraxis["cmax"] == 2.5
    assert lane.note == "colours end at ±2.500"
    assert Heatmap(ism(), limit=4.0).draw(View(WHERE)).note == ""


@pytest.mark.parametrize("length", [11, 20, 97])
def test_a_bin_is_its_value_of_largest_magnitude_at_its_own_base(length):
    rng = np.random.default_rng(length)
    values = rng.normal(size=(length, 4))
    values[rng.random((length, 4)) < 0.2] = np.nan
    where = Interval("chr1", 50, 50 + length)
    text = "".join(rng.choice(list("ACGT"), length))
    lane = Heatmap(ism(values, where), text).draw(View(where, max_points=10))
    [cells] = lane.traces
    size = -(-length // 10)
    assert cells.z.shape[1] <= 10
    assert lane.note == f"strongest of every {size} bp"
    known = np.where([[b == row for row in "ACGT"] for b in text], np.nan, values)
    for row in range(4):
        for number in range(cells.z.shape[1]):
            part = known[number * size : (number + 1) * size, row]
            if np.isnan(part).all():
                assert np.isnan(cells.z[row, number])
                continue
            at = np.nanargmax(np.abs(part)) + number * size
            assert cells.z[row, number] == np.float32(known[at, row])
            assert cells.customdata[row, number] == 51 + at
            assert cells.text[row, number] == text[at]


def test_edges_of_bins_end_with_the_track():
    where = Interval("chr1", 50, 61)
    lane = Heatmap(ism(np.ones((11, 4)), where)).draw(View(where, max_points=4))
    assert lane.traces[0].x.tolist() == [50.5, 53.5, 56.5, 59.5, 61.5]


def test_any_number_of_tracks_by_any_name():
    data = TrackData(np.ones((3, 100)), [f"<{n}>" for n in range(100)], WHERE)
    lane = Heatmap(data).draw(View(WHERE))
    assert lane.traces[0].y[0] == "&lt;0&gt;"
    assert lane.height == 480
    assert len(lane.yaxis["tickvals"]) * 11 <= 480
    assert lane.coloraxis["colorbar"]["title"]["text"] == "value"


def test_long_names_are_cut_at_the_axis_only():
    lane = Heatmap(ism(VALUES[:, :1], names=["K562 H3K27ac rep1"])).draw(View(WHERE))
    assert lane.yaxis["ticktext"] == ["K562 H3K27a…"]
    assert lane.traces[0].y == ("K562 H3K27ac rep1",)


def test_infinite_values_are_counted_not_drawn():
    values = VALUES.copy()
    values[0] = np.inf
    lane = Heatmap(ism(values)).draw(View(WHERE))
    assert np.isnan(lane.traces[0].z[:, 0]).all()
    assert lane.note == "4 infinite values not drawn"


def test_without_any_value_there_is_still_a_scale():
    lane = Heatmap(ism(np.full((3, 4), np.nan))).draw(View(WHERE))
    assert lane.coloraxis["cmax"] == 1.0


def test_gaps_travel_as_numbers_not_as_words():
    figure = go.Figure(Heatmap(ism(), "ACG").draw(View(WHERE)).traces)
    specs = [trace["z"] for trace in figure.to_plotly_json()["data"]]
    assert [(spec["dtype"], spec["shape"]) for spec in specs] == [("f4", "4, 3")] * 2


@pytest.mark.parametrize(
    ("track", "options", "message"),
    [
        (ism(), {"limit": 0.0}, r"limit must be a positive number; got 0\.0"),
        (ism(), {"limit": np.nan}, "limit must be a positive number; got nan"),
        (ism(), {"sequence": "AC"}, "sequence must be as long as track_data, 3 bp"),
        (ism(names="abcd"), {"sequence": "ACG"}, "must come with tracks A, C, G and T"),
        (TrackData(np.ones((3, 0)), (), WHERE), {}, "at least one track; got none"),
    ],
)
def test_refusals(track, options, message):
    with pytest.raises(ValueError, match=message):
        Heatmap(track, **options)


def test_refuses_data_from_elsewhere():
    with pytest.raises(ValueError, match="track_data must overlap the figure, chr2"):
        Heatmap(ism()).draw(View(Interval("chr2", 0, 9)))
