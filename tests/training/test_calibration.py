"""Temperatures against the optimum, reliability against hand-counted bins."""

import logging

import numpy as np
import pytest
import torch
from scipy.special import expit, log_softmax
from sklearn.linear_model import LogisticRegression

from hyenascope.models.sequence_task import SequenceTask
from hyenascope.training.calibration import (
    TEMPERATURES,
    expected_calibration_error,
    fit_calibration,
    fit_temperature,
    reliability,
)

BINARY = SequenceTask("binary", ("no", "yes"))
CLASSES = SequenceTask("multiclass", ("a", "b", "c"))
LABELS = SequenceTask("multilabel", ("a", "b"))
NUMBERS = SequenceTask("regression", ("x",))


def two_columns(yes):
    return np.stack([1 - np.asarray(yes), yes], axis=1)


def drawn(task, rows=20_000, seed=0):
    """Logits, and labels drawn from the probabilities they stand for."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (rows, task.outputs))
    if task.kind == "multiclass":
        noise = rng.gumbel(size=logits.shape)
        return logits, (logits + noise).argmax(axis=1)
    truth = rng.random(logits.shape) < expit(logits)
    truth = truth.astype(np.int64)
    return logits, truth[:, 0] if task.kind == "binary" else truth


@pytest.mark.parametrize("task", [BINARY, CLASSES, LABELS], ids=lambda task: task.kind)
@pytest.mark.parametrize("factor", [0.25, 1.0, 4.0])
def test_what_was_multiplied_in_is_divided_out(task, factor):
    logits, truth = drawn(task)
    assert fit_temperature(factor * logits, truth, task) == pytest.approx(
        factor, rel=0.06
    )


def test_the_loss_is_flat_at_the_temperature():
    """Its derivative by 1/T is the mean logit expected, less that of the true class."""
    logits, truth = drawn(CLASSES, 500)
    found = fit_temperature(3 * logits, truth, CLASSES)
    chance = np.exp(log_softmax(3 * logits / found, axis=1))
    true = np.take_along_axis(logits, truth[:, None], axis=1)[:, 0]
    assert (chance * logits).sum(axis=1).mean() == pytest.approx(true.mean(), abs=1e-4)


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("task", [BINARY, CLASSES, LABELS], ids=lambda task: task.kind)
def test_the_loss_is_never_above_that_of_the_logits(task, seed):
    rng = np.random.default_rng(seed)
    logits, truth = drawn(task, 5, seed)
    logits = logits * 10 ** rng.uniform(-3, 3)
    numbers, targets = torch.from_numpy(logits), torch.from_numpy(truth)
    found = fit_temperature(logits, truth, task)
    assert TEMPERATURES[0] <= found <= TEMPERATURES[1]
    after = task.losses(numbers / found, targets).mean()
    assert after <= task.losses(numbers, targets).mean()


@pytest.mark.parametrize(("sign", "bound"), [(1, 0), (-1, 1)])
def test_rows_that_are_all_right_or_all_wrong_give_a_bound_and_say_so(
    caplog, sign, bound
):
    truth = np.array([0, 1, 1])
    logits = sign * np.array([[-0.1], [0.1], [0.2]])
    with caplog.at_level(logging.WARNING, "hyenascope"):
        found = fit_temperature(logits, truth, BINARY)
    assert found == TEMPERATURES[bound]
    assert f"3 validation rows has no least value {'' if bound else 'b'}" in caplog.text
    assert f"{found:g} is taken" in caplog.text


def test_an_ordinary_fit_says_nothing_and_reads_labels_that_cannot_be_written(caplog):
    logits, truth = drawn(BINARY, 200)
    truth.flags.writeable = False
    fit_temperature(logits, truth, BINARY)
    assert caplog.text == ""


def test_no_temperature_for_numbers_or_logits_that_do_not_fit():
    with pytest.raises(ValueError, match="to be calibrated; got 'regression'"):
        fit_temperature(np.ones((1, 1)), np.ones((1, 1)), NUMBERS)
    with pytest.raises(ValueError, match=r"shape \(2, 3\); got \(2, 2\)"):
        fit_temperature(np.ones((2, 2)), np.array([0, 1]), CLASSES)
    with pytest.raises(ValueError, match="not all finite"):
        fit_temperature(np.full((1, 3), np.nan), np.array([0]), CLASSES)


def test_bins_hold_what_is_above_their_low_up_to_their_high():
    yes = [0.0, 0.25, 0.5, 0.5, 0.75, 1.0]
    truth = np.array([0, 1, 0, 1, 1, 1])
    table = reliability(truth, two_columns(yes), BINARY, bins=2)
    assert table["rows"].tolist() == [4, 2]
    assert table["mean_predicted"].tolist() == [1.25 / 4, 1.75 / 2]
    assert table["observed"].tolist() == [0.5, 1.0]
    error = expected_calibration_error(table)
    assert error == pytest.approx((4 * abs(0.5 - 1.25 / 4) + 2 * 0.125) / 6)


def test_a_bin_without_rows_has_no_numbers():
    table = reliability(np.array([1, 0]), two_columns([0.1, 0.95]), BINARY)
    assert table["rows"].tolist() == [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    assert table.iloc[1:9, 3:].isna().all(axis=None)
    assert expected_calibration_error(table) == pytest.approx((0.9 + 0.95) / 2)


def test_bins_of_equal_count_never_part_equal_probabilities():
    yes = np.repeat([0.0, 0.3, 0.6, 0.9], [50, 10, 20, 20])
    truth = np.arange(100) % 2
    table = reliability(truth, two_columns(yes), BINARY, bins=5, equal="count")
    assert table["rows"].tolist() == [50, 10, 20, 20]
    assert table["high"].tolist() == [0.0, 0.3, 0.6, 0.9]
    np.testing.assert_allclose(table["mean_predicted"], [0, 0.3, 0.6, 0.9])
    spread = np.random.default_rng(0).random(1000)
    even = reliability(np.arange(1000) % 2, two_columns(spread), BINARY, equal="count")
    assert even["rows"].tolist() == [100] * 10
    same = reliability(truth, two_columns(np.full(100, 0.4)), BINARY, equal="count")
    assert same["rows"].tolist() == [100]


def test_of_classes_the_likeliest_is_judged_and_of_labels_all():
    answers = np.array([[0.7, 0.2, 0.1], [0.1, 0.7, 0.2]])
    table = reliability(np.array([0, 2]), answers, CLASSES, bins=1)
    assert table["mean_predicted"].tolist() == [pytest.approx(0.7)]
    assert table["observed"].tolist() == [0.5]
    truth = np.array([[1, 0], [0, 0]])
    table = reliability(truth, np.array([[0.5, 0.1], [0.1, 0.1]]), LABELS, bins=1)
    found = table[["rows", "mean_predicted", "observed"]].iloc[0]
    assert found.tolist() == pytest.approx([4, 0.2, 0.25])


def test_intervals_are_wilsons():
    """Each end is the share from which the observed one is just 1.96 errors away."""
    truth = np.repeat([0, 1], [7, 3])
    table = reliability(truth, two_columns(np.full(10, 0.5)), BINARY, bins=1)
    for end in table[["observed_low", "observed_high"]].iloc[0]:
        error = np.sqrt(end * (1 - end) / 10)
        assert abs(0.3 - end) / error == pytest.approx(1.959964, rel=1e-6)
    none = reliability(np.zeros(10, int), two_columns(np.full(10, 0.5)), BINARY, bins=1)
    assert none["observed_low"].iloc[0] == pytest.approx(0, abs=1e-15)
    assert none["observed_high"].iloc[0] == pytest.approx(
        1.96**2 / (10 + 1.96**2), rel=1e-4
    )


def test_probabilities_that_hold_have_a_small_error_and_stretched_ones_a_large():
    logits, truth = drawn(BINARY)
    answers = {
        factor: two_columns(expit(factor * logits[:, 0])) for factor in (1.0, 4.0)
    }
    errors = {
        factor: expected_calibration_error(reliability(truth, each, BINARY))
        for factor, each in answers.items()
    }
    assert errors[1.0] < 0.01
    assert errors[4.0] > 0.1


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"bins": 0}, "bins must be at least 1; got 0"),
        ({"confidence": 1.0}, "confidence must be between 0 and 1; got 1.0"),
    ],
)
def test_options_out_of_range_are_refused(options, match):
    with pytest.raises(ValueError, match=match):
        reliability(np.array([1]), two_columns([0.5]), BINARY, **options)


def test_numbers_have_no_reliability():
    with pytest.raises(ValueError, match="to be calibrated; got 'regression'"):
        reliability(np.ones((1, 1)), np.ones((1, 1)), NUMBERS)


def test_temperature_and_shift_are_logistic_regression_on_the_logit():
    """Platt's two numbers, against scikit-learn without a penalty."""
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(2000, 1)) * 3
    truth = (rng.random(2000) < 1 / (1 + np.exp(-(0.5 * logits[:, 0] - 2)))).astype(int)
    task = SequenceTask("binary", ("no", "yes"))
    found = fit_calibration(logits, truth, task, shift=True)
    theirs = LogisticRegression(C=1e9, tol=1e-8).fit(logits, truth)
    assert 1 / found.temperature == pytest.approx(theirs.coef_[0, 0], rel=1e-3)
    assert found.shift[0] == pytest.approx(theirs.intercept_[0], rel=1e-3)
    alone = fit_calibration(logits, truth, task, shift=False)
    assert alone.temperature == fit_temperature(logits, truth, task)
    assert alone.shift.tolist() == [0.0]
