"""The picture of a benchmark: dots, intervals, splits, what is published."""

import numpy as np
import pandas as pd
import pytest

from hyenascope.viz.alt_text import alt_text
from hyenascope.viz.benchmark_dots import plot_benchmark

PAYLOAD = "<img src=x> %{y} $x$"


@pytest.fixture
def table():
    """Two tasks; one model measured, one published, the latter once on dev."""
    return pd.DataFrame(
        {
            "task": ["enhancers", "enhancers", "promoters", "promoters"],
            "model": ["ours", "theirs", "ours", "theirs"],
            "value": [0.8, 0.7, 0.9, 0.95],
            "low": [0.75, np.nan, 0.88, np.nan],
            "high": [0.83, np.nan, 0.93, np.nan],
            "split": ["test", "test", "test", "dev"],
            "source": ["", "They 2023", None, "They 2023"],
        }
    )


def test_dots_are_values_and_lines_their_intervals(table):
    ours, theirs = plot_benchmark(table).data
    assert ours.x.tolist() == [0.8, 0.9]
    assert (ours.x + ours.error_x.array).tolist() == pytest.approx([0.83, 0.93])
    assert (ours.x - ours.error_x.arrayminus).tolist() == pytest.approx([0.75, 0.88])
    assert theirs.x.tolist() == [0.7, 0.95]
    assert theirs.error_x.array.tolist() == theirs.error_x.arrayminus.tolist() == [0, 0]


def test_published_dots_are_open_and_all_differ_in_colour_and_shape(table):
    for theme in ("light", "dark"):
        ours, theirs = plot_benchmark(table, theme=theme).data
        assert (ours.marker.symbol, theirs.marker.symbol) == ("circle", "square-open")
        assert ours.marker.color != theirs.marker.color


def test_the_legend_names_the_split_or_says_there_are_several(table):
    figure = plot_benchmark(table)
    names = [trace.name for trace in figure.data]
    assert names == ["ours · test", "theirs · several splits · They 2023"]
    assert "splits differ within a task" in figure.layout.title.subtitle.text
    alike = plot_benchmark(table.assign(split="test"))
    assert "splits differ" not in alike.layout.title.subtitle.text
    assert alike.data[1].name == "theirs · test · They 2023"


def test_a_label_says_everything_about_a_dot(table):
    ours, theirs = plot_benchmark(table).data
    assert list(ours.customdata[0]) == [
        "ours",
        "enhancers",
        "0.800, 0.750 to 0.830<br>test<br>measured here",
    ]
    assert theirs.customdata[1][2] == "0.950<br>dev<br>published: They 2023"
    bare = plot_benchmark(table[["task", "model", "value"]])
    assert bare.data[0].customdata[0][2] == "0.800<br>split not stated<br>measured here"


def test_tasks_have_rows_from_the_top_and_dots_lanes_in_them(table):
    figure = plot_benchmark(table)
    axis = figure.layout.yaxis
    assert list(axis.ticktext) == ["enhancers", "promoters"]
    assert axis.range[0] > axis.range[1]  # the first row is at the top
    ours, theirs = figure.data
    assert np.round(ours.y).tolist() == np.round(theirs.y).tolist() == [0, 1]
    apart = (theirs.y - ours.y) / abs(axis.range[1] - axis.range[0])
    layout = figure.layout
    inner = layout.height - layout.margin.t - layout.margin.b
    assert (apart * inner >= 10).all()  # pixels: dots do not touch


def test_a_model_measured_and_published_has_two_lanes_of_one_colour(table):
    twice = table.assign(model="ours")
    here, there = plot_benchmark(twice).data
    assert here.marker.color == there.marker.color
    assert (here.y != there.y).all()
    assert there.marker.symbol == "circle-open"


def test_rows_of_another_metric_are_left_out(table):
    both = pd.concat(
        [table.assign(metric="mcc"), table.assign(metric="auroc", value=0.6)]
    )
    figure = plot_benchmark(both, metric="mcc")
    assert figure.data[0].x.tolist() == [0.8, 0.9]
    assert figure.layout.xaxis.title.text == "Matthews correlation"
    with pytest.raises(ValueError, match="table must have values of f1; got none"):
        plot_benchmark(both, metric="f1")


@pytest.mark.parametrize(("lowest", "drawn"), [(0.45, True), (0.7, False)])
def test_chance_is_marked_where_it_is_in_sight(table, lowest, drawn):
    table.loc[1, "value"] = lowest
    figure = plot_benchmark(table)
    dashed = [line.x0 for line in figure.layout.shapes if line.line.dash == "dash"]
    assert dashed == [0.5] * drawn
    assert ("dashed: chance" in figure.layout.title.subtitle.text) == drawn


