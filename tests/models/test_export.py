"""The forward as a file: it says what the model says, without the package."""

import subprocess
import sys

import numpy as np
import onnxruntime
import pytest
import torch
from torch.nn import functional

from hyenascope.models.export import export_program, to_onnx
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.sequence_model import SequenceModel
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.models.track_model import TrackModel
from hyenascope.sequence.tokenizer import PAD_TOKEN

LENGTH = 24
TASK = SequenceTask("multilabel", ("open", "bound"))


def backbone(**numbers):
    config = HyenaConfig(d_model=8, n_layer=2, d_inner=16, l_max=34, **numbers)
    generator = torch.Generator().manual_seed(0)
    model = HyenaLM(config, generator=generator)
    for weight in model.parameters():  # far from the start, where logits are small
        torch.nn.init.normal_(weight, std=0.3, generator=generator)
    return model


def with_head(kind, **options):
    model = kind(backbone(), TASK, **options)
    for weight in model.readout.parameters():
        torch.nn.init.normal_(weight, generator=torch.Generator().manual_seed(1))
    return model


MODELS = {
    "causal": backbone,
    "two-sided": lambda: backbone(bidirectional=True),
    "of sequences": lambda: with_head(SequenceModel, pooling="attention"),
    "of tracks": lambda: with_head(TrackModel, bin_size=4, strands="both"),
}


def rows(count, length=LENGTH):
    return torch.from_numpy(np.random.default_rng(0).integers(7, 12, (count, length)))


def close(found, expected):
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("kind", MODELS)
def test_files_say_what_the_model_says(kind, tmp_path):
    model, file = MODELS[kind]().eval(), tmp_path / "model.onnx"
    to_onnx(model, file, LENGTH)
    session = onnxruntime.InferenceSession(file)

    def onnx(tokens):
        (answer,) = session.run(["logits"], {"tokens": tokens.numpy()})
        return torch.from_numpy(answer)

    for read in (onnx, export_program(model, LENGTH).module()):
        with torch.no_grad():
            for tokens in (rows(1), rows(33)):
                expected = model(tokens)
                assert expected.std() > 0.05
                close(read(tokens), expected)
            if kind == "two-sided":  # its language model would see the padding
                continue
            short = rows(3, 12)
            padded = functional.pad(short, (0, LENGTH - 12), value=PAD_TOKEN)
            expected, found = model(short), read(padded)
            close(found[:, : expected.shape[1]], expected)


def test_the_model_is_put_back():
    model = with_head(SequenceModel, dropout=0.5).train()
    model.readout.eval()
    before = {name: x.clone() for name, x in model.state_dict().items()}
    export_program(model, LENGTH)
    assert model.training
    assert model.backbone.training
    assert not model.readout.training
    for name, x in model.state_dict().items():
        assert torch.equal(x, before[name])
    assert all(x.requires_grad for x in model.parameters())


def test_a_program_opens_without_the_package(tmp_path):
    model, tokens = backbone().eval(), rows(3)
    torch.export.save(export_program(model, LENGTH), tmp_path / "model.pt2")
    torch.save(tokens, tmp_path / "tokens.pt")
    subprocess.run(
        [sys.executable, "-c", OPEN], cwd=tmp_path, check=True, capture_output=True
    )
    found = torch.load(tmp_path / "logits.pt", weights_only=True)
    with torch.no_grad():
        close(found, model(tokens))


OPEN = """
import sys, torch
sys.modules["hyenascope"] = None
program = torch.export.load("model.pt2").module()
torch.save(program(torch.load("tokens.pt", weights_only=True)), "logits.pt")
"""


@pytest.mark.parametrize("length", [0, -1, 35])
def test_lengths_out_of_context_are_refused(length, tmp_path):
    expected = rf"length must be 1 to 34; got {length}\."
    with pytest.raises(ValueError, match=expected):
        export_program(backbone(), length)
    with pytest.raises(ValueError, match=expected):
        to_onnx(backbone(), tmp_path / "model.onnx", length)
    assert not list(tmp_path.iterdir())


def test_other_networks_are_refused(unchecked):
    expected = "model must be a HyenaLM, SequenceModel or TrackModel; got Linear"
    with pytest.raises(TypeError, match=expected):
        export_program(torch.nn.Linear(4, 1), LENGTH)


def test_an_exporter_that_is_missing_is_named(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ImportError, match=r"pip install hyenascope\[onnx\]"):
        to_onnx(backbone(), tmp_path / "model.onnx", LENGTH)
