"""Whether anybody looks on while a layer runs."""

from torch import nn
from torch.nn.modules.module import _has_any_global_hook as has_global_hooks


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
