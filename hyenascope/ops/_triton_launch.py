"""What the fused kernels share before one of them runs: operands, and where they go."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from subprocess import CalledProcessError
from typing import NamedTuple

import torch
import triton
from torch import Tensor

broken: dict[tuple[object, ...], str] = {}
"""Why a kernel did not compile: its way, numbers, size, gates and place."""

_OF_THE_GPU = (torch.AcceleratorError,) if hasattr(torch, "AcceleratorError") else ()


class NotCompiledError(RuntimeError):
    """The kernel is right, and this machine cannot build it."""


class Operands(NamedTuple):
    """What goes in, or the gradients of it."""

    v: Tensor
    k: Tensor
    skip: Tensor
    x0: Tensor | None
    x1: Tensor | None


def alike(
    v: Tensor, x0: Tensor | None, x1: Tensor | None
) -> tuple[Tensor, Tensor | None, Tensor | None]:
    """Give all the same strides, with neighbours next to one another."""
    if x0 is None or x1 is None:
        return (v if v.stride(-1) == 1 else v.contiguous()), None, None
    same = v.stride() == x0.stride() == x1.stride() and v.stride(-1) == 1
    if not same or not v.dtype == x0.dtype == x1.dtype:
        v, x0, x1 = (part.to(v.dtype).contiguous() for part in (v, x0, x1))
    return v, x0, x1


@contextmanager
def launching(way: str, v: Tensor, size: int, *, gated: bool) -> Iterator[None]:
    """Launch where ``v`` is; say by one error what did not compile, and try it once."""
    kernel = (way, v.dtype, size, gated, v.device)
    if kernel in broken:
        raise NotCompiledError(broken[kernel])
    try:
        with _device_of(v):
            yield
    except (torch.OutOfMemoryError, *_OF_THE_GPU):
        raise
    except (triton.TritonError, RuntimeError, OSError, CalledProcessError) as err:
        broken[kernel] = f"{type(err).__name__}: {err}"
        raise NotCompiledError(broken[kernel]) from err


def _device_of(v: Tensor) -> AbstractContextManager[object]:
    """Make it the current one: Triton launches there, wherever its arguments are."""
    return torch.cuda.device(v.device) if v.is_cuda else nullcontext()
