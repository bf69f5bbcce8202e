"""A probe learns from the rows it may, and judges the others once."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from hyenascope.models.sequence_task import SequenceTask
from hyenascope.training.label_metrics import score_labels
from hyenascope.training.probe import probe
from hyenascope.training.probe_models import predict_classes, predict_number

ROWS, TRAIN = 90, 60


@pytest.fixture
def data() -> ad.AnnData:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(ROWS, 4))
    strength = features @ np.array([1.0, -1.0, 0.5, 0.0]) + rng.normal(0, 0.5, ROWS)
    obs = pd.DataFrame(
        {
            "label": pd.Categorical(np.where(strength > 0, "yes", "no")),
            "kind": np.array(["a", "b", "c"])[np.digitize(strength, [-1, 1])],
            "up": (strength > 0).astype(int),
            "far": (abs(strength) > 1).astype(int),
            "strength": strength,
            "split": ["train"] * TRAIN + ["test"] * 20 + ["dev"] * 10,
        },
        index=[f"s{i}" for i in range(ROWS)],
    )
    layers = {"layer 0": rng.normal(size=(ROWS, 4))}
    return ad.AnnData(features, obs, layers=layers)


def test_only_training_rows_are_learnt_from(data):
    found = probe(data, resamples=0)
    truth = (data.obs["label"] == "yes").to_numpy().astype(int)
    expected, chosen = predict_classes(
        "logistic", data.X[:TRAIN], truth[:TRAIN], data.X[TRAIN:], count=2, seed=0
    )
    np.testing.assert_array_equal(found.predictions, expected)
    assert found.predictions.columns.tolist() == ["no", "yes"]
    assert found.predictions.index.tolist() == data.obs_names[TRAIN:].tolist()
    assert found.rows["part"].tolist() == ["test"] * 20 + ["dev"] * 10
    assert found.rows["label"].tolist() == data.obs["label"].tolist()[TRAIN:]
    assert found.settings.to_dict("records") == [
        {"fit": "train", "label": "", "rows": TRAIN, **chosen}
    ]


def test_what_the_judged_rows_hold_changes_nothing_else(data):
    before = probe(data, resamples=0).predictions
    other = data.copy()
    other.X[-1] *= 100
    other.obs["label"] = other.obs["label"].where(other.obs["split"] != "test", "yes")
    after = probe(other, resamples=0).predictions
    np.testing.assert_array_equal(after.iloc[:-1], before.iloc[:-1])


def test_each_split_is_scored_by_itself(data):
    found = probe(data, resamples=50, seed=3)
    assert list(found.scores.index.levels[0]) == ["dev", "test"]
    truth = (data.obs["label"] == "yes").to_numpy().astype(int)
    task = SequenceTask("binary", ("no", "yes"))
    for part, rows in (("test", slice(0, 20)), ("dev", slice(20, 30))):
        expected = score_labels(
            task,
            truth[TRAIN:][rows],
            found.predictions.iloc[rows],
            resamples=50,
            seed=3,
        )
        pd.testing.assert_frame_equal(found.scores.loc[part], expected)
    assert found.scores.loc[("test", "auroc"), "value"] > 0.8


@pytest.mark.parametrize("train", ["Train", "TRAIN ", " train"])
@pytest.mark.parametrize("dev", ["validation", "Valid", "DEV"])
def test_splits_go_by_their_usual_names(data, train, dev):
    expected = probe(data, resamples=0)
    spelled = {"train": train, "dev": dev, "test": "Test"}
    data.obs["split"] = data.obs["split"].map(spelled)
    found = probe(data, resamples=0)
    pd.testing.assert_frame_equal(found.predictions, expected.predictions)
    assert found.rows["part"].tolist() == expected.rows["part"].tolist()


def test_several_splits_of_which_none_is_train_are_refused(data):
    data.obs["split"] = data.obs["split"].replace("train", "training")
    with pytest.raises(ValueError, match=r"rows of train, .* got training, test, dev"):
        probe(data)


@pytest.mark.parametrize("drop", ["column", "train", "others", "option"])
def test_without_splits_every_row_is_predicted_by_a_fold_it_is_not_in(data, drop):
    option = None if drop == "option" else "split"
    if drop == "column":
        del data.obs["split"]
    elif drop != "option":
        data.obs["split"] = "train" if drop == "others" else "test"
    found = probe(data, split=option, folds=3, seed=1, resamples=0)
    assert found.rows.index.tolist() == data.obs_names.tolist()
    assert found.rows["part"].unique().tolist() == ["folds"]
    truth = (data.obs["label"] == "yes").to_numpy().astype(int)
    for name in ("fold 1", "fold 2", "fold 3"):
        judged = (found.rows["fit"] == name).to_numpy()
        assert judged.sum() == 30
        assert abs(truth[judged].mean() - truth.mean()) < 0.05
        expected, _ = predict_classes(
            "logistic", data.X[~judged], truth[~judged], data.X[judged], count=2, seed=1
        )
        np.testing.assert_array_equal(found.predictions[judged], expected)


def test_numbers_and_several_targets(data):
    found = probe(data, label=["strength", "up"], resamples=0)
    assert (found.task.kind, found.model) == ("regression", "ridge")
    for name in ("strength", "up"):
        truth = data.obs[name].to_numpy(dtype=float)
        expected, _ = predict_number(
            "ridge", data.X[:TRAIN], truth[:TRAIN], data.X[TRAIN:], seed=0
        )
        np.testing.assert_array_equal(found.predictions[name], expected)
    assert found.settings["label"].tolist() == ["strength", "up"]
    assert found.scores.loc[("test", "r2"), "value"] > 0.3


def test_labels_that_rows_may_have_or_not(data):
    found = probe(data, label=["up", "far"], resamples=0)
    assert found.task.kind == "multilabel"
    yes = probe(data, resamples=0).predictions["yes"]
    np.testing.assert_array_equal(found.predictions["up"], yes)
    assert found.settings["C"].notna().all()


def test_several_classes(data):
    found = probe(data, label="kind", model="knn", resamples=0)
    assert found.predictions.columns.tolist() == ["a", "b", "c"]
    np.testing.assert_allclose(found.predictions.sum(axis=1), 1)


def test_a_layer_may_be_chosen(data):
    of_noise = probe(data, layer="layer 0", resamples=0)
    other = ad.AnnData(data.layers["layer 0"], data.obs)
    pd.testing.assert_frame_equal(
        of_noise.predictions, probe(other, resamples=0).predictions
    )


def test_the_table_stays_as_it_was(data):
    before = data.copy()
    probe(data, resamples=0)
    np.testing.assert_array_equal(data.X, before.X)
    pd.testing.assert_frame_equal(data.obs, before.obs)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"layer": "layer 9"}, "layer must be a key .* got 'layer 9', there are layer"),
        ({"split": "fold"}, "split must be a column of data.obs; got 'fold'"),
        ({"split": None, "folds": 1}, "folds must be 2 to .* smallest class; got 1"),
        ({"label": "strength", "split": None, "folds": 91}, "2 to 90, the rows there"),
        ({"model": "ridge"}, "model must be 'logistic' for binary labels"),
    ],
)
def test_options_that_do_not_fit_are_refused(data, options, message):
    with pytest.raises(ValueError, match=message):
        probe(data, **options)


def test_embeddings_must_be_numbers(data):
    data.X[4, 1] = np.nan
    with pytest.raises(ValueError, match="embeddings must be finite; those of s4"):
        probe(data)
