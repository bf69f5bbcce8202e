"""Stack components on one genomic axis."""

import re
from collections.abc import Sequence
from typing import Any

import plotly.graph_objects as go

from hyenascope.data.interval import Interval
from hyenascope.viz.lane import Component, Lane, View
from hyenascope.viz.style import (
    GRID,
    INK,
    MUTED,
    escape_text,
    format_interval,
    layout_defaults,
)

CONFIG = {
    "scrollZoom": True,
    "displaylogo": False,
    "responsive": True,
    "showSendToCloud": False,
    "modeBarButtonsToRemove": [
        "sendChartToCloud",
        "select2d",
        "lasso2d",
        "autoScale2d",
        "toggleSpikelines",
    ],
}
"""How a figure behaves in a browser; genomes stay there, nothing is sent away."""

_BOTTOM, _RIGHT = 56, 84
_TITLE, _TWO_LINES = 34, 54
_GAP, _NOTED_GAP = 18, 32
_DEFAULT_WIDTH = 1000  # planned for, when the figure takes the width of the page


def plot_locus(
    components: Sequence[Component],
    interval: Interval,
    *,
    height: int | None = None,
    width: int | None = None,
    title: str | None = None,
    max_points: int = 4000,
) -> go.Figure:
    """Draw components one above the other over the same stretch of DNA.

    The x axis is 1-based: base ``p`` is centred on ``x = p`` and fills ``p - 0.5``
    to ``p + 0.5``. All lanes share it, so panning, zooming and the crosshair go
    through all of them; y axes keep their range.

    Parameters
    ----------
    components
        `Line`, `Variants`, `Genes`, `Sequence` or anything with a ``draw``, top
        to bottom.
    interval
        What to show, 0-based half-open.
    height
        Pixels; by default each lane has its natural height.
    width
        Pixels; by default as wide as the page.
    title
        Text above the figure, taken literally; the locus stands below it.
    max_points
        Most points of one signal before it is thinned, see `thin`.

    Returns
    -------
    go.Figure
        A plain figure: show it in a notebook, or pass it to `write_html`,
        `write_image` or `write_report`.

    Raises
    ------
    ValueError
        If there is no component, the interval is empty, or a component's data lie
        elsewhere.
    TypeError
        If a component cannot draw itself.

    Examples
    --------
    >>> from hyenascope.viz.components import Sequence
    >>> figure = plot_locus([Sequence("GATTACA")], Interval("chr1", 1000, 1007))
    >>> figure.layout.xaxis.range, figure.layout.xaxis.tickformat
    ((1000.5, 1007.5), ',d')
    """
    _check(components, interval)
    plot_width = (width or _DEFAULT_WIDTH) - 120 - _RIGHT
    lanes = [
        component.draw(View(interval, slot, max_points, max(plot_width, 200)))
        for slot, component in enumerate(components, start=1)
    ]
    left = _left_margin(lanes)
    natural = sum(lane.height + _gap(lane) for lane in lanes)
    above = _TITLE if title is None else _TWO_LINES
    inner = natural if height is None else max(height - above - _BOTTOM, 40)
    figure = go.Figure([trace for lane in lanes for trace in lane.traces])
    figure.update_layout(
        **layout_defaults(),
        **_stacked(lanes, inner, left),
        title=_title(interval, title),
        xaxis=_x_axis(interval),
        shapes=[shape for lane in lanes for shape in lane.shapes],
        margin={"l": left, "r": _RIGHT, "t": above, "b": _BOTTOM},
        height=above + _BOTTOM + inner,
        width=width,
        meta={"chrom": interval.chrom, "start": interval.start, "end": interval.end},
    )
    figure._config = {**figure._config, **CONFIG}
    return figure


def _check(components: Sequence[Component], interval: Interval) -> None:
    if not components:
        raise ValueError("components must hold at least one track; got none.")
    for component in components:
        if not isinstance(component, Component):
            raise TypeError(
                "components must be Line, Variants, Genes, Sequence or have a draw "
                f"method; got {type(component).__name__}."
            )
    if interval.length == 0:
        raise ValueError(f"interval must hold at least one base; got {interval}.")


