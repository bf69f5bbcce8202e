"""How much memory a run has taken at most."""

import sys

import torch

from hyenascope.models.gradient_memory import plan_gradients
from hyenascope.models.hyena_config import HyenaConfig
from hyenascope.training.hardware import Hardware

try:
    import resource
except ImportError:  # Windows has none
    resource = None  # type: ignore[assignment]


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


def most_rows(config: HyenaConfig, tokens: int, hardware: Hardware) -> int:
    """Return how many windows fit one pass.

    Examples
    --------
    >>> most_rows(HyenaConfig(), 1024, Hardware(device="cpu"))
    64
    """
    plan = plan_gradients(
        config, tokens, device=hardware.place, max_memory=hardware.max_memory
    )
    return plan.batch
