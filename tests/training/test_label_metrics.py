"""Scores of labels: those of scikit-learn, NaN with a reason, honest intervals."""

import numpy as np
import pandas as pd
import pytest
from sklearn import metrics as judged

from hyenascope.models.sequence_task import SequenceTask
from hyenascope.training.label_metrics import (
    METRICS_OF,
    paired_difference,
    per_label,
    score_labels,
)

BINARY = SequenceTask("binary", ("no", "yes"))
CLASSES = SequenceTask("multiclass", ("a", "b", "c", "d"))
LABELS = SequenceTask("multilabel", ("a", "b", "c"))
NUMBERS = SequenceTask("regression", ("x", "y"))


def two_columns(yes):
    return np.stack([1 - yes, yes], axis=1)


@pytest.fixture
def binary():
    rng = np.random.default_rng(0)
    truth = (rng.random(300) < 0.3).astype(np.int64)
    return truth, two_columns(np.clip(rng.normal(0.35 + 0.2 * truth, 0.2), 0, 1))


@pytest.fixture
def multilabel():
    rng = np.random.default_rng(1)
    truth = (rng.random((80, 3)) < [0.5, 0.2, 0.1]).astype(np.int8)
    return truth, rng.random((80, 3)).round(2)


def test_binary_scores_are_those_of_the_second_class(binary):
    truth, answers = binary
    yes = answers[:, 1]
    said = yes > 0.5
    assert score_labels(BINARY, truth, answers)["value"].to_dict() == pytest.approx(
        {
            "accuracy": judged.accuracy_score(truth, said),
            "mcc": judged.matthews_corrcoef(truth, said),
            "f1": judged.f1_score(truth, said),
            "f1_macro": judged.f1_score(truth, said, average="macro"),
            "auroc": judged.roc_auc_score(truth, yes),
            "auprc": judged.average_precision_score(truth, yes),
        }
    )


def test_multiclass_scores_are_means_over_classes():
    rng = np.random.default_rng(2)
    truth = rng.integers(4, size=200)
    answers = rng.dirichlet(np.ones(4), 200)
    said = answers.argmax(axis=1)
    one_hot = np.eye(4)[truth]
    assert score_labels(CLASSES, truth, answers)["value"].to_dict() == pytest.approx(
        {
            "accuracy": judged.accuracy_score(truth, said),
            "mcc": judged.matthews_corrcoef(truth, said),
            "f1_macro": judged.f1_score(truth, said, average="macro"),
            "auroc": judged.roc_auc_score(truth, answers, multi_class="ovr"),
            "auprc": judged.average_precision_score(one_hot, answers),
        }
    )


def test_multilabel_scores_are_means_over_labels(multilabel):
    truth, answers = multilabel
    table = score_labels(LABELS, truth, answers, resamples=0)
    assert table["value"].to_dict() == pytest.approx(
        {
            "auroc": judged.roc_auc_score(truth, answers),
            "auprc": judged.average_precision_score(truth, answers),
            "f1_macro": judged.f1_score(truth, answers > 0.5, average="macro"),
        }
    )


def test_regression_scores_are_means_over_targets():
    rng = np.random.default_rng(3)
    truth = rng.normal(size=(50, 2))
    said = truth + rng.normal(size=(50, 2))
    table = score_labels(NUMBERS, truth, said, resamples=0)
    value = table["value"]
    each = [np.corrcoef(truth[:, i], said[:, i])[0, 1] for i in range(2)]
    assert value["pearson"] == pytest.approx(np.mean(each))
    assert value["r2"] == pytest.approx(judged.r2_score(truth, said))
    assert value["mse"] == pytest.approx(judged.mean_squared_error(truth, said))
    ranks = pd.DataFrame(np.c_[truth, said]).rank().corr()
    assert value["spearman"] == pytest.approx((ranks[0][2] + ranks[1][3]) / 2)


def test_an_interval_is_of_resampled_rows(binary):
    """Of an accuracy it is that of a share: p (1 - p) / n is its variance."""
    truth, answers = binary
    row = score_labels(BINARY, truth, answers, resamples=4000).loc["accuracy"]
    error = np.sqrt(row["value"] * (1 - row["value"]) / len(truth))
    assert row["low"] == pytest.approx(row["value"] - 1.96 * error, abs=0.15 * error)
    assert row["high"] == pytest.approx(row["value"] + 1.96 * error, abs=0.15 * error)
    assert row["rows"] == 300
    assert row["note"] == ""


