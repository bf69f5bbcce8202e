"""Reports of a run in order, and means of the steps around each one."""

import math

import numpy as np
import pandas as pd
import pytest

from hyenascope.viz.training_run import read_run


def reports(losses, **columns) -> pd.DataFrame:
    count = len(losses)
    return pd.DataFrame(
        {
            "step": np.arange(1, count + 1),
            "tokens": 100 * np.arange(1, count + 1),
            "length": [10] * count,
            "loss": losses,
            "learning_rate": [1e-3] * count,
            "gradient_norm": [1.0] * count,
            "validation": [None] * count,
            "skipped": [""] * count,
        }
        | columns
    )


def test_a_mean_is_of_the_steps_around_within_a_stage_and_of_those_with_a_loss():
    losses = [1.0, 2.0, 6.0, math.nan, math.inf, 4.0, 8.0, 3.0]
    lengths = [10, 10, 10, 10, 20, 20, 20, 10]
    run = read_run(reports(losses, length=lengths), window=3)
    expected = [1.5, 3.0, 4.0, 6.0, 4.0, 6.0, 6.0, 3.0]
    np.testing.assert_allclose(run.smooth, expected)
    assert np.isnan(run.loss[3:5]).all()
    assert run.starts.tolist() == [0, 4, 7]
    assert run.edges.tolist() == [0.0, 400.0, 700.0]


@pytest.mark.parametrize("window", [1, 2, 5, 50])
def test_means_against_their_definition(window):
    losses = np.random.default_rng(window).normal(size=23)
    run = read_run(reports(losses), window=window)
    before, after = window // 2, (window - 1) // 2
    means = [losses[max(0, i - before) : i + after + 1].mean() for i in range(23)]
    np.testing.assert_allclose(run.smooth, means)


def test_a_step_done_twice_counts_as_it_was_the_last_time():
    first, second = reports([1.0, 2.0, 3.0]), reports([0.0, 5.0, 7.0]).iloc[1:]
    run = read_run(pd.concat([first, second]), by="step", window=1)
    assert run.x.tolist() == [1.0, 2.0, 3.0]
    assert run.loss.tolist() == [1.0, 5.0, 7.0]


def test_the_table_handed_in_stays_as_it_was():
    table = reports([math.inf, 1.0], skipped=[math.nan, "why"])
    before = table.copy()
    run = read_run(table)
    pd.testing.assert_frame_equal(table, before)
    assert run.skipped.tolist() == [1]


def test_no_step_is_a_run_too():
    run = read_run(reports([]))
    assert len(run.x) == len(run.smooth) == len(run.starts) == len(run.held_out) == 0


def test_refuses():
    table = reports([1.0])
    with pytest.raises(ValueError, match=r"window must be at least 1 step; got 0\."):
        read_run(table, window=0)
    with pytest.raises(ValueError, match=r"got none named loss, skipped\."):
        read_run(table.drop(columns=["loss", "skipped"]))
