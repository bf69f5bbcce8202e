"""Checkpoints of a pretraining run, loaded as models."""

import numpy as np
import pytest
import torch

from hyenascope.models.checkpoint import load_pretrained
from hyenascope.models.hyena import HyenaConfig
from hyenascope.models.run_checkpoint import FORMAT, read_checkpoint
from hyenascope.training.hardware import Hardware
from hyenascope.training.pretrain import PretrainOptions, pretrain

CONFIG = HyenaConfig(d_model=16, n_layer=1, d_inner=32, l_max=34, embed_dropout=0.0)


def run(out, *, ema):
    genome = "".join(np.random.default_rng(0).choice(list("ACGT"), 900))
    options = PretrainOptions(steps=4, batch_size=4, length=32, ema=ema)
    return pretrain(
        CONFIG,
        {"I": genome[:800], "II": genome[800:]},
        validation=["II"],
        options=options,
        hardware=Hardware(device="cpu"),
        out=out,
        save_every=1,
        validate_every=4,
        progress=False,
    )


@pytest.mark.parametrize("ema", [None, 0.9])
def test_the_last_checkpoint_is_the_model_and_one_before_is_not(tmp_path, ema):
    result = run(tmp_path / "yeast", ema=ema)
    folder = tmp_path / "yeast" / "checkpoints"
    same = {}
    for name in ("step-00000003.pt", "step-00000004.pt", "best.pt"):
        model = load_pretrained(folder / name)
        assert model.name == "yeast"
        assert model.config.d_model == 16
        assert not model.training
        pairs = zip(model.parameters(), result.model.parameters(), strict=True)
        same[name] = all(torch.equal(a, b) for a, b in pairs)
    assert list(same.values()) == [False, True, True]


def test_a_run_that_has_not_ended_says_what_to_load(tmp_path):
    run(tmp_path, ema=None)
    (tmp_path / "model.safetensors").unlink()
    with pytest.raises(
        FileNotFoundError, match=r"not ended; load .*checkpoints/step-00000004\.pt\."
    ):
        load_pretrained(tmp_path)


@pytest.mark.parametrize("read", [read_checkpoint, load_pretrained])
@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 cut short", None])
def test_what_is_no_checkpoint_is_refused(tmp_path, content, read):
    path = tmp_path / "x.pt"
    if content is None:
        torch.save({"model": {}}, path)
    else:
        path.write_bytes(content)
    with pytest.raises(ValueError, match=r"x\.pt must be a checkpoint of a pretrain"):
        read(path)


@pytest.mark.parametrize("read", [read_checkpoint, load_pretrained])
def test_a_file_of_another_format_is_refused(tmp_path, read):
    path = tmp_path / "x.pt"
    torch.save({"format": FORMAT + 1, "record": {}, "model": {}}, path)
    with pytest.raises(ValueError, match=f"format {FORMAT}; got {FORMAT + 1}: written"):
        read(path)
