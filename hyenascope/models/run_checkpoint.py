"""The model in a checkpoint of a pretraining run, finished or not.

`hyenascope.training.pretrain` keeps them as ``checkpoints/*.pt`` in the folder of the
run. They hold the configuration, the weights and, if the run has one, the moving
average of the weights, which is then the model.
"""

from pathlib import Path

import torch
from torch import Tensor

from hyenascope.models.config_dialects import ConfigFile
from hyenascope.models.hyena import HyenaConfig
from hyenascope.models.state_layouts import standard_names


def read_run_checkpoint(path: Path) -> tuple[ConfigFile, dict[str, Tensor]]:
    """Return configuration and weights; the model is named after the run's folder.

    No code of the file is run.

    Raises
    ------
    ValueError
        If the file is damaged or no checkpoint of a run; the message starts with the
        path.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
        config = HyenaConfig(**state["record"]["config"])
        tensors = standard_names(state["model"])
        if state["average"] is not None:
            tensors |= state["average"]["average"]
    except Exception as error:
        reason = (str(error).splitlines() or ["it is empty"])[0]
        raise ValueError(
            f"{path} must be a checkpoint of a pretraining run, or have config.json "
            f"beside it; it cannot be read: {reason}"
        ) from error
    return ConfigFile(config, name=path.resolve().parents[1].name), tensors
