"""How much memory a run has taken at most."""

import sys

import torch

from hyenascope.models.gradient_memory import (
    GradientPlan,
    activation_bytes,
    activation_limit,
)
from hyenascope.models.hyena_config import HyenaConfig
from hyenascope.training.hardware import Hardware

try:
    import resource
except ImportError:  # Windows has none
    resource = None  # type: ignore[assignment]


_CPU_TOKENS = 8_192  # tensors of larger passes do not stay mapped in memory


def peak_memory(device: torch.device) -> int:
    """Return bytes: of tensors on a CUDA device, else of the whole process.

    0 where the system does not say.

    Examples
    --------
    >>> peak_memory(torch.device("cpu")) > 10 * 2**20
    True
    """
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    if resource is None:
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak


def plan_passes(
    config: HyenaConfig,
    tokens: int,
    hardware: Hardware,
    *,
    batch_size: int,
    micro_batch: int | None = None,
) -> GradientPlan:
    """Decide how many windows a pass takes, and whether it computes blocks again.

    Parameters
    ----------
    config
        Of the model.
    tokens
        Per window.
    hardware
        Where, and within which memory.
    batch_size
        Most windows of a pass.
    micro_batch
        Windows of a pass, if that is decided already.

    Raises
    ------
    ValueError
        If not even one window fits ``max_memory``.

    Examples
    --------
    >>> plan_passes(HyenaConfig(), 1024, Hardware(device="cpu"), batch_size=32)
    GradientPlan(batch=8, recompute=False)
    """
    limit = hardware.max_memory or activation_limit(hardware.place)
    recompute = hardware.gradient_checkpointing
    if recompute is None:
        stored = activation_bytes(
            config, tokens, recompute=False, itemsize=hardware.itemsize
        )
        recompute = (micro_batch or 1) * stored > limit
    row = activation_bytes(
        config, tokens, recompute=recompute, itemsize=hardware.itemsize
    )
    if micro_batch is None and row > limit:
        raise ValueError(
            f"max_memory must be at least {row:,} bytes for one window of {tokens:,} "
            f"tokens with this model; got {limit:,}."
        )
    rows = micro_batch or min(limit // row, batch_size)
    if micro_batch is None and hardware.place.type == "cpu":
        rows = max(1, min(rows, _CPU_TOKENS // tokens))
    return GradientPlan(rows, recompute)
