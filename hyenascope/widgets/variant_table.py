"""The list of variants beside a browser: strongest first, a row leads to its place."""

from typing import Any

import numpy as np
import pandas as pd

from hyenascope.data.visible_text import visible_text
from hyenascope.viz.text import format_value, is_missing, shorten

MOST_ROWS = 1000
_FIRST = ("chrom", "pos", "ref", "alt", "id")
_MOST_COLUMNS = 9


def table_rows(frame: pd.DataFrame, score: str) -> dict[str, Any]:
    """Return what the page lists, as JSON can hold it.

    Parameters
    ----------
    frame
        One row per variant with ``chrom``, ``pos`` (1-based), ``ref``, ``alt`` and
        ``score``.
    score
        Ranks: largest absolute value first, rows without a finite one last.

    Returns
    -------
    dict
        ``columns``; ``rows``, at most 1,000, each with the number of its ``row`` in
        ``frame``, its ``cells`` as text and its sort ``keys``; ``total``.

    Examples
    --------
    >>> row = {"chrom": "1", "pos": 1007, "ref": "A", "alt": "G", "llr": -0.5}
    >>> listed = table_rows(pd.DataFrame([row]), "llr")
    >>> listed["columns"], listed["rows"][0]["cells"]
    (['chrom', 'pos', 'ref', 'alt', 'llr'], ['1', '1,007', 'A', 'G', '−0.500'])
    """
    first = [name for name in (*_FIRST, score) if name in frame.columns]
    names = [*first, *(name for name in frame.columns if name not in first)]
    names = names[:_MOST_COLUMNS]
    numbers = pd.to_numeric(frame[score]).to_numpy(dtype=float, na_value=np.nan)
    strength = np.where(np.isfinite(numbers), np.abs(numbers), -1.0)
    order = np.argsort(-strength, kind="stable")[:MOST_ROWS]
    columns = [frame[name].iloc[order].tolist() for name in names]
    rows = [
        {
            "row": int(number),
            "cells": [visible_text(shorten(format_value(v), 24)) for v in values],
            "keys": [_sort_key(value) for value in values],
        }
        for number, values in zip(order, zip(*columns, strict=True), strict=True)
    ]
    shown = [visible_text(name) for name in names]
    return {"columns": shown, "rows": rows, "total": len(frame)}


def _sort_key(value: object) -> str | float | None:
    if is_missing(value):
        return None
    if isinstance(value, int | float | np.number):
        return float(value) if np.isfinite(value) else None
    return str(value)
