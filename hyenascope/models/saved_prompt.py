"""Save a prompt without the model that it is for, and load it again.

A folder holds ``prompt.safetensors`` (the prompt, the readout and the calibration) and
``prompt.json`` (task, letters, how sequences are read, and the hash of the backbone,
so that no prompt is put to another model).
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from hyenascope._typing import StrPath
from hyenascope.data.json_text import parse_json
from hyenascope.models.checkpoint import load_pretrained
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.model_folder import write_model_folder
from hyenascope.models.prompted import PromptedModel
from hyenascope.models.sequence_input import SequenceInput
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.models.state_layouts import (
    checkpoint_hash,
    model_tensors,
    read_safetensors,
    tensors_hash,
)

PROMPT_FILE, PROMPT_WEIGHTS = "prompt.json", "prompt.safetensors"
_FORMAT, _FORMAT_VERSION = "hyenascope-prompt", 1


def save_prompt(model: PromptedModel, folder: StrPath) -> None:
    """Write a folder that `load_prompt` reads back, bit for bit.

    Parameters
    ----------
    model
        Left as it is. Its backbone is not written, only named and hashed.
    folder
        Made if missing; an older prompt in it is replaced.

    Raises
    ------
    OSError
        If the disk refuses.
    """
    folder = Path(folder)
    tensors = {k: v.cpu().contiguous() for k, v in _own_tensors(model).items()}
    found = {
        "format": _FORMAT,
        "format_version": _FORMAT_VERSION,
        "prompt": tensors_hash(tensors),
        "backbone": {
            "name": model.backbone.name,
            "checkpoint": checkpoint_hash(model.backbone),
        },
        "task": asdict(model.task),
        "n_tokens": model.n_tokens,
        "place": model.place,
        "answer": model.answer,
        "letters": model.letters,
        "separator": model.separator,
        "dropout": model.prompt_dropout.p,
        "reading": asdict(model.reading),
    }
    text = json.dumps(found, indent=2) + "\n"
    write_model_folder(folder, {PROMPT_WEIGHTS: tensors, PROMPT_FILE: text})


@torch.inference_mode(False)
def load_prompt(folder: StrPath, model: HyenaLM | StrPath) -> PromptedModel:
    """Put a saved prompt to its backbone again, in eval mode.

    Parameters
    ----------
    folder
        Of `save_prompt`.
    model
        The backbone, shared and frozen as `PromptedModel` does; or its name or path.

    Raises
    ------
    FileNotFoundError
        If a file is missing.
    ValueError
        If a file is damaged or of another save, or the model is another one.

    Examples
    --------
    >>> import tempfile
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> from hyenascope.models.prompted import dna_prompt
    >>> backbone = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> task = SequenceTask("binary", ("no", "yes"))
    >>> model = PromptedModel(backbone, task, dna_prompt(backbone, "ACGT"))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     save_prompt(model, folder)
    ...     load_prompt(folder, backbone).n_tokens
    4
    """
    folder = Path(folder)
    found, tensors = _read_json(folder), _read_tensors(folder)
    if found.get("prompt") != tensors_hash(tensors):
        raise ValueError(
            f"{folder / PROMPT_WEIGHTS} must hold the numbers that {PROMPT_FILE} was "
            f"saved with, {found.get('prompt')}; got {tensors_hash(tensors)}."
        )
    backbone = model if isinstance(model, HyenaLM) else load_pretrained(model)
    _check_backbone(backbone, found.get("backbone"), folder / PROMPT_FILE)
    try:
        prompted = _build(backbone, found, tensors)
        _fill(prompted, tensors)
    except (KeyError, IndexError, TypeError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{folder / PROMPT_FILE} must describe a prompt: {error}"
        ) from error
    return prompted.eval()


def _own_tensors(model: PromptedModel) -> dict[str, Tensor]:
    named = model_tensors(model).items()
    return {name: t for name, t in named if not name.startswith("backbone.")}


def _check_backbone(backbone: HyenaLM, wanted: object, source: Path) -> None:
    if not isinstance(wanted, dict) or not {"name", "checkpoint"} <= wanted.keys():
        raise ValueError(f"{source} must name the backbone; got {wanted!r}.")
    if (checkpoint := checkpoint_hash(backbone)) != wanted["checkpoint"]:
        raise ValueError(
            f"model must be the one that the prompt was made for, {wanted['name']} "
            f"({wanted['checkpoint']}); got {backbone.name} ({checkpoint})."
        )


def _build(
    backbone: HyenaLM, found: dict[str, Any], tensors: dict[str, Tensor]
) -> PromptedModel:
    task = SequenceTask(found["task"]["kind"], tuple(found["task"]["label_names"]))
    outputs = len(tensors["readout.linear.bias"])
    if task.outputs != outputs:  # before a readout of another size takes memory
        raise ValueError(f"it has {task.outputs:,} outputs, its weights {outputs:,}")
    with torch.random.fork_rng(devices=[]):
        return PromptedModel(
            backbone,
            task,
            tensors["prompt"],
            place=found["place"],
            answer=found["answer"],
            letters=found["letters"],
            separator=found["separator"],
            dropout=found["dropout"],
            reading=SequenceInput(**found["reading"]),
        )


def _fill(prompted: PromptedModel, tensors: dict[str, Tensor]) -> None:
    """Put the saved numbers in, in the dtype in which they were saved."""
    own = _own_tensors(prompted)
    if own.keys() != tensors.keys():
        raise KeyError(f"{PROMPT_WEIGHTS} holds {', '.join(sorted(tensors))}")
    place = prompted.prompt.device
    here = {name: tensor.to(place) for name, tensor in tensors.items()}
    prompted.load_state_dict(here, strict=False, assign=True)


def _read_json(folder: Path) -> dict[str, Any]:
    path = folder / PROMPT_FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"folder must be one of save_prompt, with {PROMPT_FILE}; got {folder}."
        )
    try:
        found: dict[str, Any] = parse_json(path.read_text(encoding="utf-8"))
        kind = found["format"], found["format_version"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} must describe a prompt: {error}") from error
    if kind != (_FORMAT, _FORMAT_VERSION):
        raise ValueError(
            f"{path} must have format {_FORMAT}, version {_FORMAT_VERSION}; got "
            f"{kind[0]}, version {kind[1]}."
        )
    return found


def _read_tensors(folder: Path) -> dict[str, Tensor]:
    path = folder / PROMPT_WEIGHTS
    if not path.is_file():
        raise FileNotFoundError(f"folder must hold {PROMPT_WEIGHTS}; got {folder}.")
    return read_safetensors(path)
