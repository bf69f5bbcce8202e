"""Records of predictions: what is read is what a model said, or nothing."""

import json

import numpy as np
import pandas as pd
import pytest
import torch

from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.training.label_evaluation import evaluate_labels
from hyenascope.training.recorded_model import read_record, record_predictions
from hyenascope.training.stacking import label_logits

TEXTS = ("ACGT", "AAAA", "CCCC", "GGGG", "TTTT", "ACAC")
SPLITS = ("train", "train", "dev", "dev", "test", "test")
LABELS = {
    "binary": np.array([0, 1, 0, 1, 0, 1]),
    "multiclass": np.array([0, 1, 2, 0, 1, 2]),
    "multilabel": np.array([[0, 1], [1, 0]] * 3),
    "regression": np.array([[0.5, 2.0], [1.5, -1.0], [0.0, 3.0]] * 2),
}
NAMES = {"binary": ("no", "yes"), "multiclass": ("a", "b", "c")}


def _data(kind):
    names = NAMES.get(kind, ("one", "two"))
    return LabelledSequences("toy", TEXTS, LABELS[kind], names, SPLITS, kind)


class Known:
    """Says of each sequence what a generator drew for it."""

    def __init__(self, kind):
        self.task = SequenceTask(kind, _data(kind).label_names)
        values = np.random.default_rng(0).uniform(0.01, 0.99, (len(TEXTS), 3))
        values = values[:, : len(self.task.label_names)]
        if kind in NAMES:
            values /= values.sum(axis=1, keepdims=True)
        self.said = dict(zip(TEXTS, values, strict=True))

    def predict(self, sequences):
        rows = np.stack([self.said[text] for text in sequences])
        return pd.DataFrame(rows, columns=list(self.task.label_names))


@pytest.mark.parametrize("kind", LABELS)
def test_says_again_what_the_model_said(kind, tmp_path):
    data, model, path = _data(kind), Known(kind), tmp_path / "known.npz"
    record_predictions(model, data, path, splits=("dev", "test"), made_from={})
    again = read_record(path, data, made_from={})
    texts = [*data.split("test").sequences, *data.split("dev").sequences]
    expected = model.predict(texts).to_numpy()
    assert again.task == model.task
    assert again.predict(texts).to_numpy() == pytest.approx(expected, abs=1e-6)
    table = evaluate_labels(again, data, resamples=0).table["value"]
    known = evaluate_labels(model, data, resamples=0).table["value"]
    assert table.tolist() == pytest.approx(known.tolist(), abs=1e-6, nan_ok=True)
    with pytest.raises(ValueError, match=r"recorded; 1 of 2 are not, first 'AAAA'"):
        again.predict(["CCCC", "AAAA"])  # a row of train


def test_a_record_of_something_else_is_refused(tmp_path):
    data, path = _data("binary"), tmp_path / "known.npz"
    facts = {"options": {"seed": 0}, "begun_from": "12ab"}
    record_predictions(Known("binary"), data, path, splits=("dev",), made_from=facts)
    assert read_record(path, data, made_from=json.loads(json.dumps(facts)))
    other = {"options": {"seed": 1}, "begun_from": "12ab", "more": None}
    with pytest.raises(ValueError, match=r"known\.npz differs in options\."):
        read_record(path, data, made_from=other)
    fewer = LabelledSequences(
        "toy", TEXTS[:3], data.labels[:3], data.label_names, SPLITS[:3], "binary"
    )
    with pytest.raises(ValueError, match=r"of dev, 1; .*known\.npz has 2"):
        read_record(path, fewer, made_from=facts)


@pytest.mark.parametrize("kind", LABELS)
def test_logits_are_those_of_the_predictions(kind):
    model = Known(kind)
    answers = model.predict(TEXTS)
    logits = torch.from_numpy(label_logits(model.task, answers))
    again = model.task.predictions(logits).numpy()
    assert again == pytest.approx(answers.to_numpy(), abs=1e-12)
