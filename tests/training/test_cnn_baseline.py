"""The network of Genomic Benchmarks, trained by the loop of a fine-tuning."""

import numpy as np
import pytest
import torch

from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.training.cnn_baseline import fit_cnn
from hyenascope.training.finetune_options import FinetuneOptions
from hyenascope.training.label_metrics import score_labels
from tests.training.hearing import Hearing


def texts(labels, seed=0):
    """Rows of the second class have a word somewhere, on a random strand."""
    rng = np.random.default_rng(seed)
    found = []
    for label in labels:
        text = "".join(rng.choice(list("ACGT"), rng.integers(50, 60)))
        at = rng.integers(0, 20)
        word = "TGACGTCATT" if rng.random() < 0.5 else "AATGACGTCA"
        found.append(text[:at] + word * label + text[at:])
    return tuple(found)


def data(count=120, task="binary", names=("no", "yes")):
    labels = np.arange(count) % 2
    sequences = texts(labels)
    splits = tuple(("train", "train", "train", "dev")[i // 2 % 4] for i in range(count))
    if task == "regression":
        labels = np.array([[100 + 50.0 * text.count("A")] for text in sequences])
    return LabelledSequences("toy", sequences, labels, names, splits, task)


def fit(source, **options):
    how = {"epochs": 2, "batch_size": 16, **options}
    return fit_cnn(source, options=FinetuneOptions(**how), device="cpu", progress=False)


def test_it_learns_a_word():
    model = fit(data(240), epochs=10, learning_rate=1e-2, strands="forward")
    labels = np.arange(100) % 2
    answers = model.predict(list(texts(labels, seed=9)), device="cpu")
    table = score_labels(model.task, labels, answers, resamples=0)
    assert table.loc["auroc", "value"] > 0.9
    assert not model.training


def test_the_seed_decides_and_the_longest_of_all_splits_is_read():
    source = data()
    one, other, third = (fit(source, epochs=1, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one.dense[0].weight, other.dense[0].weight)
    assert not torch.equal(one.dense[0].weight, third.dense[0].weight)
    assert one.reading.longest == max(map(len, source.sequences))
    assert fit(source, epochs=1, longest=60, too_long="centre").reading.longest == 60


def test_a_regression_answers_in_its_units():
    source = data(task="regression", names=("strength",))
    model = fit(source, epochs=1)
    learn = source.split("train").labels
    assert model.centre.item() == pytest.approx(learn.mean(), rel=1e-5)
    assert model.scale.item() == pytest.approx(learn.std(), rel=1e-5)
    assert model.temperature.item() == 1
    found = model.predict(list(source.sequences), device="cpu")
    assert abs(found["strength"].mean() - learn.mean()) < 2 * learn.std()


def test_a_monitor_hears_of_every_step():
    monitor = Hearing()
    fit_cnn(
        data(),
        options=FinetuneOptions(epochs=1, batch_size=16),
        device="cpu",
        monitor=monitor,
        progress=False,
    )
    assert monitor.plan.steps == len(monitor.reports) == 6
    assert monitor.message.startswith("Finished after 1 epoch;")


def test_one_that_was_stopped_is_none():
    with pytest.raises(KeyboardInterrupt, match="Stopped in epoch 1"):
        fit_cnn(data(), device="cpu", monitor=Hearing(stop_at=1), progress=False)
