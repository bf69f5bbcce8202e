"""Whether a pass may run in the forms that are tuned by hand."""

import torch


def hand_tuned() -> bool:
    """Return whether nobody needs the plain steps: no gradient and no compiler.

    Work in pieces that stay in cache writes over its temporaries, which gradients would
    need; `torch.compile` cuts and fuses in its own way, and has to see every step.

    Examples
    --------
    >>> hand_tuned()
    False
    >>> with torch.no_grad():
    ...     hand_tuned()
    True
    """
    return not (torch.is_grad_enabled() or torch.compiler.is_compiling())
