import numpy as np
import pandas as pd
import pytest
import torch

from hyenascope.models.sequence_task import SequenceTask
from hyenascope.training.label_logits import label_logits

NAMES = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c")}


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "regression"])
def test_predictions_of_the_logits_are_those_given(kind):
    task = SequenceTask(kind, NAMES.get(kind, ("one", "two")))
    values = np.random.default_rng(0).uniform(0.01, 0.99, (6, len(task.label_names)))
    if kind in NAMES:
        values /= values.sum(axis=1, keepdims=True)
    logits = label_logits(task, pd.DataFrame(values))
    assert logits.shape == (6, task.outputs)
    again = task.predictions(torch.from_numpy(logits)).numpy()
    assert again == pytest.approx(values, abs=1e-12)


def test_certain_answers_stay_finite():
    task = SequenceTask("binary", ("no", "yes"))
    found = label_logits(task, pd.DataFrame([[1.0, 0.0], [0.0, 1.0]]))
    assert found[:, 0].tolist() == pytest.approx([np.log(1e-9), -np.log(1e-9)])
