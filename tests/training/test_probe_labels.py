"""Which columns are classes, labels or numbers."""

import numpy as np
import pandas as pd
import pytest

from hyenascope.training.probe_labels import probe_labels

OBS = pd.DataFrame(
    {
        "label": ["b", "a", "b"],
        "cell": pd.Categorical(["y", "x", "y"], categories=["y", "x", "z"]),
        "count": [3, 1, 2],
        "is_coding": [True, False, True],
        "up": [0.5, 1.0, -2.0],
        "down": [0.0, 1.0, 1.0],
        "bound": np.array([0, 1, 1], dtype=np.int8),
        "gap": [1.0, np.nan, 2.0],
        "same": "a",
        "said": ["yes", "no", "yes"],
        "text": ["0.5", "1", "2"],
    },
    index=["s1", "s2", "s3"],
)


@pytest.mark.parametrize(
    ("label", "kind", "names", "truth"),
    [
        (None, "binary", ("a", "b"), [1, 0, 1]),
        ("cell", "multiclass", ("y", "x", "z"), [0, 1, 0]),
        ("count", "multiclass", ("1", "2", "3"), [2, 0, 1]),
        ("is_coding", "binary", ("False", "True"), [1, 0, 1]),
        ("up", "regression", ("up",), [[0.5], [1.0], [-2.0]]),
        (("up", "down"), "regression", ("up", "down"), [[0.5, 0], [1, 1], [-2, 1]]),
        (("text", "up"), "regression", ("text", "up"), [[0.5, 0.5], [1, 1], [2, -2]]),
        (("bound", "down"), "multilabel", ("bound", "down"), [[0, 0], [1, 1], [1, 1]]),
        (
            ("bound", "is_coding"),
            "multilabel",
            ("bound", "is_coding"),
            [[0, 1], [1, 0], [1, 1]],
        ),
    ],
)
def test_kinds_of_labels(label, kind, names, truth):
    found = probe_labels(OBS, label)
    assert (found.task.kind, found.task.label_names) == (kind, names)
    np.testing.assert_array_equal(found.truth, truth)


def test_the_truth_by_name():
    frame = probe_labels(OBS, "cell").frame(OBS.index)
    assert frame["label"].tolist() == ["y", "x", "y"]
    numbers = probe_labels(OBS, ("up", "down")).frame(OBS.index)
    assert numbers.loc["s3"].to_dict() == {"up": -2.0, "down": 1.0}


def test_columns_that_came_with_the_sequences_are_found():
    record = {"task": "regression", "labels": np.array(["down", "up"])}
    assert probe_labels(OBS, record=record).task.label_names == ("down", "up")
    classes = {"task": "binary", "labels": ["a", "b"]}
    assert probe_labels(OBS, record=classes).task.label_names == ("a", "b")


@pytest.mark.parametrize(
    ("label", "message"),
    [
        ("x", "label must be a column of data.obs; got 'x', there are label, cell"),
        ("gap", "label 'gap' must be known in every row; not in s2"),
        ("same", "label 'same' must have two classes at least; got a"),
        (("bound", "said"), "'said' must hold numbers, .*True; got 'yes' in s1"),
        (("cell", "up"), "'cell' must hold numbers, or False and True; got 'y' in s1"),
        ((), "label must name at least one column"),
    ],
)
def test_labels_that_cannot_be_learnt_are_refused(label, message):
    with pytest.raises(ValueError, match=message):
        probe_labels(OBS, label)


@pytest.mark.parametrize(
    ("kind", "names"),
    [
        ("regression", ["down", "bound"]),  # zeros and ones, and numbers all the same
        ("regression", ["down"]),
        ("regression", ["count"]),
        ("multilabel", ["bound"]),
        ("multilabel", ["is_coding", "down"]),
    ],
)
def test_the_record_says_what_its_columns_are(kind, names):
    found = probe_labels(OBS, record={"task": kind, "labels": np.array(names)})
    assert (found.task.kind, found.task.label_names) == (kind, tuple(names))
    np.testing.assert_array_equal(found.truth, OBS[names].to_numpy(dtype=float))


def test_the_record_says_that_two_classes_are_some_of_several():
    record = {"task": "multiclass", "labels": ["a", "b"]}
    assert probe_labels(OBS, record=record).task.kind == "multiclass"
    # A column that is asked for is not the record's.
    assert probe_labels(OBS, "label", record=record).task.kind == "binary"


def test_labels_of_a_record_must_be_zero_or_one():
    record = {"task": "multilabel", "labels": ["bound", "up"]}
    with pytest.raises(ValueError, match=r"'up' must hold 0 and 1, .* got 0\.5 in s1"):
        probe_labels(OBS, record=record)
