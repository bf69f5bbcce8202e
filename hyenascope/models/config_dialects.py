"""Three dialects of ``config.json``, read into one `HyenaConfig`.

The released repositories nest the operator under ``layer``; the ``-hf`` ones are
flat and rename half of it; ours lists the fields of `HyenaConfig` themselves. An
option that would change the numbers and that this network lacks is refused by name,
and so is a key nobody knows. Speed switches and training settings are passed over.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from hyenascope._typing import StrPath
from hyenascope.data.json_text import parse_json
from hyenascope.models.hyena import HyenaConfig

_FORMAT = "hyenascope"
_FORMAT_VERSION = 1
_DEFAULTS = asdict(HyenaConfig())
_FILTER_LAYOUTS = ("order_first", "channel_first")

_SAME_NAME = {
    name: name
    for name in (
        *("d_model", "n_layer", "d_inner", "vocab_size", "pad_vocab_size_multiple"),
        *("embed_dropout", "resid_dropout", "layer_norm_epsilon"),
        *("checkpoint_mixer", "checkpoint_mlp"),
    )
}
_SAME_NAME_IN_LAYER = {
    name: name
    for name in (
        *("l_max", "order", "short_filter_order", "emb_dim", "filter_order"),
        *("num_inner_mlps", "modulate", "normalized"),
        *("fast_decay_pct", "slow_decay_pct"),
    )
}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


@dataclass(frozen=True)
class _Dialect:
    """How one kind of file speaks.

    ``names`` maps its keys to fields of `HyenaConfig`, ``silent`` holds what its own
    code assumes where a key is absent, ``fixed`` the options that this network has
    in one setting only, ``harmless`` keys that change no number.
    """

    names: Mapping[str, str]
    required: tuple[str, ...]
    harmless: frozenset[str]
    fixed: Mapping[str, object] = field(default_factory=dict)
    silent: Mapping[str, object] = field(default_factory=dict)


_RELEASED = _Dialect(
    names=_SAME_NAME,
    required=("d_model", "n_layer", "vocab_size"),
    harmless=_words(
        "_name_ fused_mlp fused_dropout_add_ln residual_in_fp32 attn_cfg "
        "return_hidden_state initializer_cfg sequence_parallel device dtype"
    ),
    fixed={
        "attn_layer_idx": None,
        "identity_mlp": False,
        "max_position_embeddings": 0,
    },
    silent={"pad_vocab_size_multiple": 1},
)
_RELEASED_LAYER = _Dialect(
    names={
        **_SAME_NAME_IN_LAYER,
        "local_order": "short_filter_order",
        "w": "activation_freq",
        "shift": "modulation_shift",
        "target": "decay_target",
        "bias": "filter_skip",
    },
    required=("l_max", "emb_dim"),
    harmless=_words(
        "lr wd lr_pos_emb modulation_lr fused_fft_conv fused_bias_fc jit_filter "
        "return_state"
    ),
    fixed={
        "_name_": "hyena",
        "num_heads": 1,
        "num_blocks": 1,
        "inner_factor": 1,
        "outer_mixing": False,
        "post_order_ffn": False,
        "linear_mixer": False,
        "activation": "id",
        "dropout": 0.0,
        "filter_dropout": 0.0,
        # The published two-sided operator never sees a position's own neighbours.
        "bidirectional": False,
    },
    silent={"activation_freq": 1.0},
)
_HUGGING_FACE = _Dialect(
    names={
        **{k: v for k, v in _SAME_NAME.items() if "checkpoint" not in k},
        "max_seq_len": "l_max",
        "hyena_order": "order",
        "short_filter_order": "short_filter_order",
        "emb_dim": "emb_dim",
        "filter_order": "filter_order",
        "num_inner_mlps": "num_inner_mlps",
        "activation_freq": "activation_freq",
        "use_bias": "filter_skip",
    },
    required=("d_model", "n_layer", "vocab_size", "max_seq_len", "emb_dim"),
    harmless=_words(
        # What transformers writes into the config.json of any model.
        "_name_or_path architectures attn_implementation auto_map "
        "bos_token_id chunk_size_feed_forward dtype eos_token_id finetuning_task "
        "id2label initializer_range is_decoder is_encoder_decoder label2id model_type "
        "output_attentions output_hidden_states pad_token_id prefix problem_type "
        "pruned_heads return_dict sep_token_id task_specific_params "
        "tie_word_embeddings tokenizer_class torch_dtype torchscript "
        "transformers_version use_bfloat16 use_cache"
    ),
    # The port lays out the filters of higher orders in a way of its own.
    fixed={
        "hyena_order": 2,
        "hyena_dropout": 0.0,
        "hyena_filter_dropout": 0.0,
        "train_freq": True,
    },
    silent={"activation_freq": 1.0},
)
_OURS = _Dialect(
    names={name: name for name in _DEFAULTS},
    required=("d_model", "n_layer", "d_inner", "vocab_size", "l_max"),
    harmless=_words(""),
)


@dataclass(frozen=True)
class ConfigFile:
    """What a ``config.json`` says; the last three only in our own format.

    Parameters
    ----------
    config
        The network's numbers.
    name
        The model's name.
    checkpoint
        The hash of the weights that belong to it.
    metadata
        Whatever was saved along.
    """

    config: HyenaConfig
    name: str | None = None
    checkpoint: str | None = None
    metadata: Mapping[str, object] = field(default_factory=dict)


def read_config(path: StrPath) -> ConfigFile:
    """Read a ``config.json`` of any of the three kinds.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not JSON or of none of the kinds, a needed key is absent, a value
        has the wrong type, or it asks for something that this network cannot do; the
        message starts with the path.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "config.json"
    ...     _ = path.write_text('{"d_model": 128, "layer": {"l_max": 1026}}')
    ...     read_config(path)
    Traceback (most recent call last):
    ValueError: ...config.json: must give n_layer, vocab_size.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"config.json must lie beside the weights; {path} does not exist."
        )
    try:
        raw = parse_json(path.read_text(encoding="utf-8"))
        if not isinstance(raw, dict):
            raise ValueError(f"must be a JSON object; got {type(raw).__name__}.")
        return parse_config(raw)
    except ValueError as err:  # JSON and Unicode errors are among them
        raise ValueError(f"{path}: {err}") from err


