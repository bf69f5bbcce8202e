"""What every fit leaves behind, whatever the network."""

import numpy as np
import pytest
import torch
from torch import nn

from hyenascope.data.labelled_sources import collect_labelled
from hyenascope.models.label_model import LabelModel
from hyenascope.models.sequence_input import SequenceInput
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.training.finetune_options import FinetuneOptions
from hyenascope.training.label_fit import fit_labels


class Share(LabelModel):
    """Linear in the share of A and T."""

    def __init__(self, task):
        super().__init__(task, SequenceInput(50))
        self.linear = nn.Linear(1, task.outputs)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, tokens, *, mask):
        share = (((tokens == 7) | (tokens == 10)) & mask).sum(1) / mask.sum(1)
        return self.linear(share.to(self.linear.weight)[:, None] - 0.5)


def texts(count, seed):
    rng = np.random.default_rng(seed)
    found = []
    for rich in rng.uniform(0.1, 0.4, count):
        chances = [rich, 0.5 - rich, 0.5 - rich, rich]
        found.append("".join(rng.choice(list("ACGT"), 40, p=chances)))
    return found


def share(text):
    return (text.count("A") + text.count("T")) / len(text)


def fit(labels, *, kind="binary", **options):
    data = [
        collect_labelled(
            t := texts(200, seed), labels(t), task=None if kind == "binary" else kind
        )
        for seed in (0, 1)
    ]
    model = Share(SequenceTask(kind, data[0].label_names))
    how = {"epochs": 30, "learning_rate": 0.3, "patience": None, **options}
    found = fit_labels(
        model,
        *data,
        groups=[{"params": list(model.parameters()), "lr": how["learning_rate"]}],
        options=FinetuneOptions(**how),
        device="cpu",
        progress=False,
    )
    return model, found


def test_a_regression_is_fitted_in_units_of_its_labels():
    model, found = fit(
        lambda some: [700 * share(t) - 50 for t in some], kind="regression"
    )
    assert found.scores.loc["r2", "value"] > 0.99
    said = model.predict(texts(50, 2))["label"].to_numpy()
    true = np.array([700 * share(t) - 50 for t in texts(50, 2)])
    assert np.abs(said - true).max() < 15
    assert model.temperature == 1.0


def test_scores_are_those_of_the_calibrated_model_on_the_validation_rows():
    model, found = fit(lambda some: ["at" if share(t) > 0.5 else "gc" for t in some])
    assert found.finished
    assert not model.training
    assert model.temperature != 1.0
    assert found.scores.loc["auroc", "value"] > 0.99
    said = (model.predict(texts(200, 1))["at"] > 0.5).to_numpy()
    true = np.array([share(text) > 0.5 for text in texts(200, 1)])
    expected = np.mean(said == true)
    assert found.scores.loc["accuracy", "value"] == pytest.approx(expected)


def test_balanced_classes_are_told_how_rare_they_are():
    rare = lambda some: ["at" if share(t) > 0.7 else "gc" for t in some]  # noqa: E731
    model, _ = fit(rare, class_weights="balanced", epochs=10)
    assert float(model.shift) != 0.0
    plain, _ = fit(rare, epochs=10)
    assert torch.equal(plain.shift, torch.zeros(1))
    said = model.predict(texts(200, 3))["at"].mean()
    true = np.mean([share(t) > 0.7 for t in texts(200, 3)])
    assert said == pytest.approx(true, abs=0.05)
