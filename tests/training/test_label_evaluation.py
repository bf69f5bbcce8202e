"""A predictor judged on a split: same numbers as the metrics, rows side by side."""

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from hyenascope.data.labelled_sequences import LabelError, LabelledSequences
from hyenascope.data.provenance import Provenance
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.sequence_model import SequenceModel
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.training.label_evaluation import Predictor, evaluate_labels
from hyenascope.training.label_metrics import paired_difference, score_labels

BINARY = SequenceTask("binary", ("no", "yes"))


class Composition:
    """Says yes by the share of some letters."""

    def __init__(self, letters="A", task=BINARY):
        self.letters, self.task = letters, task

    def predict(self, sequences):
        share = [sum(map(s.count, self.letters)) / len(s) for s in sequences]
        yes = np.array(share)
        table = {"no": 1 - yes, "yes": yes}
        if self.task.kind != "binary":
            table = dict.fromkeys(self.task.label_names, yes)
        return pd.DataFrame(table, index=[f"s{i}" for i in range(len(yes))])


def data(**changes):
    rng = np.random.default_rng(0)
    sequences = tuple("".join(rng.choice(list("ACGT"), 24)) for _ in range(30))
    given = {
        "name": "toy",
        "sequences": sequences,
        "labels": np.arange(30) % 2,
        "label_names": ("no", "yes"),
        "splits": ("train",) * 10 + ("test",) * 20,
        "task": "binary",
        "provenance": Provenance({"sha256": "abc"}),
    }
    return LabelledSequences(**{**given, **changes})


def test_the_table_is_that_of_the_metrics_and_rows_stand_side_by_side():
    toy, model = data(), Composition()
    found = evaluate_labels(model, toy, resamples=50, seed=3)
    test = toy.split("test")
    answers = model.predict(list(test.sequences))
    expected = score_labels(BINARY, test.labels, answers, resamples=50, seed=3)
    pd.testing.assert_frame_equal(found.table, expected)
    assert (found.name, found.split, found.rows, found.dropped) == (
        "toy",
        "test",
        20,
        0,
    )
    assert found.predictions["truth"].tolist() == ["no", "yes"] * 10
    np.testing.assert_array_equal(found.answers, answers)
    assert found.predictions.index.tolist() == [str(n) for n in range(20)]
    assert found.provenance["data"] == {"sha256": "abc"}
    assert found.provenance["weights"] is None


def test_ids_name_the_rows_and_any_split_can_be_judged():
    ids = tuple(f"row{n}" for n in range(30))
    found = evaluate_labels(Composition(), data(ids=ids), split="train", resamples=0)
    assert found.predictions.index.tolist() == list(ids[:10])


@pytest.mark.parametrize("kind", ["multilabel", "regression"])
def test_several_labels_have_a_column_of_truth_each(kind):
    task = SequenceTask(kind, ("a", "b"))
    labels = np.stack([np.arange(30) % 2, np.arange(30) % 3 % 2], axis=1)
    toy = data(labels=labels, label_names=("a", "b"), task=kind)
    found = evaluate_labels(Composition(task=task), toy, resamples=0)
    assert found.predictions.columns.tolist() == ["truth a", "truth b", "a", "b"]
    truth = found.predictions[["truth a", "truth b"]]
    np.testing.assert_array_equal(truth, labels[10:])
    np.testing.assert_array_equal(found.truth, labels[10:])


def test_leaked_rows_are_dropped_and_counted():
    toy = data()
    sequences = list(toy.sequences)
    sequences[12], sequences[15] = sequences[3], sequences[4]
    leaky = data(sequences=tuple(sequences))
    kept = evaluate_labels(Composition(), leaky, resamples=0)
    found = evaluate_labels(Composition(), leaky, duplicates="drop", resamples=0)
    assert (kept.rows, kept.dropped, found.rows, found.dropped) == (20, 0, 18, 2)
    rest = [str(n) for n in range(20) if n not in (2, 5)]
    assert found.predictions.index.tolist() == rest
    pd.testing.assert_frame_equal(found.predictions, kept.predictions.loc[rest])
    with pytest.raises(ValueError, match=r"same rows, 20 of toy test; got 18 of toy"):
        kept.difference(found, "auroc")
    twins = data(sequences=toy.sequences[:10] * 3)
    with pytest.raises(LabelError, match="no earlier split holds; all 20 of test in"):
        evaluate_labels(Composition(), twins, duplicates="drop", resamples=0)


def test_the_difference_of_two_is_the_paired_one():
    toy = data()
    one, other = (
        evaluate_labels(Composition(letters), toy, resamples=0)
        for letters in ("A", "CG")
    )
    expected = paired_difference(
        BINARY, one.truth, one.answers, other.answers, "auroc", resamples=40
    )
    assert one.difference(other, "auroc", resamples=40) == expected
    values = [each.table.loc["auroc", "value"] for each in (one, other)]
    assert expected.value == pytest.approx(values[0] - values[1])


def test_a_network_is_judged_under_the_hash_of_its_weights():
    config = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)
    generator = torch.Generator().manual_seed(0)
    backbone = HyenaLM(config, generator=generator)
    model = SequenceModel(backbone, BINARY, generator=generator)
    assert isinstance(model, Predictor)
    assert not isinstance(nn.Linear(1, 1), Predictor)
    first = evaluate_labels(model, data(), resamples=0)
    again = evaluate_labels(model, data(), resamples=0)
    assert first.provenance == again.provenance
    pd.testing.assert_frame_equal(first.table, again.table)
    with torch.no_grad():
        model.readout.linear.bias.add_(1)
    moved = evaluate_labels(model, data(), resamples=0)
    assert moved.provenance["weights"] != first.provenance["weights"]


def test_other_labels_splits_and_words_are_refused():
    with pytest.raises(LabelError, match="binary no, yes; got binary yes, no"):
        evaluate_labels(Composition(), data(label_names=("yes", "no")))
    with pytest.raises(LabelError, match="split must be one of train, test"):
        evaluate_labels(Composition(), data(), split="dev")
    with pytest.raises(ValueError, match="duplicates must be 'keep' or 'drop'; got"):
        evaluate_labels.__wrapped__(Composition(), data(), duplicates="maybe")
