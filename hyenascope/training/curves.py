"""The loss of a run: every step for a file, a dozen rows for a page."""

import numpy as np
import pandas as pd

from hyenascope._typing import StrPath
from hyenascope.data.atomic import atomic_path

_NEEDED = ("step", "loss")


def curve_table(curves: pd.DataFrame, *, rows: int = 12) -> pd.DataFrame:
    """Return the course of a run in few rows, their steps evenly spaced in logarithm.

    Parameters
    ----------
    curves
        One row per step, in order: ``step``, ``loss`` in nats per base, and, where
        known, ``tokens`` read so far and ``validation`` in nats per base, NaN where
        it was not looked at.
    rows
        At most so many.

    Returns
    -------
    DataFrame
        ``step``, ``tokens``, ``loss`` (the mean over the steps since the row above,
        what is not finite left out) and ``validation`` (the last since the row
        above), the last step always among them.

    Raises
    ------
    ValueError
        If a column is missing, there is no step, or ``rows`` is below 1.

    Examples
    --------
    >>> curves = pd.DataFrame({"step": [1, 2, 3, 4], "loss": [8.0, 4.0, 2.0, 1.0]})
    >>> curve_table(curves, rows=3)
       step  loss
    0     1   8.0
    1     2   4.0
    2     4   1.5
    """
    _check(curves)
    if rows < 1:
        raise ValueError(f"rows must be at least 1; got {rows}.")
    count = len(curves)
    ends = np.unique(np.geomspace(1, count, rows).round().astype(int)) - 1
    ends[-1] = count - 1  # geomspace of one row is its start
    group = np.searchsorted(ends, np.arange(count))
    columns = [c for c in ("step", "tokens", "loss", "validation") if c in curves]
    known = curves[columns].astype(float).replace([np.inf, -np.inf], np.nan)
    # "last" passes over NaN: the last look at held-out text in a group.
    rule = {name: "mean" if name == "loss" else "last" for name in columns}
    table = known.groupby(group).agg(rule).reset_index(drop=True)
    whole = {name: int for name in ("step", "tokens") if name in columns}
    return table.astype(whole).dropna(axis="columns", how="all")


def write_curves(path: StrPath, curves: pd.DataFrame) -> None:
    """Write every step and every column as a table with tabs, whole or not at all.

    Raises
    ------
    ValueError
        If ``step`` or ``loss`` is missing or there is no step.
    OSError
        If the disk refuses.
    """
    _check(curves)
    with atomic_path(path) as temporary:
        curves.to_csv(temporary, sep="\t", index=False, lineterminator="\n")


def _check(curves: pd.DataFrame) -> None:
    missing = [name for name in _NEEDED if name not in curves]
    if missing or curves.empty:
        found = f"columns {list(curves.columns)}" if missing else "no step"
        raise ValueError(
            f"curves must have the columns step and loss, and steps; got {found}."
        )