def parse_config(raw: dict[str, Any]) -> ConfigFile:
    """Return what the parsed JSON of a ``config.json`` says.

    Where a file says nothing of the modulation shift it is 0.05, as in every
    published loader. The operator of released files of order 3 and up lays out its
    filters ``"order_first"``.

    Raises
    ------
    ValueError
        As `read_config`.

    Examples
    --------
    >>> layer = {"l_max": 1026, "emb_dim": 5, "local_order": 3, "w": 10}
    >>> raw = {"d_model": 128, "n_layer": 2, "vocab_size": 12, "layer": layer}
    >>> parse_config(raw).config.d_inner
    512
    """
    match raw:
        case {"format": "hyenascope", **ours}:
            return _parse_ours(ours)
        case {"layer": dict(layer), **top}:
            values = _translate(top, _RELEASED)
            values |= _translate(layer, _RELEASED_LAYER, within="layer.")
            values["train_positions"] = bool(layer.get("lr_pos_emb"))
        case {"max_seq_len": l_max, **flat}:
            values = _translate({**flat, "max_seq_len": l_max}, _HUGGING_FACE)
        case _:
            raise ValueError(
                "must be a HyenaDNA configuration: released (with 'layer'), Hugging "
                "Face ('max_seq_len') or our own ('format'); got none of these keys."
            )
    values.setdefault("d_inner", 4 * values["d_model"])
    return ConfigFile(HyenaConfig(**values))


