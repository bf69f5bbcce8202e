"""A wrapped model as a network from one-hot rows to the number that is explained."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hyenascope.data.interval import Interval
from hyenascope.interpret.model_output import ModelOutput
from hyenascope.models.wrappers.protocol import WrappedModel


class OutputNetwork(nn.Module):
    """One output of a wrapped model over a window, one number per sequence.

    Parameters
    ----------
    model
        With gradients; borrowed by the caller.
    target
        Which output, over which bins.
    window
        What the model reads, 0-based half-open.
    reverse
        Whether it reads the reverse complement.
    """

    def __init__(
        self,
        model: WrappedModel,
        target: ModelOutput,
        window: Interval,
        *,
        reverse: bool,
    ) -> None:
        super().__init__()
        self.network = model.network
        self._column = target.index(model, reverse=reverse)
        self._asked = (model, target, window, reverse)

    def forward(self, rows: Float[Tensor, "batch length 4"]) -> Float[Tensor, " batch"]:
        """Return the number of each sequence."""
        found = self.network(rows)
        model, target, window, reverse = self._asked
        bins = target.bins(
            model, window, found.shape[1], middle=window.center, reverse=reverse
        )
        picked = found[:, torch.from_numpy(bins).to(found.device), self._column]
        return picked.mean(1) if target.aggregation == "mean" else picked.sum(1)


def check_target(model: WrappedModel, target: object) -> None:
    """Refuse what a wrapped model cannot be explained by.

    Raises
    ------
    TypeError
        If the target is no `ModelOutput`.
    ValueError
        If the model has no gradients at its letters, or no such output.
    """
    model.require("gradients")
    if not isinstance(target, ModelOutput):
        raise TypeError(
            f"target must be a ModelOutput for a wrapped model; got {target!r}."
        )
    target.index(model)
