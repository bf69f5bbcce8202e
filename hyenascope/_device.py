"""Where things run: pick a device, borrow a caller's model and put it back."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn


def resolve_device(device: str | torch.device | None = None) -> torch.device:
    """Return ``device``, or CUDA if there is one, or the CPU.

    Examples
    --------
    >>> resolve_device("cpu")
    device(type='cpu')
    """
    if device is not None:
        return torch.device(device)
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


@contextmanager
def borrow(
    model: nn.Module, device: str | torch.device | None = None
) -> Iterator[torch.device]:
    """Use a caller's model in eval mode on ``device``, then put it back.

    The training flag of every submodule and the device are restored when the
    block ends, also when it ends in an error.
    """
    target = resolve_device(device)
    parameter = next(model.parameters(), None)
    home = parameter.device if parameter is not None else target
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
