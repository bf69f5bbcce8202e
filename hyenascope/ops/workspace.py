"""Memory for large temporaries that one layer after another takes."""

import math

from torch import Tensor


class Workspace:
    """Keeps a temporary's memory for the next of the same name.

    The C library gives a large block back to the kernel as soon as it is freed, which
    maps and zeroes the next one page by page: a fifth of a pass over 32,768 bases.
    Whoever asks for a name again must be done with what it got before.

    Examples
    --------
    >>> import torch
    >>> workspace = Workspace()
    >>> first = workspace.empty("projected", (2, 3), like=torch.zeros(1))
    >>> again = workspace.empty("projected", (5,), like=torch.zeros(1))
    >>> first.data_ptr() == again.data_ptr()
    True
    """

    def __init__(self) -> None:
        self._kept: dict[str, Tensor] = {}

    def empty(self, name: str, shape: tuple[int, ...], *, like: Tensor) -> Tensor:
        """Return memory of ``shape`` with anything in it, in the dtype of ``like``."""
        count = math.prod(shape)
        kept = self._kept.get(name)
        fits = kept is not None and kept.numel() >= count
        alike = kept is not None and (kept.dtype, kept.device) == (
            like.dtype,
            like.device,
        )
        if kept is None or not (fits and alike):
            self._kept.pop(name, None)  # first, so that there is never room for two
            kept = self._kept[name] = like.new_empty(count)
        return kept[:count].view(shape)
