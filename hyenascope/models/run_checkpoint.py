"""A checkpoint of a pretraining run, finished or not, and the model in it.

`hyenascope.training.pretrain` keeps them as ``checkpoints/*.pt`` in the folder of the
run. They hold what the run was made from, the weights and, if the run has one, the
moving average of the weights, which is then the model.
"""

from pathlib import Path
from typing import Any

from torch import Tensor

from hyenascope.models.config_dialects import ConfigFile, parse_config
from hyenascope.models.state_layouts import standard_names
from hyenascope.models.unpickle import read_torch_content

FORMAT = 2
"""Number of the layout that is written, and the only one that is read."""

_OURS = {"format": "hyenascope", "format_version": 1}  # as in our config.json
_WANTED = (
    "must be a checkpoint of a pretraining run, or weights with config.json beside them"
)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint on the CPU, without running code of the file.

    Raises
    ------
    ValueError
        If the file is damaged, no checkpoint of a run, or of another version; the
        message starts with the path.
    """
    try:
        state = read_torch_content(path)
    except Exception as error:
        raise _unreadable(path, error) from error
    if not isinstance(state, dict) or "record" not in state:
        raise ValueError(f"{path} {_WANTED}.")
    if state.get("format") != FORMAT:
        raise ValueError(
            f"{path} must be a checkpoint of format {FORMAT}; got "
            f"{state.get('format')!r}: written by another version of hyenascope."
        )
    return state


def read_run_checkpoint(path: Path) -> tuple[ConfigFile, dict[str, Tensor]]:
    """Return configuration and weights; the model is named after the run's folder.

    Raises
    ------
    ValueError
        As `read_checkpoint`.
    """
    state = read_checkpoint(path)
    try:
        config = parse_config({**_OURS, "config": state["record"]["config"]}).config
        tensors = standard_names(state["model"])
        if state["average"] is not None:
            tensors |= standard_names(state["average"]["average"])
    except Exception as error:
        raise _unreadable(path, error) from error
    return ConfigFile(config, name=path.resolve().parent.parent.name), tensors


def _unreadable(path: Path, error: Exception) -> ValueError:
    reason = (str(error).splitlines() or ["it is empty"])[0]
    return ValueError(f"{path} {_WANTED}; it cannot be read: {reason}")