def test_all_dots_and_lines_are_in_the_frame(table):
    low, high = plot_benchmark(table).layout.xaxis.range
    assert low < 0.7
    assert high > 0.95


def test_the_words_name_the_best_which_is_the_least_of_an_error(table):
    table = table.assign(source="", split="test")
    said = alt_text(plot_benchmark(table, title="B"))
    assert said == (
        "B: AUROC of 2 tasks, 2 models. "
        "Best of those measured here: ours at 1, theirs at 1."
    )
    repeated = table.set_axis([0, 0, 0, 0])  # labels of rows mean nothing
    assert alt_text(plot_benchmark(repeated, title="B")) == said
    least = table.assign(value=[0.1, 0.2, 0.3, 0.4])
    assert alt_text(plot_benchmark(least, metric="mse")).endswith("here: ours at 2.")


def test_a_tie_has_no_best(table):
    table = table.assign(source="", split="test", value=[0.8, 0.8, 0.9, 0.95])
    for rows in (table, table[::-1]):
        said = alt_text(plot_benchmark(rows))
        assert said.endswith("Best of those measured here: theirs at 1, tied at 1.")


@pytest.mark.parametrize(
    "change",
    [
        {"split": "test"},  # one measured, one published
        {"source": "They 2023", "split": "test"},
        {"source": "", "split": ["test", "dev", "test", ""]},
    ],
)
def test_unlike_numbers_are_not_ranked(table, change):
    said = alt_text(plot_benchmark(table.assign(**change), title="B"))
    assert said == "B: AUROC of 2 tasks, 2 models."


def test_a_value_that_is_missing_has_no_dot_and_no_lane_of_its_own(table):
    table.loc[[1, 3], "value"] = np.nan
    figure = plot_benchmark(table)
    assert [trace.name for trace in figure.data] == ["ours · test"]


def test_text_from_tables_is_text(table):
    figure = plot_benchmark(
        table.assign(
            task=PAYLOAD, split=PAYLOAD, source=PAYLOAD, metric="auroc"
        ).assign(model=[PAYLOAD + each for each in "abcd"]),
        title=PAYLOAD,
    )
    shown = [trace.name for trace in figure.data] + list(figure.layout.yaxis.ticktext)
    shown += [str(part) for trace in figure.data for part in trace.customdata[0]]
    assert not [text for text in shown if "<img" in text or "%{y}" in text]
    assert "<img" not in figure.layout.title.text


@pytest.mark.parametrize(
    ("change", "options", "match"),
    [
        (lambda table: table.drop(columns="task"), {}, "got none named task"),
        (lambda table: table.assign(value=np.nan), {}, "values of auroc; got none"),
        (
            lambda table: pd.concat([table, table]),
            {},
            "got several of 'ours' for 'enhancers'",
        ),
        (
            lambda table: table,
            {"width": 500},
            "width must be at least 560 pixels; got 500",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(table, change, options, match):
    with pytest.raises(ValueError, match=match):
        plot_benchmark(change(table), **options)


def test_the_table_of_compare_is_drawn_as_it_is(table):
    """Its own numbers say that they were measured, and come once for every seed."""
    seeds = pd.DataFrame(
        {
            "task": "enhancers",
            "model": ["ours", "ours", "theirs"],
            "seed": pd.array([0, 1, None], dtype="Int64"),
            "metric": "auroc",
            "value": [0.8, 0.9, 0.7],
            "low": [0.7, 0.85, np.nan],
            "high": [0.85, 0.95, np.nan],
            "split": "test",
            "source": ["measured", "measured", "They 2023"],
        }
    )
    ours, theirs = plot_benchmark(seeds).data
    assert (ours.name, ours.marker.symbol) == ("ours · test", "circle")
    assert theirs.marker.symbol == "square-open"
    assert ours.x.tolist() == pytest.approx([0.85])
    assert (ours.x - ours.error_x.arrayminus).tolist() == pytest.approx([0.7])
    assert (ours.x + ours.error_x.array).tolist() == pytest.approx([0.95])
    assert theirs.x.tolist() == [0.7]
    bare = seeds[["task", "model", "seed", "value"]]
    assert plot_benchmark(bare).data[0].x.tolist() == pytest.approx([0.85])


def test_no_two_models_look_alike():
    names = [f"model {number}" for number in range(20)]
    figure = plot_benchmark(pd.DataFrame({"task": "a", "model": names, "value": 0.5}))
    looks = {(trace.marker.symbol, trace.marker.color) for trace in figure.data}
    assert len(looks) == len(figure.data) == 20
