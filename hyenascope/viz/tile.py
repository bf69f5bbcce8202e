"""A figure to browse: drawn wider than it shows, with letters still to come.

While a reader moves, the page shows what lies beside the window at once; when the
window nears the edge of a tile, or the zoom asks for more detail, it takes another
tile: from the kernel in a notebook, from a `pyramid` in a saved page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from textwrap import wrap
from typing import Any

import plotly.graph_objects as go

from hyenascope.data.interval import Interval
from hyenascope.data.visible_text import visible_text
from hyenascope.viz.figure import DEFAULT_WIDTH, check_components, locus_layout
from hyenascope.viz.lane import Component, Lane
from hyenascope.viz.style import THEMES, ThemeName
from hyenascope.viz.text import escape_text, wrapped
from hyenascope.viz.view import NothingHereError, View

_NOTE_WIDTH = 110  # letters, of two lines at most


@dataclass(frozen=True, eq=False)
class Tile:
    """What a page shows of one stretch.

    Parameters
    ----------
    interval
        What is drawn, 0-based half-open.
    data, layout
        Traces and layout as plotly.js reads them, arrays as numpy's: building a
        ``go.Figure`` would cost ten times what drawing does.
    letters
        Letters for the page to draw when they have room, see `Letters.spec`;
        ``replaces`` counts all traces.
    complete
        Whether a closer look would show nothing new but letters and names.
    """

    interval: Interval
    data: tuple[dict[str, Any], ...]
    layout: dict[str, Any]
    letters: tuple[dict[str, Any], ...]
    complete: bool


def draw_tile(
    components: Sequence[Component],
    interval: Interval,
    *,
    pixels: int = DEFAULT_WIDTH,
    max_points: int = 4000,
    theme: ThemeName = "light",
) -> Tile:
    """Draw components over an interval that will be moved under a window.

    A component whose data lie elsewhere leaves an empty lane that says so.

    Parameters
    ----------
    components
        Top to bottom.
    interval
        What to draw, 0-based half-open.
    pixels
        How wide all of ``interval`` would be on the screen.
    max_points
        Most points of one signal.
    theme
        Colours for light or dark paper.

    Raises
    ------
    ValueError
        If there is no component or the interval is empty.
    TypeError
        If a component cannot draw itself.

    Examples
    --------
    >>> from hyenascope.viz.components import Sequence
    >>> tile = draw_tile([Sequence("GATTACA")], Interval("chr1", 1000, 1007))
    >>> tile.letters[0]["text"], tile.complete
    ('GATTACA', True)
    """
    check_components(components, interval)
    lanes: list[Lane] = []
    letters: list[dict[str, Any]] = []
    data: list[dict[str, Any]] = []
    for slot, component in enumerate(components, start=1):
        view = View(interval, slot, max_points, pixels, THEMES[theme], whole=False)
        lane = _draw(component, view)
        for each in lane.letters:
            spec = each.spec(view.yaxis)
            spec["replaces"] = [len(data) + number for number in each.replaces]
            letters.append(spec)
        data += [trace.to_plotly_json() for trace in lane.traces]
        lanes.append(lane)
    layout = locus_layout(lanes, interval, THEMES[theme], steady=True)
    complete = all(lane.complete for lane in lanes)
    return Tile(interval, tuple(data), layout, tuple(letters), complete)


def _draw(component: Component, view: View) -> Lane:
    try:
        return component.draw(view)
    except NothingHereError as error:
        label = getattr(component, "label", None) or type(component).__name__.lower()
        return empty_lane(label, f"nothing here: {error}", view)


def empty_lane(label: str, reason: str, view: View) -> Lane:
    """Return a low lane that says, in two lines at most, why nothing is drawn.

    Examples
    --------
    >>> empty_lane("genes", "lie elsewhere", View(Interval("1", 0, 9))).note
    'lie elsewhere'
    """
    blank = go.Scatter(x=[], y=[], yaxis=view.yaxis)
    axis = {"range": [0, 1], "visible": False}
    lines = wrap(visible_text(reason), _NOTE_WIDTH, max_lines=2, placeholder=" …")
    note = "<br>".join(escape_text(line) for line in lines)
    return Lane(wrapped(label), 24, (blank,), axis, note=note)
