"""The metrics of the truth tables against scipy, scikit-learn and hand values."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics

from tests.benchmarks.agreement import (
    Estimate,
    auprc,
    auroc,
    bootstrap,
    mean_of,
    spearman,
)

ONES = np.ones(4)
LABELS = np.array([False, False, True, True])


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([1, 2, 3, 4], 1.0),
        ([4, 3, 2, 1], 0.0),
        ([1, 1, 1, 1], 0.5),
        ([1, 3, 2, 4], 0.75),
        ([1, 2, 2, 4], 0.875),
    ],
)
def test_auroc_by_hand(scores, expected):
    assert auroc(np.array(scores, float), LABELS)(ONES) == expected


@pytest.mark.parametrize(
    ("scores", "expected"),
    [
        ([1, 2, 3, 4], 1.0),
        ([1, 1, 1, 1], 0.5),
        ([4, 3, 2, 1], (1 / 3 + 2 / 4) / 2),
        ([1, 3, 2, 4], (1 + 2 / 3) / 2),
    ],
)
def test_auprc_by_hand(scores, expected):
    assert auprc(np.array(scores, float), LABELS)(ONES) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("second", "expected"), [([1, 5, 7, 20], 1.0), ([4, 3, 2, 1], -1.0)]
)
def test_spearman_by_hand(second, expected):
    metric = spearman(np.arange(4.0), np.array(second, float))
    assert metric(ONES) == pytest.approx(expected)


@pytest.mark.parametrize("ties", [False, True], ids=["distinct", "ties"])
@pytest.mark.parametrize("seed", range(3))
def test_weights_are_repeated_rows(ties, seed):
    generator = np.random.default_rng(seed)
    first = generator.normal(size=200)
    second = first + generator.normal(size=200)
    if ties:
        first, second = first.round(), second.round()
    labels = generator.random(200) < 0.3
    times = generator.integers(0, 4, 200)
    one, two, who = (np.repeat(each, times) for each in (first, second, labels))
    weights = times.astype(float)
    found = [
        auroc(first, labels)(weights),
        auprc(first, labels)(weights),
        spearman(first, second)(weights),
    ]
    expected = [
        metrics.roc_auc_score(who, one),
        metrics.average_precision_score(who, one),
        stats.spearmanr(one, two).statistic,
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_what_is_not_defined_is_nan():
    flat, nobody = np.zeros(4), np.zeros(4, bool)
    for metric in (auroc(flat, nobody), auprc(flat, nobody), spearman(flat, flat)):
        assert np.isnan(metric(ONES))
    assert np.isnan(spearman(flat, flat)(0 * ONES))


def test_unknown_values_are_refused():
    with pytest.raises(ValueError, match="values must be finite"):
        auroc(np.array([1.0, np.nan, 2.0, 3.0]), LABELS)


def test_bootstrap_covers_the_normal_interval_of_a_mean():
    generator = np.random.default_rng(0)
    values = generator.normal(size=400)

    def mean(weights):
        return float((weights * values).sum() / weights.sum())

    found = bootstrap(mean, np.arange(400), resamples=2000, seed=1)
    low, high = found.interval
    half = 1.96 * values.std() / 20
    assert found.value == pytest.approx(values.mean())
    assert low == pytest.approx(values.mean() - half, abs=0.015)
    assert high == pytest.approx(values.mean() + half, abs=0.015)


def test_bootstrap_draws_whole_blocks_and_repeats_itself():
    blocks = np.repeat(np.arange(3), 5)
    seen = []

    def watch(weights):
        seen.append(weights.reshape(3, 5))
        return float(weights.sum())

    first = bootstrap(watch, blocks, resamples=20, seed=4)
    assert all((weights == weights[:, :1]).all() for weights in seen)
    assert (first.resamples == 15).all()
    second = bootstrap(watch, blocks, resamples=20, seed=4)
    np.testing.assert_array_equal(np.array(seen[:21]), np.array(seen[21:]))
    assert (first - second).interval == (0.0, 0.0)


def test_mean_of_leaves_out_what_is_not_defined():
    nothing = Estimate(np.nan, np.full(2, np.nan))
    one, three = (Estimate(x, np.array([x, x + 1])) for x in (1.0, 3.0))
    found = mean_of([one, nothing, three])
    assert found.value == 2.0
    np.testing.assert_array_equal(found.resamples, [2.0, 3.0])
    assert str(mean_of([nothing])) == "–"
