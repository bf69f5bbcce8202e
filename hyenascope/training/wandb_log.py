"""Weights & Biases as one of the loggers of a run.

The logger that wandb has for Fabric imports the whole of lightning, of which a run
needs, and installs, only a small part.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lightning_fabric.utilities.rank_zero import rank_zero_only


class WandbLog:
    """Numbers of steps, written into a folder and sent to wandb's server.

    Whoever is logged in there sees them; with ``WANDB_MODE=offline`` in the environment
    they stay in the folder, and ``wandb sync`` sends them later.

    Parameters
    ----------
    folder
        Made when the first numbers come.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._run: Any = None

    @rank_zero_only
    def log_metrics(
        self, metrics: Mapping[str, float], step: int | None = None
    ) -> None:
        """Take the numbers of a step; Fabric calls this."""
        if self._run is None:  # not before the processes of a run have begun
            import wandb

            self._folder.mkdir(parents=True, exist_ok=True)
            self._run = wandb.init(project="hyenascope", dir=self._folder)
        # At once: wandb would hold a step back till the next one comes.
        self._run.log(dict(metrics), step=step, commit=True)

    @rank_zero_only
    def finalize(self, status: str) -> None:
        """Say how the run ended, ``"success"`` or not, and wait for what is unsent."""
        if self._run is not None:
            self._run.finish(exit_code=0 if status == "success" else 1)
            self._run = None
