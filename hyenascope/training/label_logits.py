"""From predictions back to the logits that they were made from."""

import numpy as np
import pandas as pd
from jaxtyping import Float64

from hyenascope.models.sequence_task import SequenceTask

_LEAST = 1e-9  # of a probability


def label_logits(
    task: SequenceTask, answers: pd.DataFrame
) -> Float64[np.ndarray, "rows outputs"]:
    """Return what predictions were made from: `SequenceTask.predictions` undone.

    Log probabilities for ``"multiclass"``; the log odds of the second class for
    ``"binary"``, of each label for ``"multilabel"``; a regression as it is.
    Probabilities below 1e-9 count as 1e-9.

    Examples
    --------
    >>> task = SequenceTask("binary", ("no", "yes"))
    >>> label_logits(task, pd.DataFrame([[0.5, 0.5], [0.2, 0.8]])).round(4).tolist()
    [[0.0], [1.3863]]
    """
    values = answers.to_numpy(np.float64)
    if task.kind == "regression":
        return values
    logs = np.log(np.clip(values, _LEAST, None))
    if task.kind == "multiclass":
        return logs
    if task.kind == "binary":
        return logs[:, 1:] - logs[:, :1]
    return logs - np.log(np.clip(1 - values, _LEAST, None))
