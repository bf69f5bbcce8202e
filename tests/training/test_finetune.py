"""Fine-tuning as a user calls it: small models, labels whose answer is known."""

import numpy as np
import pandas as pd
import pytest
import torch

from hyenascope.data.label_tables import read_label_table
from hyenascope.data.labelled_sequences import LabelError
from hyenascope.models.checkpoint import checkpoint_hash
from hyenascope.models.fine_tuned import load_fine_tuned
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.training.calibration import reliability
from hyenascope.training.finetune import finetune
from hyenascope.training.finetune_options import FinetuneOptions
from hyenascope.training.label_card import UNFINISHED_CARD, label_card
from tests.training.hearing import Hearing

CONFIG = HyenaConfig(d_model=16, n_layer=1, d_inner=32, l_max=34, embed_dropout=0.0)


def texts(count=240, seed=0):
    """Random DNA, of which the second half is rich in A and T."""
    rng = np.random.default_rng(seed)
    found = []
    for number in range(count):
        rich = 0.35 if number >= count // 2 else 0.2
        chances = [rich, 0.5 - rich, 0.5 - rich, rich]
        size = rng.integers(20, 31)
        found.append("".join(rng.choice(list("ACGT"), size, p=chances)))
    return found


def labels(count=240):
    return ["cold"] * (count // 2) + ["hot"] * (count // 2)


def tuned(sequences=None, given=None, model=CONFIG, *, options=None, **how):
    options = {"epochs": 8, "learning_rate": 1e-2, "patience": None, **(options or {})}
    how = {"progress": False, "device": "cpu", **how}
    return finetune(
        model,
        texts() if sequences is None else sequences,
        labels=labels() if given is None else given,
        options=FinetuneOptions(**options),
        **how,
    )


def test_learns_what_sequences_differ_in(tmp_path):
    result = tuned(out=tmp_path)
    assert result.finished
    assert result.scores.loc["auroc", "value"] > 0.9
    fresh = texts(80, seed=1)
    chances = result.model.predict(fresh)
    assert list(chances) == ["cold", "hot"]
    right = (chances["hot"] > 0.5).to_numpy() == np.repeat([False, True], 40)
    assert right.mean() > 0.8
    assert result.history["epoch"].tolist() == list(range(1, 9))
    assert not result.model.training
    assert load_fine_tuned(tmp_path).predict(fresh).equals(chances)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert card == label_card(result)
    assert "| all | 216 | 24 |" in card


def test_the_seed_decides_all():
    one, same, other = (
        tuned(options={"epochs": 1, "seed": seed}) for seed in (0, 0, 1)
    )
    assert one.history.drop(columns="seconds").equals(
        same.history.drop(columns="seconds")
    )
    first = one.model.state_dict()
    assert all(torch.equal(first[k], v) for k, v in same.model.state_dict().items())
    assert one.reports[0].loss != other.reports[0].loss


def test_the_callers_model_is_left_as_it_was():
    backbone = HyenaLM(CONFIG)
    backbone.lm_head.weight.requires_grad_(False)
    before = checkpoint_hash(backbone)
    result = tuned(model=backbone, options={"epochs": 1})
    assert checkpoint_hash(backbone) == before
    assert backbone.training
    assert not backbone.lm_head.weight.requires_grad
    assert checkpoint_hash(result.model.backbone) != before


def test_a_frozen_backbone_stays():
    backbone = HyenaLM(CONFIG)
    result = tuned(model=backbone, options={"epochs": 1, "frozen": "backbone"})
    assert checkpoint_hash(result.model.backbone) == checkpoint_hash(backbone)
    assert not (result.model.readout.linear.bias == 0).all()


def test_numbers_come_back_in_their_units():
    sequences = texts()
    share = np.array([(s.count("A") + s.count("T")) / len(s) for s in sequences])
    result = tuned(sequences, 500 + 100 * share, task="regression")
    assert result.scores.loc["pearson", "value"] > 0.8
    fresh = texts(60, seed=2)
    expected = [500 + 100 * (s.count("A") + s.count("T")) / len(s) for s in fresh]
    error = result.model.predict(fresh)["label"].to_numpy() - np.array(expected)
    assert np.abs(error).mean() < 8
    assert result.history["mse"].iloc[-1] > 1  # in squared units, not standardised


def test_several_labels_at_once():
    table = pd.DataFrame({"sequence": texts()})
    table["a"] = [int(text.count("A") > 7) for text in table["sequence"]]
    table["b"] = [int(text.count("G") > 4) for text in table["sequence"]]
    result = tuned(table, ["a", "b"], options={"reverse_complement": False})
    assert result.scores.loc["auroc", "value"] > 0.8
    assert list(result.model.predict(["ACGT"])) == ["a", "b"]


def test_balanced_classes_count_alike():
    rare = slice(0, 140)  # 120 cold, 20 hot
    given = {"sequences": texts()[rare], "given": labels()[rare]}
    plain = tuned(**given, options={"epochs": 1})
    even = tuned(**given, options={"epochs": 1, "class_weights": "balanced"})
    said = [r.model.predict(texts(60, 3))["hot"].mean() for r in (plain, even)]
    assert said[0] < said[1]
    with pytest.raises(ValueError, match="class_weights must be None for task 'regr"):
        tuned(
            given=list(range(240)),
            task="regression",
            options={"class_weights": "balanced"},
        )


@pytest.mark.parametrize("class_weights", [None, "balanced"])
def test_probabilities_come_true_as_often_as_they_say(class_weights):
    """Labels drawn with a known probability, rarely of the second class."""
    rng = np.random.default_rng(0)
    sequences = texts(600)
    share = np.array([(s.count("A") + s.count("T")) / len(s) for s in sequences])
    true = 1 / (1 + np.exp(-(12 * share - 8.5)))
    hot = rng.random(600) < true
    options = {"class_weights": class_weights, "epochs": 12, "learning_rate": 3e-3}
    said = [
        tuned(
            sequences,
            np.where(hot, "hot", "cold"),
            options={**options, "seed": seed},
        ).model.predict(sequences)["hot"]
        for seed in range(3)  # one alone goes up and down with rounding
    ]
    assert hot.mean() < 0.3
    assert np.mean(said) == pytest.approx(hot.mean(), abs=0.04)


def test_what_was_best_so_far_is_on_disk_when_a_run_dies(tmp_path):
    class Dying(Hearing):
        def step(self, report):
            super().step(report)
            if sum(each.validation is not None for each in self.reports) == 3:
                raise RuntimeError("the power is gone")

    with pytest.raises(RuntimeError, match="power"):
        tuned(out=tmp_path / "m", monitor=Dying())
    assert load_fine_tuned(tmp_path / "m").predict("ACGT").shape == (1, 2)
    card = (tmp_path / "m" / "README.md").read_text(encoding="utf-8")
    assert card == UNFINISHED_CARD


def test_a_folder_that_cannot_be_made_is_noticed_before_training(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileExistsError):
        tuned(out=tmp_path / "file", options={"epochs": 10**6})


def test_dev_rows_choose_and_test_rows_are_not_read():
    table = pd.DataFrame({"sequence": texts(), "label": labels()})
    table["split"] = np.tile(["train"] * 8 + ["dev"] * 2, 24)
    unread = table[::24].assign(split="test", sequence="A" * 500)  # too long to read
    data = read_label_table(pd.concat([table, unread]), split="split")
    result = finetune(
        CONFIG,
        data,
        options=FinetuneOptions(epochs=1),
        device="cpu",
        progress=False,
    )
    assert result.scores.loc["auroc", "rows"] == 48
    facts = result.facts
    assert dict(facts.rows) == {"training": 192, "validation": 48, "test, unseen": 10}
    assert facts.counts.loc["test, unseen"].tolist() == [5, 5]
    assert facts.counts.loc["validation"].sum() == 48
    assert facts.chosen_by == "the split dev"
    assert facts.backbone is None
    dev = data.split("dev")
    answers = result.model.predict(list(dev.sequences))
    expected = reliability(dev.labels, answers, result.model.task)
    pd.testing.assert_frame_equal(result.reliability, expected)


@pytest.mark.parametrize(
    ("validation", "said"),
    [
        (None, "a share of 0.1 of the training rows"),
        (0.25, "a share of 0.25 of the training rows"),
        ("given", "rows of their own, fresh"),
    ],
)
def test_says_which_rows_chose(validation, said):
    backbone = HyenaLM(CONFIG)
    backbone.name = "barley-1k"
    if validation == "given":
        table = pd.DataFrame({"sequence": texts(40, 4), "label": labels(40)})
        validation = read_label_table(table, name="fresh")
    facts = tuned(model=backbone, validation=validation, options={"epochs": 1}).facts
    assert facts.chosen_by == said
    assert (facts.backbone, facts.begun_from) == (
        "barley-1k",
        checkpoint_hash(backbone),
    )
    assert list(facts.rows) == ["training", "validation"]


@pytest.mark.parametrize(
    ("how", "error", "message"),
    [
        ({"given": ["hot"] * 240}, LabelError, "two"),
        ({"given": ["hot", "cold"]}, LabelError, "one label per sequence, 240; got 2"),
        ({"options": {"longest": 25}}, ValueError, r"at most 25 bp; got \d+ in row \d"),
        ({"options": {"longest": 99}}, ValueError, "longest must fit l_max=34; got 99"),
        ({"options": {"frozen": 3}}, ValueError, "at most the model's 1 blocks; got 3"),
        (
            {"given": [1.0, float("nan")] * 120, "task": "regression"},
            LabelError,
            "row 2",
        ),
    ],
)
def test_what_cannot_be_learnt_is_refused(how, error, message):
    with pytest.raises(error, match=message):
        tuned(**how)
