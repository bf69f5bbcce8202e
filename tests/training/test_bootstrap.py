"""Resamples: each row as often as any other, and intervals that hold."""

import numpy as np
import pytest

from hyenascope.training.bootstrap import drawn_counts, percentile_interval


def all_counts(rows, resamples, seed=0):
    return np.concatenate(list(drawn_counts(rows, resamples, seed=seed)), axis=1)


def test_every_resample_has_as_many_rows_as_there_are():
    counts = all_counts(300, 1000)  # of several blocks
    assert len(list(drawn_counts(300, 1000))) > 1
    assert (counts.sum(axis=0) == 300).all()
    # Each row is drawn 1 ± 1/sqrt(1000) times on average; its count varies by 1 - 1/n.
    np.testing.assert_allclose(counts.mean(axis=1), 1, atol=5 / np.sqrt(1000))
    assert counts.var() == pytest.approx(1 - 1 / 300, rel=0.02)


def test_a_seed_gives_the_same_resamples_and_another_others():
    np.testing.assert_array_equal(all_counts(50, 9), all_counts(50, 9))
    assert (all_counts(50, 9) != all_counts(50, 9, seed=1)).any()


def test_no_resample_and_one_row():
    assert list(drawn_counts(5, 0)) == []
    assert all_counts(1, 3).tolist() == [[1.0, 1.0, 1.0]]


def test_interval_of_a_mean_is_that_of_the_textbook():
    """The mean of n rows has the standard error s / sqrt(n)."""
    values = np.random.default_rng(3).normal(size=400)
    means = values @ all_counts(400, 4000) / 400
    low, high = percentile_interval(means, 0.95)
    error = values.std() / np.sqrt(400)
    assert low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)


@pytest.mark.slow
def test_an_interval_holds_the_truth_as_often_as_it_says():
    rng = np.random.default_rng(4)
    held = 0
    for seed in range(400):
        values = rng.normal(2.0, size=80)
        low, high = percentile_interval(values @ all_counts(80, 400, seed) / 80, 0.9)
        held += low <= 2.0 <= high
    assert held / 400 == pytest.approx(0.9, abs=0.045)


@pytest.mark.parametrize(("missing", "there"), [(0, True), (10, True), (11, False)])
def test_more_than_a_tenth_without_a_value_gives_no_interval(missing, there):
    values = np.arange(100.0)
    values[:missing] = np.nan
    low, high = percentile_interval(values, 0.5)
    assert np.isfinite([low, high]).all() == there
    if there:
        assert (low, high) == tuple(np.nanquantile(values, [0.25, 0.75]))


def test_no_values_have_no_interval():
    assert np.isnan(percentile_interval(np.array([]))).all()
