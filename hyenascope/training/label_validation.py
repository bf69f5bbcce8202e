"""A look at rows that are held out, to choose the epoch by."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float64, Shaped
from torch import Tensor, nn

from hyenascope.data.labelled_sequences import Task
from hyenascope.models.label_model import mean_logits
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.training.label_batches import LabelBatch, LabelledRows
from hyenascope.training.label_metrics import score_labels
from hyenascope.training.learning_options import LearningOptions


@runtime_checkable
class Lesson(Protocol):
    """What is learned: of a sequence as a whole, or of each of its bases."""

    @property
    def kind(self) -> Task:
        """Kind of the labels."""
        ...

    @property
    def loss_unit(self) -> str:
        """Of the losses."""
        ...

    def losses(self, logits: Tensor, targets: Tensor, /) -> Tensor:
        """Return the loss of each row."""
        ...


@runtime_checkable
class TrainingRows(Protocol):
    """Rows to learn from, in batches that depend on seed and epoch alone."""

    def __len__(self) -> int: ...

    @property
    def bases(self) -> int:
        """Bases of an epoch, about."""
        ...

    def batches(self, options: LearningOptions, epoch: int) -> Iterator[LabelBatch]:
        """Yield every row once, ``options.batch_size`` at a time."""
        ...


@dataclass(frozen=True)
class Look:
    """What held-out rows say of a module.

    Parameters
    ----------
    loss
        Weighted mean.
    scores
        Metrics of `hyenascope.training.label_metrics`.
    notes
        Why a metric is NaN, by its name.
    """

    loss: float
    scores: dict[str, float]
    notes: dict[str, str]


def look_of(loss: float, table: pd.DataFrame) -> Look:
    """Take a loss and a table of `score_labels` together."""
    values, notes = table["value"].items(), table["note"].items()
    return Look(
        loss,
        {str(name): float(value) for name, value in values},
        {str(name): str(note) for name, note in notes},
    )


@runtime_checkable
class Validation(Protocol):
    """Rows that a module is judged by after each epoch."""

    def look(self, module: nn.Module, options: LearningOptions) -> Look:
        """Judge the module, with its weights as they are, on its device."""
        ...


@dataclass(frozen=True, eq=False)
class ValidationRows:
    """Labelled sequences to choose the epoch by.

    Parameters
    ----------
    rows
        With targets as the loss wants them.
    truth
        Labels as metrics want them.
    task
        What the labels are.
    answers
        Turns logits into what metrics want.
    """

    rows: LabelledRows
    truth: Shaped[np.ndarray, "rows *labels"]
    task: SequenceTask
    answers: Callable[[Tensor], Tensor]

    def look(self, module: nn.Module, options: LearningOptions) -> Look:
        """Judge a module on its device, without bootstrap."""
        found = self.logits(module, options)
        with torch.no_grad():
            here = torch.from_numpy(found).to(next(module.parameters()).device)
            answers = self.answers(here).double().cpu().numpy()
        table = score_labels(self.task, self.truth, answers, resamples=0)
        return look_of(self._loss(torch.from_numpy(found)), table)

    def logits(
        self, module: nn.Module, options: LearningOptions
    ) -> Float64[np.ndarray, "rows outputs"]:
        """Return the logits of the rows, averaged over the strands to be read."""
        device = next(module.parameters()).device
        return mean_logits(module, self.rows.tokens, options.strands, device=device)

    def _loss(self, logits: Tensor) -> float:
        losses = self.task.losses(logits, torch.from_numpy(self.rows.targets))
        weights = torch.from_numpy(self.rows.weights)
        return float((losses * weights).sum() / weights.sum())
