"""What a training run tells while it goes on, and who listens."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Protocol, runtime_checkable

import pandas as pd


@dataclass(frozen=True)
class StepReport:
    """One optimiser step, seen from its end.

    Parameters
    ----------
    step
        1 for the first.
    tokens
        Bases the model has read so far.
    length
        Bases per window in this step.
    loss
        Mean training loss in nats per target; not finite if the step was skipped.
    learning_rate
        Of the first parameter group.
    gradient_norm
        Before clipping.
    seconds
        Wall time of the step.
    memory
        Peak bytes so far: of the process on CPU, of the device's tensors on CUDA.
    validation
        Nats per base on held-out text, where this step ended with a look at it.
    skipped
        Why the weights were left as they were; empty if they moved.
    """

    step: int
    tokens: int
    length: int
    loss: float
    learning_rate: float
    gradient_norm: float
    seconds: float
    memory: int
    validation: float | None = None
    skipped: str = ""


def report_table(reports: Sequence[StepReport]) -> pd.DataFrame:
    """Return a row per step, a column for each number of a report.

    Examples
    --------
    >>> report_table([StepReport(1, 64, 32, 1.4, 6e-4, 1.0, 0.5, 10**9)])["loss"][0]
    np.float64(1.4)
    """
    # Column by column: a dict per step would take ten times as long.
    names = [field.name for field in fields(StepReport)]
    columns = {name: [getattr(each, name) for each in reports] for name in names}
    return pd.DataFrame(columns).astype({"validation": float})


@dataclass(frozen=True)
class RunPlan:
    """What a run is going to do.

    Parameters
    ----------
    name
        Of the model.
    steps
        Optimiser steps of the whole run, those already done included.
    tokens_per_step
        Bases that one step reads, over all devices.
    parameters
        Trained numbers of the model.
    out
        Folder of the run, empty if nothing is written.
    unit
        Of the loss.
    guess
        Loss of a model that knows nothing, if that is one number.
    """

    name: str
    steps: int
    tokens_per_step: int
    parameters: int
    out: str = ""
    unit: str = "nats per base"
    guess: float | None = math.log(4)


@runtime_checkable
class Monitor(Protocol):
    """Watches a run; every method is called from the thread that trains."""

    def begin(self, plan: RunPlan, past: Sequence[StepReport]) -> None:
        """Hear what is to come, and of the steps an earlier process has done."""
        ...

    def step(self, report: StepReport) -> None:
        """Hear of one step."""
        ...

    def end(self, message: str) -> None:
        """Hear in a sentence how the run ended; also called on an error."""
        ...

    @property
    def stop_requested(self) -> bool:
        """Whether to stop after this step, with a checkpoint."""
        ...
