"""Rows for a page: which, in what order, with what to sort by."""

import json

import numpy as np
import pandas as pd
import pytest

from hyenascope.viz.text import format_value
from hyenascope.widgets.variant_table import MOST_ROWS, table_rows


def frame(scores, **columns) -> pd.DataFrame:
    count = len(scores)
    plain = {
        "chrom": ["chr1"] * count,
        "pos": np.arange(1001, 1001 + count),
        "ref": ["A"] * count,
        "alt": ["G"] * count,
        "llr": scores,
    }
    return pd.DataFrame({**plain, **columns})


def numbers(table: dict) -> list[int]:
    json.dumps(table, allow_nan=False)
    return [row["row"] for row in table["rows"]]


def test_the_strongest_come_first_and_equals_keep_their_order():
    table = table_rows(frame([0.1, -3.0, 2.0, 3.0, -0.1]), "llr")
    assert numbers(table) == [1, 3, 2, 0, 4]
    assert table["total"] == 5


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_rows_without_a_finite_score_come_last_and_have_no_key(bad):
    table = table_rows(frame([bad, 0.0, -1.0]), "llr")
    assert numbers(table) == [2, 1, 0]
    at = table["columns"].index("llr")
    assert [row["keys"][at] for row in table["rows"]] == [-1.0, 0.0, None]
    assert table["rows"][-1]["cells"][at] == format_value(bad)


@pytest.mark.parametrize(
    "scores",
    [
        pd.array([0.5, None, -2.0], dtype="Float64"),
        pd.array([1, None, -2], dtype="Int64"),
        ["0.5", None, "-2"],
        [True, False, True],
    ],
    ids=["Float64", "Int64", "text", "bool"],
)
def test_scores_of_any_kind_of_column(scores):
    table = table_rows(frame(scores), "llr")
    if isinstance(scores, list) and scores[0] is True:
        assert numbers(table) == [0, 2, 1]
    else:
        assert numbers(table) == [2, 0, 1]


def test_words_are_no_scores():
    with pytest.raises((ValueError, TypeError), match="nonsense"):
        table_rows(frame(["nonsense"]), "llr")


def test_what_names_a_variant_stands_first():
    table = table_rows(
        frame([1.0], id=["rs1"], gene=["ABC1"])[
            ["gene", "llr", "id", "alt", "ref", "pos", "chrom"]
        ],
        "llr",
    )
    assert table["columns"] == ["chrom", "pos", "ref", "alt", "id", "llr", "gene"]
    [row] = table["rows"]
    assert row["cells"] == ["chr1", "1,001", "A", "G", "rs1", "1.000", "ABC1"]
    assert row["keys"] == ["chr1", 1001.0, "A", "G", "rs1", 1.0, "ABC1"]


def test_nine_columns_are_enough():
    more = {f"score_{n}": [0.0] for n in range(20)}
    table = table_rows(frame([1.0], **more), "score_19")
    assert table["columns"][:5] == ["chrom", "pos", "ref", "alt", "score_19"]
    assert len(table["columns"]) == 9
    assert {len(row["cells"]) for row in table["rows"]} == {9}


def test_columns_may_have_names_of_any_kind():
    odd = frame([1.0]).assign(**{"a\tb": [2.0]})
    odd[7] = [3.0]
    table = table_rows(odd, "llr")
    assert table["columns"][-2:] == ["a b", "7"]
    assert table["rows"][0]["cells"][-2:] == ["2.000", "3.000"]


def test_every_row_points_into_the_frame_whatever_its_index():
    shuffled = frame([0.1, -3.0, 2.0]).set_index(pd.Index([9, 9, 4]))
    table = table_rows(shuffled, "llr")
    for row in table["rows"]:
        assert row["keys"][1] == shuffled.iloc[row["row"]]["pos"]


def test_missing_text_is_a_dash_and_sorts_last():
    table = table_rows(frame([1.0, 0.5], id=[None, "rs2"]), "llr")
    at = table["columns"].index("id")
    assert [row["cells"][at] for row in table["rows"]] == ["–", "rs2"]
    assert [row["keys"][at] for row in table["rows"]] == [None, "rs2"]


def test_long_and_unseen_text_is_made_fit():
    table = table_rows(frame([1.0], alt=["ACGT" * 50], id=["rs\u202e1"]), "llr")
    cells = table["rows"][0]["cells"]
    assert cells[3] == f"{'ACGT' * 6}… (200)"
    assert cells[4] == "rs\ufffd1"


def test_of_ten_thousand_variants_the_strongest_thousand_are_listed():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=10_000)
    table = table_rows(frame(scores), "llr")
    strongest = np.argsort(-np.abs(scores), kind="stable")[:MOST_ROWS]
    assert numbers(table) == strongest.tolist()
    assert table["total"] == 10_000


def test_an_empty_frame_is_an_empty_list():
    empty = frame([]).astype({"llr": float})
    table = table_rows(empty, "llr")
    assert (table["rows"], table["total"]) == ([], 0)
    assert table["columns"] == ["chrom", "pos", "ref", "alt", "llr"]
