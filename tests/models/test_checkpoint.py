"""Every published layout gives the reference's logits; our own comes back exactly."""

import json
import logging
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from hyenascope.models import published
from hyenascope.models.checkpoint import (
    checkpoint_hash,
    list_models,
    load_pretrained,
    save_pretrained,
)
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.published import find_published
from tests.models.hub_server import Hub, serve

GOLDEN = Path(__file__).parent / "golden" / "checkpoints"
LAYOUTS = (
    *("tiny/weights.ckpt", "tiny/weights_omegaconf.ckpt", "tiny/weights.safetensors"),
    *("tiny/hf", "layered", "layered/weights.ckpt", "order3"),
    *("posemb/weights.ckpt", "posemb/weights.safetensors"),
)
TOKENS = torch.tensor([[7, 8, 9, 10, 11, 7, 7, 4]])


@pytest.fixture
def tiny():
    return load_pretrained(GOLDEN / "tiny")


@pytest.fixture
def folder(tmp_path):
    """A copy of the tiny golden folder that a test may spoil."""
    folder = tmp_path / "mine"
    folder.mkdir()
    for name in ("config.json", "weights.safetensors"):
        shutil.copy(GOLDEN / "tiny" / name, folder / name)
        (folder / name).chmod(0o644)
    return folder


def assert_logits(model, ids, expected):
    with torch.inference_mode():
        found = model.double()(torch.from_numpy(ids)).numpy()
    assert np.abs(found - expected).max() <= 1e-10 * np.abs(expected).max()


@pytest.mark.parametrize("layout", LAYOUTS)
def test_layouts_reproduce_the_reference(layout):
    arrays = np.load(GOLDEN / "logits.npz")
    name = layout.split("/")[0]
    model = load_pretrained(GOLDEN / layout)
    assert not model.training
    assert_logits(model, arrays[f"{name}.ids"], arrays[f"{name}.logits"])


@pytest.mark.parametrize("name", ["tiny", "ckpt", "order3", "posemb"])
@pytest.mark.parametrize(
    "file", ["weights.ckpt", "weights.safetensors", "hf/model.safetensors"]
)
def test_every_golden_file_at_every_length(shared, name, file):
    path = shared / "golden" / name / file
    if not path.exists():
        pytest.skip("the -hf layout has no such configuration")
    arrays = np.load(shared / "golden" / name / "forward_f64.npz")
    model = load_pretrained(path)
    for key in (key for key in arrays if key.endswith(".ids")):
        length = key.removesuffix(".ids")
        assert_logits(model, arrays[key], arrays[f"{length}.logits"])


def test_layouts_of_one_checkpoint_are_one_model(tiny):
    paths = [GOLDEN / layout for layout in LAYOUTS if layout.startswith("tiny")]
    models = [load_pretrained(path) for path in paths]
    assert {checkpoint_hash(m) for m in models} == {checkpoint_hash(tiny)}
    with torch.inference_mode():
        expected = tiny(TOKENS)
        assert all(torch.equal(model(TOKENS), expected) for model in models)


@pytest.mark.parametrize("name", ["tiny", "layered", "order3", "posemb"])
def test_saving_and_loading_changes_no_bit(tmp_path, name):
    model = load_pretrained(GOLDEN / name)
    save_pretrained(model, tmp_path / "new" / "folder")
    loaded = load_pretrained(tmp_path / "new" / "folder")
    assert loaded.config == model.config
    assert checkpoint_hash(loaded) == checkpoint_hash(model)
    with torch.inference_mode():
        assert torch.equal(loaded(TOKENS), model(TOKENS))


def test_double_precision_is_kept(tmp_path, tiny):
    save_pretrained(tiny.double(), tmp_path)
    with torch.inference_mode():
        assert torch.equal(load_pretrained(tmp_path)(TOKENS), tiny(TOKENS))


