"""What is learned of a sequence: its loss, and what its numbers mean."""

from dataclasses import dataclass

import torch
from jaxtyping import Float, Shaped
from torch import Tensor
from torch.nn import functional

from hyenascope._choices import check_choice
from hyenascope.data.labelled_sequences import Task


@dataclass(frozen=True)
class SequenceTask:
    """Kind of labels, and their names in the order of the outputs.

    Parameters
    ----------
    kind
        ``"binary"``, ``"multiclass"``, ``"multilabel"`` or ``"regression"``.
    label_names
        Classes, labels or targets.

    Raises
    ------
    ValueError
        If the kind is unknown, or there are not two classes for ``"binary"``, or no
        name at all.

    Examples
    --------
    >>> task = SequenceTask("binary", ("no", "yes"))
    >>> task.outputs, task.predictions(torch.tensor([[0.0]])).tolist()
    (1, [[0.5, 0.5]])
    """

    kind: Task
    label_names: tuple[str, ...]

    def __post_init__(self) -> None:
        check_choice("kind", self.kind, Task)
        wanted = 2 if self.kind == "binary" else None
        if wanted not in (None, len(self.label_names)) or not self.label_names:
            raise ValueError(
                f"label_names must be {'two classes' if wanted else 'at least one'} "
                f"for {self.kind!r}; got {len(self.label_names)}."
            )

    @property
    def outputs(self) -> int:
        """Width of the head: a number per label, one for two classes."""
        return 1 if self.kind == "binary" else len(self.label_names)

    @property
    def loss_unit(self) -> str:
        """Of the losses of sequences."""
        units = {
            "multilabel": "nats per label",
            "regression": "squared deviations",
        }
        return units.get(self.kind, "nats per sequence")

    def losses(
        self,
        logits: Float[Tensor, "batch outputs"],
        targets: Shaped[Tensor, "batch *labels"],
    ) -> Float[Tensor, " batch"]:
        """Return the loss of each sequence.

        Cross-entropy in nats for classes; its mean over labels for ``"multilabel"``;
        the mean squared error over targets for ``"regression"``.
        """
        if self.kind == "multiclass":
            return functional.cross_entropy(logits, targets.long(), reduction="none")
        if self.kind == "binary":
            targets = targets[:, None]
        wanted = targets.to(logits.dtype)
        if self.kind == "regression":
            each = (logits - wanted).square()
        else:
            each = functional.binary_cross_entropy_with_logits(
                logits, wanted, reduction="none"
            )
        return each.mean(dim=1)

    def predictions(
        self, logits: Float[Tensor, "batch outputs"]
    ) -> Float[Tensor, "batch labels"]:
        """Return one column per name: probabilities, or the numbers themselves.

        The two columns of ``"binary"`` and all of ``"multiclass"`` sum to one.
        """
        if self.kind == "binary":
            yes = logits.sigmoid()
            return torch.cat([(-logits).sigmoid(), yes], dim=1)
        if self.kind == "multiclass":
            return logits.softmax(dim=1)
        return logits.sigmoid() if self.kind == "multilabel" else logits
