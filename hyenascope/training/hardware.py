"""Where a run takes place: devices, processes, precision, memory."""

import os
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch

from hyenascope._choices import check_choice
from hyenascope._device import resolve_device
from hyenascope._typing import StrPath

if TYPE_CHECKING:
    from lightning_fabric import Fabric

Strategy = Literal["auto", "ddp", "fsdp"]
Precision = Literal["32", "bf16", "64"]
LoggerName = Literal["csv", "tensorboard", "wandb"]

_FABRIC_PRECISION = {"32": "32-true", "bf16": "bf16-mixed"}


@dataclass(frozen=True)
class Hardware:
    """Devices, precision and memory of a run; none of it is part of the recipe.

    Parameters
    ----------
    device
        ``"cpu"``, ``"cuda"`` and so on; CUDA if there is one by default.
    devices
        How many of them per machine. Under ``torchrun`` the processes are those that
        it has started.
    num_nodes
        Machines.
    strategy
        ``"ddp"`` copies the model to every device, ``"fsdp"`` shares it out (CUDA
        only); ``"auto"`` is ``"ddp"`` as soon as there are several.
    precision
        ``"32"``; ``"bf16"`` for the matrices, while filters, Fourier transforms, the
        residual stream and the loss stay in float32; ``"64"``. There is no float16:
        published runs met NaN with it.
    gradient_checkpointing
        Compute activations again on the way back in place of keeping them: a third
        more time, a fraction of the memory, the same gradients. By default where one
        pass would not fit otherwise.
    max_memory
        Bytes that the activations of one pass may take, from which the micro-batch
        follows; a cautious guess by default.
    workers
        Processes that read windows ahead; 0 reads them between steps.

    Raises
    ------
    ValueError
        If a number is below its least, a word is unknown, or ``"fsdp"`` meets
        ``"64"``.
    """

    device: str | torch.device | None = None
    devices: int = 1
    num_nodes: int = 1
    strategy: Strategy = "auto"
    precision: Precision = "32"
    gradient_checkpointing: bool | None = None
    max_memory: int | None = None
    workers: int = 0

    def __post_init__(self) -> None:
        check_choice("strategy", self.strategy, Strategy)
        check_choice("precision", self.precision, Precision)
        least = {"devices": 1, "num_nodes": 1, "workers": 0}
        for name, bound in least.items():
            if (value := getattr(self, name)) < bound:
                raise ValueError(f"{name} must be at least {bound}; got {value}.")
        if self.strategy == "fsdp" and self.precision == "64":
            raise ValueError("precision must be '32' or 'bf16' for 'fsdp'; got '64'.")
        if self.max_memory is not None and self.max_memory < 1:
            raise ValueError(f"max_memory must be at least 1; got {self.max_memory}.")

    @property
    def place(self) -> torch.device:
        """The device that is asked for, or the best there is."""
        return resolve_device(self.device)

    @property
    def itemsize(self) -> int:
        """Bytes of a number of the residual stream; half precision saves less."""
        return 8 if self.precision == "64" else 4

    def launch(
        self, *, loggers: Sequence[LoggerName] = (), out: StrPath | None = None
    ) -> "Fabric":
        """Return Fabric with its processes running.

        Raises
        ------
        ImportError
            If the extra ``train``, or what a logger needs, is not installed.
        ValueError
            If one of ``loggers`` is unknown, or they are given without ``out``.
        """
        if find_spec("lightning_fabric") is None:
            raise ImportError(
                "pretrain needs Lightning Fabric: pip install 'hyenascope[train]'"
            )
        from lightning_fabric import Fabric

        place = self.place
        here, nodes = self._processes()
        several = here * nodes > 1
        strategy: str = self.strategy
        if strategy == "auto" and several:
            strategy = "ddp"
        devices: Any = here
        if place.type == "cuda" and place.index is not None and not several:
            devices = [place.index]
        fabric = Fabric(
            accelerator=place.type,
            devices=devices,
            num_nodes=nodes,
            strategy=strategy,
            loggers=_loggers(loggers, out),
            **_numbers(self.precision),
        )
        with warnings.catch_warnings():
            # Fabric's advice on settings that are decided here.
            warnings.filterwarnings("ignore", module="lightning_fabric")
            fabric.launch()
        return fabric

    def _processes(self) -> tuple[int, int]:
        """Return devices per machine and machines; torchrun knows better."""
        if "TORCHELASTIC_RUN_ID" not in os.environ:
            return self.devices, self.num_nodes
        here, all_of_them = (
            int(os.environ[name]) for name in ("LOCAL_WORLD_SIZE", "WORLD_SIZE")
        )
        return here, all_of_them // here


def _numbers(precision: Precision) -> dict[str, Any]:
    """Return what Fabric is told of the precision."""
    if precision != "64":
        return {"precision": _FABRIC_PRECISION[precision]}
    from hyenascope.training.double_precision import WholeDoublePrecision

    return {"plugins": [WholeDoublePrecision()]}


def _loggers(names: Sequence[LoggerName], out: StrPath | None) -> list[Any]:
    for name in names:
        check_choice("loggers", name, LoggerName)
    if names and out is None:
        raise ValueError(f"out must be given for loggers; got loggers={list(names)}.")
    return [_logger(name, Path(out)) for name in names if out is not None]


def _logger(name: LoggerName, folder: Path) -> object:
    if name == "csv":
        from lightning_fabric.loggers.csv_logs import CSVLogger

        return CSVLogger(folder, name="csv")
    needs = "tensorboard" if name == "tensorboard" else "wandb"
    if find_spec(needs) is None:
        raise ImportError(f"the logger {name!r} needs {needs}: pip install {needs}")
    if name == "tensorboard":
        from lightning_fabric.loggers.tensorboard import TensorBoardLogger

        return TensorBoardLogger(folder, name="tensorboard")
    from hyenascope.training.wandb_log import WandbLog

    return WandbLog(folder)
