"""Measured classes against scores: strips side by side, and ROC curves below."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Bool, Float64, Int64

from hyenascope.viz.style import ThemeName
from hyenascope.viz.text import escape_text, shorten
from hyenascope.viz.variant_figures.agreement import roc_curve
from hyenascope.viz.variant_figures.canvas import Canvas, plural
from hyenascope.viz.variant_figures.judged import Expect, Judged, expected
from hyenascope.viz.variant_figures.measured import Classes
from hyenascope.viz.variant_figures.panels import Grid, axis_name
from hyenascope.viz.variant_figures.thinning import (
    MOST,
    apart,
    sideways,
    spread,
    thinned,
    whole_ticks,
)

Values = Float64[np.ndarray, " _"]
Rows = Int64[np.ndarray, " _"]  # of all variants or of those drawn

_STRIP, _ROC, _OVER_ROC = 66, 270, 84  # pixels
_DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


def draw_class_panels(
    judged: Judged,
    classes: Classes,
    truth: str,
    *,
    expect: Expect | None,
    title: str | None,
    theme: ThemeName,
    width: int,
) -> go.Figure:
    """Return strips per score and class, with the ROC curves if scores are judged."""
    scores, labels = judged.scores, classes.labels[judged.rows]
    names = [name for name in classes.names if (labels == name).any()]
    panel = _STRIP * max(len(names), 2)
    grid = Grid(len(scores), panel, _ROC + _OVER_ROC if judged.metric else 0)
    drawn = [_drawn(v, labels, names, MOST // len(scores)) for v in judged.values]
    shown = max(sum(map(len, each)) for each in drawn)
    notes = [
        judged.left_out(),
        thinned(shown, len(labels), " (or fewer) per score"),
        *_method(judged, classes),
    ]
    canvas = Canvas(
        theme,
        width,
        height=62 + grid.height + 54,
        left=min(40 + 7 * max(len(shorten(name, 16)) for name in names), 150),
        top=62,
        notes=tuple(filter(None, notes)),
    )
    traces: list[Any] = []
    axes: dict[str, Any] = {}
    shapes: list[dict[str, Any]] = []
    for number in range(len(scores)):
        axes |= _strip_axes(judged, number, names, grid, canvas)
        traces += _strips(judged, number, labels, names, drawn[number], classes, canvas)
        shapes += _boxes(judged.values[number], number, labels, names, canvas)
    headings = [
        grid.heading(number, judged.heading(number), canvas)
        for number in range(len(scores))
    ]
    if judged.metric:
        traces += _curves(judged, np.isin(labels, classes.positive), expect, canvas)
        axes |= _roc_axes(len(scores), grid, canvas)
        shapes.append(_diagonal(len(scores), canvas))
    counts = ", ".join(f"{name} {int((labels == name).sum()):,}" for name in names)
    whole = f"{plural(len(labels))}: {counts}"
    return canvas.figure(
        traces,
        axes,
        title=title or f"Scores by measured {truth}",
        subtitle=" · ".join(filter(None, (escape_text(whole), judged.difference()))),
        alt=f"{', '.join(scores)} by measured {truth} over {plural(len(labels))} "
        f"({counts}).{judged.sentence()}",
        annotations=headings,
        shapes=shapes,
        legend=_legend(grid, canvas) if judged.metric else None,
    )


def _method(judged: Judged, classes: Classes) -> list[str]:
    bars = "Bars: median and middle half."
    if not judged.metric:
        return [f"{bars} Say which class is positive to see the AUROC."]
    positive = escape_text(shorten(", ".join(classes.positive), 40))
    return [
        f"{bars} AUROC: chance that {positive} ranks above another class; in brackets "
        "95 % of bootstrap resamples of positions."
    ]


def _drawn(
    values: Values, labels: np.ndarray, names: list[str], most: int
) -> list[Rows]:
    """Return which variants of each class get a marker."""
    found = []
    for name in names:
        rows = np.flatnonzero(labels == name)
        here = values[rows]
        kept = spread(
            here + apart(values)[rows],
            sideways(here),
            most=max(most // len(names), 5),
            pixels=(200, _STRIP),
        )
        found.append(rows[kept])
    return found


def _strip_axes(
    judged: Judged, number: int, names: list[str], grid: Grid, canvas: Canvas
) -> dict[str, Any]:
    score = judged.scores[number]
    return grid.axes(
        number,
        canvas,
        {
            "title": judged.table.label(score, absolute=judged.absolute),
            "showgrid": True,
            **whole_ticks(judged.values[number]),
        },
        {
            "range": [len(names) - 0.4, -0.6],
            "tickvals": list(range(len(names))),
            "ticktext": [escape_text(shorten(name, 16)) for name in names],
            "showgrid": False,
        },
    )


def _strips(
    judged: Judged,
    number: int,
    labels: np.ndarray,
    names: list[str],
    drawn: list[Rows],
    classes: Classes,
    canvas: Canvas,
) -> list[go.Scatter]:
    table, score, values = judged.table, judged.scores[number], judged.values[number]
    traces, shift = [], apart(values)
    for at, (name, rows) in enumerate(zip(names, drawn, strict=True)):
        whole = np.flatnonzero(labels == name)
        aside = sideways(values[whole])[np.searchsorted(whole, rows)]
        traces.append(
            go.Scatter(
                x=(values + shift)[rows],
                y=at + 0.36 * aside,
                xaxis=axis_name("x", number),
                yaxis=axis_name("y", number),
                mode="markers",
                showlegend=False,
                marker={
                    "size": 4,
                    "opacity": 0.5,
                    "color": canvas.theme.line(1 if name in classes.positive else 0),
                    "line": {"width": 0},
                },
                hovertext=[
                    table.hover(
                        int(judged.rows[row]),
                        [(score, table.amount(score, values[row])), ("measured", name)],
                    )
                    for row in rows
                ],
                hoverinfo="text",
            )
        )
    return traces


def _boxes(
    values: Values, number: int, labels: np.ndarray, names: list[str], canvas: Canvas
) -> list[dict[str, Any]]:
    """Return a line from quartile to quartile and a bar at the median, per class."""
    place = {"xref": axis_name("x", number), "yref": axis_name("y", number)}
    shapes = []
    for at, name in enumerate(names):
        low, middle, high = np.percentile(values[labels == name], [25, 50, 75])
        for ends, width in (
            ((low, at, high, at), 2),
            ((middle, at - 0.2, middle, at + 0.2), 3),
        ):
            ink = {"color": canvas.theme.ink, "width": width}
            x0, y0, x1, y1 = map(float, ends)
            bar = canvas.line(x0, y0, x1, y1, line=ink, layer="above")
            shapes.append(bar | place)
    return shapes


def _curves(
    judged: Judged,
    positive: Bool[np.ndarray, " variants"],
    expect: Expect | None,
    canvas: Canvas,
) -> list[go.Scatter]:
    count = len(judged.scores)
    curves = []
    for number, (score, values) in enumerate(
        zip(judged.scores, judged.values, strict=True)
    ):
        side = expected(judged.table, score, expect, judged.absolute)
        false, true = roc_curve(values if side == "higher" else -values, positive)
        shown = np.unique(np.linspace(0, len(false) - 1, 400).round().astype(np.int64))
        name = escape_text(f"{shorten(score, 22)} (positive {side})")
        curves.append(
            go.Scatter(
                x=100 * false[shown],
                y=100 * true[shown],
                xaxis=axis_name("x", count),
                yaxis=axis_name("y", count),
                mode="lines",
                name=f"{name}: {judged.estimates[number]}",
                line={
                    "color": canvas.theme.line(number),
                    "width": 2.5 if number == 0 else 1.5,
                    "dash": _DASHES[number % len(_DASHES)],
                },
                hovertemplate=f"<b>{name}</b><br>false positives %{{x:.1f}} %<br>"
                "true positives %{y:.1f} %<extra></extra>",
            )
        )
    return curves


def _roc_axes(count: int, grid: Grid, canvas: Canvas) -> dict[str, Any]:
    own = count + 1
    shared = {"range": [0, 100], "showgrid": True, "dtick": 25}
    return {
        f"xaxis{own}": canvas.axis(
            "false positives (%)",
            domain=[0, _ROC / canvas.inner[0]],
            anchor=f"y{own}",
            **shared,
        ),
        f"yaxis{own}": canvas.axis(
            "true positives (%)",
            domain=[0, _ROC / grid.height],
            anchor=f"x{own}",
            **shared,
        ),
    }


def _diagonal(count: int, canvas: Canvas) -> dict[str, Any]:
    axes = {"xref": axis_name("x", count), "yref": axis_name("y", count)}
    return canvas.line(0, 0, 100, 100, **axes)


def _legend(grid: Grid, canvas: Canvas) -> dict[str, Any]:
    return {
        "orientation": "v",
        "x": _ROC / canvas.inner[0] + 0.04,
        "xanchor": "left",
        "y": _ROC / grid.height,
        "yanchor": "top",
        "title": {"text": "ROC curve, area under it", "font": {"size": 11}},
    }
