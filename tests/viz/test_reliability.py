"""The picture of reliability: points, intervals, bars, and what it says."""

import numpy as np
import pandas as pd
import pytest

from hyenascope.viz.alt_text import alt_text
from hyenascope.viz.reliability import plot_reliability

PAYLOAD = "<img src=x> %{y} $x$"


@pytest.fixture
def bins():
    """Two bins with rows around one without."""
    return pd.DataFrame(
        {
            "low": [0.0, 0.25, 0.5],
            "high": [0.25, 0.5, 1.0],
            "rows": [30, 0, 10],
            "mean_predicted": [0.1, np.nan, 0.75],
            "observed": [0.2, np.nan, 0.5],
            "observed_low": [0.1, np.nan, 0.25],
            "observed_high": [0.4, np.nan, 0.7],
        }
    )


def test_points_are_the_bins_that_have_rows(bins):
    points, bars = plot_reliability(bins).data
    assert points.x.tolist() == [0.1, 0.75]
    assert points.y.tolist() == [0.2, 0.5]
    assert (points.y + points.error_y.array).tolist() == pytest.approx([0.4, 0.7])
    assert (points.y - points.error_y.arrayminus).tolist() == pytest.approx([0.1, 0.25])
    assert bars.y.tolist() == [30, 10]
    assert (bars.x - bars.width / 2).tolist() == [0.0, 0.5]
    assert (bars.x + bars.width / 2).tolist() == [0.25, 1.0]


def test_the_line_of_kept_promises_is_the_diagonal(bins):
    (line,) = plot_reliability(bins).layout.shapes
    assert (line.x0, line.y0, line.x1, line.y1) == (0, 0, 1, 1)


def test_the_words_give_rows_and_the_mean_distance(bins):
    """(30 * 0.1 + 10 * 0.25) / 40."""
    figure = plot_reliability(bins, title="Promoters")
    wanted = "40 rows, expected calibration error 0.138"
    assert figure.layout.title.subtitle.text == wanted
    assert alt_text(figure) == f"Promoters: {wanted}."
    assert not figure.layout.showlegend


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_several_tables_differ_in_colour_and_shape_and_are_named(bins, theme):
    after = bins.assign(mean_predicted=bins["observed"])
    figure = plot_reliability({"before": bins, "after": after}, theme=theme)
    first, _, second, _ = figure.data
    assert (first.name, second.name) == ("before (0.138)", "after (0.000)")
    assert first.marker.color != second.marker.color
    assert first.marker.symbol != second.marker.symbol
    assert figure.layout.showlegend
    assert "after, 40 rows, expected calibration error 0.000" in alt_text(figure)
    assert figure.layout.paper_bgcolor == ("#ffffff" if theme == "light" else "#111418")


def test_a_legend_has_a_line_for_each_table_above_the_same_picture(bins):
    one = plot_reliability(bins).layout
    many = plot_reliability({str(n): bins for n in range(5)}).layout
    inner = [it.height - it.margin.t - it.margin.b for it in (one, many)]
    assert inner[0] == inner[1]
    assert many.margin.t - one.margin.t >= 5 * 19


def test_names_are_text(bins):
    figure = plot_reliability({PAYLOAD: bins, "b": bins}, title=PAYLOAD)
    shown = figure.data[0].name + figure.data[0].customdata[0][0].replace("<b>", "")
    assert "<img" not in shown + figure.layout.title.text
    assert "%{y}" not in shown


@pytest.mark.parametrize(
    ("change", "match"),
    [
        (
            lambda bins: bins.drop(columns="observed"),
            "table must have .* named observed",
        ),
        (
            lambda bins: bins.assign(rows=0),
            "table must hold rows in some bin; got none",
        ),
        (lambda bins: {}, "table must hold bins; got no table"),
        (lambda bins: {"x": bins.iloc[:0]}, r"table\['x'\] must hold rows in some bin"),
    ],
)
def test_what_cannot_be_drawn_is_refused(bins, change, match):
    with pytest.raises(ValueError, match=match):
        plot_reliability(change(bins))
