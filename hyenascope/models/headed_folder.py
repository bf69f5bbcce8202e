"""A backbone under a head as a folder: written whole, and refused if it is mixed.

The folder holds ``model.safetensors`` (backbone and head), ``config.json`` (the
backbone's numbers and the hash of all weights) and ``head.json`` (what the head is).
`hyenascope.models.fine_tuned` and `hyenascope.models.saved_track_model` say what stands
in the last of them.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import torch

from hyenascope._typing import StrPath
from hyenascope.data.json_text import parse_json
from hyenascope.models.config_dialects import ConfigFile, config_json, read_config
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.model_folder import ModelFiles, write_model_folder
from hyenascope.models.network_size import check_fit, check_size
from hyenascope.models.sequence_model import SequenceModel
from hyenascope.models.state_layouts import (
    model_tensors,
    read_safetensors,
    tensors_hash,
)
from hyenascope.models.track_model import TrackModel

HEAD_FILE = "head.json"
_FORMAT, _FORMAT_VERSION = "hyenascope-head", 1

Headed = TypeVar("Headed", SequenceModel, TrackModel)
HeadFacts = Mapping[str, Any]
Tensors = Mapping[str, torch.Tensor]


def write_headed(
    model: SequenceModel | TrackModel,
    folder: StrPath,
    head: HeadFacts,
    *,
    card: str | None,
    metadata: Mapping[str, object] | None,
) -> None:
    """Write a folder that `load_headed` reads back, bit for bit.

    Each file appears whole or not at all; an interrupt between them leaves a folder
    that is refused, not one that mixes two models. An older card stays unless there is
    a new one.

    Raises
    ------
    ValueError
        If ``metadata`` holds what JSON cannot.
    OSError
        If the disk refuses.
    """
    tensors = {k: v.cpu().contiguous() for k, v in model_tensors(model).items()}
    checkpoint = tensors_hash(tensors)
    backbone = model.backbone
    config = config_json(
        ConfigFile(
            backbone.config,
            name=None if backbone.name == "untitled" else backbone.name,
            checkpoint=checkpoint,
            metadata=dict(metadata or {}),
        )
    )
    facts = {
        "format": _FORMAT,
        "format_version": _FORMAT_VERSION,
        "checkpoint": checkpoint,
        **head,
    }
    files: ModelFiles = {
        HEAD_FILE: json.dumps(facts, indent=2) + "\n",
        "model.safetensors": tensors,
        "config.json": config,
    }
    if card is not None:
        files["README.md"] = card
    write_model_folder(Path(folder), files)


@torch.inference_mode(False)
def load_headed(
    folder: StrPath,
    build: Callable[[HyenaLM, HeadFacts], Headed],
    *,
    device: str | torch.device | None,
) -> Headed:
    """Return the model of a folder in eval mode, its head built by ``build``.

    ``build`` may raise KeyError, TypeError or ValueError of a head that is none.

    Raises
    ------
    FileNotFoundError
        If the folder or a file of it is missing.
    ValueError
        If a file is damaged, of a newer version, or of another save than the rest.
    """
    folder = Path(folder)
    head = _read_head(folder / HEAD_FILE)
    file = read_config(folder / "config.json")
    tensors = _checked_tensors(folder, file, head)
    try:
        check_size(file.config, tensors)
    except ValueError as error:
        raise ValueError(
            f"{folder / 'config.json'} must fit the weights: {error}"
        ) from error
    try:
        _check_labels(head, tensors)
        with torch.random.fork_rng(devices=[]):
            backbone = HyenaLM(file.config)
            backbone.name = file.name or folder.resolve().name
            model = build(backbone, head)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{folder / HEAD_FILE} must describe a head: {error}"
        ) from error
    try:
        check_fit(model_tensors(model), tensors)
        _check_kinds(tensors)
    except ValueError as error:
        raise ValueError(
            f"{folder / 'model.safetensors'} must hold the weights of {HEAD_FILE}'s "
            f"model: {error}"
        ) from error
    if any(tensor.dtype == torch.float64 for tensor in tensors.values()):
        model.double()
    model.load_state_dict(tensors, strict=False)
    return model.eval().to(device or "cpu")


def _check_labels(head: HeadFacts, tensors: Tensors) -> None:
    """Refuse a head far larger than its weights, before it takes memory."""
    labels = head["task"]["label_names"]
    if not isinstance(labels, list) or not all(isinstance(x, str) for x in labels):
        raise ValueError("label_names must be a list of texts.")
    if len(labels) > max(2, tensors["shift"].numel()):  # one output for two classes
        raise ValueError(
            f"label_names must be those of the weights; got {len(labels):,} of them."
        )


def _check_kinds(tensors: Tensors) -> None:
    for name, tensor in tensors.items():
        if not tensor.is_floating_point():
            raise ValueError(
                f"weights must be real numbers; got {tensor.dtype} in {name}."
            )


def _checked_tensors(
    folder: Path, file: ConfigFile, head: HeadFacts
) -> dict[str, torch.Tensor]:
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise FileNotFoundError(f"folder must hold model.safetensors; got {folder}.")
    tensors = read_safetensors(weights)
    if not file.checkpoint == head.get("checkpoint") == tensors_hash(tensors):
        raise ValueError(
            f"{folder} must hold files of one save; {HEAD_FILE} is of weights "
            f"{head.get('checkpoint')}, config.json of {file.checkpoint}, and "
            f"{weights.name} holds {tensors_hash(tensors)}. Saving was interrupted, or "
            "a file was changed."
        )
    return tensors


def _read_head(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(
            f"folder must be one of a fine-tuned model, with {HEAD_FILE}; got "
            f"{path.parent}."
        )
    try:
        head = parse_json(path.read_text(encoding="utf-8"))
        version = head["format_version"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} must describe a head: {error}") from error
    if head.get("format") != _FORMAT or version != _FORMAT_VERSION:
        raise ValueError(
            f"{path} must have format {_FORMAT}, version {_FORMAT_VERSION}; got "
            f"{head.get('format')}, version {version}."
        )
    found: dict[str, Any] = head
    return found
