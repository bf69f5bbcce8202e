"""Which rows are one group, and which colour it has."""

import numpy as np
import pandas as pd
import pytest

from hyenascope.viz.embedding_groups import colour_groups, is_scale
from hyenascope.viz.style import DARK, LIGHT


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([0.5, 1.5], True),
        (list(range(13)), True),
        (list(range(12)), False),
        ([True, False], False),
        (["a", "b"], False),
    ],
)
def test_numbers_are_a_scale_unless_they_are_few_whole_ones(values, expected):
    assert is_scale(pd.Series(values)) is expected


@pytest.mark.parametrize("theme", [LIGHT, DARK])
def test_every_row_is_in_one_group_in_the_order_of_the_categories(theme):
    column = pd.Categorical(["y", "x", None, "y"], categories=["y", "never", "x"])
    groups = colour_groups(pd.Series(column), theme)
    assert [(g.name, g.rows.tolist()) for g in groups] == [
        ("y", [0, 3]),
        ("x", [1]),
        ("unknown", [2]),
    ]
    assert [g.colour for g in groups] == [theme.line(0), theme.line(1), theme.flagged]


def test_the_largest_twelve_have_a_look_of_their_own():
    # Group i has i + 1 rows: the three smallest share the grey.
    names = [f"g{i:02}" for i in range(15) for _ in range(i + 1)]
    groups = colour_groups(pd.Series(names), LIGHT)
    assert [g.name for g in groups] == [*(f"g{i:02}" for i in range(3, 15)), "3 others"]
    assert groups[-1].rows.tolist() == [0, 1, 2, 3, 4, 5]
    assert len({(g.colour, g.symbol) for g in groups}) == 13
    together = np.concatenate([g.rows for g in groups])
    np.testing.assert_array_equal(np.sort(together), np.arange(len(names)))


def test_yes_and_no_and_whole_numbers_are_names():
    assert [g.name for g in colour_groups(pd.Series([1, 0, 1]), LIGHT)] == ["0", "1"]
    answers = colour_groups(pd.Series([True, False]), LIGHT)
    assert [g.name for g in answers] == ["False", "True"]
