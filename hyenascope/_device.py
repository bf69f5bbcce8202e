"""Where things run: pick a device, borrow a caller's model and put it back."""

import ctypes
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import chain
from pathlib import Path
from threading import Lock

import torch
from torch import nn

_TRIM_THRESHOLD, _MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h
_CGROUP = Path("/sys/fs/cgroup")  # where a container finds its limits
_keeping = [0]  # how many `freed_memory_kept` run
_counting = Lock()


def resolve_device(device: str | torch.device | None = None) -> torch.device:
    """Return ``device``, or CUDA if there is one, or the CPU.

    A CUDA device always comes with its number: ``cuda`` and ``cuda:0`` must not
    look like two places.

    Raises
    ------
    ValueError
        If torch knows no such device or this machine has none.

    Examples
    --------
    >>> resolve_device("cpu")
    device(type='cpu')
    """
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        place = torch.device(device)
    except RuntimeError:
        raise ValueError(
            f"device must be 'cpu', 'cuda' or another that torch knows; got {device!r}."
        ) from None
    if place.type == "cuda" and place.index is None and torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    try:
        torch.empty(0, device=place)
    except (RuntimeError, AssertionError, NotImplementedError) as err:
        reason = str(err).splitlines()[0]
        raise ValueError(
            f"device must be one that this machine has; got {place}: {reason}"
        ) from None
    return place


def physical_memory() -> int:
    """Bytes of this machine's memory, or its container's; 0 if the system does not say.

    Examples
    --------
    >>> physical_memory() >= 0
    True
    """
    try:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return 0
    for name in ("memory.max", "memory/memory.limit_in_bytes"):  # of versions 2 and 1
        try:
            total = min(total, int((_CGROUP / name).read_text(encoding="ascii")))
        except (OSError, ValueError):  # none, or "max"
            continue
    return total


@cache
def keep_freed_memory() -> None:
    """Let the C library keep some tens of MB of freed memory for the next tensor.

    glibc hands freed blocks back to the kernel, which must map and zero them
    again, unless it has seen a larger block come and go; 32 MB is the most it
    takes into account. A block that is never touched costs nothing.
    """
    torch.empty(31 * 2**20, dtype=torch.uint8)


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """Let the C library keep freed memory, up to 2 GiB, while the block runs.

    Only blocks of up to 32 MiB, the most that it keeps.

    A training step frees and takes the same hundreds of MB again and again, and so
    does a long pass; where they go back to the kernel in between, mapping and zeroing
    them takes a tenth of the time. With another C library than glibc nothing happens.
    """
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    mallopt = getattr(library, "mallopt", None)
    trim = getattr(library, "malloc_trim", None)
    if mallopt is None or trim is None:
        yield
        return
    with _counting:
        _keeping[0] += 1
        mallopt(_MMAP_THRESHOLD, 2**25)  # the most it takes
        mallopt(_TRIM_THRESHOLD, 2**31 - 1)
    try:
        yield
    finally:
        with _counting:
            _keeping[0] -= 1
            if not _keeping[0]:  # else another still needs it
                mallopt(_TRIM_THRESHOLD, 2**26)  # what `keep_freed_memory` leads to
                trim(0)


@contextmanager
def borrow(
    model: nn.Module, device: str | torch.device | None = None
) -> Iterator[torch.device]:
    """Use a caller's model in eval mode on ``device``, then put it back.

    The training flag of every submodule and the device are restored when the
    block ends, also when it ends in an error.
    """
    target = resolve_device(device)
    weight = next(chain(model.parameters(), model.buffers()), None)
    home = weight.device if weight is not None else target
    training = {module: module.training for module in model.modules()}
    try:
        model.eval()
        if target != home:
            model.to(target)
        yield target
    finally:
        if target != home:
            model.to(home)
        for module, flag in training.items():
            module.training = flag
