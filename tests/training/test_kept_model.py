"""A model is trained once, and its folder is whole or not there."""

import json
import signal
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch

from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.data.provenance import Provenance
from hyenascope.models.checkpoint import checkpoint_hash
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.training import kept_model as home
from hyenascope.training.finetune import finetune
from hyenascope.training.finetune_options import FinetuneOptions
from hyenascope.training.kept_model import Start, kept_model, make_room

SMALL = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)
OPTIONS = FinetuneOptions(epochs=1, batch_size=16, seed=2)


@pytest.fixture
def data():
    rng = np.random.default_rng(0)
    texts = tuple("".join(rng.choice(list("ACGT"), 24)) for _ in range(40))
    return LabelledSequences(
        "toy",
        texts,
        np.arange(40) % 2,
        ("no", "yes"),
        ("train",) * 40,
        "binary",
        provenance=Provenance({"version": "1"}),
    )


def backbone(seed):
    return HyenaLM(SMALL, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("model", [SMALL, backbone(0)], ids=["scratch", "backbone"])
def test_the_second_time_is_the_first_time(data, tmp_path, monkeypatch, model):
    start, folder = Start("small", model), tmp_path / "small-2"
    how = {"device": "cpu", "progress": False}
    first = kept_model(start, data, OPTIONS, folder, **how)
    by_hand = finetune(model, data, options=OPTIONS, **how)
    monkeypatch.setattr(home, "finetune", None)
    again = kept_model(start, data, OPTIONS, folder, **how)
    texts = list(data.sequences[:5])
    expected = by_hand.model.predict(texts)
    assert first.predict(texts).equals(expected)
    assert again.predict(texts).equals(expected)
    history = pd.read_csv(folder / "history.tsv", sep="\t")
    assert history["validation_loss"].tolist() == pytest.approx(
        by_hand.history["validation_loss"].tolist()
    )
    assert [it.name for it in tmp_path.iterdir()] == ["small-2"]


def test_weights_of_a_configuration_are_those_that_training_begins_with(data, tmp_path):
    folder = tmp_path / "model"
    finetune(SMALL, data, options=OPTIONS, out=folder, device="cpu", progress=False)
    begun = json.loads((folder / "config.json").read_text())["metadata"]["begun_from"]
    start = Start("scratch", SMALL)
    assert start.weights(OPTIONS.seed) == begun == checkpoint_hash(backbone(2))
    assert start.weights(3) != begun


@pytest.mark.parametrize("change", ["options", "begun from", "made from", "rows hash"])
def test_a_model_trained_in_another_way_is_refused(data, tmp_path, change):
    folder, how = tmp_path / "small", {"device": "cpu", "progress": False}
    kept_model(Start("small", backbone(0)), data, OPTIONS, folder, **how)
    start, options = Start("small", backbone(0)), OPTIONS
    if change == "options":
        options = replace(OPTIONS, epochs=2)
    elif change == "begun from":
        start = Start("small", backbone(1))
    elif change == "rows hash":
        data = data.take(np.arange(40)[::-1])
    else:
        data = replace(data, provenance=Provenance({"version": "2"}))
    with pytest.raises(ValueError, match=f"differs in {change}. Give another folder"):
        kept_model(start, data, options, folder, **how)


class Terminated:
    """A monitor of a run that a scheduler ends after its second epoch has begun."""

    stop_requested = False

    def __init__(self, steps):
        self.steps = steps

    def begin(self, plan, past):
        pass

    def step(self, report):
        if report.step == self.steps:
            signal.raise_signal(signal.SIGTERM)

    def end(self, message):
        pass


def test_a_terminated_training_leaves_nothing_and_begins_again(
    data, tmp_path, monkeypatch
):
    options = replace(OPTIONS, epochs=2, patience=None)
    seen = []

    def stopped(start, data, **how):
        result = finetune(start, data, monitor=Terminated(4), **how)
        seen.append(sorted(it.name for it in tmp_path.iterdir()))
        assert result.best_epoch == 1  # which was kept till now
        return result

    how = {"device": "cpu", "progress": False}
    monkeypatch.setattr(home, "finetune", stopped)
    start, folder = Start("s", SMALL), tmp_path / "s"
    with pytest.raises(KeyboardInterrupt, match="Stopped in epoch 2"):
        kept_model(start, data, options, folder, **how)
    assert seen == [["s.unfinished"]]
    assert list(tmp_path.iterdir()) == []
    monkeypatch.undo()
    model = kept_model(start, data, options, folder, **how)
    assert pd.read_csv(folder / "history.tsv", sep="\t")["epoch"].tolist() == [1, 2]
    expected = finetune(SMALL, data, options=options, **how).model
    assert model.predict("ACGT").equals(expected.predict("ACGT"))


@pytest.mark.parametrize("lost", ["everything", "config.json", "head.json"])
def test_a_folder_without_a_whole_model_does_not_block(data, tmp_path, lost):
    start, folder = Start("s", SMALL), tmp_path / "s"
    how = {"device": "cpu", "progress": False}
    first = kept_model(start, data, OPTIONS, folder, **how)
    for path in folder.iterdir():
        if lost in ("everything", path.name):
            path.unlink()
    left = sorted(path.name for path in folder.iterdir())
    again = kept_model(start, data, OPTIONS, folder, **how)
    assert again.predict("ACGT").equals(first.predict("ACGT"))
    aside = tmp_path / "s.aside"
    assert sorted(it.name for it in aside.glob("*")) == left
    assert aside.exists() == (lost != "everything")


def test_what_was_put_aside_stays(tmp_path):
    for text in ("first", "second", "third"):
        (tmp_path / "s").mkdir()
        (tmp_path / "s" / "notes").write_text(text)
        make_room(tmp_path / "s")
    found = {it.name: (it / "notes").read_text() for it in tmp_path.iterdir()}
    assert found == {"s.aside": "first", "s.aside-2": "second", "s.aside-3": "third"}


def test_what_a_killed_training_left_is_trained_anew(data, tmp_path, monkeypatch):
    how = {"device": "cpu", "progress": False}

    def killed(start, data, *, out, **how):
        finetune(start, data, out=out, **how)
        raise MemoryError("killed")

    start, folder = Start("s", SMALL), tmp_path / "s"
    monkeypatch.setattr(home, "finetune", killed)
    with pytest.raises(MemoryError):
        kept_model(start, data, OPTIONS, folder, **how)
    assert [it.name for it in tmp_path.iterdir()] == ["s.unfinished"]
    monkeypatch.undo()
    model = kept_model(start, data, OPTIONS, folder, **how)
    expected = finetune(SMALL, data, options=OPTIONS, **how).model
    assert model.predict("ACGT").equals(expected.predict("ACGT"))
    assert [it.name for it in tmp_path.iterdir()] == ["s"]
