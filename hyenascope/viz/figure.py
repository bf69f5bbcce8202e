"""Stack components on one genomic axis."""

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import plotly.graph_objects as go

from hyenascope.data.interval import Interval
from hyenascope.viz.lane import Component, Lane
from hyenascope.viz.style import THEMES, Theme, ThemeName, layout_defaults
from hyenascope.viz.text import escape_text, format_interval
from hyenascope.viz.view import View

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
DEFAULT_WIDTH = 800  # planned for, when the figure takes the width of the page


def plot_locus(
    components: Sequence[Component],
    interval: Interval,
    *,
    height: int | None = None,
    width: int | None = None,
    title: str | None = None,
    max_points: int = 4000,
    theme: ThemeName = "light",
) -> go.Figure:
    """Draw components one above the other over the same stretch of DNA.

    The x axis is 1-based: base ``p`` is centred on ``x = p`` and fills ``p - 0.5``
    to ``p + 0.5``. All lanes share it, so panning, zooming and the crosshair go
    through all of them; y axes keep their range.

    Parameters
    ----------
    components
        Anything of `hyenascope.viz.components`, or of your own with a ``draw``, top
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
    theme
        Colours for light or dark paper.

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
    check_components(components, interval)
    pixels = max((width or DEFAULT_WIDTH) - 120 - _RIGHT, 200)
    views = [
        View(interval, slot, max_points, pixels, THEMES[theme])
        for slot in range(1, len(components) + 1)
    ]
    lanes = [
        with_letters(component.draw(view), view)
        for component, view in zip(components, views, strict=True)
    ]
    above = _TITLE if title is None else _TWO_LINES
    layout = locus_layout(
        lanes, interval, THEMES[theme], above=above, height=height, width=width
    )
    layout["title"] = _title(interval, title, THEMES[theme])
    figure = go.Figure([trace for lane in lanes for trace in lane.traces], layout)
    figure._config = {**figure._config, **CONFIG}
    return figure


def check_components(components: Sequence[Component], interval: Interval) -> None:
    """Refuse what cannot be drawn.

    Raises
    ------
    ValueError
        If there is no component or the interval is empty.
    TypeError
        If a component cannot draw itself.
    """
    if not components:
        raise ValueError("components must hold at least one track; got none.")
    for component in components:
        if not isinstance(component, Component):
            raise TypeError(
                "components must be of hyenascope.viz.components or have a draw "
                f"method; got {type(component).__name__}."
            )
    if interval.length == 0:
        raise ValueError(f"interval must hold at least one base; got {interval}.")


def with_letters(lane: Lane, view: View) -> Lane:
    """Return the lane as it looks at this width: with its letters or without."""
    fitting = [letters for letters in lane.letters if letters.fit(view)]
    gone = {number for letters in fitting for number in letters.replaces}
    drawn = [shape for letters in fitting for shape in letters.shapes(view)]
    return replace(
        lane,
        traces=tuple(t for number, t in enumerate(lane.traces) if number not in gone),
        shapes=(*lane.shapes, *drawn),
        letters=(),
    )


def locus_layout(
    lanes: Sequence[Lane],
    interval: Interval,
    theme: Theme,
    *,
    above: int = 10,
    height: int | None = None,
    width: int | None = None,
    steady: bool = False,
) -> dict[str, Any]:
    """Return plotly's layout for drawn lanes, one above the other.

    ``interval`` (0-based half-open) is what the x axis shows, ``above`` the margin
    over the first lane; ``height`` and ``width`` are of the whole figure, in pixels.
    A ``steady`` layout has room for a note above every lane, so that nothing moves
    under the mouse when a note comes or goes.
    """
    left = _left_margin(lanes)
    gaps = [_NOTED_GAP if steady or lane.note else _GAP for lane in lanes]
    natural = sum(gaps) + sum(lane.height for lane in lanes)
    inner = natural if height is None else max(height - above - _BOTTOM, 40)
    return {
        **layout_defaults(theme),
        **_stacked(lanes, gaps, inner, left, theme),
        "xaxis": _x_axis(interval, theme),
        "shapes": [shape for lane in lanes for shape in lane.shapes],
        "margin": {"l": left, "r": _RIGHT, "t": above, "b": _BOTTOM},
        "height": above + _BOTTOM + inner,
        "width": width,
        "meta": {
            "chrom": interval.chrom,
            "start": interval.start,
            "end": interval.end,
        },
    }


def _stacked(
    lanes: Sequence[Lane], gaps: Sequence[int], inner: int, left: int, theme: Theme
) -> dict[str, Any]:
    """Give every lane its stretch of the height, its name, note and colour bar."""
    natural = sum(gaps) + sum(lane.height for lane in lanes)
    layout: dict[str, Any] = {"annotations": []}
    used = 0
    for slot, (lane, gap) in enumerate(zip(lanes, gaps, strict=True), start=1):
        used += gap
        top = 1 - used / natural
        used += lane.height
        bottom = max(1 - used / natural, 0.0)
        number = "" if slot == 1 else str(slot)
        layout[f"yaxis{number}"] = _y_axis(lane, bottom, top, theme)
        layout["annotations"] += _captions(lane, bottom, top, left, theme)
        if lane.coloraxis is not None:
            layout[f"coloraxis{slot}"] = _colour_axis(lane, bottom, top, inner)
    return layout


def _y_axis(lane: Lane, bottom: float, top: float, theme: Theme) -> dict[str, Any]:
    return {
        "fixedrange": True,
        "zeroline": False,
        "showgrid": False,
        "showline": True,
        "linecolor": theme.faint,
        "ticks": "outside",
        "ticklen": 3,
        "tickcolor": theme.faint,
        "tickfont": {"size": 10, "color": theme.muted},
        **lane.yaxis,
        "domain": [bottom, top],
        "anchor": "x",
    }


def _x_axis(interval: Interval, theme: Theme) -> dict[str, Any]:
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
            "font": {"size": 12, "color": theme.muted},
        },
        "tickfont": {"size": 11, "color": theme.ink},
        "showgrid": True,
        "gridcolor": theme.grid,
        "zeroline": False,
        "showspikes": True,
        "spikemode": "across",
        "spikesnap": "cursor",
        "spikethickness": 1,
        "spikedash": "solid",
        "spikecolor": theme.muted,
    }


def _captions(
    lane: Lane, bottom: float, top: float, left: int, theme: Theme
) -> list[dict[str, Any]]:
    name = {
        "text": lane.label,
        "x": 0,
        "xanchor": "left",
        "xshift": 10 - left,
        "y": (bottom + top) / 2,
        "yanchor": "middle",
        "font": {"size": 12, "color": theme.ink},
    }
    note = {
        "text": lane.note,
        "x": 0,
        "xanchor": "left",
        "y": top,
        "yanchor": "bottom",
        "yshift": 2,
        "font": {"size": 10.5, "color": theme.muted},
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


def _title(interval: Interval, title: str | None, theme: Theme) -> dict[str, Any]:
    locus = f"{format_interval(interval)}  ·  {interval.length:,} bp"
    headline: dict[str, Any] = {"text": f"<b>{locus}</b>"}
    if title is not None:
        small = {"text": locus, "font": {"size": 12, "color": theme.muted}}
        headline = {"text": f"<b>{escape_text(title)}</b>", "subtitle": small}
    return {
        **headline,
        "font": {"size": 15, "color": theme.ink},
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
