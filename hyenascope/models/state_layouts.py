"""Weights files of every layout, read into one set of names and into a model.

The names are those of `HyenaLM`: published keys without the prefix ``model.``
(Lightning, converted safetensors) or ``hyena.`` (``-hf``), and without the
``.layer.`` that gradient checkpointing puts after ``mixer`` and ``mlp``. The head is
the embedding and one sine frequency serves all layers of a filter network, so each
is held once, whatever the file repeats.
"""

import hashlib
import logging
import re
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor, nn

from hyenascope._typing import StrPath
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.network_size import check_fit, check_size
from hyenascope.models.unpickle import read_torch_zip

_LOGGER = logging.getLogger("hyenascope")

_EMBEDDING = "backbone.embeddings.word_embeddings.weight"
_HEAD = "lm_head.weight"
_SINE = re.compile(r"(.*\.implicit_filter\.)(\d+)\.freq")
_DTYPES = (torch.float16, torch.bfloat16, torch.float32, torch.float64)
_MOST_AXES = 8  # the network has up to three


def read_weights(path: StrPath) -> dict[str, Tensor]:
    """Return the tensors of a weights file under the names of `HyenaLM`.

    Parameters
    ----------
    path
        ``*.safetensors``, or else a zip of ``torch.save``, of which nothing is run.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it cannot be read or `standard_names` refuses its tensors; the message
        starts with the path.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "weights.ckpt"
    ...     torch.save({"model.backbone.layers.0.mixer.layer.x": torch.ones(1)}, path)
    ...     list(read_weights(path))
    ['backbone.layers.0.mixer.x']
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"weights must be a file; {path} does not exist.")
    _refuse_pointer(path)
    if path.suffix == ".safetensors":
        stored = read_safetensors(path)
    else:
        stored = read_torch_zip(path)
    try:
        return standard_names(stored)
    except ValueError as err:
        raise ValueError(f"{path}: {err}") from err


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """Return the tensors of a safetensors file as they are.

    Raises
    ------
    ValueError
        If it is damaged or something else; the message starts with the path.
    """
    try:
        return load_file(path)
    except (SafetensorError, ValueError, TypeError, RuntimeError) as err:
        reason = (str(err).splitlines() or ["it is empty"])[0]
        raise ValueError(f"{path} must be a whole safetensors file; {reason}.") from err


def standard_names(stored: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename tensors to the names of `HyenaLM`, each held once.

    Counters of training metrics are dropped.

    Raises
    ------
    ValueError
        If two keys name one tensor, a tensor has more than eight axes, a value is not
        finite or not floating-point, the head is not the embedding, or the sines of a
        filter network differ.

    Examples
    --------
    >>> same = {f"hyena.f.implicit_filter.{i}.freq": torch.ones(1) for i in (1, 3, 5)}
    >>> list(standard_names(same))
    ['f.implicit_filter.1.freq']
    """
    tensors: dict[str, Tensor] = {}
    for key, tensor in stored.items():
        if "torchmetrics" in key:
            continue
        name = re.sub(r"^(model|hyena)\.", "", key)
        name = re.sub(r"\.(mixer|mlp)\.layer\.", r".\1.", name)
        if name in tensors:
            raise ValueError(f"weights must name each tensor once; got {name} twice.")
        _check_values(name, tensor)
        tensors[name] = tensor
    _drop_copy(tensors, _HEAD, of=_EMBEDDING)
    for name in list(tensors):
        sine = _SINE.fullmatch(name)
        if sine and sine[2] != "1":
            _drop_copy(tensors, name, of=f"{sine[1]}1.freq")
    return tensors


