"""Several models, one answer: a weighted sum of their logits.

Models that err in different places, such as word counts and a network, do better
together. The weights are fitted on rows that neither has learnt from (stacking, Wolpert
1992, doi:10.1016/S0893-6080(05)80023-1; weights not below zero, Breiman 1996).
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float64
from scipy.optimize import minimize

from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.data.sequences import SequenceSource
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.training.label_evaluation import Predictor
from hyenascope.training.label_logits import label_logits

_RIDGE = 1e-3  # times the squared distance from equal weights: rows may all be right


@dataclass(frozen=True, eq=False)
class StackedModel:
    """A weighted sum of the logits of models.

    Make one with `stack`.

    Parameters
    ----------
    models
        By name.
    weights
        One for each.
    bias
        Added to the sum, one per output.
    """

    models: Mapping[str, Predictor]
    weights: Mapping[str, float]
    bias: Float64[np.ndarray, " outputs"]

    @property
    def task(self) -> SequenceTask:
        """What the labels are."""
        return next(iter(self.models.values())).task

    def predict(self, sequences: SequenceSource) -> pd.DataFrame:
        """Return a row per sequence and a column per label."""
        tables = {name: model.predict(sequences) for name, model in self.models.items()}
        logits = sum(
            self.weights[name] * label_logits(self.task, table)
            for name, table in tables.items()
        )
        answers = self.task.predictions(torch.from_numpy(logits + self.bias))
        first = next(iter(tables.values()))
        return pd.DataFrame(answers.numpy(), index=first.index, columns=first.columns)


def stack(models: Mapping[str, Predictor], rows: LabelledSequences) -> StackedModel:
    """Fit how much each model counts.

    Parameters
    ----------
    models
        By name, at least two, of one task.
    rows
        Labelled sequences that no model has learnt from: validation rows.

    Raises
    ------
    ValueError
        If there are fewer than two models, or their tasks are not that of the rows.
    """
    wanted = SequenceTask(rows.task, rows.label_names)
    if len(models) < 2:
        raise ValueError(f"models must be at least two; got {len(models)}.")
    for name, model in models.items():
        if model.task != wanted:
            raise ValueError(
                f"models must have the task of rows, {wanted.kind} "
                f"{', '.join(wanted.label_names)}; {name!r} has {model.task.kind} "
                f"{', '.join(model.task.label_names)}."
            )
    texts = list(rows.sequences)
    parts = np.stack([label_logits(wanted, m.predict(texts)) for m in models.values()])
    targets = torch.from_numpy(np.array(rows.labels))
    read = torch.from_numpy(parts)

    ridge = 0.0 if wanted.kind == "regression" else _RIDGE

    def loss(numbers: np.ndarray) -> tuple[float, np.ndarray]:
        free = torch.from_numpy(numbers).requires_grad_()
        logits = torch.tensordot(free[: len(parts)], read, 1) + free[len(parts) :]
        away = free[: len(parts)] - 1 / len(parts)
        mean = wanted.losses(logits, targets).mean()
        mean = mean + ridge * away.square().sum()
        (slope,) = torch.autograd.grad(mean, free)
        return float(mean.detach()), slope.numpy()

    start = np.r_[np.full(len(parts), 1 / len(parts)), np.zeros(wanted.outputs)]
    bounds = [(0, None)] * len(parts) + [(None, None)] * wanted.outputs
    found = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x
    weights = dict(zip(models, found[: len(parts)].tolist(), strict=True))
    return StackedModel(dict(models), weights, found[len(parts) :])
