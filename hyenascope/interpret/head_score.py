"""The output of a head as a score of a whole window."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hyenascope._device import borrow


@dataclass(frozen=True)
class HeadScore:
    """One output of a head, or of any function of the hidden states.

    Parameters
    ----------
    head
        From hidden states "batch length channels" of a whole window, after the
        final norm, to "batch" or "batch outputs". A module is used in eval mode and
        put back like the model.
    output
        Which output, if there are several.
    name
        What results call it.

    Examples
    --------
    >>> score = HeadScore(lambda hidden: hidden.mean(1), output=1)
    >>> score(torch.tensor([[[1.0, 2.0], [3.0, 6.0]]]))
    tensor([4.])
    """

    head: Callable[[Tensor], Tensor]
    output: int = 0
    name: str = "head"

    def __call__(
        self, hidden: Float[Tensor, "batch length channels"]
    ) -> Float[Tensor, " batch"]:
        """Return the chosen output of every row.

        Raises
        ------
        ValueError
            If the head's answer has another shape, or no such output.
        """
        found = self.head(hidden)
        if found.ndim not in (1, 2) or len(found) != len(hidden):
            raise ValueError(
                "head must return one row of outputs per sequence; got shape "
                f"{tuple(found.shape)} for {len(hidden)} sequences."
            )
        if found.ndim == 1:
            return found
        if not 0 <= self.output < found.shape[1]:
            raise ValueError(
                f"output must be 0 to {found.shape[1] - 1}, an output of the head; "
                f"got {self.output}."
            )
        return found[:, self.output]

    @contextmanager
    def borrowed(self, device: torch.device) -> Iterator[None]:
        """Use the head in eval mode on ``device``, then put it back."""
        if isinstance(self.head, nn.Module):
            with borrow(self.head, device):
                yield
        else:
            yield