def test_an_interval_of_auroc_is_that_of_hanley_and_mcneil(binary):
    """1982: the standard error of an AUROC, from its value and the two counts."""
    truth, answers = binary
    row = score_labels(BINARY, truth, answers, only=["auroc"]).loc["auroc"]
    a, yes = row["value"], truth.sum()
    no = len(truth) - yes
    first, second = a / (2 - a), 2 * a**2 / (1 + a)
    spread = a * (1 - a) + (yes - 1) * (first - a**2) + (no - 1) * (second - a**2)
    width = 2 * 1.96 * np.sqrt(spread / yes / no)
    assert row["high"] - row["low"] == pytest.approx(width, rel=0.15)


def test_metrics_alone_see_the_resamples_they_see_together(binary):
    every = score_labels(BINARY, *binary, resamples=50)
    one = score_labels(BINARY, *binary, resamples=50, only=["auroc"])
    pd.testing.assert_frame_equal(one, every.loc[["auroc"]])
    other = score_labels(BINARY, *binary, resamples=50, seed=1)
    assert (other["low"] != every["low"]).all()
    assert (other["value"] == every["value"]).all()


def test_less_confidence_is_a_narrower_interval(binary):
    wide = score_labels(BINARY, *binary, confidence=0.95)
    narrow = score_labels(BINARY, *binary, confidence=0.5)
    assert (wide["low"] < narrow["low"]).all()
    assert (narrow["high"] < wide["high"]).all()


def test_no_resamples_give_no_interval(binary):
    table = score_labels(BINARY, *binary, resamples=0)
    assert table.columns.tolist() == ["value", "low", "high", "rows", "note"]
    assert table.index.tolist() == list(METRICS_OF["binary"])
    assert table[["low", "high"]].isna().all(axis=None)
    assert (table["note"] == "").all()


def test_rows_of_one_class_have_an_accuracy_only():
    answers = two_columns(np.array([0.2, 0.7, 0.9]))
    table = score_labels(BINARY, np.array([1, 1, 1]), answers)
    assert table["value"]["accuracy"] == pytest.approx(2 / 3)
    others = table.drop("accuracy")
    assert others[["value", "low", "high"]].isna().all(axis=None)
    assert set(others["note"]) == {"rows of one class only"}


def test_labels_of_one_class_are_left_out_and_counted(multilabel):
    truth, answers = (each.copy() for each in multilabel)
    truth[:, 2] = 0
    without = SequenceTask("multilabel", ("a", "b"))
    table = score_labels(LABELS, truth, answers)
    less = score_labels(without, truth[:, :2], answers[:, :2])
    pd.testing.assert_frame_equal(table.drop(columns="note"), less.drop(columns="note"))
    wanted = "1 of 3 labels left out: rows of one class only"
    assert table["note"].tolist() == [wanted] * 3


def test_resamples_without_a_class_are_counted():
    """Three of thirty rows: a resample misses all with (27/30)^30, 4.2 in 100."""
    truth = np.repeat([0, 1], [27, 3])
    answers = two_columns(np.linspace(0.1, 0.9, 30))
    row = score_labels(BINARY, truth, answers, only=["auroc"]).loc["auroc"]
    assert row["value"] == 1
    count = int(row["note"].split(" of 1,000 resamples left out: rows of one class")[0])
    assert count == pytest.approx(42, abs=25)
    assert (row["low"], row["high"]) == (1, 1)


def test_a_class_of_one_row_has_a_value_but_no_interval():
    truth = np.repeat([0, 1], [29, 1])
    answers = two_columns(np.linspace(0.1, 0.9, 30))
    row = score_labels(BINARY, truth, answers, only=["auroc"]).loc["auroc"]
    assert row["value"] == 1
    assert np.isnan([row["low"], row["high"]]).all()
    assert "resamples left out: rows of one class only; too few for" in row["note"]


def test_a_mean_over_labels_says_how_often_one_was_missing(multilabel):
    truth, answers = (each.copy() for each in multilabel)
    truth[:, 2] = 0
    truth[:3, 2] = 1
    note = score_labels(LABELS, truth, answers)["note"]["auroc"]
    assert note.endswith("of 1,000 resamples over fewer labels")
    assert int(note.split()[0]) == pytest.approx(1000 * (77 / 80) ** 80, abs=30)


