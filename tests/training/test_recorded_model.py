"""Records of predictions: what is read is what a model said, or nothing."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from hyenascope.data.labelled_sequences import LabelError, LabelledSequences
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.training.label_evaluation import evaluate_labels
from hyenascope.training.recorded_model import read_record, record_predictions

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


def test_reads_lower_case_and_refuses_what_it_never_saw(tmp_path):
    data, model, path = _data("binary"), Known("binary"), tmp_path / "known.npz"
    record_predictions(model, data, path, splits=("dev", "test"), made_from={})
    again = read_record(path, data, made_from={})
    assert again.predict(["cccc"]).equals(again.predict(["CCCC"]))
    with pytest.raises(ValueError, match=r"recorded; 1 of 2 are not, first 'AAAA'"):
        again.predict(["CCCC", "AAAA"])  # a row of train


def test_a_record_of_something_else_is_refused(tmp_path):
    data, path = _data("binary"), tmp_path / "known.npz"
    facts = {"options": {"seed": 0}, "begun_from": "12ab"}
    record_predictions(Known("binary"), data, path, splits=("dev",), made_from=facts)
    assert read_record(path, data, made_from=json.loads(json.dumps(facts)))
    for other, words in (
        ({"options": {"seed": 1}, "begun_from": "12ab"}, r"options\."),
        ({**facts, "more": None}, r"more\."),
        ({"options": {"seed": 0}}, r"begun from\."),
    ):
        with pytest.raises(ValueError, match=r"known\.npz differs in " + words):
            read_record(path, data, made_from=other)
    moved = [1, 0, 3, 2, 5, 4]
    for rows in (data.take(moved), data.take([0, 1, 2, 4, 5])):
        with pytest.raises(ValueError, match=r"known\.npz differs in rows hash\."):
            read_record(path, rows, made_from=facts)
    named = replace(data, label_names=("yes", "no"))
    with pytest.raises(ValueError, match=r"known\.npz differs in task\."):
        read_record(path, named, made_from=facts)


def test_a_damaged_record_says_so(tmp_path):
    data, path = _data("binary"), tmp_path / "known.npz"
    record_predictions(Known("binary"), data, path, splits=("dev",), made_from={})
    whole = path.read_bytes()
    np.savez(tmp_path / "other.npz", logits=np.zeros(2))
    other = (tmp_path / "other.npz").read_bytes()
    for content in (whole[:-40], whole[:9], b"", b"text\n", other):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=r"whole record of .*known\.npz is dam"):
            read_record(path, data, made_from={})
    path.unlink()
    with pytest.raises(FileNotFoundError):
        read_record(path, data, made_from={})


def test_what_could_not_be_judged_is_not_recorded(tmp_path):
    data, model, path = _data("binary"), Known("binary"), tmp_path / "known.npz"
    how = {"splits": ("dev",), "made_from": {}}
    with pytest.raises(LabelError, match="data must have the labels of the model"):
        record_predictions(model, replace(data, label_names=("yes", "no")), path, **how)
    model.said["CCCC"] = np.array([1.4, 0.2])
    with pytest.raises(ValueError, match=r"predictions must be from 0 to 1; got 1\.4"):
        record_predictions(model, data, path, **how)
    assert not path.exists()
