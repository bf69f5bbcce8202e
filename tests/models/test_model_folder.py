"""Files of a model: read back as they were, and none half-written."""

import pytest
import torch
from safetensors.torch import load_file

from hyenascope.models import model_folder
from hyenascope.models.model_folder import write_model_folder

FILES = {
    "a.json": "{}\n",
    "w.safetensors": {"x": torch.arange(6.0).reshape(2, 3)},
    "b.md": "µ\n",
}


def test_tensors_and_texts_come_back(tmp_path):
    folder = tmp_path / "new" / "model"
    write_model_folder(folder, FILES)
    assert sorted(path.name for path in folder.iterdir()) == sorted(FILES)
    assert torch.equal(
        load_file(folder / "w.safetensors")["x"], FILES["w.safetensors"]["x"]
    )
    assert (folder / "b.md").read_text(encoding="utf-8") == "µ\n"


def test_an_interrupt_leaves_what_came_before_and_no_half_file(tmp_path, monkeypatch):
    (tmp_path / "b.md").write_text("old")

    def full(*_args, **_options):
        raise OSError("full")

    monkeypatch.setattr(model_folder, "save", full)
    with pytest.raises(OSError, match="full"):
        write_model_folder(tmp_path, FILES)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "b.md"]
    assert (tmp_path / "b.md").read_text() == "old"