def config_json(file: ConfigFile) -> str:
    """Return our own ``config.json``, which `parse_config` reads back.

    Raises
    ------
    ValueError
        If the metadata holds what JSON cannot.

    Examples
    --------
    >>> file = ConfigFile(HyenaConfig(), name="demo")
    >>> parse_config(json.loads(config_json(file))) == file
    True
    """
    content = {"format": _FORMAT, "format_version": _FORMAT_VERSION, **asdict(file)}
    try:
        return json.dumps(content, indent=2, allow_nan=False) + "\n"
    except TypeError as err:
        raise ValueError(f"metadata must be plain JSON values; {err}.") from err


def _parse_ours(raw: dict[str, Any]) -> ConfigFile:
    version = raw.pop("format_version", None)
    if version != _FORMAT_VERSION:
        raise ValueError(
            f"format_version must be {_FORMAT_VERSION}; got {version!r}: written by "
            "another version of hyenascope."
        )
    config = raw.pop("config", None)
    known = {"name": str | None, "checkpoint": str | None, "metadata": dict}
    for key, value in raw.items():
        if key not in known:
            raise ValueError(f"keys must be config, {', '.join(known)}; got {key!r}.")
        if not isinstance(value, known[key]):
            raise ValueError(f"{key} must be of type {known[key]}; got {value!r}.")
    if not isinstance(config, dict):
        raise ValueError(f"config must be an object; got {config!r}.")
    return ConfigFile(HyenaConfig(**_translate(config, _OURS)), **raw)


def _translate(
    raw: Mapping[str, object], dialect: _Dialect, *, within: str = ""
) -> dict[str, Any]:
    """Fields of `HyenaConfig` that one object of the file gives."""
    _check_keys(raw, dialect, within)
    values: dict[str, Any] = dict(dialect.silent)
    said: dict[str, str] = {}
    for key, name in dialect.names.items():
        # Both codes read a d_inner of null as four times the width.
        if key not in raw or (key == "d_inner" and raw[key] is None):
            continue
        value = _typed(within + key, raw[key], name)
        if name in said and values[name] != value:
            raise ValueError(
                f"{within}{key} and {within}{said[name]} mean the same and must agree; "
                f"got {value} and {values[name]}."
            )
        values[name], said[name] = value, key
    return values


def _check_keys(raw: Mapping[str, object], dialect: _Dialect, within: str) -> None:
    missing = [within + key for key in dialect.required if key not in raw]
    if missing:
        raise ValueError(f"must give {', '.join(missing)}.")
    known = {*dialect.names, *dialect.fixed, *dialect.harmless}
    unknown = sorted(within + key for key in raw.keys() - known)
    if unknown:
        raise ValueError(
            f"keys must be known, for they may change the numbers; got "
            f"{', '.join(unknown)}. Delete them if you know that they do not."
        )
    for key, only in dialect.fixed.items():
        value = raw.get(key, only)
        if value != only and (value or only):
            raise ValueError(
                f"{within}{key} must be {only!r} in this kind of file; got {value!r}."
            )


def _typed(key: str, value: object, name: str) -> object:
    """Check ``value`` against the type of the field, which its default shows."""
    wanted = type(_DEFAULTS[name])
    if wanted is float and type(value) is int:
        value = float(value)
    if type(value) is not wanted or value in (math.inf, -math.inf) or value != value:
        kind = "finite float" if wanted is float else wanted.__name__
        raise ValueError(f"{key} must be of type {kind}; got {value!r}.")
    lowest = 0 if name == "num_inner_mlps" else 1
    if type(value) is int and value < lowest:
        raise ValueError(f"{key} must be at least {lowest}; got {value}.")
    if name == "filter_layout" and value not in _FILTER_LAYOUTS:
        raise ValueError(f"{key} must be one of {_FILTER_LAYOUTS}; got {value!r}.")
    return value
