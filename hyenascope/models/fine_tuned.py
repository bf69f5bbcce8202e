"""Save a fine-tuned model with its head, labels and reading, and load it again.

A folder holds ``model.safetensors`` (backbone and readout), ``config.json`` (the
backbone's numbers and the hash of all weights) and ``head.json`` (task, labels,
pooling, how sequences are read).
"""

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file

from hyenascope._typing import StrPath
from hyenascope.models.config_dialects import ConfigFile, config_json, read_config
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.model_folder import ModelFiles, write_model_folder
from hyenascope.models.sequence_input import SequenceInput
from hyenascope.models.sequence_model import SequenceModel
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.models.state_layouts import model_tensors, tensors_hash

HEAD_FILE = "head.json"
_FORMAT, _FORMAT_VERSION = "hyenascope-head", 1


def save_fine_tuned(
    model: SequenceModel,
    folder: StrPath,
    *,
    card: str | None = None,
    metadata: Mapping[str, object] | None = None,
) -> None:
    """Write a folder that `load_fine_tuned` reads back, bit for bit.

    Each file appears whole or not at all; an interrupt between them leaves a folder
    that is refused, not one that mixes two models.

    Parameters
    ----------
    model
        Left as it is.
    folder
        Made if missing; older files are replaced, an older card only by ``card``.
    card
        Model card in Markdown, for ``README.md``.
    metadata
        JSON values to keep: data, scores.

    Raises
    ------
    TypeError
        If the model is of a class of its own, such as `PromptedModel`.
    ValueError
        If ``metadata`` holds what JSON cannot.
    OSError
        If the disk refuses.
    """
    if type(model) is not SequenceModel:
        raise TypeError(
            "model must be a SequenceModel, whose head.json says all; got "
            f"{type(model).__name__} (a PromptedModel goes to save_prompt)."
        )
    folder = Path(folder)
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
    head = {
        "format": _FORMAT,
        "format_version": _FORMAT_VERSION,
        "checkpoint": checkpoint,
        "task": asdict(model.task),
        "pooling": model.readout.pooling,
        "dropout": model.readout.dropout.p,
        "reading": asdict(model.reading),
    }
    files: ModelFiles = {
        HEAD_FILE: json.dumps(head, indent=2) + "\n",
        "model.safetensors": tensors,
        "config.json": config,
    }
    if card is not None:
        files["README.md"] = card
    write_model_folder(folder, files)


@torch.inference_mode(False)
def load_fine_tuned(
    folder: StrPath, *, device: str | torch.device | None = None
) -> SequenceModel:
    """Return the model of a folder of `save_fine_tuned`, in eval mode.

    Parameters
    ----------
    folder
        As saved.
    device
        Where the model goes; the CPU if None.

    Raises
    ------
    FileNotFoundError
        If the folder or a file of it is missing.
    ValueError
        If a file is damaged, of a newer version, or of another save than the rest.

    Examples
    --------
    >>> import tempfile
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> backbone = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> model = SequenceModel(backbone, SequenceTask("binary", ("no", "yes")))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_fine_tuned(model, folder)
    ...     load_fine_tuned(folder).task.label_names
    ('no', 'yes')
    """
    folder = Path(folder)
    head = _read_head(folder / HEAD_FILE)
    file = read_config(folder / "config.json")
    weights = folder / "model.safetensors"
    if not weights.is_file():
        raise FileNotFoundError(f"folder must hold model.safetensors; got {folder}.")
    try:
        tensors = load_file(weights)
    except SafetensorError as error:
        raise ValueError(f"{weights} must be a safetensors file: {error}") from error
    found = {file.checkpoint, head.get("checkpoint"), tensors_hash(tensors)}
    if len(found) > 1:
        raise ValueError(
            f"{folder} must hold files of one save; {HEAD_FILE} is of weights "
            f"{head.get('checkpoint')}, config.json of {file.checkpoint}, and "
            f"{weights.name} holds {tensors_hash(tensors)}. Saving was interrupted, or "
            "a file was changed."
        )
    model = _build(folder, file, head)
    if tensors.keys() != model_tensors(model).keys():
        raise ValueError(f"{weights} must hold the weights of {HEAD_FILE}'s model.")
    if any(tensor.dtype == torch.float64 for tensor in tensors.values()):
        model.double()
    model.load_state_dict(tensors, strict=False)
    return model.eval().to(device or "cpu")


def _read_head(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise FileNotFoundError(
            f"folder must be one of save_fine_tuned, with {HEAD_FILE}; got "
            f"{path.parent}."
        )
    try:
        head = json.loads(path.read_text(encoding="utf-8"))
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


def _build(folder: Path, file: ConfigFile, head: dict[str, Any]) -> SequenceModel:
    with torch.random.fork_rng(devices=[]):
        backbone = HyenaLM(file.config)
        backbone.name = file.name or folder.resolve().name
        try:
            task = SequenceTask(
                head["task"]["kind"], tuple(head["task"]["label_names"])
            )
            return SequenceModel(
                backbone,
                task,
                pooling=head["pooling"],
                dropout=head["dropout"],
                reading=SequenceInput(**head["reading"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(
                f"{folder / HEAD_FILE} must describe a head: {error}"
            ) from error
