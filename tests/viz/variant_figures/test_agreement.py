"""Numbers of agreement, against scipy, scikit-learn and hand values."""

import numpy as np
import pytest

from hyenascope.viz.variant_figures.agreement import (
    Estimate,
    auroc,
    bootstrap,
    roc_curve,
    spearman,
)


@pytest.fixture
def ties() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(2)
    first = generator.integers(0, 20, 300).astype(float)
    return first, np.round(first + generator.normal(0, 8, 300))


def test_spearman_is_scipys(ties):
    stats = pytest.importorskip("scipy.stats")
    expected = stats.spearmanr(*ties).statistic
    assert spearman(*ties)(np.ones(300)) == pytest.approx(expected)


def test_auroc_is_the_share_of_ordered_pairs(ties):
    values, labels = ties[0], ties[1] > 12
    above = values[labels][:, None] - values[~labels][None]
    expected = ((above > 0) + 0.5 * (above == 0)).mean()
    assert auroc(values, labels)(np.ones(300)) == pytest.approx(expected)
    false, true = roc_curve(values, labels)
    area = (np.diff(false) * (true[1:] + true[:-1]) / 2).sum()
    assert area == pytest.approx(expected)


def test_a_weight_of_two_is_a_row_twice(ties):
    first, second = ties
    weights = np.random.default_rng(3).integers(0, 3, 300).astype(float)
    again = weights.astype(int)
    repeated = spearman(np.repeat(first, again), np.repeat(second, again))
    assert spearman(first, second)(weights) == pytest.approx(
        repeated(np.ones(again.sum()))
    )


def test_the_interval_is_that_of_fishers_transformation():
    generator = np.random.default_rng(4)
    x = generator.normal(size=1000)
    y = x + generator.normal(size=1000)
    low, high = bootstrap([spearman(x, y)], np.arange(1000))[0].interval
    rho = spearman(x, y)(np.ones(1000))
    half = 1.96 * np.sqrt((1 + rho**2 / 2) / 997)  # Bonett and Wright 2000
    expected = np.tanh(np.arctanh(rho) + np.array([-half, half]))
    assert [low, high] == pytest.approx(expected, abs=0.01)


def test_blocks_of_equal_rows_widen_the_interval():
    generator = np.random.default_rng(5)
    x = np.repeat(generator.normal(size=100), 3)
    y = np.repeat(generator.normal(size=100), 3)
    alone, together = (
        np.ptp(bootstrap([spearman(x, y)], blocks)[0].interval)
        for blocks in (np.arange(300), np.arange(300) // 3)
    )
    assert together > 1.4 * alone  # 3 equal rows are one: sqrt(3) at large n


def test_no_interval_where_it_would_say_nothing():
    x = np.arange(5.0)
    assert str(bootstrap([spearman(x, -x)], np.arange(5))[0]) == "−1.00"
    flat = spearman(x, np.zeros(5))
    assert str(bootstrap([flat], np.arange(5))[0]) == "–"


def test_differences_are_paired():
    resamples = np.linspace(0, 1, 100)
    gap = Estimate(0.6, resamples + 0.1) - Estimate(0.5, resamples)
    assert gap.written() == "+0.10 [+0.10, +0.10]"
