"""Small models against what is known of them in closed form."""

import numpy as np
import pytest

from hyenascope.training import probe_models
from hyenascope.training.probe_models import (
    check_model,
    predict_classes,
    predict_label,
    predict_number,
)

RNG = np.random.default_rng(0)
FEATURES = RNG.normal(2.0, [1.0, 10.0, 0.1], (60, 3))
NUMBERS = FEATURES @ np.array([1.0, 0.1, 10.0]) + RNG.normal(0, 0.5, 60)
CLASSES = (NUMBERS > 22.0).astype(np.int64)
THREE = np.digitize(NUMBERS, [20.0, 24.0])


def test_ridge_by_its_normal_equations_on_training_scales():
    found, chosen = predict_number("ridge", FEATURES, NUMBERS, FEATURES[:7], seed=0)
    x = (FEATURES - FEATURES.mean(0)) / FEATURES.std(0)
    y = NUMBERS - NUMBERS.mean()
    weights = np.linalg.solve(x.T @ x + chosen["alpha"] * np.eye(3), x.T @ y)
    np.testing.assert_allclose(found, NUMBERS.mean() + x[:7] @ weights)


def test_the_penalty_is_strong_where_nothing_is_to_be_learnt():
    noise = np.random.default_rng(1).normal(size=(60, 30))
    _, weak = predict_number("ridge", FEATURES, NUMBERS, FEATURES, seed=0)
    _, strong = predict_number("ridge", noise, NUMBERS, noise, seed=0)
    assert weak["alpha"] < 10 < strong["alpha"]
    _, sure = predict_classes("logistic", FEATURES, CLASSES, FEATURES, count=2, seed=0)
    _, unsure = predict_classes("logistic", noise, CLASSES, noise, count=2, seed=0)
    assert unsure["C"] <= 0.01 < sure["C"]


@pytest.mark.parametrize("model", ["logistic", "random_forest", "knn"])
def test_probabilities_stand_in_the_column_of_their_class(model):
    spread = np.array([1, 3])[CLASSES]
    found, _ = predict_classes(model, FEATURES, spread, FEATURES, count=5, seed=0)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert (found[:, [0, 2, 4]] == 0).all()
    right = found.argmax(axis=1) == spread
    assert right.mean() > 0.9


def test_both_solvers_of_the_logistic_regression_agree(monkeypatch):
    first = predict_classes("logistic", FEATURES, THREE, FEATURES, count=3, seed=0)
    monkeypatch.setattr(probe_models, "_NEWTON", 0)
    other = predict_classes("logistic", FEATURES, THREE, FEATURES, count=3, seed=0)
    np.testing.assert_allclose(first[0], other[0], atol=0.01)
    assert first[1] == other[1]


def test_the_nearest_row_decides_where_one_neighbour_is_chosen():
    # Classes alternate along a line: every neighbour but the twin is of the other.
    line = np.repeat(np.arange(40.0), 4)[:, None]
    classes = np.repeat(np.arange(40) % 2, 4)
    found, chosen = predict_classes("knn", line, classes, line[::4], count=2, seed=0)
    assert chosen["n_neighbors"] <= 3
    np.testing.assert_array_equal(found.argmax(axis=1), classes[::4])


@pytest.mark.parametrize("model", ["random_forest", "knn"])
def test_other_models_of_numbers_follow_them(model):
    found, _ = predict_number(model, FEATURES, NUMBERS, FEATURES, seed=0)
    assert np.corrcoef(found, NUMBERS)[0, 1] > 0.8


def test_a_seed_makes_the_same_forest():
    def forest(seed: int) -> np.ndarray:
        return predict_classes(
            "random_forest", FEATURES, CLASSES, FEATURES[:5] + 0.1, count=2, seed=seed
        )[0]

    np.testing.assert_array_equal(forest(1), forest(1))
    assert not np.array_equal(forest(1), forest(2))


@pytest.mark.parametrize("having", [0, 1, 59, 60])
def test_a_label_that_hardly_varies_is_predicted_by_its_share(having):
    has = (np.arange(60) < having).astype(np.int64)
    found, chosen = predict_label("logistic", FEATURES, has, FEATURES[:3], seed=0)
    assert found.tolist() == [having / 60] * 3
    assert chosen == {}


def test_a_label_is_the_second_of_two_classes():
    label, _ = predict_label("logistic", FEATURES, CLASSES, FEATURES, seed=0)
    both, _ = predict_classes("logistic", FEATURES, CLASSES, FEATURES, count=2, seed=0)
    np.testing.assert_array_equal(label, both[:, 1])


def test_what_cannot_be_learnt_is_refused():
    one = np.zeros(60, dtype=np.int64)
    with pytest.raises(ValueError, match="two classes at least, and two rows of each"):
        predict_classes("logistic", FEATURES, one, FEATURES, count=2, seed=0)
    one[3] = 1
    with pytest.raises(ValueError, match=r"got 59, 1 rows"):
        predict_classes("logistic", FEATURES, one, FEATURES, count=2, seed=0)
    with pytest.raises(ValueError, match="training rows must be two at least; got 1"):
        predict_number("ridge", FEATURES[:1], NUMBERS[:1], FEATURES, seed=0)


def test_models_fit_their_labels():
    assert check_model(None, "multilabel") == "logistic"
    assert check_model("knn", "regression") == "knn"
    with pytest.raises(ValueError, match="'ridge' for regression labels; got 'log"):
        check_model("logistic", "regression")
    with pytest.raises(ValueError, match="'logistic' for binary labels; got 'ridge'"):
        check_model("ridge", "binary")
