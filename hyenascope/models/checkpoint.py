"""Load any published HyenaDNA checkpoint, and save and load our own.

A checkpoint is a ``config.json`` and a weights file beside it. `load_pretrained`
takes a name or a path, reads both whatever their dialect and layout
(`config_dialects`, `state_layouts`), and refuses what does not fit: never a wrong
number, never code from a file.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Literal

import torch
from torch import Tensor

from hyenascope._typing import StrPath
from hyenascope.models.config_dialects import ConfigFile, config_json, read_config
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.model_folder import ModelFiles, write_model_folder
from hyenascope.models.published import (
    BUNDLED,
    PUBLISHED,
    bundled_folder,
    download,
    find_published,
    list_models,
)
from hyenascope.models.run_checkpoint import read_run_checkpoint
from hyenascope.models.shift_probe import likelier_shift
from hyenascope.models.state_layouts import (
    build_model,
    checkpoint_hash,
    model_tensors,
    read_weights,
    tensors_hash,
)

__all__ = ["checkpoint_hash", "list_models", "load_pretrained", "save_pretrained"]

_WEIGHTS_FILES = ("model.safetensors", "weights.safetensors", "weights.ckpt")


@torch.inference_mode(False)
def load_pretrained(
    name_or_path: StrPath,
    *,
    revision: str | None = None,
    cache_dir: StrPath | None = None,
    modulation_shift: float | Literal["auto"] | None = None,
    fasta: StrPath | Sequence[str] | None = None,
    device: str | torch.device | None = None,
) -> HyenaLM:
    """Return a trained model, in eval mode.

    Parameters
    ----------
    name_or_path
        A name of `list_models`, with or without ``LongSafari/hyenadna-…-seqlen`` and
        ``-hf``; a folder with ``config.json`` and ``model.safetensors``,
        ``weights.safetensors`` or ``weights.ckpt`` (the first found); one weights
        file with ``config.json`` beside it; or a checkpoint of a run of `pretrain`,
        such as ``run/checkpoints/best.pt``. A name goes before a folder of the same
        name: write ``./tiny-1k`` for the folder.
    revision
        Commit, tag or branch of a published repository; the pinned commit if None.
    cache_dir
        Where downloads are kept; huggingface_hub's own cache if None.
    modulation_shift
        Overrides the shift of the exponential window of the filters. Published files
        are silent about it and are read as 0.05, as by every published loader; 0.0
        is probably what they were trained with. ``"auto"`` takes the one under
        which ``fasta`` is likelier.
    fasta
        Path of a FASTA file or DNA texts, for ``"auto"`` alone.
    device
        Where the model goes, and where ``"auto"`` runs; the CPU if None. Functions
        that run a model move it by themselves.

    Returns
    -------
    HyenaLM
        Float32, or float64 if the file is. ``name`` is the checkpoint's.

    Raises
    ------
    FileNotFoundError
        If there is no such path, or a file is missing in it.
    ConnectionError
        If a published checkpoint is neither cached nor to be had.
    ValueError
        If a file is damaged, unsafe or of an unknown kind, or weights and
        configuration do not fit each other; the message starts with the path.

    Examples
    --------
    >>> import tempfile
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_pretrained(model, folder)
    ...     load_pretrained(folder).context_length
    32
    """
    _check_shift(modulation_shift, fasta_given=fasta is not None)
    source = _locate(name_or_path, revision, cache_dir)
    file, tensors = _read(source)
    _check_belong_together(source, file, tensors)
    build = partial(_build, source, tensors)
    config = file.config
    if modulation_shift == "auto" and fasta is not None:
        modulation_shift = likelier_shift(build, config, fasta, device=device or "cpu")
    if modulation_shift is not None:
        config = replace(config, modulation_shift=float(modulation_shift))
    model = build(config)
    model.name = file.name or source.name
    return model.to(device or "cpu")


def save_pretrained(
    model: HyenaLM,
    folder: StrPath,
    *,
    card: str | None = None,
    metadata: Mapping[str, object] | None = None,
) -> None:
    """Write a folder that `load_pretrained` reads back, bit for bit.

    ``model.safetensors`` holds every tensor once under the names of `HyenaLM`,
    ``config.json`` the configuration, the model's name and the hash of its weights,
    ``README.md`` the card. Each file appears whole or not at all; an interrupt
    between them leaves a folder that is refused, not one that mixes two models.
    Half precision is written as it is and read as float32.

    Parameters
    ----------
    model
        Left as it is.
    folder
        Made if missing; older files are replaced, an older card only by ``card``.
    card
        Model card in Markdown.
    metadata
        JSON values to keep in ``config.json``: data, tokens seen, scores.

    Raises
    ------
    ValueError
        If ``metadata`` holds what JSON cannot.
    OSError
        If the disk refuses.
    """
    folder = Path(folder)
    tensors = {k: v.cpu().contiguous() for k, v in model_tensors(model).items()}
    file = ConfigFile(
        model.config,
        name=None if model.name == "untitled" else model.name,
        checkpoint=tensors_hash(tensors),
        metadata=dict(metadata or {}),
    )
    text = config_json(file)
    files: ModelFiles = {"model.safetensors": tensors, "config.json": text}
    if card is not None:
        files["README.md"] = card
    write_model_folder(folder, files)


def _check_shift(shift: float | str | None, *, fasta_given: bool) -> None:
    if (shift == "auto") != fasta_given:
        raise ValueError(
            "fasta must be given with modulation_shift='auto' and only then; got "
            f"modulation_shift={shift!r} {'with' if fasta_given else 'without'} fasta."
        )
    if shift is None or shift == "auto":
        return
    if isinstance(shift, str) or not math.isfinite(shift):
        raise ValueError(
            f"modulation_shift must be a finite number or 'auto'; got {shift!r}."
        )


@dataclass(frozen=True)
class _Source:
    name: str
    config: Path
    weights: Path


def _locate(
    name_or_path: StrPath, revision: str | None, cache_dir: StrPath | None
) -> _Source:
    """Find the two files, fetching them if they are published."""
    name = str(name_or_path)
    published = find_published(name)
    if published is not None:
        folder = download(published, revision=revision, cache_dir=cache_dir)
        return _in_folder(published.name, folder)
    if revision is not None:
        raise ValueError(
            f"revision must only be given with a published name; got {revision!r} "
            f"with {name}."
        )
    if name in BUNDLED:
        return _in_folder(name, bundled_folder(name))
    path = Path(name_or_path)
    if path.is_file():
        folder = path.resolve().parent
        return _Source(folder.name, folder / "config.json", path)
    if path.is_dir():
        return _in_folder(path.resolve().name, path)
    names = ", ".join([*BUNDLED, *(checkpoint.name for checkpoint in PUBLISHED)])
    raise FileNotFoundError(
        f"name_or_path must be a folder, a weights file or one of {names}; got {name}."
    )


def _in_folder(name: str, folder: Path) -> _Source:
    if (folder / "head.json").is_file():
        raise ValueError(
            f"{folder} must hold a language model; it holds a fine-tuned one, which "
            "load_fine_tuned reads."
        )
    for filename in _WEIGHTS_FILES:
        if (folder / filename).is_file():
            return _Source(name, folder / "config.json", folder / filename)
    run = sorted(folder.glob("checkpoints/*.pt"))
    begun = f" It is a run that has not ended; load {run[-1]}." if run else ""
    raise FileNotFoundError(
        f"{folder} must hold {', '.join(_WEIGHTS_FILES[:-1])} or {_WEIGHTS_FILES[-1]}; "
        f"found none of them.{begun}"
    )


def _read(source: _Source) -> tuple[ConfigFile, dict[str, Tensor]]:
    if source.weights.suffix == ".pt" and not source.config.is_file():
        return read_run_checkpoint(source.weights)
    return read_config(source.config), read_weights(source.weights)


def _check_belong_together(
    source: _Source, file: ConfigFile, tensors: Mapping[str, Tensor]
) -> None:
    if file.checkpoint not in (None, tensors_hash(tensors)):
        raise ValueError(
            f"{source.weights} must hold the weights that config.json was saved with, "
            f"{file.checkpoint}; got {tensors_hash(tensors)}. Saving was interrupted, "
            "or a file was changed."
        )


def _build(
    source: _Source, tensors: Mapping[str, Tensor], config: HyenaConfig
) -> HyenaLM:
    try:
        return build_model(config, tensors)
    except ValueError as err:
        raise ValueError(f"{source.weights}: {err}") from err
