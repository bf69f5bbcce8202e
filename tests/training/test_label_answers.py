"""Labels beside predictions: what is said, and what does not fit."""

import numpy as np
import pandas as pd
import pytest

from hyenascope.models.sequence_task import SequenceTask
from hyenascope.training.label_answers import checked_answers

BINARY = SequenceTask("binary", ("no", "yes"))
LABELS = SequenceTask("multilabel", ("a", "b", "c"))
NUMBERS = SequenceTask("regression", ("x", "y"))


def test_a_half_is_not_said_of_a_label_and_the_first_class_of_a_tie_is():
    labels = checked_answers(LABELS, np.array([[1, 0, 1]]), np.array([[0.5, 0.6, 0.0]]))
    assert labels.has.tolist() == [[True, False, True]]
    assert labels.said.tolist() == [[False, True, False]]
    classes = checked_answers(BINARY, np.array([1, 1]), np.array([[0.5, 0.5], [0, 1]]))
    assert classes.best.tolist() == [0, 1]
    assert classes.classes.tolist() == [1, 1]
    assert classes.said.tolist() == [[True, False], [False, True]]


def test_a_frame_is_taken_by_its_names():
    frame = pd.DataFrame({"no": [0.25, 1.0], "yes": [0.75, 0.0]})
    found = checked_answers(BINARY, np.array([1, 0]), frame)
    assert found.scores.tolist() == [[0.25, 0.75], [1.0, 0.0]]
    with pytest.raises(ValueError, match=r"columns no, yes in this order; got yes, no"):
        checked_answers(BINARY, np.array([1, 0]), frame[["yes", "no"]])


def test_single_precision_may_miss_a_sum_of_one_by_a_little():
    third = np.full((1, 3), 1 / 3, dtype=np.float16)
    task = SequenceTask("multiclass", ("a", "b", "c"))
    assert checked_answers(task, np.array([0]), third).scores.dtype == np.float64


@pytest.mark.parametrize(
    ("task", "truth", "answers", "match"),
    [
        (
            BINARY,
            [0, 2],
            [[1, 0], [0, 1]],
            "truth must be a whole number from 0 to 1; ",
        ),
        (BINARY, [0, 0.5], [[1, 0], [0, 1]], r"got 0\.5 in row 2"),
        (BINARY, [[0, 1]], [[1, 0]], r"shape \(rows,\) for 'binary'; got \(1, 2\)"),
        (BINARY, [], [[]], r"truth must have shape \(rows,\) for 'binary'; got \(0,\)"),
        (BINARY, [0], [[0.5]], r"column per name, \(1, 2\); got \(1, 1\)"),
        (BINARY, [0, 1], [[1, 0]], r"\(2, 2\); got \(1, 2\)"),
        (BINARY, [0], [[np.nan, 1]], "predictions must be finite; got nan in row 1"),
        (BINARY, [0], [[3.0, -2.0]], "predictions must be from 0 to 1; got 3.0 in row"),
        (BINARY, [0], [[0.9, 0.9]], r"predictions must be 1 in sum; got 1\.8 in row 1"),
        (LABELS, [[0, 1, 2]], [[0, 0, 0]], "truth must be 0 or 1; got 2 in row 1"),
        (LABELS, [0, 1], [[0, 0, 0]], r"shape \(rows, 3\) for 'multilabel'"),
        (NUMBERS, [[0, np.inf]], [[0, 0]], "truth must be finite; got inf in row 1"),
    ],
)
def test_what_does_not_fit_is_refused(task, truth, answers, match):
    answers = np.array(answers, dtype=float)
    with pytest.raises(ValueError, match=match):
        checked_answers(task, np.array(truth), answers)
