"""One output of a head on the hidden states: a score to mutate, a target to explain."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hyenascope._device import borrow
from hyenascope.interpret.attribution_window import Reading, Window
from hyenascope.models.heads import SequenceClassifier
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.pooling import PoolMode, pool


@dataclass(frozen=True, eq=False)
class HeadOutput:
    """One output of a head, or of any function of the hidden states.

    Parameters
    ----------
    head
        A `SequenceClassifier` over the model that is asked, or anything that turns
        states ``batch length channels`` of a whole window, after the final norm,
        into ``batch`` or ``batch outputs``. For `deep_lift` to add up, its steps
        must be linear or modules with a rule.
    output
        Which output, from 0.
    name
        What results call it.

    Examples
    --------
    >>> target = HeadOutput(lambda hidden: hidden.mean(1), output=1)
    >>> target(torch.tensor([[[1.0, 2.0], [3.0, 6.0]]]))
    tensor([4.])
    >>> str(HeadOutput(nn.Linear(8, 2), 1))
    'output 1 of Linear'
    """

    head: Callable[[Tensor], Tensor] | nn.Module
    output: int = 0
    name: str = "head output"

    @property
    def units(self) -> str:
        """What the numbers are."""
        return self.name

    def __str__(self) -> str:
        return f"output {self.output} of {type(self.head).__name__}"

    def __call__(
        self, hidden: Float[Tensor, "batch length channels"]
    ) -> Float[Tensor, " batch"]:
        """Return the output of every row.

        Raises
        ------
        ValueError
            If the head's answer has another shape, or no such output.
        """
        head, states = self.head, hidden
        if isinstance(head, SequenceClassifier):
            # Without its model, which has run already.
            mode: PoolMode = head.pool
            head, states = head.head, pool(hidden, mode)
        answer = head(states)
        if answer.ndim == 1:
            answer = answer[:, None]
        fits = answer.ndim == 2 and len(answer) == len(hidden)
        if not fits or not 0 <= self.output < answer.shape[1]:
            raise ValueError(
                "head must give 'batch' or 'batch outputs' with output "
                f"{self.output} among them; got shape {tuple(answer.shape)}."
            )
        return answer[:, self.output]

    def check_model(self, model: HyenaLM) -> None:
        """Refuse a classifier on another model.

        Raises
        ------
        ValueError
            If the head holds a model, and it is not ``model``.
        """
        if isinstance(self.head, SequenceClassifier) and self.head.model is not model:
            raise ValueError("head must sit on the model that is asked; got another's.")

    def read(
        self, model: HyenaLM, window: Window, rows: Float[Tensor, "length 4"]
    ) -> Reading:
        """Bind to a model and a window whose one-hot rows, as read, are ``rows``."""
        del window
        self.check_model(model)
        return Reading(_Readout(self), reach=len(rows), extent=len(rows))

    @contextmanager
    def borrowed(self, device: torch.device) -> Iterator[None]:
        """Use the head in eval mode on ``device``, then put it back."""
        if isinstance(self.head, nn.Module):
            with borrow(self.head, device):
                yield
        else:
            yield


class _Readout(nn.Module):
    """The output as a module, so that hooks and devices reach the head."""

    def __init__(self, target: HeadOutput) -> None:
        super().__init__()
        head = target.head
        self.head = head.head if isinstance(head, SequenceClassifier) else head
        self.target = target

    def forward(
        self,
        hidden: Float[Tensor, "batch reach channels"],
        rows: Float[Tensor, "batch length 4"],
    ) -> Float[Tensor, " batch"]:
        """Return the output of every row."""
        del rows
        return self.target(hidden)
