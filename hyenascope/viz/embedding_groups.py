"""Rows of a table by what they are called, each group with a colour."""

from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from jaxtyping import Int64

from hyenascope.viz.head_colours import is_number
from hyenascope.viz.style import Theme

MOST_GROUPS = 12
"""Groups that have a colour of their own."""

_SYMBOLS = ("circle", "diamond", "square")  # each for as many as there are colours


@dataclass(frozen=True, eq=False)
class Group:
    """Rows of one name, and how they are drawn.

    Parameters
    ----------
    name
        As in the table, not escaped.
    rows
        0-based.
    colour, symbol
        Of the marker.
    """

    name: str
    rows: Int64[np.ndarray, " _"] = field(repr=False)
    colour: str
    symbol: str = "circle"


def is_scale(column: pd.Series) -> bool:
    """Whether a column is drawn as numbers: all but yes and no, and few whole numbers.

    Examples
    --------
    >>> is_scale(pd.Series([0.5, 1.0])), is_scale(pd.Series([0, 1, 1]))
    (True, False)
    """
    is_whole = pd.api.types.is_integer_dtype(column)
    return is_number(column) and not (is_whole and column.nunique() <= MOST_GROUPS)


def colour_groups(column: pd.Series, theme: Theme) -> list[Group]:
    """Return groups in the order of their categories, else of their names.

    If there are more than twelve, the largest have colours, and all others are one
    grey group after them. What is missing comes last.

    Examples
    --------
    >>> from hyenascope.viz.style import LIGHT
    >>> [g.name for g in colour_groups(pd.Series(["b", "a", None, "b"]), LIGHT)]
    ['a', 'b', 'unknown']
    """
    if not isinstance(column.dtype, pd.CategoricalDtype):
        column = column.astype("category")
    names = column.cat.categories
    codes = column.cat.codes.to_numpy(dtype=np.int64)
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    found = np.flatnonzero(counts)
    largest = found[np.argsort(-counts[found], kind="stable")][:MOST_GROUPS]
    own = np.sort(largest).tolist()
    groups = [
        Group(
            str(names[code]),
            np.flatnonzero(codes == code),
            theme.line(number),
            _SYMBOLS[number // len(theme.lines) % len(_SYMBOLS)],
        )
        for number, code in enumerate(own)
    ]
    rest = {
        f"{len(found) - len(own):,} others": ~np.isin(codes, own) & (codes >= 0),
        "unknown": codes < 0,
    }
    return groups + [
        Group(name, np.flatnonzero(rows), theme.flagged, "circle-open")
        for name, rows in rest.items()
        if rows.any()
    ]
