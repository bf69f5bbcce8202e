"""The picture of a run: what is drawn, what is named, what is left out."""

import math

import numpy as np
import pytest

from hyenascope.viz.alt_text import alt_text
from hyenascope.viz.training_curves import UNIFORM_LOSS, plot_training
from tests.viz.test_training_run import reports

PAYLOAD = "<img src=x onerror=alert(1)> %{y} $x$"


def texts(figure) -> list[str]:
    return [note.text for note in figure.layout.annotations]


@pytest.fixture
def long():
    """A run of 20,000 steps that begins high, in two stages, with one bad step."""
    step = np.arange(20_000)
    rng = np.random.default_rng(0)
    losses = 1.3 + np.exp(-step / 100) + rng.normal(0, 0.01, 20_000)
    losses[7_000] = math.inf
    skipped = np.full(20_000, "", dtype=object)
    skipped[7_000] = PAYLOAD
    validation = np.where(step % 1_000 == 999, 1.31, np.nan)
    lengths = np.where(step < 5_000, 1_024, 32_768)
    return reports(losses, skipped=skipped, validation=validation, length=lengths)


def test_few_steps_are_drawn_as_they_are():
    table = reports([1.40, math.nan, 1.36], validation=[None, 1.37, None])
    steps, mean, held, rate, skipped = plot_training(table, window=1).data
    assert steps.x.tolist() == rate.x.tolist() == [100.0, 200.0, 300.0]
    np.testing.assert_array_equal(steps.y, [1.40, np.nan, 1.36])
    np.testing.assert_array_equal(mean.y, [1.40, np.nan, 1.36])
    assert (held.x.tolist(), held.y.tolist()) == ([200.0], [1.37])
    assert rate.y.tolist() == [1e-3] * 3
    assert rate.yaxis == skipped.yaxis == "y2"
    assert len(skipped.x) == 0
    assert not skipped.showlegend
    assert steps.customdata[2].tolist() == [3.0, 300.0, 10.0, 1.0, 1e-3]


def test_no_trace_has_more_points_than_the_figure_has_pixels(long):
    figure = plot_training(long, width=600)
    assert all(len(trace.x) <= 600 for trace in figure.data)
    finite = long["loss"][np.isfinite(long["loss"])]
    assert np.nanmax(figure.data[0].y) == finite.max()
    assert np.nanmin(figure.data[0].y) == finite.min()


def test_a_skipped_step_is_marked_where_it_was_and_its_reason_is_text(long):
    skipped = plot_training(long).data[4]
    assert skipped.x.tolist() == [700_100.0]
    assert skipped.showlegend
    assert "<" not in skipped.text[0]
    assert "%" not in skipped.text[0].replace("&#37;", "")


def test_stages_are_named_where_they_begin(long):
    figure = plot_training(long)
    named = {note.text: note.x for note in figure.layout.annotations}
    assert named["1,024 bp"] == 0.0
    assert named["32,768 bp"] == 500_000.0
    assert [line.x0 for line in figure.layout.shapes[1:]] == [500_000.0]
    by_step = plot_training(long, by="step")
    assert [line.x0 for line in by_step.layout.shapes[1:]] == [5_000.0]
    assert not [text for text in texts(plot_training(reports([1.4]))) if "bp" in text]


def test_stages_too_short_for_a_name_have_a_line_only():
    lengths = [10] * 50 + [20] + [30] * 49
    figure = plot_training(reports([1.3] * 100, length=lengths))
    assert [text for text in texts(figure) if "bp" in text] == ["10 bp", "30 bp"]
    assert [line.x0 for line in figure.layout.shapes[1:]] == [5_000.0, 5_100.0]


def test_the_frame_follows_the_bulk_and_says_how_high_the_rest_goes(long):
    figure = plot_training(long)
    low, high = figure.layout.yaxis.range
    assert 1.25 < low < 1.29
    assert UNIFORM_LOSS < high < 1.5
    [above] = [n for n in figure.layout.annotations if "↑" in n.text]
    worst = int(np.nanargmax(np.where(np.isfinite(long["loss"]), long["loss"], 0)))
    assert above.text == f"↑ {long['loss'][worst]:.2f}"
    assert above.x == 100.0 * (worst + 1)


