"""A table of scores is made once, and again if anything that decides it is another."""

import numpy as np
import pandas as pd
import pytest

from hyenascope.training.kept_scores import kept_scores


@pytest.fixture
def table():
    """All kinds of columns, with and without values."""
    frame = pd.DataFrame(
        {
            "task": ["H3", "H3"],
            "model": ["None", "NA"],
            "seed": [3, None],
            "value": [0.1 + 0.2, 1 / 3],
            "low": [1e-17, np.nan],
            "rows": [30, None],
            "split": ["test", "10-fold, of train"],
        }
    )
    kinds = {"seed": "Int64", "rows": "Int64"}
    text = dict.fromkeys(("task", "model", "split"), "object")
    return frame.astype(kinds | text)


def never():
    pytest.fail("the table was made again")


def test_the_second_time_is_the_first_time(tmp_path, table):
    made_from = {"seeds": (0, 1), "options": {"rate": 6e-4, "longest": None}}
    first = kept_scores(tmp_path, made_from, lambda: table)
    pd.testing.assert_frame_equal(first, table, check_exact=True)
    again = kept_scores(tmp_path, made_from, never)
    pd.testing.assert_frame_equal(again, table, check_exact=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("scores.json", "scores.tsv"),
    ]


@pytest.mark.parametrize("damage", ["facts", "record", "table", "no table"])
def test_what_is_another_or_damaged_is_made_again(tmp_path, table, damage):
    kept_scores(tmp_path, {"seed": 0}, lambda: table.iloc[:1])
    if damage == "record":
        (tmp_path / "scores.json").write_text("{")
    elif damage == "table":
        (tmp_path / "scores.tsv").write_text("task\nH3\n")
    elif damage == "no table":
        (tmp_path / "scores.tsv").unlink()
    asked = {"seed": 1 if damage == "facts" else 0}
    assert len(kept_scores(tmp_path, asked, lambda: table)) == 2
    assert len(kept_scores(tmp_path, asked, never)) == 2


def test_what_fails_leaves_the_older_table(tmp_path, table):
    kept_scores(tmp_path, {"seed": 0}, lambda: table)

    def killed():
        raise MemoryError("killed")

    with pytest.raises(MemoryError, match="killed"):
        kept_scores(tmp_path, {"seed": 1}, killed)
    pd.testing.assert_frame_equal(kept_scores(tmp_path, {"seed": 0}, never), table)
