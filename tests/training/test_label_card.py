"""The card of a fine-tuned model says what the result and the evaluations say."""

import re
from contextlib import chdir
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pytest
import torch

from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.data.provenance import Provenance
from hyenascope.models.fine_tuned import save_fine_tuned
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.sequence_input import SequenceInput
from hyenascope.models.sequence_model import SequenceModel
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.models.state_layouts import model_tensors, tensors_hash
from hyenascope.training.calibration import expected_calibration_error, reliability
from hyenascope.training.finetune_options import FinetuneOptions
from hyenascope.training.finetune_result import FinetuneFacts, FinetuneResult
from hyenascope.training.label_card import label_card, write_label_card
from hyenascope.training.label_evaluation import evaluate_labels
from hyenascope.training.label_loop import EpochReport
from hyenascope.training.label_metrics import per_label, score_labels
from tests.training.test_model_card import tables, words

CONFIG = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)
TASKS = {
    "binary": SequenceTask("binary", ("no", "yes")),
    "multiclass": SequenceTask("multiclass", ("a|b", "c", "d")),
    "multilabel": SequenceTask("multilabel", ("x", "y", "z")),
    "regression": SequenceTask("regression", ("strength",)),
}
FILE = {"file": "toy.csv", "bytes": 12_345, "sha256": "ab12"}
LATER = {"file": "new.csv", "bytes": 99, "sha256": "cd34"}


def model(kind="binary", **how):
    generator = torch.Generator().manual_seed(0)
    backbone = HyenaLM(CONFIG, generator=generator)
    return SequenceModel(backbone, TASKS[kind], generator=generator, **how).eval()


def facts(kind="binary", **changes):
    names = TASKS[kind].label_names
    counts = {"training": [60, 40, 30], "validation": [6, 4, 3], "test": [1500, 7, 0]}
    made = {
        "data": "toy",
        "provenance": Provenance({"files": [FILE], "version": 3, "label_names": names}),
        "validation": Provenance({"files": [FILE], "dev": {"share": 0.1}}),
        "chosen_by": "a share of 0.1 of the training rows",
        "rows": {"training": 100, "validation": 10, "test": 1507},
        "counts": pd.DataFrame(counts, names if len(names) == 3 else [*"pqr"]).T,
        "backbone": "barley-1k",
        "begun_from": "0011",
        "rows_hash": "2233",
        "options": FinetuneOptions(epochs=7, frozen=1, seed=17),
        "device": "cpu, threads: 3",
        "versions": {"hyenascope": "9.8.7"},
        "commit": "feed",
    }
    made["counts"] = made["counts"].iloc[:, : len(names)].set_axis(names, axis=1)
    return FinetuneFacts(**{**made, **changes})


def reports(count=3):
    return tuple(
        EpochReport(n, 0.7 - n / 1000, 0.6 + n / 1000, {"auroc": 0.5 + n / 1000}, 60.0)
        for n in range(1, count + 1)
    )


def truth(kind, rows=40):
    rng = np.random.default_rng(1)
    names = TASKS[kind].label_names
    if kind == "regression":
        return rng.normal(size=(rows, 1))
    if kind == "multilabel":
        return rng.integers(0, 2, (rows, len(names)))
    return np.arange(rows) % len(names)


