"""Measured numbers against scores: scatters side by side."""

from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float64, Int64

from hyenascope.viz.style import ThemeName
from hyenascope.viz.text import escape_text, format_value, shorten
from hyenascope.viz.variant_figures.canvas import Canvas, plural
from hyenascope.viz.variant_figures.judged import Judged
from hyenascope.viz.variant_figures.panels import Grid, axis_name
from hyenascope.viz.variant_figures.thinning import (
    MOST,
    apart,
    spread,
    thinned,
    whole_ticks,
)

Values = Float64[np.ndarray, " _"]
Rows = Int64[np.ndarray, " _"]  # of all variants or of those drawn


def draw_number_panels(
    judged: Judged,
    measured: Values,
    truth: str,
    *,
    title: str | None,
    theme: ThemeName,
    width: int,
) -> go.Figure:
    """Return a scatter per score; ``measured`` is over all variants of the table."""
    table, scores = judged.table, judged.scores
    effect = measured[judged.rows]
    effect = np.abs(effect) if judged.absolute else effect
    grid = Grid(len(scores), 260)
    most = MOST // len(scores)
    moved = [apart(each) for each in judged.values]
    kept = [
        spread(each + shift, effect, most=most, pixels=(200, 260))
        for each, shift in zip(judged.values, moved, strict=True)
    ]
    notes = [
        judged.left_out(),
        thinned(max(map(len, kept)), len(effect), " (or fewer) per score"),
        _moved_note([s for s, m in zip(scores, moved, strict=True) if m.any()]),
        _METHOD,
    ]
    canvas = Canvas(
        theme,
        width,
        height=62 + grid.height + 54,
        top=62,
        notes=tuple(filter(None, notes)),
    )
    label = f"|{shorten(truth, 30)}|" if judged.absolute else shorten(truth, 30)
    traces, headings = [], []
    axes: dict[str, Any] = {}
    for number, score in enumerate(scores):
        axes |= grid.axes(
            number,
            canvas,
            {
                "title": table.label(score, absolute=judged.absolute),
                **whole_ticks(judged.values[number]),
            },
            {
                "title": escape_text(f"measured: {label}"),
                "showgrid": True,
                "range": _range(effect),
            },
        )
        headings.append(grid.heading(number, judged.heading(number), canvas))
        traces.append(
            _scatter(judged, number, effect, truth, kept[number], moved[number], canvas)
        )
    subtitle = " · ".join(filter(None, (plural(len(effect)), judged.difference())))
    return canvas.figure(
        traces,
        axes,
        title=title or f"Measured {truth} against scores",
        subtitle=subtitle,
        alt=f"Measured {truth} against {', '.join(scores)} over "
        f"{plural(len(effect))}.{judged.sentence()}",
        annotations=headings,
    )


_METHOD = (
    "ρ: Spearman's rank correlation; in brackets the middle 95 % of bootstrap "
    "resamples of positions."
)


def _range(effect: Values) -> list[float]:
    low, high = float(effect.min()), float(effect.max())
    air = 0.05 * (high - low) or 0.5
    return [low - air, high + air]


def _moved_note(scores: list[str]) -> str:
    if not scores:
        return ""
    return escape_text(f"Points of {', '.join(scores)} are spread sideways.")


def _scatter(
    judged: Judged,
    number: int,
    effect: Values,
    truth: str,
    kept: Rows,
    moved: Values,
    canvas: Canvas,
) -> go.Scatter:
    table, score = judged.table, judged.scores[number]
    values = judged.values[number]
    is_baseline = score in table.baselines
    marker: dict[str, Any] = {
        "size": 4 if len(judged.rows) > 300 else 6,
        "opacity": 0.55,
        "color": canvas.theme.flagged if is_baseline else canvas.theme.line(0),
        "line": {"width": 0},
    }
    return go.Scatter(
        x=(values + moved)[kept],
        y=effect[kept],
        xaxis=axis_name("x", number),
        yaxis=axis_name("y", number),
        mode="markers",
        marker=marker,
        hovertext=[
            table.hover(
                int(judged.rows[at]),
                [
                    (score, table.amount(score, values[at])),
                    (truth, format_value(float(effect[at]))),
                ],
            )
            for at in kept
        ],
        hoverinfo="text",
    )
