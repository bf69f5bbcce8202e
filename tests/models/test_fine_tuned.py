"""Saving and loading a fine-tuned model, also in a fresh process."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

from hyenascope.models import model_folder
from hyenascope.models.checkpoint import load_pretrained
from hyenascope.models.fine_tuned import load_fine_tuned, save_fine_tuned
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.sequence_input import SequenceInput
from hyenascope.models.sequence_model import SequenceModel
from hyenascope.models.sequence_task import SequenceTask

TEXTS = ["ACGTTGCA", "GG", "TTTTNACGTACCACGTTTTT"]


def model():
    config = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)
    generator = torch.Generator().manual_seed(0)
    found = SequenceModel(
        HyenaLM(config, generator=generator),
        SequenceTask("multiclass", ("c", "a", "b")),
        pooling="attention",
        dropout=0.25,
        reading=SequenceInput(12, "end", "reverse"),
        generator=generator,
    )
    found.temperature.fill_(0.5)
    return found.eval()


def test_all_comes_back(tmp_path):
    saved = model()
    save_fine_tuned(saved, tmp_path / "mine", card="# Mine\n", metadata={"auc": 0.5})
    loaded = load_fine_tuned(tmp_path / "mine")
    assert loaded.task == saved.task
    assert loaded.reading == saved.reading
    assert loaded.readout.pooling == "attention"
    assert loaded.readout.dropout.p == 0.25
    assert not loaded.training
    assert loaded.backbone.name == "mine"
    assert loaded.predict(TEXTS).equals(saved.predict(TEXTS))
    assert (tmp_path / "mine" / "README.md").read_text() == "# Mine\n"
    kept = json.loads((tmp_path / "mine" / "config.json").read_text())["metadata"]
    assert kept == {"auc": 0.5}


def test_a_fresh_process_gives_the_same_probabilities(tmp_path):
    saved = model()
    save_fine_tuned(saved, tmp_path)
    code = (
        "import sys, numpy; from hyenascope.models.fine_tuned import load_fine_tuned; "
        "found = load_fine_tuned(sys.argv[1]).predict(sys.argv[2:]); "
        "numpy.save(sys.argv[1] + '/found.npy', found.to_numpy()); "
        "print(*found.columns)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path), *TEXTS],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["c", "a", "b"]
    found = np.load(tmp_path / "found.npy")
    assert np.array_equal(found, saved.predict(TEXTS).to_numpy())


def test_doubles_stay_doubles(tmp_path):
    save_fine_tuned(model().double(), tmp_path)
    assert load_fine_tuned(tmp_path).readout.linear.weight.dtype == torch.float64


def spoil(folder, name, change):
    path = folder / name
    if change is None:
        path.unlink()
        return
    kept = json.loads(path.read_text())
    kept |= change
    path.write_text(json.dumps(kept))


@pytest.mark.parametrize(
    ("name", "change", "error", "message"),
    [
        ("head.json", None, FileNotFoundError, "of a fine-tuned model, with head"),
        ("model.safetensors", None, FileNotFoundError, "must hold model.safetensors"),
        ("head.json", {"format_version": 9}, ValueError, "got hyenascope-head, ver"),
        (
            "head.json",
            {"pooling": "magic"},
            ValueError,
            "head.json must describe",
        ),
        ("head.json", {"task": {"kind": "x"}}, ValueError, "head.json must describe"),
        ("head.json", {"pooling": "mean"}, ValueError, "weights of head.json's model"),
        ("config.json", {"checkpoint": "0" * 16}, ValueError, "Saving was interrupted"),
        (
            "head.json",
            {"checkpoint": "0" * 16},
            ValueError,
            "files of one save",
        ),
    ],
)
def test_a_spoilt_folder_is_refused(tmp_path, name, change, error, message):
    save_fine_tuned(model(), tmp_path)
    spoil(tmp_path, name, change)
    with pytest.raises(error, match=message):
        load_fine_tuned(tmp_path)


def test_a_save_that_is_cut_off_is_noticed(tmp_path, monkeypatch):
    save_fine_tuned(model(), tmp_path)
    other = model()
    other.task = SequenceTask("multiclass", ("x", "y", "z"))
    other.temperature.fill_(3.0)

    def full(*_args, **_options):
        raise OSError("the disk is full")

    monkeypatch.setattr(model_folder, "save", full)
    with pytest.raises(OSError, match="full"):
        save_fine_tuned(other, tmp_path)
    with pytest.raises(ValueError, match="Saving was interrupted"):
        load_fine_tuned(tmp_path)


def test_a_model_of_another_class_is_not_saved_as_one(tmp_path):
    class Own(SequenceModel):
        pass

    other = Own(HyenaLM(model().config), SequenceTask("binary", ("no", "yes")))
    with pytest.raises(TypeError, match=r"must be a SequenceModel, .* got Own"):
        save_fine_tuned(other, tmp_path)
    assert not list(tmp_path.iterdir())


def test_it_is_no_language_model(tmp_path):
    save_fine_tuned(model(), tmp_path)
    with pytest.raises(ValueError, match="which load_fine_tuned reads"):
        load_pretrained(tmp_path)