def data(kind="binary", rows=40, *, twins=0, **changes):
    """Return random rows, half of them for tests, some of which are in training too."""
    rng = np.random.default_rng(2)
    texts = ["".join(rng.choice(list("ACGT"), 24)) for _ in range(rows)]
    texts[rows // 2 : rows // 2 + twins] = texts[:twins]
    given = {
        "name": "toy",
        "sequences": tuple(texts),
        "labels": truth(kind, rows),
        "label_names": TASKS[kind].label_names,
        "splits": ("train",) * (rows // 2) + ("test",) * (rows - rows // 2),
        "task": kind,
        "provenance": Provenance({"files": [FILE]}),
    }
    return LabelledSequences(**{**given, **changes})


def result(kind="binary", *, of=None, **changes):
    of = of or model(kind)
    answers = of.predict(list(data(kind).sequences))
    found = {
        "model": of,
        "reports": reports(),
        "best_epoch": 2,
        "scores": score_labels(of.task, truth(kind), answers, resamples=50),
        "finished": True,
        "message": "Finished after 3 epochs.",
        "facts": facts(kind),
    }
    if kind != "regression":
        found["reliability"] = reliability(truth(kind), answers, of.task)
    return FinetuneResult(**{**found, **changes})


def section(card, title):
    return re.search(rf"## {re.escape(title)}\n\n(.*?)(?=\n## |\Z)", card, re.S)[1]


def test_says_what_the_model_is():
    reading = SequenceInput(30, "centre", "both")
    of = model(pooling="max", reading=reading)
    card = words(label_card(result(of=of)))
    parameters = sum(weight.numel() for weight in of.parameters())
    for said in (
        "# toy: fine-tuned barley-1k Says of a DNA sequence how probable each of two",
        "`no`, `yes`. F1, AUROC and AUPRC are those of `yes`.",
        f"of width 8 and depth 1, with {parameters:,} parameters. It reads up to 30 bp",
        "of longer sequences the centre; the mean over both strands counts.",
        "pooled by `max`.",
        f"Weights `{tensors_hash(model_tensors(of))}`.",
        "Training began with `barley-1k`, weights `0011`.",
        "hyenascope 9.8.7, commit `feed`.",
    ):
        assert said in card


def test_a_model_from_scratch_is_called_so():
    bare = facts(backbone=None, commit=None)
    card = words(label_card(result(facts=bare)))
    assert card.startswith("# toy: trained from scratch")
    assert "Training began with random weights `0011`." in card
    assert "commit" not in card


def test_says_which_rows_of_which_files_there_were():
    text = section(label_card(result("multiclass")), "Data")
    counts, files = tables(text)
    assert counts == [
        ["rows", "training", "validation", "test"],
        ["all", "100", "10", "1,507"],
        [r"a\|b", "60", "6", "1,500"],
        ["c", "40", "4", "7"],
        ["d", "30", "3", "0"],
    ]
    assert files == [["file", "bytes", "sha256"], ["toy.csv", "12,345", "`ab12`"]]
    assert "chosen by a share of 0.1 of the training rows." in words(text)
    assert "making: version `3`." in words(text)


def test_targets_have_their_units_and_no_calibration():
    of = model("regression")
    of.centre.fill_(512.5)
    of.scale.fill_(20.25)
    card = label_card(result("regression", of=of))
    counts, targets, _ = tables(section(card, "Data"))
    assert [row[0] for row in counts] == ["rows", "all"]
    assert targets[1] == ["strength", "512.5000", "20.2500"]
    assert "## Calibration" not in card
    validation = section(card, "Scores of the validation rows")
    assert validation.startswith("These rows chose the epoch, so")


@pytest.mark.parametrize("kind", TASKS)
def test_validation_scores_are_those_of_the_result(kind):
    found = result(kind)
    text = section(label_card(found), "Scores of the validation rows")
    header, *rows = tables(text)[0]
    assert header == ["metric", "value", "95 % interval", "rows", "note"]
    assert [row[0] for row in rows] == found.scores.index.tolist()
    assert [float(row[1]) for row in rows] == pytest.approx(
        found.scores["value"], abs=5.1e-5
    )
    ends = np.array([row[2].split(" to ") for row in rows], dtype=float)
    np.testing.assert_allclose(ends, found.scores[["low", "high"]], atol=5.1e-5)
    assert {row[3] for row in rows} == {"40"}
    assert "so their scores flatter" in words(text)


def test_a_number_without_a_meaning_is_no_number():
    scores = result().scores
    scores.loc["auroc", ["value", "low", "high"]] = np.nan
    scores.loc["auroc", "note"] = "rows of one class only"
    card = label_card(result(scores=scores))
    assert "| auroc |  |  | 40 | rows of one class only |" in card
    assert "nan" not in card.lower()


def test_says_how_probabilities_were_calibrated_and_how_well():
    of = model("multiclass")
    of.temperature.fill_(1.5)
    of.shift.copy_(torch.tensor([0.25, 0.0, -0.5]))
    found = result("multiclass", of=of)
    judged = evaluate_labels(of, data("multiclass"), resamples=0)
    card = label_card(found, evaluations=[judged])
    text = section(card, "Calibration")
    assert "a temperature of 1.5000, then shifted, by +0.2500 of `a|b`, -0.5000 of" in (
        words(text)
    )
    errors = [
        expected_calibration_error(found.reliability),
        expected_calibration_error(
            reliability(judged.truth, judged.answers, judged.task)
        ),
    ]
    assert tables(text)[0][1:] == [
        ["validation", "40", "10", f"{errors[0]:.4f}"],
        ["toy, test", "20", "10", f"{errors[1]:.4f}"],
    ]


@pytest.mark.parametrize(("temperature", "warns"), [(1.0, False), (20.0, True)])
def test_a_temperature_at_its_end_is_no_calibration(temperature, warns):
    of = model()
    of.temperature.fill_(temperature)
    text = section(label_card(result(of=of)), "Calibration")
    assert "shifted" not in text
    assert ("the end of what is tried" in words(text)) == warns


def test_epochs_are_a_table_and_the_best_is_marked():
    text = section(label_card(result()), "Training")
    assert "Finished after 3 epochs. The best epoch has the least loss" in words(text)
    assert "It took 180 s on cpu, threads: 3." in text
    assert "Losses are in nats per sequence" in text
    assert tables(text)[0] == [
        ["epoch", "train loss", "validation loss", "auroc"],
        ["1", "0.6990", "0.6010", "0.5010"],
        ["**2** (best)", "0.6980", "0.6020", "0.5020"],
        ["3", "0.6970", "0.6030", "0.5030"],
    ]


@pytest.mark.parametrize(
    ("kind", "chose"),
    [
        ("binary", "After calibration. These rows chose the calibration, so their"),
        ("regression", "No epoch was finished, so these rows chose nothing."),
    ],
)
def test_what_ended_in_its_first_epoch_has_no_best_one(kind, chose):
    message = "Stopped in epoch 1; no epoch was finished."
    card = label_card(result(kind, reports=(), best_epoch=0, message=message))
    assert "| epoch |" not in card
    assert "best" not in card
    assert "chosen" not in card
    assert "chose the epoch" not in words(card)
    assert words(section(card, "Data")).startswith(
        "`toy`. Validation rows are a share of 0.1 of the training rows."
    )
    text = words(section(card, "Training"))
    assert text.startswith(f"{message} It ran on cpu, threads: 3. | option |")
    assert words(section(card, "Scores of the validation rows")).startswith(chose)


def test_options_are_all_there_and_what_is_unusual_shows():
    _, (header, *rows) = tables(section(label_card(result()), "Training"))
    assert header == ["option", "value", "in place of"]
    options = asdict(facts().options)
    assert {row[0]: row[1] for row in rows} == {k: str(v) for k, v in options.items()}
    unusual = {row[0]: row[2] for row in rows if row[2]}
    assert unusual == {"epochs": "20", "frozen": "nothing", "seed": "0"}


@pytest.mark.parametrize("duplicates", ["keep", "drop"])
def test_judged_rows_are_named_and_duplicates_said(duplicates):
    found = result("multiclass")
    given = data("multiclass", twins=3, provenance=Provenance({"files": [FILE, LATER]}))
    judged = evaluate_labels(
        found.model, given, duplicates=duplicates, resamples=50, confidence=0.9
    )
    card = label_card(found, evaluations=[judged])
    text = section(card, "Scores of toy, test")
    said = {
        "keep": "20 rows. Rows that an earlier split holds too were not looked for.",
        "drop": "17 rows. 3 of 20 rows were left out, because an earlier split",
    }
    assert words(text).startswith(said[duplicates])
    scores, labels = tables(text)
    assert scores[0][2] == "90 % interval"
    assert float(scores[1][1]) == pytest.approx(judged.table["value"].iloc[0], abs=1e-4)
    each = per_label(judged.task, judged.truth, judged.answers)
    assert labels[0] == ["label", *each]
    assert [row[0] for row in labels[1:]] == [r"a\|b", "c", "d"]
    assert [row[1] for row in labels[1:]] == [str(n) for n in each["rows"]]
    assert [row[0] for row in tables(section(card, "Data"))[1]] == [
        *("file", "toy.csv", "new.csv")
    ]


def test_many_labels_are_counted():
    names = tuple(f"y{n}" for n in range(100))
    task = SequenceTask("multilabel", names)
    backbone = HyenaLM(CONFIG)
    of = SequenceModel(backbone, task).eval()
    labels = np.random.default_rng(0).integers(0, 2, (40, 100))
    counts = pd.DataFrame(7, ["training", "validation", "test"], names)
    scores = score_labels(task, labels, labels.astype(float), resamples=0)
    changes = {"scores": scores, "facts": facts(counts=counts), "reliability": None}
    card = label_card(replace(result(), model=of, **changes))
    assert "how probable each of 100 labels is" in card
    assert "`y23` and 76 more." in card
    assert "The first 24 of 100 labels." in card
    assert "y24" not in card


def test_lies_beside_the_model_and_its_code_runs(tmp_path):
    found = result()
    save_fine_tuned(found.model, tmp_path)
    write_label_card(tmp_path, found)
    card = (tmp_path / "README.md").read_text(encoding="utf-8")
    assert card == label_card(found)
    [code] = re.findall(r"```python\n(.*?)```", card, re.S)
    names = {}
    with chdir(tmp_path):
        exec(code, names)
    expected = found.model.predict(["ACGTACGT"])
    pd.testing.assert_frame_equal(names["answers"], expected)
    assert not (tmp_path / "epochs.tsv").exists()


def test_more_epochs_than_fit_a_page_are_in_a_file(tmp_path):
    found = result(reports=reports(300), best_epoch=151)
    save_fine_tuned(found.model, tmp_path)
    write_label_card(tmp_path, found)
    text = section((tmp_path / "README.md").read_text(encoding="utf-8"), "Training")
    epochs = [row[0] for row in tables(text)[0][1:]]
    assert len(epochs) == 41
    assert {"1", "**151** (best)", "300"} < set(epochs)
    assert "All 300 epochs are in `epochs.tsv`." in text
    written = pd.read_csv(tmp_path / "epochs.tsv", sep="\t")
    pd.testing.assert_frame_equal(written, found.history)


def test_epochs_of_an_earlier_run_do_not_stay(tmp_path):
    longer, shorter = result(reports=reports(41)), result(reports=reports(40))
    save_fine_tuned(longer.model, tmp_path)
    write_label_card(tmp_path, longer)
    assert (tmp_path / "epochs.tsv").is_file()
    save_fine_tuned(shorter.model, tmp_path)
    write_label_card(tmp_path, shorter)
    assert not (tmp_path / "epochs.tsv").exists()
    assert "epochs.tsv" not in (tmp_path / "README.md").read_text(encoding="utf-8")


def test_refuses_what_is_of_another_model(tmp_path):
    found, other = result(), model(pooling="max")
    with torch.no_grad():
        other.readout.linear.bias.add_(1)
    judged = evaluate_labels(other, data(), resamples=0)
    with pytest.raises(ValueError, match="evaluations must be of the model of result"):
        label_card(found, evaluations=[judged])
    save_fine_tuned(other, tmp_path)
    with pytest.raises(ValueError, match="folder must hold the model of result"):
        write_label_card(tmp_path, found)
    assert not (tmp_path / "README.md").exists()
    with pytest.raises(ValueError, match="result must say what made it"):
        label_card(replace(found, facts=None))
