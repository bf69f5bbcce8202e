"""The loss of a window: what is known of its bases, and nothing else."""

from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from hyenascope.data.labelled_sequences import Task
from hyenascope.models.sequence_task import SequenceTask


@dataclass(frozen=True)
class TrackLesson:
    """A task of every base, as a loss of windows.

    Parameters
    ----------
    task
        Of a base or bin.

    Examples
    --------
    >>> lesson = TrackLesson(SequenceTask("regression", ("signal",)))
    >>> logits = torch.tensor([[[1.0], [5.0], [2.0]]])
    >>> lesson.losses(logits, torch.tensor([[[0.0], [float("nan")], [5.0]]]))
    tensor([5.])
    """

    task: SequenceTask

    @property
    def kind(self) -> Task:
        """Kind of the labels of a base."""
        return self.task.kind

    @property
    def loss_unit(self) -> str:
        """Of the losses."""
        units = {
            "multilabel": "nats per label of a base",
            "regression": "squared deviations",
        }
        return units.get(self.kind, "nats per base")

    def losses(
        self,
        logits: Float[Tensor, "batch bins outputs"],
        targets: Float[Tensor, "batch bins track"],
    ) -> Float[Tensor, " batch"]:
        """Return the mean over the numbers of each window that are not NaN.

        Cross-entropy in nats of classes and of labels, the squared error of a
        regression. Each window must have a known number.
        """
        known = ~targets.isnan()
        wanted = targets.nan_to_num().to(logits.dtype)
        if self.kind == "multiclass":
            classes = wanted[..., 0].long()
            each = functional.cross_entropy(
                logits.transpose(1, 2), classes, reduction="none"
            )[..., None]
        elif self.kind == "regression":
            each = (logits - wanted).square()
        else:
            each = functional.binary_cross_entropy_with_logits(
                logits, wanted, reduction="none"
            )
        total = torch.where(known, each, 0.0).sum(dim=(1, 2))
        return total / known.sum(dim=(1, 2))
