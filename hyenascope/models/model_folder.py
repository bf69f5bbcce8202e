"""The files of a saved model, written one after the other, each whole or not at all."""

from pathlib import Path
from typing import TypeAlias

from safetensors.torch import save
from torch import Tensor

from hyenascope.data.atomic import atomic_path

ModelFiles: TypeAlias = dict[str, dict[str, Tensor] | str]
"""Tensors or text, by the name of their file."""


def write_model_folder(folder: Path, files: ModelFiles) -> None:
    """Write tensors as safetensors and texts as UTF-8, in the order given.

    An interrupt leaves the files before it: let a later one hold a hash of an
    earlier one.

    Parameters
    ----------
    folder
        Made if missing; older files of these names are replaced.
    files
        By name: tensors, contiguous and on the CPU, or a text.

    Raises
    ------
    OSError
        If the disk refuses.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        with atomic_path(folder / name) as path:
            if isinstance(content, str):
                path.write_text(content, encoding="utf-8")
            else:
                # Its own writer would make a file that nobody else can read.
                path.write_bytes(save(content, metadata={"format": "pt"}))
