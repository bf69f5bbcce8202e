"""Every layout of weights ends in the same tensors, or in a list of what differs."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from hyenascope.models.config_dialects import read_config
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.state_layouts import (
    build_model,
    checkpoint_hash,
    model_tensors,
    read_weights,
    standard_names,
)

GOLDEN = Path(__file__).parent / "golden" / "checkpoints"
EMBEDDING = "backbone.embeddings.word_embeddings.weight"
POSITIONS = "backbone.layers.0.mixer.filter_fn.pos_emb"


@pytest.fixture
def tensors():
    return read_weights(GOLDEN / "tiny" / "weights.safetensors")


@pytest.fixture(scope="module")
def config():
    return read_config(GOLDEN / "tiny" / "config.json").config


@pytest.mark.parametrize(
    "file", ["weights.ckpt", "weights_omegaconf.ckpt", "hf/model.safetensors"]
)
def test_layouts_hold_the_same_tensors(tensors, file):
    other = read_weights(GOLDEN / "tiny" / file)
    assert other.keys() == tensors.keys()
    assert all(torch.equal(other[name], tensors[name]) for name in tensors)


def test_names_are_those_of_the_network(tensors, config):
    assert tensors.keys() == model_tensors(HyenaLM(config)).keys()


def test_layer_of_gradient_checkpointing_leaves_the_names():
    config = read_config(GOLDEN / "layered" / "config.json").config
    tensors = read_weights(GOLDEN / "layered" / "weights.ckpt")
    assert tensors.keys() == model_tensors(HyenaLM(config)).keys()


def test_one_tensor_under_two_names_is_refused(tensors):
    doubled = {f"model.{EMBEDDING}": tensors[EMBEDDING], EMBEDDING: tensors[EMBEDDING]}
    with pytest.raises(ValueError, match=f"each tensor once; got {EMBEDDING} twice"):
        standard_names(doubled)


def test_head_must_be_the_embedding(tensors):
    stored = {**tensors, "lm_head.weight": tensors[EMBEDDING] + 1}
    with pytest.raises(ValueError, match=r"lm_head\.weight must equal backbone\.emb"):
        standard_names(stored)
    stored["lm_head.weight"] = tensors[EMBEDDING][:12]
    with pytest.raises(ValueError, match=r"lm_head\.weight must equal backbone\.emb"):
        standard_names(stored)


def test_sines_of_a_filter_must_agree(tensors):
    name = "backbone.layers.1.mixer.filter_fn.implicit_filter.3.freq"
    stored = {**tensors, name: tensors[name.replace(".3.", ".1.")] * 2}
    with pytest.raises(ValueError, match=r"\.3\.freq must equal .*\.1\.freq"):
        standard_names(stored)


def test_a_sine_stored_under_a_later_layer_only_is_enough():
    stored = {"f.implicit_filter.3.freq": torch.ones(1)}
    assert list(standard_names(stored)) == ["f.implicit_filter.1.freq"]


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_are_not_finite_are_named(tensors, value):
    name = "backbone.layers.1.mlp.fc1.bias"
    tensors[name] = tensors[name].clone()
    tensors[name][3] = value
    with pytest.raises(ValueError, match=f"got NaN or infinity in {name}"):
        standard_names(tensors)


def test_weights_that_are_not_floating_point_are_named(tensors):
    tensors[EMBEDDING] = tensors[EMBEDDING].to(torch.int8)
    with pytest.raises(ValueError, match=rf"torch\.int8 in {EMBEDDING}"):
        standard_names(tensors)


def test_differences_are_listed_with_both_shapes(tensors, config):
    gone = [name for name in tensors if "layers.1.mixer.in_proj" in name]
    for name in gone:
        del tensors[name]
    tensors["score.weight"] = torch.ones(3, 32)
    tensors[EMBEDDING] = torch.ones(12, 32)
    with pytest.raises(ValueError, match=r"must fit config\.json") as caught:
        build_model(config, tensors)
    assert str(caught.value).splitlines()[1:] == [
        "  missing (2):",
        *(f"    {name}" for name in sorted(gone)),
        "  not known (1):",
        "    score.weight",
        "  of another shape (1):",
        f"    {EMBEDDING}: expected (16, 32), got (12, 32)",
    ]


def test_long_lists_are_cut(config):
    with pytest.raises(ValueError, match=r"missing \(\d+\):(\n    \S+){10}\n    … "):
        build_model(config, {})


def test_l_max_of_the_positions_must_be_that_of_the_config(tensors):
    other = HyenaConfig(d_model=32, d_inner=128, l_max=1026)
    with pytest.raises(ValueError, match=r"weights, 258 .*; got 1026 in config\.json"):
        build_model(other, tensors)


def test_absent_positions_keep_their_closed_form(tensors, config):
    names = ("pos_emb.z", "pos_emb.t", "modulation.deltas")
    bare = {k: v for k, v in tensors.items() if not k.endswith(names)}
    model = build_model(config, bare)
    for name, stored in model_tensors(build_model(config, tensors)).items():
        found = model_tensors(model)[name]
        torch.testing.assert_close(found, stored, rtol=0, atol=1e-6)


def test_learned_positions_may_not_be_absent():
    config = read_config(GOLDEN / "order3" / "config.json").config
    tensors = read_weights(GOLDEN / "order3" / "weights.safetensors")
    del tensors[f"{POSITIONS}.z"]
    with pytest.raises(ValueError, match=rf"missing \(1\):\n    {POSITIONS}\.z"):
        build_model(config, tensors)


def test_unused_skip_weights_of_published_files_are_dropped(tensors, config):
    without = HyenaConfig(d_model=32, d_inner=128, l_max=258, filter_skip=False)
    model = build_model(without, tensors)
    assert not any("filter_fn.bias" in name for name in model_tensors(model))


@pytest.mark.parametrize(
    ("stored", "read"),
    [
        (torch.float16, torch.float32),
        (torch.bfloat16, torch.float32),
        (torch.float64, torch.float64),
    ],
    ids=str,
)
def test_precision_of_the_file(tensors, config, stored, read):
    model = build_model(config, {k: v.to(stored) for k, v in tensors.items()})
    assert {t.dtype for t in model_tensors(model).values()} == {read}
    weight = model_tensors(model)[EMBEDDING]
    assert torch.equal(weight, tensors[EMBEDDING].to(stored).to(read))


def test_loading_leaves_the_random_state_alone(tensors, config):
    before = torch.get_rng_state()
    build_model(config, tensors)
    assert torch.equal(torch.get_rng_state(), before)


def test_head_stays_tied_and_sine_shared(tensors, config):
    model = build_model(config, tensors)
    assert model.lm_head.weight is model.backbone.embeddings.word_embeddings.weight
    sines = [
        model.get_submodule(f"backbone.layers.0.mixer.filter_fn.implicit_filter.{i}")
        for i in (1, 3, 5)
    ]
    assert sines[0] is sines[1] is sines[2]


def test_hash_sees_every_weight_and_buffer(tensors, config):
    model = build_model(config, tensors)
    hashes = {checkpoint_hash(model)}
    for tensor in model_tensors(model).values():
        first = tensor.flatten()[0].item()
        tensor.view(-1)[0] = first + 1
        hashes.add(checkpoint_hash(model))
        tensor.view(-1)[0] = first
    assert len(hashes) == 1 + len(model_tensors(model))
    assert checkpoint_hash(model) == checkpoint_hash(build_model(config, tensors))


def test_hash_does_not_depend_on_gradient_checkpointing(tensors, config):
    assert len(checkpoint_hash(build_model(config, tensors))) == 16
    other = HyenaConfig(
        d_model=32, d_inner=128, l_max=258, checkpoint_mixer=True, modulation_shift=0.0
    )
    assert checkpoint_hash(build_model(other, tensors)) == checkpoint_hash(
        build_model(config, tensors)
    )


def test_files_that_are_no_weights_are_refused(tmp_path):
    path = tmp_path / "model.safetensors"
    with pytest.raises(FileNotFoundError, match="weights must be a file"):
        read_weights(path)
    path.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(ValueError, match="got a git-lfs pointer"):
        read_weights(path)
    whole = (GOLDEN / "posemb" / "weights.safetensors").read_bytes()
    for cut in (whole[:4], whole[:100], whole[:-10]):
        path.write_bytes(cut)
        with pytest.raises(ValueError, match="must be a whole safetensors file"):
            read_weights(path)


def test_errors_name_the_file(tmp_path):
    path = tmp_path / "model.safetensors"
    save_file({"x": torch.tensor([float("nan")])}, path)
    with pytest.raises(ValueError, match=r"model\.safetensors: weights must be finite"):
        read_weights(path)


def test_says_when_nothing_confirms_l_max(caplog):
    config = HyenaConfig(d_model=8, n_layer=1, d_inner=8, l_max=34)
    tensors = model_tensors(HyenaLM(config))
    with caplog.at_level("WARNING", logger="hyenascope"):
        build_model(config, tensors)
        assert not caplog.text
        bare = {k: v for k, v in tensors.items() if ".pos_emb." not in k}
        build_model(config, bare)
    assert "l_max 34 is taken from config.json alone" in caplog.text
