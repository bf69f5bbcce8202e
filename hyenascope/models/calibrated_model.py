"""A network whose logits have a meaning: a task, and what turns them into answers."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hyenascope.models.sequence_task import SequenceTask


class CalibratedModel(nn.Module):
    """What all models that answer share: the task and the calibration.

    Parameters
    ----------
    task
        What the outputs are.

    Attributes
    ----------
    temperature, shift : Tensor
        Probabilities are those of ``logits / temperature + shift``, see
        `hyenascope.training.calibration`.
    centre, scale : Tensor
        Of a regression: an output is ``centre + scale * logit``.
    """

    temperature: Tensor
    shift: Tensor
    centre: Tensor
    scale: Tensor

    def __init__(self, task: SequenceTask) -> None:
        super().__init__()
        self.task = task
        self.register_buffer("temperature", torch.ones(()))
        self.register_buffer("shift", torch.zeros(task.outputs))
        self.register_buffer("centre", torch.zeros(task.outputs))
        self.register_buffer("scale", torch.ones(task.outputs))

    def answers(
        self, logits: Float[Tensor, "batch outputs"]
    ) -> Float[Tensor, "batch labels"]:
        """Turn logits into calibrated probabilities, or numbers in their units."""
        if self.task.kind == "regression":
            return self.centre + self.scale * logits
        return self.task.predictions(logits / self.temperature + self.shift)