@torch.inference_mode()
def test_loading_within_inference_mode_gives_a_model_that_can_be_trained(tmp_path):
    model = load_pretrained(GOLDEN / "tiny")
    assert not any(p.is_inference() for p in model.parameters())
    with torch.inference_mode(False):
        model(TOKENS).sum().backward()


def test_half_precision_is_read_as_float32(tmp_path, tiny):
    save_pretrained(tiny.bfloat16(), tmp_path)
    loaded = load_pretrained(tmp_path)
    assert {p.dtype for p in loaded.parameters()} == {torch.float32}
    assert torch.equal(loaded.backbone.ln_f.weight, tiny.backbone.ln_f.weight.float())


def test_saved_folder_holds_each_tensor_once_and_a_card(tmp_path, tiny):
    tiny.name = "my-genome"
    save_pretrained(tiny, tmp_path, card="# Mine\n", metadata={"tokens": 7})
    names = load_file(tmp_path / "model.safetensors").keys()
    assert not [n for n in names if "lm_head" in n or n.endswith("filter.3.freq")]
    config = json.loads((tmp_path / "config.json").read_text())
    assert config["format"] == "hyenascope"
    assert config["metadata"] == {"tokens": 7}
    assert config["checkpoint"] == checkpoint_hash(tiny)
    assert (tmp_path / "README.md").read_text() == "# Mine\n"
    assert load_pretrained(tmp_path).name == "my-genome"
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        *("README.md", "config.json", "model.safetensors"),
    ]


def test_untitled_models_take_the_name_of_their_folder(tmp_path):
    model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    save_pretrained(model, tmp_path / "rice")
    assert load_pretrained(tmp_path / "rice").name == "rice"
    assert load_pretrained(tmp_path / "rice" / "model.safetensors").name == "rice"


def test_two_sided_models_come_back(tmp_path):
    config = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34, bidirectional=True)
    model = HyenaLM(config).eval()
    save_pretrained(model, tmp_path)
    with torch.inference_mode():
        assert torch.equal(load_pretrained(tmp_path)(TOKENS), model(TOKENS))


def test_unwritable_metadata_leaves_the_folder_untouched(tmp_path, tiny):
    save_pretrained(tiny, tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(ValueError, match="metadata must be plain JSON values"):
        save_pretrained(tiny, tmp_path, metadata={"x": object()})
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_interrupt_between_the_files_is_noticed(tmp_path, tiny, monkeypatch):
    save_pretrained(tiny, tmp_path)
    tiny.backbone.ln_f.weight.data += 1

    def interrupt(self, *args, **kwargs):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Path, "write_text", interrupt)
        with pytest.raises(KeyboardInterrupt):
            save_pretrained(tiny, tmp_path)
    with pytest.raises(ValueError, match="Saving was interrupted, or a file was chang"):
        load_pretrained(tmp_path)


def test_modulation_shift_overrides_a_silent_or_speaking_file(tiny):
    assert tiny.config.modulation_shift == 0.05
    other = load_pretrained(GOLDEN / "tiny", modulation_shift=0.0)
    assert other.config.modulation_shift == 0.0
    assert other.backbone.layers[0].mixer.filter_fn.modulation.shift == 0.0
    with torch.inference_mode():
        assert not torch.allclose(other(TOKENS), tiny(TOKENS))
    assert load_pretrained(GOLDEN / "posemb").config.modulation_shift == 0.0
    posemb = load_pretrained(GOLDEN / "posemb", modulation_shift=0.05)
    assert posemb.config.modulation_shift == 0.05


def test_shift_is_decided_by_likelihood_and_kept(tmp_path, caplog):
    with caplog.at_level(logging.INFO, "hyenascope"):
        model = load_pretrained(
            GOLDEN / "tiny", modulation_shift="auto", fasta=["ACGTTGCAGGATC" * 20]
        )
    assert f"taking {model.config.modulation_shift}" in caplog.text
    save_pretrained(model, tmp_path)
    assert load_pretrained(tmp_path).config == model.config


