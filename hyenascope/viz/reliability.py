"""Predicted probabilities beside how often they came true."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from hyenascope.viz.style import ThemeName
from hyenascope.viz.text import escape_text, shorten
from hyenascope.viz.variant_figures.canvas import Canvas, plural

_COLUMNS = (
    "low",
    "high",
    "rows",
    "mean_predicted",
    "observed",
    "observed_low",
    "observed_high",
)
_SHARES, _COUNTS = (0.3, 1.0), (0.0, 0.2)  # of the height, from below
_SYMBOLS = ("circle", "square", "diamond", "triangle-up")
_LEGEND = {"orientation": "v", "x": 0, "xanchor": "left", "tracegroupgap": 0}
_LEGEND_LINE = 19
_HOVER = (
    "%{customdata[0]}predicted %{customdata[1]:.3~f} to %{customdata[2]:.3~f}, "
    "%{x:.3f} on average<br>came true <b>%{y:.3f}</b>, "
    "%{customdata[3]:.3f} to %{customdata[4]:.3f}<br>rows %{customdata[5]:,}"
)


def plot_reliability(
    table: pd.DataFrame | Mapping[str, pd.DataFrame],
    *,
    title: str = "Reliability of predicted probabilities",
    theme: ThemeName = "light",
    width: int = 560,
    height: int = 600,
) -> go.Figure:
    """Draw how often predictions came true against how likely they were said to be.

    Points on the dashed line keep their word; below it, what is predicted comes true
    too seldom. Lines through points are intervals of the share that came true, of a
    bin by itself. Bars are the rows of each bin.

    Parameters
    ----------
    table
        One row per bin, as `hyenascope.training.calibration.reliability` gives it, or
        several such tables by name, such as before and after calibration.
    title
        Above the figure.
    theme
        ``"light"`` or ``"dark"``.
    width, height
        In pixels.

    Returns
    -------
    go.Figure
        For each table two traces, points and bars.

    Raises
    ------
    ValueError
        If a column is missing, or there is no table or no row in one.

    Examples
    --------
    >>> table = pd.DataFrame(
    ...     {
    ...         "low": [0.0, 0.5],
    ...         "high": [0.5, 1.0],
    ...         "rows": [60, 40],
    ...         "mean_predicted": [0.2, 0.9],
    ...         "observed": [0.3, 0.75],
    ...         "observed_low": [0.2, 0.6],
    ...         "observed_high": [0.42, 0.86],
    ...     }
    ... )
    >>> figure = plot_reliability(table)
    >>> [trace.type for trace in figure.data]
    ['scatter', 'bar']
    >>> figure.layout.meta["alt"]
    'Reliability of predicted probabilities: 100 rows, expected calibration error
    0.120.'
    """
    tables = dict(table) if isinstance(table, Mapping) else {"": table}
    _check(tables)
    several = len(tables) > 1
    # A line of the legend each: names may be as long as the figure is wide.
    top = 78 + _LEGEND_LINE * len(tables) * several
    canvas = Canvas(theme, width=width, height=height + top - 78, top=top)
    traces = [
        trace
        for number, (name, bins) in enumerate(tables.items())
        for trace in _traces(canvas, number, name, bins, several)
    ]
    facts = [_in_short(name, bins) for name, bins in tables.items()]
    subtitle = "in brackets: expected calibration error" if several else facts[0]
    look = {"color": canvas.theme.muted, "width": 1, "dash": "dash"}
    diagonal = canvas.line(0, 0, 1, 1, line=look, layer="above")
    return canvas.figure(
        traces,
        _axes(canvas),
        title=shorten(title, (width - 60) // 9),
        subtitle=escape_text(subtitle),
        alt=f"{title}: {'; '.join(facts)}.",
        shapes=[diagonal],
        legend=_LEGEND if several else None,
    )


def _check(tables: Mapping[str, pd.DataFrame]) -> None:
    if not tables:
        raise ValueError("table must hold bins; got no table.")
    for name, bins in tables.items():
        where = f"table[{name!r}]" if name else "table"
        missing = [column for column in _COLUMNS if column not in bins]
        if missing:
            raise ValueError(
                f"{where} must have the columns {', '.join(_COLUMNS)}; got none named "
                f"{', '.join(missing)}."
            )
        if not bins["rows"].sum() > 0:
            raise ValueError(f"{where} must hold rows in some bin; got none.")


def _traces(
    canvas: Canvas, number: int, name: str, bins: pd.DataFrame, several: bool
) -> Sequence[dict[str, Any]]:
    colour = canvas.theme.line(number)
    label = escape_text(shorten(name, 60))
    some = bins[bins["rows"] > 0]
    observed = some["observed"]
    points = {
        "type": "scatter",
        "mode": "lines+markers",
        "x": some["mean_predicted"].to_numpy(),
        "y": observed.to_numpy(),
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": (some["observed_high"] - observed).to_numpy(),
            "arrayminus": (observed - some["observed_low"]).to_numpy(),
            "color": colour,
            "thickness": 1.5,
            "width": 0,
        },
        "line": {"color": colour, "width": 1},
        "marker": {
            "color": colour,
            "size": 8,
            "symbol": _SYMBOLS[number % len(_SYMBOLS)],
            "line": {"color": canvas.theme.paper, "width": 1},
        },
        "customdata": _said(f"<b>{label}</b><br>" if label else "", some),
        "hovertemplate": _HOVER,
    }
    bars = {
        "type": "bar",
        "x": ((some["low"] + some["high"]) / 2).to_numpy(),
        "width": (some["high"] - some["low"]).clip(lower=0.004).to_numpy(),
        "y": some["rows"].to_numpy(),
        "yaxis": "y2",
        # Of several tables only the outlines, or the first would hide the second.
        "marker": {
            "color": "rgba(0,0,0,0)" if several else colour,
            "line": {"color": colour if several else canvas.theme.paper, "width": 1.5},
        },
        "customdata": points["customdata"],
        "hovertemplate": (
            "%{customdata[0]}predicted %{customdata[1]:.3~f} to "
            "%{customdata[2]:.3~f}<br>rows <b>%{y:,}</b>"
        ),
    }
    named = f"{label} ({_error(bins):.3f})" if several else label
    group = {"name": named, "legendgroup": str(number)}
    return [points | group, bars | group | {"showlegend": False}]


def _said(label: str, bins: pd.DataFrame) -> list[list[object]]:
    columns = ["low", "high", "observed_low", "observed_high", "rows"]
    return [[label, *row] for row in bins[columns].to_numpy(dtype=float).tolist()]


def _axes(canvas: Canvas) -> dict[str, Any]:
    # Past the ends, so that no point is cut in half.
    whole = {"range": [-0.02, 1.02], "tickvals": np.linspace(0, 1, 6).round(1)}
    return {
        "xaxis": canvas.axis("predicted probability", anchor="y2", **whole),
        "yaxis": canvas.axis("share that came true", domain=_SHARES, **whole),
        "yaxis2": canvas.axis(
            "rows", domain=_COUNTS, rangemode="tozero", nticks=4, tickformat=",d"
        ),
        "barmode": "overlay",
    }


def _in_short(name: str, bins: pd.DataFrame) -> str:
    rows = plural(int(bins["rows"].sum()), "row")
    facts = f"{rows}, expected calibration error {_error(bins):.3f}"
    return f"{name}, {facts}" if name else facts


def _error(bins: pd.DataFrame) -> float:
    """Return the mean distance of the points from the line, by rows."""
    apart = (bins["observed"] - bins["mean_predicted"]).abs().fillna(0.0)
    return float((apart * bins["rows"]).sum() / bins["rows"].sum())