def build_model(config: HyenaConfig, tensors: Mapping[str, Tensor]) -> HyenaLM:
    """Return a model in eval mode that holds ``tensors``, names as in `HyenaLM`.

    Position features ``z``, ``t`` and decay rates ``deltas`` are taken as stored;
    where they are absent they keep their closed form. Half precision is read as
    float32, float64 stays. The global random state is left as it was.

    Raises
    ------
    ValueError
        If the positions are stored for another ``l_max``, or names or shapes do not
        fit; the message lists them.

    Examples
    --------
    >>> config = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)
    >>> model = HyenaLM(config)
    >>> copy = build_model(config, model_tensors(model))
    >>> checkpoint_hash(copy) == checkpoint_hash(model)
    True
    """
    if not config.filter_skip:
        # Published code keeps this weight and never adds it.
        tensors = {k: v for k, v in tensors.items() if not k.endswith("filter_fn.bias")}
    _check_l_max(config, tensors)
    check_size(config, tensors)
    with torch.random.fork_rng(devices=[]):
        model = HyenaLM(config).eval()
    closed_form = [".pos_emb.t", ".modulation.deltas"]
    if not config.train_positions:
        closed_form.append(".pos_emb.z")
    check_fit(model_tensors(model), tensors, optional=tuple(closed_form))
    if tensors[_EMBEDDING].dtype == torch.float64:
        model.double()
    with torch.no_grad():
        for name, target in model_tensors(model).items():
            if name in tensors:
                target.copy_(tensors[name])
    return model


def model_tensors(model: nn.Module) -> dict[str, Tensor]:
    """Return parameters and buffers by name, shared ones once, not copied."""
    named = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    return {name: tensor.detach() for name, tensor in named.items()}


def checkpoint_hash(model: HyenaLM) -> str:
    """Return 16 hexadecimal digits that depend on every weight and buffer.

    The start of a SHA-256 over names, dtypes, shapes and bytes, in the order of the
    names. It is the same before saving and after loading, and whatever the layout of
    the file was. What the configuration alone says, such as the modulation shift,
    has no part in it.

    Examples
    --------
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> len(checkpoint_hash(model))
    16
    """
    return tensors_hash(model_tensors(model))


def tensors_hash(tensors: Mapping[str, Tensor]) -> str:
    """Return the hash of `checkpoint_hash` for tensors that are in no model."""
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        values = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {values.dtype} {tuple(values.shape)}\n".encode())
        digest.update(values.flatten().view(torch.uint8).numpy().data)
    return digest.hexdigest()[:16]


def _refuse_pointer(path: Path) -> None:
    with path.open("rb") as file:
        if file.read(40).startswith(b"version https://git-lfs"):
            raise ValueError(
                f"{path} must hold weights; got a git-lfs pointer to them: run "
                "`git lfs pull` in its folder."
            )


def _drop_copy(tensors: dict[str, Tensor], copy: str, *, of: str) -> None:
    """Keep a tensor that a file holds twice under the name ``of`` alone."""
    if copy not in tensors:
        return
    repeated = tensors.pop(copy)
    original = tensors.setdefault(of, repeated)
    if not torch.equal(original, repeated):
        raise ValueError(
            f"{copy} must equal {of}, with which it is one tensor in this network; "
            "got different values."
        )


def _check_l_max(config: HyenaConfig, tensors: Mapping[str, Tensor]) -> None:
    if not any(name.endswith((".pos_emb.z", ".pos_emb.t")) for name in tensors):
        _LOGGER.warning(
            "l_max %d is taken from config.json alone: the weights hold no positions "
            "to confirm it, and another l_max would be another model.",
            config.l_max,
        )
    for name, tensor in tensors.items():
        if not name.endswith((".pos_emb.z", ".pos_emb.t")) or tensor.ndim != 3:
            continue
        if tensor.shape[1] != config.l_max:
            raise ValueError(
                f"l_max must be the one of the weights, {tensor.shape[1]} (the length "
                f"of {name}); got {config.l_max} in config.json. It is part of the "
                "weights: the clock of the filters runs from 0 to 1 over l_max."
            )


def _check_values(name: str, tensor: Tensor) -> None:
    if tensor.dtype not in _DTYPES:
        raise ValueError(
            "weights must be floating-point numbers of 16, 32 or 64 bits; got "
            f"{tensor.dtype} in {name}."
        )
    if tensor.ndim > _MOST_AXES:
        raise ValueError(
            f"weights must have at most {_MOST_AXES} axes; got {tensor.ndim} in {name}."
        )
    if not torch.isfinite(tensor).all():
        raise ValueError(f"weights must be finite; got NaN or infinity in {name}.")
