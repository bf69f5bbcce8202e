"""Metrics of counted rows: those of scikit-learn for rows repeated so often."""

import numpy as np
import pytest
from scipy import stats
from sklearn import metrics as judged

from hyenascope.training import counted_metrics as counted

ROWS, RESAMPLES = 60, 8


@pytest.fixture
def counts():
    """Resamples, the first of which is the rows themselves."""
    rng = np.random.default_rng(1)
    drawn = rng.multinomial(ROWS, np.full(ROWS, 1 / ROWS), size=RESAMPLES).T
    drawn[:, 0] = 1
    return drawn.astype(float)


def repeated(counts, *columns):
    """Yield each resample as rows written out."""
    for drawn in counts.T.astype(int):
        yield [np.repeat(column, drawn) for column in columns]


def scores(digits):
    """Values that go with a truth; few digits make many ties."""
    rng = np.random.default_rng(2)
    truth = rng.random(ROWS) < 0.3
    return truth, (truth * 0.3 + rng.random(ROWS)).round(digits)


@pytest.mark.parametrize("digits", [0, 1, 8])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [("auroc", "roc_auc_score"), ("average_precision", "average_precision_score")],
)
def test_rankings_are_those_of_scikit_learn_ties_included(counts, digits, ours, theirs):
    truth, values = scores(digits)
    found = getattr(counted, ours)(truth, values)(counts)
    wanted = [
        getattr(judged, theirs)(*some) for some in repeated(counts, truth, values)
    ]
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_auroc_is_the_share_of_pairs_in_order():
    truth, values = scores(1)
    yes, no = values[truth][:, None], values[~truth]
    pairs = (yes > no).mean() + (yes == no).mean() / 2
    assert counted.auroc(truth, values)(np.ones((ROWS, 1)))[0] == pytest.approx(pairs)


@pytest.mark.parametrize("classes", [2, 3, 5])
def test_metrics_of_classes_are_those_of_scikit_learn(counts, classes):
    rng = np.random.default_rng(classes)
    truth = rng.integers(classes, size=ROWS)
    said = np.where(rng.random(ROWS) < 0.5, truth, rng.integers(classes, size=ROWS))
    pairs = list(repeated(counts, truth, said))
    for found, wanted in [
        (counted.accuracy(truth, said), judged.accuracy_score),
        (counted.matthews(truth, said, classes), judged.matthews_corrcoef),
        (
            counted.f1_macro(truth, said, classes),
            lambda *pair: judged.f1_score(*pair, average="macro"),
        ),
        (
            counted.f1_of_class(truth, said, 1),
            lambda *pair: judged.f1_score(*pair, labels=[1], average="macro"),
        ),
    ]:
        np.testing.assert_allclose(
            found(counts), [wanted(*pair) for pair in pairs], rtol=1e-12
        )


@pytest.mark.parametrize("digits", [0, 8])
def test_metrics_of_numbers_are_those_of_scipy_and_scikit_learn(counts, digits):
    rng = np.random.default_rng(5)
    truth = rng.normal(1e6, 1, ROWS).round(digits)
    said = (truth + rng.normal(0, 1, ROWS)).round(digits)
    pairs = list(repeated(counts, truth, said))
    for found, wanted in [
        (counted.pearson(truth, said), lambda *pair: stats.pearsonr(*pair)[0]),
        (counted.spearman(truth, said), lambda *pair: stats.spearmanr(*pair)[0]),
        (counted.r_squared(truth, said), judged.r2_score),
        (counted.squared_error(truth, said), judged.mean_squared_error),
    ]:
        np.testing.assert_allclose(
            found(counts), [wanted(*pair) for pair in pairs], rtol=1e-9
        )


def test_a_far_row_that_was_not_drawn_leaves_no_trace():
    """Its square is 1e24 times that of the others."""
    truth, said = np.array([1e12, 1.0, 2.0, 4.0]), np.array([-1e12, 1.0, 3.0, 4.0])
    counts = np.array([[0.0, 1.0], [2.0, 1.0], [1.0, 1.0], [1.0, 1.0]])
    wanted = np.corrcoef([1, 1, 2, 4], [1, 1, 3, 4])[0, 1]
    assert counted.pearson(truth, said)(counts)[0] == pytest.approx(wanted, rel=1e-12)


def test_what_has_no_meaning_is_nan_in_that_resample_alone():
    has = np.array([False, False, True])
    numbers, said = has * 1, np.array([0, 1, 1])
    values = np.array([0.1, 0.2, 0.3])
    counts = np.array([[1.0, 2.0, 0.0], [1.0, 1.0, 0.0], [1.0, 0.0, 3.0]])
    for statistic in (
        counted.auroc(has, values),
        counted.average_precision(has, values),
        counted.matthews(numbers, said, 2),
        counted.f1_of_class(numbers, said, 1),
        counted.f1_macro(numbers, said, 2),
    ):
        assert np.isnan(statistic(counts)).tolist() == [False, True, True]
    for statistic in (
        counted.pearson(values, values),
        counted.spearman(values, values),
        counted.r_squared(values, values),
    ):
        assert np.isnan(statistic(counts)).tolist() == [False, False, True]


def test_one_class_predicted_of_two_is_no_correlation():
    numbers = np.array([0, 1])
    assert counted.matthews(numbers, np.array([1, 1]), 2)(np.ones((2, 1)))[0] == 0


@pytest.mark.parametrize("constant", [0.1, 1e6 + 1 / 3, -1e-30])
def test_a_constant_has_no_correlation_however_it_is_rounded(constant):
    flat, other = np.full(7, constant), np.arange(7.0)
    counts = np.array([[3.0, 1, 0, 0, 1, 1, 1]]).T
    assert np.isnan(counted.pearson(flat, other)(counts)).all()
    assert np.isnan(counted.r_squared(flat, other)(counts)).all()
    assert np.isnan(counted.spearman(other, flat)(counts)).all()