@pytest.mark.parametrize("losses", [[], [math.nan], [1.2], [3.0, 2.0], [1.386] * 60])
def test_a_guess_and_few_losses_are_always_in_the_frame(losses):
    figure = plot_training(reports(losses))
    low, high = figure.layout.yaxis.range
    seen = [UNIFORM_LOSS, *(loss for loss in losses if math.isfinite(loss))]
    assert low < min(seen) <= max(seen) < high
    assert figure.layout.shapes[0].y0 == figure.layout.shapes[0].y1 == math.log(4)
    assert texts(figure) == ["uniform guess 1.386"]


FALLS = 1.3 + 1.4 * np.exp(-np.arange(300) / 25)


@pytest.mark.parametrize("steps", [10, 40, 50, 70, 100, 300])
@pytest.mark.parametrize("width", [500, 900])
def test_the_name_of_a_guess_is_in_the_frame_and_crosses_no_curve(steps, width):
    figure = plot_training(reports(FALLS[:steps]), width=width)
    [name] = [n for n in figure.layout.annotations if "guess" in n.text]
    margin, (low, high) = figure.layout.margin, figure.layout.yaxis.range
    domain = figure.layout.yaxis.domain
    lane = (figure.layout.height - margin.t - margin.b) * (domain[1] - domain[0])
    pixels = (FALLS[:steps] - UNIFORM_LOSS) / (high - low) * lane
    bottom, top = (0, 14) if name.yanchor == "bottom" else (-14, 0)
    assert (low - UNIFORM_LOSS) / (high - low) * lane <= bottom
    assert top <= (high - UNIFORM_LOSS) / (high - low) * lane
    along = np.linspace(1, 0, steps, endpoint=False)[::-1]  # a step ends there
    share = 110 / (width - margin.l - margin.r)
    beside = along >= 1 - share if name.xanchor == "right" else along <= share
    assert name.x == (name.xanchor == "right")
    assert not ((pixels > bottom) & (pixels < top) & beside).any()


def test_says_in_words_what_it_shows(long):
    words = alt_text(plot_training(long, window=1))
    last = long["loss"].iloc[-1]
    assert words == (
        "Training curves: 20,000 steps, 2,000,000 bases, "
        f"{last:.4f} nats per base, 1.3100 on held-out text after step 20,000, "
        "1 step skipped."
    )
    assert alt_text(plot_training(reports([]))) == "Training curves: no step yet."


def test_a_title_is_text():
    figure = plot_training(reports([1.4]), title=PAYLOAD)
    assert figure.layout.title.text.count("<") == 2  # its own bold


def test_refuses_a_figure_too_small_to_read():
    with pytest.raises(ValueError, match="width must be at least 400 pixels; got 300"):
        plot_training(reports([1.4]), width=300)


def test_a_loss_of_another_kind_has_its_own_unit_and_no_guess():
    table = reports([0.9, 0.5, 0.3], validation=[None, None, 0.4])
    figure = plot_training(table, unit="squared deviations", guess=None)
    assert figure.layout.yaxis.title.text == "squared deviations"
    assert not any("guess" in text for text in texts(figure))
    assert len(figure.layout.shapes) == len(plot_training(table).layout.shapes) - 1
    assert all("nats" not in trace.hovertemplate for trace in figure.data)
    assert "0.5667 squared deviations" in alt_text(figure)
    low, high = figure.layout.yaxis.range
    assert 0.2 <= low < 0.3
    assert 0.9 < high <= 1.0
    empty = plot_training(table.iloc[:0], guess=None)
    assert empty.layout.yaxis.range[0] < empty.layout.yaxis.range[1]
    assert "validation" in [trace.name for trace in figure.data]
    assert "0.4000 on validation after step 3" in alt_text(figure)
