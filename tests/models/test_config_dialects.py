"""Three dialects of config.json give the same network, and nothing is guessed."""

import copy
import json
from dataclasses import asdict
from pathlib import Path

import pytest

from hyenascope.models.config_dialects import (
    ConfigFile,
    config_json,
    parse_config,
    read_config,
)
from hyenascope.models.hyena import HyenaConfig

GOLDEN = Path(__file__).parent / "golden" / "checkpoints"


@pytest.fixture
def released():
    return json.loads((GOLDEN / "tiny" / "config.json").read_text())


@pytest.fixture
def hugging_face():
    return json.loads((GOLDEN / "tiny" / "hf" / "config.json").read_text())


def edited(raw, **changes):
    """A copy with keys set; ``layer__w`` is ``w`` within ``layer``."""
    raw = copy.deepcopy(raw)
    for key, value in changes.items():
        *outer, leaf = key.split("__", 1) if key.startswith("layer__") else [key]
        target = raw[outer[0]] if outer else raw
        if value is ...:
            del target[leaf]
        else:
            target[leaf] = value
    return raw


def test_released_and_hugging_face_say_the_same(released, hugging_face):
    config = parse_config(released).config
    assert config == parse_config(hugging_face).config
    assert config == HyenaConfig(
        d_model=32, n_layer=2, d_inner=128, l_max=258, modulation_shift=0.05
    )


def test_every_option_of_the_unusual_file_is_read():
    config = read_config(GOLDEN / "posemb" / "config.json").config
    assert (config.vocab_size, config.vocab_rows, config.layer_norm_epsilon) == (
        *(13, 16, 1e-3),
    )
    assert (config.emb_dim, config.filter_order, config.num_inner_mlps) == (7, 20, 3)
    assert (config.activation_freq, config.modulation_shift) == (3.0, 0.0)
    assert (config.fast_decay_pct, config.slow_decay_pct) == (0.4, 2.0)
    assert (config.decay_target, config.train_positions) == (0.02, True)


def test_order_3_lays_out_filters_as_the_released_operator():
    config = read_config(GOLDEN / "order3" / "config.json").config
    assert (config.order, config.filter_layout) == (3, "order_first")
    assert config.train_positions


def test_both_spellings_of_the_short_filter(released):
    layered = read_config(GOLDEN / "layered" / "config.json").config
    assert layered.short_filter_order == 3
    assert (layered.checkpoint_mixer, layered.checkpoint_mlp) == (True, True)
    other = edited(released, layer__short_filter_order=..., layer__local_order=5)
    assert parse_config(other).config.short_filter_order == 5
    with pytest.raises(ValueError, match=r"layer\.local_order and layer\.short_filter"):
        parse_config(edited(released, layer__local_order=5))


@pytest.mark.parametrize(
    "harmless",
    [
        {"fused_mlp": True},
        {"residual_in_fp32": False},
        {"return_hidden_state": False},
        {"attn_layer_idx": None, "attn_cfg": None},
        {"max_position_embeddings": 0},
        {"layer__fused_fft_conv": True, "layer__jit_filter": False},
        {"layer__num_heads": 1, "layer__outer_mixing": False},
        {"layer__lr": 1e-3, "layer__wd": 0.1, "layer__dropout": 0},
    ],
    ids=str,
)
def test_options_without_effect_are_passed_over(released, harmless):
    changed = edited(released, **harmless)
    assert parse_config(changed).config == parse_config(released).config


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"layer__num_heads": 4}, r"layer\.num_heads must be 1 .*got 4"),
        ({"layer__bidirectional": True}, r"layer\.bidirectional must be False"),
        ({"layer__post_order_ffn": True}, r"layer\.post_order_ffn must be False"),
        ({"layer__activation": "gelu"}, r"layer\.activation must be 'id'"),
        ({"layer___name_": "mha"}, r"layer\._name_ must be 'hyena'"),
        ({"attn_layer_idx": [1]}, r"attn_layer_idx must be None .*got \[1\]"),
        ({"max_position_embeddings": 512}, "max_position_embeddings must be 0"),
        ({"layer__gate": 1, "rms_norm": 1}, "got rms_norm"),
        ({"layer__gate": 1, "layer__a": 1}, r"got layer\.a, layer\.gate"),
        ({"layer__l_max": ...}, r"must give layer\.l_max"),
        ({"d_model": ..., "n_layer": ...}, "must give d_model, n_layer"),
        ({"d_model": "32"}, "d_model must be of type int; got '32'"),
        ({"d_model": 32.0}, r"d_model must be of type int; got 32\.0"),
        ({"layer__l_max": True}, r"layer\.l_max must be of type int; got True"),
        ({"layer__modulate": 1}, r"layer\.modulate must be of type bool; got 1"),
        ({"layer__shift": None}, r"layer\.shift must be of type finite float"),
        ({"layer__w": float("nan")}, r"layer\.w must be of type finite float; got nan"),
        ({"n_layer": 0}, "n_layer must be at least 1; got 0"),
        ({"pad_vocab_size_multiple": 0}, "pad_vocab_size_multiple must be at least 1"),
        ({"layer__emb_dim": 4}, "emb_dim must be odd"),
    ],
    ids=str,
)
def test_what_would_change_the_numbers_is_refused(released, changes, message):
    with pytest.raises(ValueError, match=message):
        parse_config(edited(released, **changes))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"hyena_order": 3}, "hyena_order must be 2 .*got 3"),
        ({"train_freq": False}, "train_freq must be True"),
        ({"hyena_dropout": 0.1}, r"hyena_dropout must be 0\.0"),
        ({"max_seq_len": ..., "layer": {}}, "must give vocab|keys must be known"),
        ({"rope_theta": 1e4}, "got rope_theta"),
    ],
    ids=str,
)
def test_hugging_face_options_are_refused(hugging_face, changes, message):
    with pytest.raises(ValueError, match=message):
        parse_config(edited(hugging_face, **changes))


