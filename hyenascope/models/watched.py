"""Whether anybody looks on while a layer runs, and what may stand in for it if not."""

import torch
from torch import Tensor, nn
from torch.nn.modules.module import _has_any_global_hook as has_global_hooks

from hyenascope.models.elementwise import Gelu, Product


def watched(layer: nn.Module) -> bool:
    """Return whether a layer has hooks, or a ``forward`` of its own.

    If so it must be called: nothing may stand in for it.

    Examples
    --------
    >>> layer = nn.Linear(2, 2)
    >>> watched(layer)
    False
    >>> handle = layer.register_forward_hook(print)
    >>> watched(layer)
    True
    """
    return bool(
        "forward" in vars(layer)
        or layer._forward_pre_hooks
        or layer._forward_hooks
        or layer._backward_pre_hooks
        or layer._backward_hooks
        or has_global_hooks()
    )


def untouched(layer: nn.Module) -> bool:
    """Whether a layer does what its class here does, and nobody looks on.

    Examples
    --------
    >>> untouched(nn.Linear(2, 2)), untouched(nn.Bilinear(2, 2, 2))
    (True, False)
    """
    ours = type(layer) in (nn.Linear, nn.Conv1d, Product, Gelu)
    return ours and not watched(layer)


def own_gradients(x: Tensor, module: nn.Module, *layers: nn.Module) -> bool:
    """Whether a function with a gradient of its own may stand in for ``layers``.

    In a step of training of ``module`` on CPU, not in half precision or for a compiler,
    and not where someone wants to see what is in between, or has put a layer of their
    own there.

    Examples
    --------
    >>> own_gradients(torch.zeros(1), nn.Linear(1, 1))
    True
    >>> own_gradients(torch.zeros(1), nn.Linear(1, 1).eval())
    False
    """
    wide = x.dtype in (torch.float32, torch.float64)
    training = module.training and torch.is_grad_enabled()
    if not (training and wide and x.device.type == "cpu"):
        return False
    if torch.compiler.is_compiling() or torch.is_autocast_enabled("cpu"):
        return False
    return all(map(untouched, layers))