@pytest.mark.parametrize(
    ("shift", "fasta", "message"),
    [
        ("auto", None, "fasta must be given with modulation_shift='auto' .* without"),
        (0.0, ["ACGT"], r"and only then; got modulation_shift=0\.0 with fasta"),
        (None, "genome.fa", "and only then; got modulation_shift=None with fasta"),
        (float("nan"), None, "must be a finite number or 'auto'; got nan"),
    ],
)
def test_shift_and_fasta_go_together(shift, fasta, message):
    with pytest.raises(ValueError, match=message):
        load_pretrained(GOLDEN / "tiny", modulation_shift=shift, fasta=fasta)


def test_safetensors_go_before_a_pickle(folder):
    (folder / "weights.ckpt").write_bytes(b"not read")
    assert load_pretrained(folder).name == "mine"


def test_missing_paths_say_what_is_known(tmp_path, folder):
    with pytest.raises(FileNotFoundError, match=r"or one of demo-synth.*large-1m"):
        load_pretrained(tmp_path / "nowhere")
    (folder / "weights.safetensors").unlink()
    with pytest.raises(FileNotFoundError, match=r"must hold model\.safetensors, "):
        load_pretrained(folder)
    shutil.copy(GOLDEN / "tiny" / "weights.ckpt", folder)
    (folder / "config.json").unlink()
    with pytest.raises(FileNotFoundError, match=r"config\.json must lie beside"):
        load_pretrained(folder / "weights.ckpt")


def test_revision_belongs_to_published_names():
    with pytest.raises(ValueError, match="revision must only be given with a publ"):
        load_pretrained(GOLDEN / "tiny", revision="main")


def test_errors_of_weights_that_do_not_fit_name_the_file(folder):
    config = json.loads((folder / "config.json").read_text())
    config["layer"]["l_max"] = 514
    (folder / "config.json").write_text(json.dumps(config))
    message = r"weights\.safetensors: l_max must be .* 258 .*got 514 .*part of the w"
    with pytest.raises(ValueError, match=message):
        load_pretrained(folder)
    config["layer"]["l_max"], config["d_model"] = 258, 64
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises(ValueError, match=r"(?s)weights\.safetensors: .*another shape"):
        load_pretrained(folder)


def test_not_finite_weights_are_refused(folder):
    path = folder / "weights.safetensors"
    tensors = load_file(path)
    tensors["model.backbone.ln_f.bias"][2] = float("nan")
    save_file(tensors, path)
    with pytest.raises(ValueError, match=r"NaN or infinity in backbone\.ln_f\.bias"):
        load_pretrained(folder)


def test_bundled_names_are_found_in_the_package(tmp_path, monkeypatch, tiny):
    tiny.name = "yeast-1k"
    save_pretrained(tiny, tmp_path / "yeast-1k")
    monkeypatch.setattr(published, "_WEIGHTS_FOLDER", tmp_path)
    assert load_pretrained("yeast-1k").name == "yeast-1k"
    assert "yeast-1k" in set(list_models()["name"])
    with pytest.raises(FileNotFoundError, match="demo-synthetic must hold"):
        load_pretrained("demo-synthetic")


@pytest.mark.parametrize("name", ["tiny-1k", "LongSafari/hyenadna-tiny-1k-seqlen"])
def test_published_names_are_fetched(tmp_path, monkeypatch, tiny, name):
    checkpoint = find_published(name)
    golden = GOLDEN / "tiny" / "hf"
    files = {path.name: path.read_bytes() for path in golden.iterdir()}
    with serve(Hub(checkpoint.hub_repo, checkpoint.revision, files)) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        model = load_pretrained(name, cache_dir=tmp_path)
    assert model.name == "tiny-1k"
    with torch.inference_mode():
        assert torch.equal(model(TOKENS), tiny(TOKENS))