def test_silence_is_read_as_the_published_code_reads_it(released):
    bare = {
        "d_model": 32,
        "n_layer": 1,
        "vocab_size": 16,
        "layer": {"l_max": 34, "emb_dim": 3},
    }
    config = parse_config(bare).config
    assert (config.d_inner, config.vocab_rows, config.activation_freq) == (128, 16, 1.0)
    assert config.modulation_shift == 0.05
    assert not config.train_positions
    assert parse_config(edited(released, d_inner=None)).config.d_inner == 128
    assert parse_config(edited(released, layer__shift=0)).config.modulation_shift == 0.0


def test_our_own_dialect_round_trips_every_field():
    config = HyenaConfig(
        order=3, filter_layout="channel_first", bidirectional=True, normalized=True
    )
    file = ConfigFile(config, "a", "0123456789abcdef", {"tokens": 1, "on": ["x"]})
    assert parse_config(json.loads(config_json(file))) == file


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"format_version": 2}, "format_version must be 1; got 2: .* another version"),
        ({"config": None}, "config must be an object; got None"),
        ({"name": 3}, "name must be of type .*; got 3"),
        (
            {"colour": 3},
            "keys must be config, name, .*; got 'colour'",
        ),
        ({"config": {"d_model": 8}}, "must give n_layer, d_inner"),
    ],
    ids=str,
)
def test_our_own_dialect_is_checked(changes, message):
    raw = json.loads(config_json(ConfigFile(HyenaConfig()))) | changes
    with pytest.raises(ValueError, match=message):
        parse_config(raw)


def test_our_own_fields_are_checked():
    raw = json.loads(config_json(ConfigFile(HyenaConfig())))
    raw["config"] |= {"filter_layout": "sideways"}
    with pytest.raises(ValueError, match=r"filter_layout must be one of .*'sideways'"):
        parse_config(raw)
    raw["config"] = asdict(HyenaConfig()) | {"new_option": True}
    with pytest.raises(ValueError, match="got new_option"):
        parse_config(raw)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", r"config\.json: Expecting property name"),
        ("[]", "must be a JSON object; got list"),
        ("{}", "must be a HyenaDNA configuration"),
        ('{"layer": 3}', "must be a HyenaDNA configuration"),
    ],
)
def test_other_files_are_refused_with_their_path(tmp_path, text, message):
    path = tmp_path / "config.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=message) as caught:
        read_config(path)
    assert str(path) in str(caught.value)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    path = tmp_path / "config.json"
    path.write_bytes(b"\xff\xfe{")
    with pytest.raises(ValueError, match="can't decode"):
        read_config(path)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="must lie beside the weights"):
        read_config(tmp_path / "config.json")


def test_metadata_must_be_json():
    with pytest.raises(ValueError, match="metadata must be plain JSON values"):
        config_json(ConfigFile(HyenaConfig(), metadata={"x": {1, 2}}))
