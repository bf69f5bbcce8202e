"""Logos: which letter, how high, what stands for it from afar, what is refused."""

import numpy as np
import pytest

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.viz.components import Logo
from hyenascope.viz.tile import draw_tile
from hyenascope.viz.view import View

WHERE = Interval("chr1", 1000, 1004)
VALUES = np.array([0.5, -2.0, np.nan, 1.0])
P = [[0.7, 0.1, 0.1, 0.1], [0.25] * 4, [0.4, 0.3, 0.2, 0.1], [0.5, 0.5, 0.0, 0.0]]
LOG_P = np.log(np.array(P) + np.finfo(float).tiny)


def one(values=VALUES, where=WHERE):
    return TrackData(values, ("gradient",), where, "nats")


def four(values, where=WHERE, names="ACGT"):
    return TrackData(values, tuple(names), where, "nats")


def test_letter_of_the_base_is_as_high_as_its_number():
    [letters] = Logo(one(), "gatt").draw(View(WHERE)).letters
    assert letters.text == "GAT"
    assert letters.x.tolist() == [1001, 1002, 1004]
    assert (letters.bottom.tolist(), letters.top.tolist()) == ([0] * 3, [0.5, -2, 1])


def test_letters_take_the_place_of_all_fills_and_leave_the_hover_text():
    lane = Logo(one(), "GATT").draw(View(WHERE))
    [letters] = lane.letters
    kept = [t for n, t in enumerate(lane.traces) if n not in letters.replaces]
    assert [trace.type for trace in kept] == ["heatmap"]
    assert letters.fit(View(WHERE, pixels=6))
    assert not letters.fit(View(WHERE, pixels=5))


def test_reads_a_genome_under_the_part_in_sight(tmp_path):
    (tmp_path / "g.fa").write_text(">1\nACGTTTGA\n")
    data = one(np.ones(5), Interval("chr1", 2, 7))
    lane = Logo(data, FastaReader(tmp_path / "g.fa")).draw(
        View(Interval("chr1", 4, 20))
    )
    assert lane.letters[0].text == "TTG"
    assert lane.letters[0].x.tolist() == [5, 6, 7]


def test_text_moves_with_the_track_not_with_the_figure():
    lane = Logo(one(np.ones(4)), "GATC").draw(View(Interval("chr1", 1002, 1010)))
    assert lane.letters[0].text == "TC"


def test_four_tracks_are_stacked_in_any_order_of_names():
    values = np.array([[1.0, -3.0, 2.0, 0.0]] * 4)
    [letters] = Logo(four(values)).draw(View(WHERE)).letters
    [turned] = Logo(four(values[:, ::-1], names="TGCA")).draw(View(WHERE)).letters
    assert letters.text == turned.text == "CAG" * 4
    assert letters.top[:3].tolist() == turned.top[:3].tolist() == [-3.0, 1.0, 3.0]


def test_probabilities_fill_the_lane():
    lane = Logo(four(LOG_P), kind="probability").draw(View(WHERE))
    [letters] = lane.letters
    for x in (1001, 1002, 1003, 1004):
        assert letters.top[letters.x == x].max() == pytest.approx(1.0)
    at_first = letters.x == 1001
    assert np.array(list(letters.text))[at_first][-1] == "A"
    assert (letters.top - letters.bottom)[at_first][-1] == pytest.approx(0.7)
    assert lane.yaxis["range"] == [0.0, 1.0]


def test_information_adds_up_to_the_bits_of_the_base():
    [letters] = Logo(four(LOG_P), kind="information").draw(View(WHERE)).letters
    bits = [2 + sum(p * np.log2(p) for p in row if p) for row in P]
    for x, expected in zip((1001, 1003, 1004), (bits[0], *bits[2:]), strict=True):
        assert letters.top[letters.x == x].max() == pytest.approx(expected)
    assert not (letters.top[letters.x == 1002] > 1e-9).any()


def test_from_afar_the_outline_keeps_every_peak():
    where = Interval("chr1", 0, 10_000)
    values = np.zeros(10_000)
    values[[4321, 7777]] = 9.0, -8.0
    lane = Logo(one(values, where), "A" * 10_000).draw(View(where, max_points=100))
    above, below = lane.traces
    assert above.x[above.y.argmax()] == 4322
    assert below.x[below.y.argmin()] == 7778
    assert lane.note == "lowest and highest of every 200 bp"
    assert (lane.letters, lane.complete) == ((), False)


def test_likeliest_base_stands_for_its_stack():
    lane = Logo(four(LOG_P), kind="probability").draw(View(WHERE, pixels=2))
    assert lane.note == "likeliest base"
    assert lane.traces[0].y[2:6] == pytest.approx([0.7, 0.25, 0.4, 0.5])


def test_hover_text_names_the_base_and_its_numbers():
    lane = Logo(one(), "GATT").draw(View(WHERE))
    told = lane.traces[-1]
    assert (told.x0, told.dx, "".join(told.text[0])) == (1001, 1, "GATT")
    np.testing.assert_array_equal(told.z, np.float32([VALUES]))
    assert told.name == "gradient"
    assert told.hovertemplate.startswith("<b>chr1:%{x:,d}</b> %{text}<br>gradient %{z")
    told = Logo(four(LOG_P), "GATT", kind="information").draw(View(WHERE)).traces[-1]
    np.testing.assert_allclose(told.customdata[0], P, atol=1e-6)
    assert "A %{customdata[0]:.3g}" in told.hovertemplate
    assert "information %{z:.4g} bits" in told.hovertemplate


def test_infinite_numbers_are_counted_not_drawn():
    lane = Logo(one(np.array([np.inf, 1.0, -np.inf, 2.0])), "ACGT").draw(View(WHERE))
    assert lane.letters[0].text == "CT"
    assert lane.note == "2 infinite values not drawn"


def test_without_any_height_the_lane_is_empty_but_there():
    lane = Logo(one(np.zeros(4)), "ACGT").draw(View(WHERE))
    assert lane.letters == ()
    assert np.isfinite(lane.yaxis["range"]).all()


def test_a_page_gets_letters_and_what_they_replace():
    tile = draw_tile([Logo(one(), "GATT")], WHERE)
    [letters] = tile.letters
    assert letters["replaces"] == [0, 1]
    assert letters["least"] == 1.5


@pytest.mark.parametrize(
    ("track", "options", "message"),
    [
        (one(), {}, "sequence must say which letter.*got None"),
        (one(), {"sequence": "ACG"}, "sequence must be as long as track_data, 4 bp"),
        (one(), {"sequence": "AC<>"}, "sequence must be IUPAC bases; got 'AC<>'"),
        (
            one(),
            {"sequence": "ACGT", "kind": "probability"},
            r"track_data must have tracks A, C, G and T; got \['gradient'\]",
        ),
        (four(np.eye(4), names="abcd"), {}, "must have one track, or tracks A, C, G"),
        (four(np.eye(4) - 0.5), {"kind": "probability"}, "natural logarithms; got"),
        (one(), {"sequence": "ACGT", "y_range": (1.0, 0.0)}, "y_range must be two"),
    ],
)
def test_refusals(track, options, message):
    with pytest.raises(ValueError, match=message):
        Logo(track, **options)


def test_refuses_data_from_elsewhere():
    with pytest.raises(ValueError, match="track_data must overlap the figure, chr2"):
        Logo(one(), "ACGT").draw(View(Interval("chr2", 0, 9)))
