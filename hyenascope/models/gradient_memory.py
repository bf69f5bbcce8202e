"""How many sequences at once, and whether to recompute, within a limit of memory."""

from dataclasses import dataclass

import torch

from hyenascope.models.hyena import HyenaConfig

_DEFAULT_BYTES = 4 * 2**30  # on CPU, where free memory is hard to know
_TOKENS_PER_PASS = 65_536  # on CPU larger batches are no faster


@dataclass(frozen=True)
class GradientPlan:
    """``batch`` sequences per pass; ``recompute`` blocks instead of storing them."""

    batch: int
    recompute: bool


def plan_gradients(
    config: HyenaConfig,
    length: int,
    *,
    device: torch.device,
    dtype: torch.dtype = torch.float32,
    max_memory: int | None = None,
    least: int = 1,
) -> GradientPlan:
    """Fit passes with gradients of the input into ``max_memory``.

    Storing is preferred while ``least`` sequences fit; blocks are recomputed, for a
    third more arithmetic, where they do not.

    Parameters
    ----------
    config
        Of the model.
    length
        Bases per sequence.
    device, dtype
        Where the model runs, and in which numbers.
    max_memory
        Bytes for activations; 4 GiB on CPU and half of what is free on CUDA if None.
    least
        Sequences that a pass must hold.

    Raises
    ------
    ValueError
        If not even ``least`` sequences fit with recomputing.

    Examples
    --------
    >>> plan_gradients(HyenaConfig(), 1024, device=torch.device("cpu"))
    GradientPlan(batch=64, recompute=False)
    >>> deep = HyenaConfig(d_model=256, n_layer=8, d_inner=1024)
    >>> plan_gradients(deep, 32_768, device=torch.device("cpu"), max_memory=4 * 2**30)
    GradientPlan(batch=1, recompute=True)
    """
    limit = activation_limit(device) if max_memory is None else max_memory
    row_bytes = length * dtype.itemsize
    stored, redone = (row_bytes * n for n in _floats_per_token(config))
    if least * redone > limit and least * stored > limit:
        raise ValueError(
            f"max_memory must be at least {least * min(stored, redone):,} bytes for "
            f"{length:,} bp with this model; got {limit:,}."
        )
    recompute = least * stored > limit
    batch = limit // (redone if recompute else stored)
    if device.type == "cpu":
        batch = min(batch, _TOKENS_PER_PASS // length)
    return GradientPlan(max(least, batch), recompute)


def activation_bytes(
    config: HyenaConfig, length: int, *, recompute: bool, itemsize: int = 4
) -> int:
    """Return the bytes that one sequence needs at the peak of a pass and back.

    Examples
    --------
    >>> activation_bytes(HyenaConfig(), 1024, recompute=False) // 2**20
    35
    """
    stored, redone = _floats_per_token(config)
    return length * itemsize * (redone if recompute else stored)


def activation_limit(device: torch.device) -> int:
    """Return the bytes for activations where nobody has said: a cautious guess."""
    if device.type != "cuda":
        return _DEFAULT_BYTES
    free, _ = torch.cuda.mem_get_info(device)
    return free // 2


def _floats_per_token(config: HyenaConfig) -> tuple[int, int]:
    """Peak of a forward and backward pass, storing and recomputing.

    As measured with every operation followed by torch. A step of training on CPU keeps
    less (`hyenascope.ops.gated_conv`): `tests.benchmarks.training` says how much.
    """
    d = config.d_model
    block = 2 * config.d_inner + (6 * config.order + 5) * d
    stored = config.n_layer * block + 20 * d
    redone = 3 * config.n_layer * d + 2 * block + 24 * d
    return stored, redone
