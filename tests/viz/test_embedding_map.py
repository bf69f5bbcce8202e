"""The picture of embeddings: every row once, its colour and what the mouse shows."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from hyenascope.viz.embedding_coordinates import embedding_coordinates
from hyenascope.viz.embedding_map import plot_embedding
from hyenascope.viz.style import DARK, LIGHT

PAYLOAD = "<img src=x onerror=alert(1)> %{y} $x$"


def table(rows: int = 10, **columns) -> ad.AnnData:
    rng = np.random.default_rng(0)
    columns.setdefault("label", ["yes", "no"] * (rows // 2))
    obs = pd.DataFrame(columns, index=[f"s{i}" for i in range(rows)])
    return ad.AnnData(rng.normal(size=(rows, 5)), obs)


def drawn(figure) -> dict[str, tuple[float, float]]:
    """Where the mouse finds each name."""
    return {
        text.split("</b>")[0].removeprefix("<b>"): (float(x), float(y))
        for trace in figure.data
        for text, x, y in zip(trace.text, trace.x, trace.y, strict=True)
    }


@pytest.mark.parametrize("rows", [10, 400])
def test_every_row_is_drawn_where_it_lies(rows):
    data = table(rows)
    figure = plot_embedding(data)
    values = embedding_coordinates(data).values
    expected = dict(zip(data.obs_names, map(tuple, values.tolist()), strict=True))
    assert drawn(figure) == expected
    assert sum(len(trace.x) for trace in figure.data) == rows


def test_groups_are_named_once_and_counted():
    figure = plot_embedding(table(400))
    named = [trace.name for trace in figure.data if trace.showlegend]
    assert named == ["no (200)", "yes (200)"]
    # Neither group covers the other: they take turns.
    assert [trace.name for trace in figure.data] == named * 8
    assert figure.layout.meta["alt"] == (
        "PCA of 400 embeddings by label: no 200, yes 200."
    )
    assert figure.layout.legend.title.text == "label"


def test_numbers_have_a_scale_and_what_is_unknown_is_grey():
    strength = np.linspace(0, 1, 10)
    strength[4] = np.nan
    data = table(strength=strength)
    figure = plot_embedding(data, colour="strength", theme="dark")
    unknown, known = figure.data
    assert "<b>s4</b>" in unknown.text[0]
    assert unknown.marker.color == DARK.flagged
    np.testing.assert_allclose(known.marker.color, np.delete(strength, 4), rtol=1e-6)
    assert figure.layout.coloraxis.colorbar.title.text == "strength"
    assert "1 of unknown strength" in figure.layout.title.subtitle.text
    # The lowest number does not have the colour of the paper.
    assert figure.layout.coloraxis.colorscale[0][1] != DARK.paper
    assert not figure.layout.showlegend


@pytest.mark.parametrize("colour", [None, "label"])
def test_without_labels_all_have_one_colour(colour):
    data = table()
    del data.obs["label"]
    [trace] = plot_embedding(data, colour=colour).data
    assert trace.marker.color == LIGHT.line(0)


def test_many_points_are_drawn_by_the_graphics_card():
    assert {trace.type for trace in plot_embedding(table(2_998)).data} == {"scatter"}
    assert {trace.type for trace in plot_embedding(table(3_000)).data} == {"scattergl"}


def test_the_mouse_shows_place_length_split_colour_and_what_is_asked_for():
    data = table(
        chrom="chr1",
        start=range(999, 1009),
        end=range(1999, 2009),
        length=1000,
        split="test",
        cell="K562",
    )
    figure = plot_embedding(data, hover=["cell"])
    [text] = [t for trace in figure.data for t in trace.text if "<b>s0</b>" in t]
    assert text.split("<br>") == [
        "<b>s0</b>",
        "chr1:1,000-1,999",
        "label: yes",
        "length: 1,000 bp",
        "split: test",
        "cell: K562",
    ]


def test_names_from_files_are_shown_letter_by_letter():
    data = table(label=[PAYLOAD] * 10, **{PAYLOAD: range(10)})
    data.obs_names = [f"{PAYLOAD}{i}" for i in range(10)]
    data.uns["hyenascope"] = {"data": PAYLOAD, "model": PAYLOAD}
    for colour in ("label", PAYLOAD):
        figure = plot_embedding(data, colour=colour, hover=[PAYLOAD], title=PAYLOAD)
        shown = [
            *(text for trace in figure.data for text in trace.text),
            *(trace.name for trace in figure.data),
            figure.layout.title.text,
            figure.layout.title.subtitle.text,
            figure.layout.legend.title.text or "",
        ]
        for text in shown:
            assert "<img" not in text
            assert "%{" not in text


def test_what_made_the_table_is_said():
    data = table()
    data.uns["hyenascope"] = {
        "data": "toy",
        "model": "tiny",
        "layers": [0, 1],
        "strands": "both",
    }
    subtitle = plot_embedding(data).layout.title.subtitle.text
    assert subtitle == (
        "toy · 10 sequences · embedded by tiny · after 1 block · both strands"
    )


def test_the_table_stays_as_it_was():
    data = table()
    before = data.copy()
    plot_embedding(data)
    assert not data.obsm
    pd.testing.assert_frame_equal(data.obs, before.obs)


def test_unknown_columns_are_refused():
    with pytest.raises(ValueError, match="got 'cell', there are label"):
        plot_embedding(table(), colour="cell")
    with pytest.raises(ValueError, match="got 'cell', there are label"):
        plot_embedding(table(), hover=["cell"])
