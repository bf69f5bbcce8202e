import numpy as np
import pytest

from hyenascope.data.interval import Interval
from hyenascope.data.labelled_sequences import (
    LabelError,
    LabelledSequences,
    checked_sequence,
)


def _toy(**changes):
    fields = {
        "name": "toy",
        "sequences": ("acgt", "GGGT", "TTTA", "CCN"),
        "labels": np.array([0, 2, 1, 2]),
        "label_names": ("a", "b", "c"),
        "splits": ("test", "train", "dev", "train"),
        "task": "multiclass",
        "ids": ("w", "x", "y", "z"),
        "intervals": tuple(Interval("chr1", i, i + 4, "-") for i in range(4)),
    }
    return LabelledSequences(**{**fields, **changes})


def test_rows_splits_and_counts():
    data = _toy()
    assert len(data) == 4
    assert data.sequences == ("ACGT", "GGGT", "TTTA", "CCN")
    assert data.split_names == ("train", "dev", "test")
    assert data.counts().to_dict("index") == {
        "train": {"a": 0, "b": 0, "c": 2},
        "dev": {"a": 0, "b": 1, "c": 0},
        "test": {"a": 1, "b": 0, "c": 0},
    }
    train = data.split("train")
    assert (train.ids, train.labels.tolist()) == (("x", "z"), [2, 2])
    assert train.intervals == (
        Interval("chr1", 1, 5, "-"),
        Interval("chr1", 3, 7, "-"),
    )
    assert train.label_names == data.label_names
    assert data.take([3, 0]).ids == ("z", "w")
    assert len(data.take([])) == 0
    assert data.take(np.array([False, True, False, True])).ids == ("x", "z")
    with pytest.raises(LabelError, match=r"mask of 4, .* got a mask of shape \(2,\)"):
        data.take(np.array([True, False]))


def test_unusual_splits_follow_the_usual_ones():
    data = _toy(splits=("fold2", "test", "fold1", "train"))
    assert data.split_names == ("train", "test", "fold2", "fold1")


def test_nothing_can_be_written():
    given = np.array([0, 2, 1, 2])
    data = _toy(labels=given)
    given[:] = 0
    assert data.labels.tolist() == [0, 2, 1, 2]
    with pytest.raises(ValueError, match="read-only"):
        data.labels[0] = 1
    with pytest.raises(AttributeError, match="cannot assign"):
        data.task = "binary"


def test_to_frame_names_classes_and_places():
    frame = _toy().to_frame()
    assert frame.loc[1].to_dict() == {
        "split": "train",
        "id": "x",
        "sequence": "GGGT",
        "chrom": "chr1",
        "start": 1,
        "end": 5,
        "strand": "-",
        "label": "c",
    }
    bare = _toy(ids=(), intervals=())
    assert list(bare.to_frame().columns) == ["split", "sequence", "label"]


def test_multilabel_and_regression():
    labels = np.array([[0, 1], [1, 1], [0, 0], [0, 1]])
    many = _toy(labels=labels, label_names=("CTCF", "DNase"), task="multilabel")
    assert many.counts().loc["train"].to_dict() == {"CTCF": 1, "DNase": 2}
    assert many.to_frame()["DNase"].tolist() == [1, 1, 0, 1]
    effects = np.array([[0.5], [-1.0], [0.25], [2.0]])
    numbers = _toy(labels=effects, label_names=("effect",), task="regression")
    assert numbers.counts()["rows"].to_dict() == {"train": 2, "dev": 1, "test": 1}
    assert numbers.split("train").labels.tolist() == [[-1.0], [2.0]]


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"splits": ("a",)}, "splits must have one entry per sequence, 4; got 1"),
        ({"ids": ("a",)}, "ids must have one entry per sequence, 4; got 1"),
        (
            {"sequences": ("A", "", "C", "G")},
            r"row 2: sequence must hold bases; got ''",
        ),
        ({"sequences": ("A", "C", "AXA", "G")}, r"row 3: .* got 'X' at index 1"),
        ({"sequences": ("A", "C", "A", "NaN")}, r"row 4: sequence must hold bases"),
        (
            {"labels": np.array([0, 1, 3, 0])},
            "whole number from 0 to 2; got 3 in row 3",
        ),
        ({"labels": np.array([0, 1.5, 2, 0])}, r"from 0 to 2; got 1\.5 in row 2"),
        ({"labels": np.zeros((4, 3), int)}, r"shape \(4,\) .* got \(4, 3\)"),
        ({"label_names": ("a", "a", "b")}, "label_names must be different names"),
        ({"task": "binary"}, "which has two; got 3: a, b, c"),
        ({"splits": ("train", "", "test", "test")}, "splits must be names"),
        (
            {"task": "multilabel", "labels": np.full((4, 3), 2)},
            "labels must be 0 or 1; got 2 in row 1",
        ),
        (
            {
                "task": "regression",
                "labels": np.array([[0.0] * 3] * 3 + [[np.nan] * 3]),
            },
            "labels must be finite; got nan in row 4",
        ),
        (
            {
                "task": "regression",
                "labels": np.zeros((4, 1)),
                "label_names": ("start",),
            },
            "label_names must not be .*; got start",
        ),
    ],
)
def test_refuses(changes, message):
    with pytest.raises(LabelError, match=message):
        _toy(**changes)


@pytest.mark.parametrize("name", ["length", "name", "chunks", "sequence"])
@pytest.mark.parametrize("task", ["regression", "multilabel"])
def test_columns_that_tables_have_are_no_names_of_labels(name, task):
    with pytest.raises(LabelError, match=f"tables have of their own; got {name}"):
        _toy(task=task, labels=np.zeros((4, 2)), label_names=("up", name))
    # A class is no column.
    assert _toy(label_names=("a", "b", name)).label_names[-1] == name


def test_a_missing_split_is_refused():
    data = _toy(splits=("train", "train", "test", "test"))
    with pytest.raises(LabelError, match=r"one of train, test, .* got 'dev'"):
        data.split("dev")


def test_checked_sequence_names_rna():
    with pytest.raises(LabelError, match=r"sequence must hold only .*'U' .RNA"):
        checked_sequence("ACU")
    with pytest.raises(LabelError, match="got 'é' at index 1"):
        checked_sequence("Aé")