def test_constant_predictions_have_no_correlation():
    truth = np.arange(10.0)[:, None] * [1, 2]
    said = np.c_[truth[:, 0], np.full(10, 0.1)]
    table = score_labels(NUMBERS, truth, said, resamples=20)
    assert table["value"]["pearson"] == pytest.approx(1)
    wanted = "1 of 2 targets left out: constant numbers"
    assert table["note"]["pearson"] == wanted
    assert table["note"]["r2"] == ""
    assert np.isnan(score_labels(NUMBERS, truth * 0, said)["value"]["r2"])


def test_a_difference_is_that_of_the_values_and_a_model_has_none_to_itself(binary):
    truth, answers = binary
    noise = np.random.default_rng(6).normal(0.05, 0.1, len(truth))
    other = two_columns(np.clip(answers[:, 1] + noise, 0, 1))
    for metric in METRICS_OF["binary"]:
        found = paired_difference(BINARY, truth, answers, other, metric)
        values = [
            score_labels(BINARY, truth, each, resamples=0)["value"][metric]
            for each in (answers, other)
        ]
        assert found.value == pytest.approx(values[0] - values[1])
        assert found.low <= found.value <= found.high
        same = paired_difference(BINARY, truth, answers, answers, metric)
        assert (same.value, same.low, same.high, same.note) == (0, 0, 0, "")


def test_what_is_hard_for_both_models_cancels(binary):
    truth, answers = binary
    noise = np.random.default_rng(7).normal(0, 0.02, len(truth))
    other = two_columns(np.clip(answers[:, 1] + noise, 0, 1))
    alone = score_labels(BINARY, truth, answers, only=["auroc"]).loc["auroc"]
    found = paired_difference(BINARY, truth, answers, other, "auroc")
    assert found.high - found.low < 0.3 * (alone["high"] - alone["low"])
    turned = paired_difference(BINARY, truth, other, answers, "auroc")
    assert (turned.low, turned.high) == pytest.approx((-found.high, -found.low))


def test_targets_that_one_model_cannot_be_judged_on_are_out_for_both():
    truth = np.arange(12.0)[:, None] * [1, 1]
    one = np.c_[truth[:, 0], np.zeros(12)]
    other = np.c_[-truth[:, 0], truth[:, 1]]
    found = paired_difference(NUMBERS, truth, one, other, "pearson")
    assert found.value == pytest.approx(2)
    assert found.note == "1 of 2 targets left out: constant numbers"


def test_each_class_by_itself():
    rng = np.random.default_rng(8)
    truth = rng.integers(3, size=100)  # none of class d
    answers = rng.dirichlet(np.ones(4), 100)
    said = answers.argmax(axis=1)
    table = per_label(CLASSES, truth, answers)
    precision, recall, f1, rows = judged.precision_recall_fscore_support(
        truth, said, labels=range(4), zero_division=0
    )
    assert table.index.tolist() == ["a", "b", "c", "d"]
    assert table["rows"].tolist() == rows.tolist()
    assert table["predicted"].tolist() == np.bincount(said, minlength=4).tolist()
    np.testing.assert_allclose(table["precision"], precision)
    np.testing.assert_allclose(table["recall"][:3], recall[:3])
    np.testing.assert_allclose(table["f1"][:3], f1[:3])
    for number in range(3):
        has = truth == number
        area = judged.roc_auc_score(has, answers[:, number])
        assert table["auroc"].iloc[number] == pytest.approx(area)
    assert table.loc["d", ["recall", "f1", "auroc", "auprc"]].isna().all()


def test_each_target_by_itself():
    truth = np.c_[np.arange(5.0), np.arange(5.0)]
    table = per_label(NUMBERS, truth, np.c_[truth[:, 0] + 1, -truth[:, 1]])
    assert table["mse"].tolist() == [1, 24]
    assert table["pearson"].tolist() == pytest.approx([1, -1])
    assert table["rows"].tolist() == [5, 5]


@pytest.mark.parametrize(
    ("options", "match"),
    [
        ({"resamples": -1}, "resamples must be 0 or more; got -1"),
        ({"confidence": 95.0}, "confidence must be between 0 and 1; got 95.0"),
        ({"only": ["mse"]}, "of 'binary' must be of accuracy, .*; got 'mse'"),
    ],
)
def test_options_out_of_range_are_refused(binary, options, match):
    with pytest.raises(ValueError, match=match):
        score_labels(BINARY, *binary, **options)
