"""Weights of rows: each class as much as any other."""

import numpy as np
import pytest

from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.training.label_weights import label_weights


def data(labels, task="multiclass", names=("a", "b", "c")):
    count = len(labels)
    return LabelledSequences(
        "toy", ("ACGT",) * count, np.array(labels), names, ("train",) * count, task
    )


def test_classes_with_rows_weigh_the_same_and_rows_one_on_average():
    labels = np.array([0, 0, 0, 0, 0, 2])
    weights = label_weights(data(labels), "balanced")
    assert weights[labels == 0].sum() == pytest.approx(weights[labels == 2].sum())
    assert weights.mean() == pytest.approx(1)
    assert label_weights(data(labels)).tolist() == [1] * 6


def test_labels_that_do_not_exclude_each_other_are_refused():
    several = data([[1, 1, 0], [0, 1, 1]], "multilabel")
    with pytest.raises(ValueError, match="class_weights must be None for task 'multi"):
        label_weights(several, "balanced")
    assert label_weights(several).tolist() == [1, 1]