def _stacked(lanes: Sequence[Lane], inner: int, left: int) -> dict[str, Any]:
    """Give every lane its stretch of the height, its name, note and colour bar."""
    natural = sum(lane.height + _gap(lane) for lane in lanes)
    layout: dict[str, Any] = {"annotations": []}
    used = 0
    for slot, lane in enumerate(lanes, start=1):
        used += _gap(lane)
        top = 1 - used / natural
        used += lane.height
        bottom = max(1 - used / natural, 0.0)
        number = "" if slot == 1 else str(slot)
        layout[f"yaxis{number}"] = _y_axis(lane, bottom, top)
        layout["annotations"] += _captions(lane, bottom, top, left)
        if lane.coloraxis is not None:
            layout[f"coloraxis{slot}"] = _colour_axis(lane, bottom, top, inner)
    return layout


def _gap(lane: Lane) -> int:
    return _NOTED_GAP if lane.note else _GAP


def _y_axis(lane: Lane, bottom: float, top: float) -> dict[str, Any]:
    return {
        "fixedrange": True,
        "zeroline": False,
        "showgrid": False,
        "showline": True,
        "linecolor": "#cbd2d9",
        "ticks": "outside",
        "ticklen": 3,
        "tickcolor": "#cbd2d9",
        "tickfont": {"size": 10, "color": MUTED},
        **lane.yaxis,
        "domain": [bottom, top],
        "anchor": "x",
    }


def _x_axis(interval: Interval) -> dict[str, Any]:
    edges = [interval.start + 0.5, interval.end + 0.5]
    return {
        "range": edges,
        "minallowed": edges[0],
        "maxallowed": edges[1],
        "anchor": "free",
        "position": 0,
        "tickformat": ",d",
        "nticks": 8,
        "title": {
            "text": f"{escape_text(interval.chrom)} position (1-based)",
            "font": {"size": 12, "color": MUTED},
        },
        "tickfont": {"size": 11, "color": INK},
        "showgrid": True,
        "gridcolor": GRID,
        "zeroline": False,
        "showspikes": True,
        "spikemode": "across",
        "spikesnap": "cursor",
        "spikethickness": 1,
        "spikedash": "solid",
        "spikecolor": "#7b8794",
    }


def _captions(lane: Lane, bottom: float, top: float, left: int) -> list[dict[str, Any]]:
    name = {
        "text": lane.label,
        "x": 0,
        "xanchor": "left",
        "xshift": 10 - left,
        "y": (bottom + top) / 2,
        "yanchor": "middle",
        "font": {"size": 12, "color": INK},
    }
    note = {
        "text": lane.note,
        "x": 0,
        "xanchor": "left",
        "y": top,
        "yanchor": "bottom",
        "yshift": 2,
        "font": {"size": 10.5, "color": MUTED},
    }
    shared = {"xref": "paper", "yref": "paper", "showarrow": False, "align": "left"}
    return [{**shared, **text} for text in (name, note) if text["text"]]


def _colour_axis(lane: Lane, bottom: float, top: float, inner: int) -> dict[str, Any]:
    axis = dict(lane.coloraxis or {})
    place = {
        "x": 1.0,
        "xanchor": "left",
        "xpad": 12,
        "y": (bottom + top) / 2,
        "yanchor": "middle",
        "ypad": 0,
        "lenmode": "pixels",
        "len": round((top - bottom) * inner),
    }
    return {**axis, "colorbar": {**axis.get("colorbar", {}), **place}}


def _title(interval: Interval, title: str | None) -> dict[str, Any]:
    locus = f"{format_interval(interval)}  ·  {interval.length:,} bp"
    headline: dict[str, Any] = {"text": f"<b>{locus}</b>"}
    if title is not None:
        small = {"text": locus, "font": {"size": 12, "color": MUTED}}
        headline = {"text": f"<b>{escape_text(title)}</b>", "subtitle": small}
    return {
        **headline,
        "font": {"size": 15, "color": INK},
        "x": 0,
        "xref": "container",
        "xanchor": "left",
        "pad": {"l": 10, "t": 12},
        "y": 1,
        "yref": "container",
        "yanchor": "top",
    }


def _left_margin(lanes: Sequence[Lane]) -> int:
    """Return room for the longest line of any name, and for the tick labels."""
    names = [re.sub(r"<(?!br>)[^>]*>", "", lane.label) for lane in lanes]
    longest = max(len(line) for name in names for line in name.split("<br>"))
    return min(max(100, 62 + 7 * longest), 200)
