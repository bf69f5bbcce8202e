"""Means over seeds, and Markdown."""

import numpy as np
import pandas as pd
import pytest

from hyenascope.data.score_tables import markdown, over_seeds, score_markdown


@pytest.fixture
def table():
    """One model of three seeds at two tasks, and a published number without any."""
    ours = pd.DataFrame(
        {
            "task": ["b", "b", "b", "a"],
            "model": "mine",
            "seed": [0, 1, 2, 0],
            "metric": "mcc",
            "value": [0.1, 0.2, 0.6, -0.25],
            "low": [0.0, 0.15, 0.5, -0.5],
            "high": [0.2, 0.9, 0.7, 0.0],
            "rows": [10, 10, 10, 7],
            "split": "test",
            "source": "measured",
        }
    )
    theirs = pd.DataFrame(
        {
            "task": ["b"],
            "model": ["yours"],
            "metric": ["mcc"],
            "value": [0.4],
            "source": ["a paper"],
        }
    )
    return pd.concat([ours, theirs])


def test_seeds_are_averaged_and_their_ends_kept(table):
    found = over_seeds(table)
    assert found["task"].tolist() == ["b", "a", "b"]
    first = found.iloc[0]
    assert first["value"] == pytest.approx(0.3)
    assert (first["low"], first["high"]) == (0.0, 0.9)
    assert (first["seeds"], first["rows"]) == (3, 10)
    theirs = found.iloc[2]
    assert (theirs["model"], theirs["value"], theirs["seeds"]) == ("yours", 0.4, 0)
    assert np.isnan(theirs["low"])


def test_a_seed_without_a_value_is_not_counted(table):
    table.loc[(table["task"] == "b") & (table["seed"] == 2), "value"] = np.nan
    first = over_seeds(table).iloc[0]
    assert (first["value"], first["seeds"]) == (pytest.approx(0.15), 2)


def test_columns_that_are_not_there_are_not_made(table):
    bare = table.drop(columns=["split", "source"])
    assert over_seeds(bare).columns.tolist()[:4] == ["task", "model", "metric", "value"]


def test_models_and_tasks_keep_their_order(table):
    lines = score_markdown(over_seeds(table), "mcc").splitlines()
    assert lines == [
        "| model | b | a |",
        "| --- | --- | --- |",
        "| mine | 0.300 (0.000–0.900) | -0.250 (-0.500–0.000) |",
        "| yours | 0.400 |  |",
    ]
    turned = score_markdown(over_seeds(table), "mcc", by="task", along="model")
    assert turned.splitlines()[0] == "| task | mine | yours |"


def test_a_bar_in_a_name_does_not_end_a_cell():
    text = markdown(pd.DataFrame({"a|b": [1]}, index=["x"]))
    assert text.splitlines()[0] == "|  | a\\|b |"
