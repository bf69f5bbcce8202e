"""A prompt on disk, without its model."""

import json

import pytest
import torch

from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.prompted import PromptedModel, dna_prompt
from hyenascope.models.saved_prompt import load_prompt, save_prompt
from hyenascope.models.sequence_input import SequenceInput
from hyenascope.models.sequence_task import SequenceTask

TEXTS = ["ACGTTGCA", "GG", "TTTTNACGTACCACGTTTTT"]


def backbone(seed=0):
    config = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)
    generator = torch.Generator().manual_seed(seed)
    return HyenaLM(config, generator=generator).eval()


def prompted(language, **options):
    model = PromptedModel(
        language,
        SequenceTask("multiclass", ("c", "a", "b")),
        dna_prompt(language, "ACCA"),
        reading=SequenceInput(12, "end", "reverse"),
        **options,
    )
    with torch.no_grad():
        model.prompt.normal_(generator=torch.Generator().manual_seed(1))
        model.readout.linear.bias.copy_(torch.tensor([1.0, -2.0, 0.5]))
        model.temperature.fill_(0.5)
    return model.eval()


@pytest.mark.parametrize(
    "options",
    [
        {"letters": "TCN", "separator": False, "dropout": 0.25, "place": "after"},
        {"answer": "linear"},
    ],
    ids=["letters", "linear"],
)
@pytest.mark.parametrize("double", [False, True])
def test_all_comes_back(tmp_path, options, double):
    language = backbone().double() if double else backbone()
    saved = prompted(language, **options)
    save_prompt(saved, tmp_path)
    loaded = load_prompt(tmp_path, backbone().double() if double else backbone())
    for name in ("task", "reading", "answer", "letters", "separator", "place"):
        assert getattr(loaded, name) == getattr(saved, name)
    assert loaded.prompt_dropout.p == saved.prompt_dropout.p
    assert loaded.prompt.dtype == saved.prompt.dtype
    assert loaded.predict(TEXTS).equals(saved.predict(TEXTS))
    learning = [
        {n for n, p in m.named_parameters() if p.requires_grad} for m in (saved, loaded)
    ]
    assert learning[0] == learning[1]
    assert not loaded.training


def test_the_backbone_is_not_written(tmp_path):
    save_prompt(prompted(backbone()), tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "prompt.json",
        "prompt.safetensors",
    ]
    assert (tmp_path / "prompt.safetensors").stat().st_size < 2_000


def test_another_model_is_refused(tmp_path):
    save_prompt(prompted(backbone()), tmp_path)
    with pytest.raises(ValueError, match=r"model must be the one .* got untitled"):
        load_prompt(tmp_path, backbone(seed=1))


@pytest.mark.parametrize(
    ("name", "change", "error", "message"),
    [
        ("prompt.json", None, FileNotFoundError, "one of save_prompt"),
        ("prompt.safetensors", None, FileNotFoundError, "must hold prompt.safetens"),
        ("prompt.json", {"format_version": 9}, ValueError, "got hyenascope-prompt, v"),
        ("prompt.json", {"prompt": "0" * 16}, ValueError, "must hold the numbers"),
        ("prompt.json", {"reading": {"x": 1}}, ValueError, "must describe a prompt"),
        ("prompt.json", {"task": {}}, ValueError, "must describe a prompt"),
    ],
)
def test_a_spoilt_folder_is_refused(tmp_path, name, change, error, message):
    save_prompt(prompted(backbone()), tmp_path)
    path = tmp_path / name
    if change is None:
        path.unlink()
    else:
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(error, match=message):
        load_prompt(tmp_path, backbone())


def test_a_cut_file_is_refused(tmp_path):
    save_prompt(prompted(backbone()), tmp_path)
    path = tmp_path / "prompt.safetensors"
    path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(ValueError, match="must be a whole safetensors file"):
        load_prompt(tmp_path, backbone())
