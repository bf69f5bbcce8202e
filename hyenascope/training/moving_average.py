"""A moving average of weights: smoother than the weights of any one step."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn


class MovingAverage:
    """Exponential moving average of a model's parameters.

    The decay is ramped up, ``min(decay, (1 + n) / (10 + n))`` after ``n`` updates, so
    that the random start is soon forgotten.

    Parameters
    ----------
    model
        Whose parameters are averaged, from now on.
    decay
        How much of the average stays at each update, 0 to 1.

    Examples
    --------
    >>> layer = nn.Linear(1, 1, bias=False)
    >>> average = MovingAverage(layer, decay=0.5)
    >>> with torch.no_grad():
    ...     _ = layer.weight.add_(1.0)
    >>> average.update(layer)
    >>> with average.used_by(layer):
    ...     inside = layer.weight.item()
    >>> round(layer.weight.item() - inside, 3)  # a tenth of the step is forgotten
    0.1
    """

    def __init__(self, model: nn.Module, decay: float) -> None:
        self.decay = decay
        self.updates = 0
        self._average = {
            name: parameter.detach().clone()
            for name, parameter in model.named_parameters()
        }

    @torch.no_grad()
    def update(self, model: nn.Module) -> None:
        """Take in the weights as they are now."""
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        for name, parameter in model.named_parameters():
            self._average[name].lerp_(parameter.detach(), 1 - decay)
        self.updates += 1

    @contextmanager
    def used_by(self, model: nn.Module) -> Iterator[None]:
        """Put the average into a model, and its own weights back at the end."""
        own = {n: p.detach().clone() for n, p in model.named_parameters()}
        try:
            self._put(model, self._average)
            yield
        finally:
            self._put(model, own)

    def give_to(self, model: nn.Module) -> None:
        """Put the average into a model for good."""
        self._put(model, self._average)

    @torch.no_grad()
    def _put(self, model: nn.Module, weights: dict[str, Tensor]) -> None:
        for name, parameter in model.named_parameters():
            parameter.copy_(weights[name])

    def state(self) -> dict[str, object]:
        """Return what `restore` needs."""
        return {"updates": self.updates, "average": self._average}

    @torch.no_grad()
    def restore(self, state: dict[str, object]) -> None:
        """Go on from a state."""
        updates, average = state["updates"], state["average"]
        assert isinstance(updates, int)
        assert isinstance(average, dict)
        self.updates = updates
        for name, tensor in self._average.items():
            tensor.copy_(average[name])
