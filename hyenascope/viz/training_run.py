"""The steps of a training run as arrays that a figure can draw."""

from bisect import bisect_right
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
from jaxtyping import Float64, Int64

Count = Literal["tokens", "step"]
"""What an x axis counts."""

Steps = Float64[np.ndarray, " steps"]
Rows = Int64[np.ndarray, " rows"]

FACTS = ("step", "tokens", "length", "gradient_norm", "learning_rate")
"""Columns of plain numbers that every step has."""

_COLUMNS = (*FACTS, "loss", "validation", "skipped")
_WINDOWS = (5, 11, 21, 51, 101, 201, 501, 1001)  # odd: as many steps on either side


@dataclass(frozen=True, eq=False)
class TrainingRun:
    """A row per step, in order; what is not there is NaN.

    Parameters
    ----------
    frame
        The columns of the steps' reports.
    x
        Where each step ends on the axis.
    loss
        Nats per base of each step.
    smooth
        Mean of the steps around each one.
    window
        Steps that such a mean takes in.
    """

    frame: pd.DataFrame
    x: Steps
    loss: Steps
    smooth: Steps
    window: int

    def column(self, name: str) -> Steps:
        """Return a column of numbers."""
        return _numbers(self.frame[name])

    @property
    def held_out(self) -> Rows:
        """Rows with a loss on held-out text."""
        return np.flatnonzero(np.isfinite(self.column("validation")))

    @property
    def skipped(self) -> Rows:
        """Rows of steps that left the weights as they were."""
        return np.flatnonzero(self.frame["skipped"].to_numpy() != "")

    @property
    def starts(self) -> Rows:
        """Rows where stages of another window length begin, the first one included."""
        return np.flatnonzero(np.diff(self.column("length"), prepend=np.nan) != 0)

    @property
    def edges(self) -> Steps:
        """Where these are on the axis: a step goes from the one before to itself."""
        return np.concatenate([[0.0], self.x])[self.starts]


def read_run(
    reports: pd.DataFrame, *, by: Count = "tokens", window: int | None = None
) -> TrainingRun:
    """Put the steps in order, each once, and average them.

    Parameters
    ----------
    reports
        One row per step; of a step that was done twice the last row counts.
    by
        What the x axis counts.
    window
        Steps that a mean takes in, by default about a fortieth of them.

    Raises
    ------
    ValueError
        If a column is missing, or an option is out of range.

    Examples
    --------
    >>> columns = dict.fromkeys(("gradient_norm", "learning_rate", "validation"), 1.0)
    >>> reports = pd.DataFrame(
    ...     {"step": [1, 2, 3], "tokens": [8, 16, 24], "length": 4, "skipped": ""}
    ...     | {"loss": [1.0, 2.0, 6.0]}
    ...     | columns
    ... )
    >>> read_run(reports, window=3).smooth
    array([1.5, 3. , 4. ])
    """
    if by not in get_args(Count):
        raise ValueError(f"by must be 'tokens' or 'step'; got {by!r}.")
    if window is not None and window < 1:
        raise ValueError(f"window must be at least 1 step; got {window}.")
    missing = [name for name in _COLUMNS if name not in reports]
    if missing:
        raise ValueError(
            f"reports must have the columns {', '.join(_COLUMNS)}; "
            f"got none named {', '.join(missing)}."
        )
    frame = reports[list(_COLUMNS)].drop_duplicates("step", keep="last")
    frame = frame.sort_values("step", ignore_index=True)
    frame["skipped"] = frame["skipped"].fillna("").astype(str)
    loss = _numbers(frame["loss"])
    loss[~np.isfinite(loss)] = np.nan
    size = window or _usual_window(len(frame))
    smooth = _smoothed(loss, frame["length"], size)
    return TrainingRun(frame, _numbers(frame[by]), loss, smooth, size)


def _numbers(column: pd.Series) -> Steps:
    return column.to_numpy(dtype=np.float64, na_value=np.nan, copy=True)


def _usual_window(steps: int) -> int:
    """Return about a fortieth; the same for a while, so that a live line keeps still.

    Examples
    --------
    >>> _usual_window(10), _usual_window(2000), _usual_window(10**6)
    (5, 21, 1001)
    """
    return _WINDOWS[max(0, bisect_right(_WINDOWS, steps / 40) - 1)]


def _smoothed(loss: Steps, length: pd.Series, window: int) -> Steps:
    """Average over steps of one stage: another length is another task."""
    stage = (length != length.shift()).cumsum().to_numpy()
    stages = pd.Series(loss).groupby(stage)
    return _numbers(stages.rolling(window, center=True, min_periods=1).mean())
