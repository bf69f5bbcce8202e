"""Weights of models against what they must be."""

import numpy as np
import pandas as pd
import pytest

from hyenascope.data.labelled_sources import collect_labelled
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.training.label_metrics import score_labels
from hyenascope.training.stacking import stack

RNG = np.random.default_rng(0)
TEXTS = ["".join(RNG.choice(list("ACGT"), 30)) for _ in range(600)]


class Linear:
    """Reads off the log-odds of a table."""

    def __init__(self, task, logits):
        self.task, self.of = task, dict(zip(TEXTS, logits, strict=True))

    def predict(self, sequences):
        logits = np.array([self.of[text] for text in sequences])
        names = list(self.task.label_names)
        if self.task.kind == "binary":
            yes = 1 / (1 + np.exp(-logits))
            return pd.DataFrame({names[0]: 1 - yes, names[1]: yes})
        return pd.DataFrame(logits, columns=names)


def binary(logits):
    """Labels drawn with these log-odds."""
    yes = RNG.random(600) < 1 / (1 + np.exp(-logits))
    return collect_labelled(TEXTS, np.where(yes, "yes", "no"))


def test_weights_are_those_that_made_the_labels():
    one, other = RNG.normal(size=(2, 600)) * 2
    data = binary(1.5 * one + 0.5 * other - 1)
    task = SequenceTask("binary", ("no", "yes"))
    found = stack({"a": Linear(task, one), "b": Linear(task, other)}, data)
    assert found.weights["a"] == pytest.approx(1.5, abs=0.35)
    assert found.weights["b"] == pytest.approx(0.5, abs=0.2)
    assert found.bias[0] == pytest.approx(-1, abs=0.4)
    scores = {
        name: score_labels(
            task, data.labels, m.predict(TEXTS).to_numpy(), resamples=0
        ).loc["auroc", "value"]
        for name, m in [("both", found), ("a", found.models["a"])]
    }
    assert scores["both"] > scores["a"]


def test_weights_stay_small_where_all_rows_are_right():
    one, other = RNG.normal(size=(2, 600))
    data = collect_labelled(TEXTS, np.where(one + other > 0, "yes", "no"))
    task = SequenceTask("binary", ("no", "yes"))
    sides = {n: Linear(task, 3 * v) for n, v in zip("ab", (one, other), strict=True)}
    weights = stack(sides, data).weights
    assert 1 < weights["a"] < 5
    assert weights["b"] == pytest.approx(weights["a"], rel=0.2)


def test_noise_gets_no_weight_below_zero():
    one = RNG.normal(size=600)
    data = binary(2 * one)
    task = SequenceTask("binary", ("no", "yes"))
    against = Linear(task, -one + 0.01 * RNG.normal(size=600))
    found = stack({"a": Linear(task, one), "b": against}, data)
    assert found.weights["b"] >= 0
    assert list(found.predict(TEXTS[:3])) == ["no", "yes"]


def test_numbers_are_least_squares():
    parts = RNG.normal(size=(2, 600))
    truth = 2 * parts[0] + 0.5 * parts[1] + 3 + 0.1 * RNG.normal(size=600)
    data = collect_labelled(TEXTS, truth, task="regression")
    task = SequenceTask("regression", ("label",))
    models = {n: Linear(task, p[:, None]) for n, p in zip("ab", parts, strict=True)}
    found = stack(models, data)
    design = np.c_[parts.T, np.ones(600)]
    expected = np.linalg.lstsq(design, truth)[0]
    got = [*found.weights.values(), *found.bias]
    np.testing.assert_allclose(got, expected, atol=1e-3)


def test_models_must_fit():
    task = SequenceTask("binary", ("no", "yes"))
    one = Linear(task, np.zeros(600))
    data = binary(np.zeros(600))
    with pytest.raises(ValueError, match="models must be at least two; got 1"):
        stack({"a": one}, data)
    other = Linear(SequenceTask("binary", ("yes", "no")), np.zeros(600))
    with pytest.raises(ValueError, match="'b' has binary yes, no"):
        stack({"a": one, "b": other}, data)
