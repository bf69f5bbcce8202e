"""What the colours of variants say: a number, a category, or the alternate base."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import pandas as pd

from hyenascope.viz.text import coloured, format_value
from hyenascope.viz.view import View

_MOST_CATEGORIES = 6


class HeadColours(NamedTuple):
    """How heads are coloured.

    Attributes
    ----------
    paint
        Goes into the marker of the trace.
    coloraxis
        Layout of the lane's colour axis, if colours are numbers.
    legend
        What the colours mean, safe to show; empty where a colour bar says so.
    """

    paint: dict[str, Any]
    coloraxis: dict[str, Any] | None = None
    legend: str = ""


def by_number(values: Sequence[float], axis: dict[str, Any], view: View) -> HeadColours:
    """Colour by a number; what has none is grey."""
    return HeadColours({"color": list(values), "coloraxis": view.coloraxis}, axis)


def by_category(
    values: Sequence[object], categories: Sequence[object], view: View
) -> HeadColours:
    """Colour by word: the first six of ``categories`` have their own, the rest is grey.

    Parameters
    ----------
    values
        One per head.
    categories
        In the order in which colours are given out.
    view
        Where to draw.
    """
    theme, own = view.theme, list(categories)[:_MOST_CATEGORIES]
    palette = {format_value(name): theme.line(n) for n, name in enumerate(own)}
    names = [format_value(value) for value in values]
    used = set(names)
    marks = [coloured(f"● {n}", c) for n, c in palette.items() if n in used]
    if used - set(palette):
        marks.append(coloured("● other", theme.flagged))
    paint = {"color": [palette.get(name, theme.flagged) for name in names]}
    return HeadColours(paint, legend=" ".join(marks))


def by_allele(alts: Sequence[object], view: View) -> HeadColours:
    """Colour by the alternate base; longer and symbolic alleles are grey."""
    theme = view.theme
    upper = [alt.upper() if isinstance(alt, str) else "N" for alt in alts]
    bases = [alt if alt in theme.bases else "N" for alt in upper]
    used = [base for base in theme.bases if base in set(bases)]
    marks = [
        coloured("longer" if base == "N" else base, theme.bases[base]) for base in used
    ]
    legend = f"to {' '.join(marks)}" if marks else ""
    return HeadColours({"color": [theme.bases[base] for base in bases]}, legend=legend)


def is_number(column: pd.Series) -> bool:
    """Whether a column holds numbers, and not only yes and no.

    Examples
    --------
    >>> (
    ...     is_number(pd.Series([1, 2])),
    ...     is_number(pd.Series([True])),
    ...     is_number(pd.Series(["a"])),
    ... )
    (True, False, False)
    """
    is_bool = pd.api.types.is_bool_dtype(column)
    return bool(pd.api.types.is_numeric_dtype(column) and not is_bool)
