"""What all pictures of variants share: paper, titles, axes, notes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go

from hyenascope.data.visible_text import visible_text
from hyenascope.viz.figure import CONFIG
from hyenascope.viz.style import THEMES, Theme, ThemeName, layout_defaults
from hyenascope.viz.text import escape_text, shorten

_NOTE_LINE = 15

Number = int | float


@dataclass(frozen=True)
class Canvas:
    """Paper of a size in pixels, with margins, in a theme.

    Parameters
    ----------
    name
        Of the theme.
    width
        Of the whole figure.
    height
        Of the whole figure without the notes, which add a line each.
    left, right, top, bottom
        Margins.
    notes
        Lines below the picture, escaped.

    Raises
    ------
    ValueError
        If there is no such theme, or no room for axes and labels.
    """

    name: ThemeName = "light"
    width: int = 900
    height: int = 420
    left: int = 72
    right: int = 24
    top: int = 78
    bottom: int = 54
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.name not in THEMES:
            raise ValueError(f"theme must be 'light' or 'dark'; got {self.name!r}.")
        if self.width < 400:
            raise ValueError(f"width must be at least 400 pixels; got {self.width}.")
        if self.height < 200:
            raise ValueError(f"height must be at least 200 pixels; got {self.height}.")

    @property
    def theme(self) -> Theme:
        """The colours."""
        return THEMES[self.name]

    @property
    def inner(self) -> tuple[int, int]:
        """Width and height between the margins."""
        return (
            self.width - self.left - self.right,
            self.height - self.top - self.bottom,
        )

    def axis(self, title: str = "", **layout: object) -> dict[str, Any]:
        """Return an axis with a title (escaped), overridden by ``layout``."""
        theme = self.theme
        return {
            "title": {
                "text": title,
                "font": {"size": 12, "color": theme.muted},
                "standoff": 8,
            },
            "tickfont": {"size": 11, "color": theme.ink},
            "showline": True,
            "linecolor": theme.faint,
            "ticks": "outside",
            "ticklen": 3,
            "tickcolor": theme.faint,
            "gridcolor": theme.grid,
            "zeroline": False,
            "exponentformat": "e",
            **layout,
        }

    def text(self, text: str, x: Number, y: Number, **layout: object) -> dict[str, Any]:
        """Return a small annotation in data coordinates, overridden by ``layout``."""
        return {
            "text": text,
            "x": x,
            "y": y,
            "showarrow": False,
            "font": {"size": 11, "color": self.theme.ink},
            **layout,
        }

    def line(
        self, x0: Number, y0: Number, x1: Number, y1: Number, **layout: object
    ) -> dict[str, Any]:
        """Return a line that carries no data, overridden by ``layout``."""
        return {
            "type": "line",
            "x0": x0,
            "y0": y0,
            "x1": x1,
            "y1": y1,
            "line": {"color": self.theme.faint, "width": 1},
            "layer": "below",
            **layout,
        }

    def figure(
        self,
        traces: Sequence[Any],
        axes: Mapping[str, Any],
        *,
        title: str,
        subtitle: str,
        alt: str,
        annotations: Sequence[Mapping[str, Any]] = (),
        shapes: Sequence[Mapping[str, Any]] = (),
        legend: Mapping[str, Any] | None = None,
    ) -> go.Figure:
        """Return the figure; ``title`` and ``alt`` are plain, ``subtitle`` is escaped.

        ``axes`` maps names of the layout to axes. A legend stands above the picture
        at the right unless it says otherwise.
        """
        figure = go.Figure(list(traces))
        figure.update_layout(
            **{**layout_defaults(self.theme), "showlegend": legend is not None},
            **axes,
            title=self._title(title, subtitle),
            legend=self._legend(legend or {}),
            annotations=[*annotations, *self._notes()],
            shapes=list(shapes),
            margin={
                "l": self.left,
                "r": self.right,
                "t": self.top,
                "b": self.bottom + _NOTE_LINE * len(self.notes),
                "autoexpand": False,
            },
            width=self.width,
            height=self.height + _NOTE_LINE * len(self.notes),
            meta={"alt": visible_text(alt)},
        )
        figure._config = {**figure._config, **CONFIG}
        return figure

    def _title(self, title: str, subtitle: str) -> dict[str, Any]:
        return {
            "text": f"<b>{escape_text(shorten(title, 90))}</b>",
            "font": {"size": 15, "color": self.theme.ink},
            "subtitle": {
                "text": subtitle,
                "font": {"size": 12, "color": self.theme.muted},
            },
            "x": 0,
            "xref": "container",
            "xanchor": "left",
            "pad": {"l": 10, "t": 12},
            "y": 1,
            "yref": "container",
            "yanchor": "top",
        }

    def _legend(self, legend: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "orientation": "h",
            "x": 1,
            "xanchor": "right",
            "y": 1,
            "yanchor": "bottom",
            "font": {"size": 11, "color": self.theme.ink},
            "bgcolor": "rgba(0,0,0,0)",
            "itemsizing": "constant",
            **legend,
        }

    def _notes(self) -> list[dict[str, Any]]:
        lines = {
            "text": "<br>".join(self.notes),
            "x": 0,
            "xref": "paper",
            "xanchor": "left",
            "xshift": 10 - self.left,
            "y": 0,
            "yref": "paper",
            "yanchor": "top",
            "yshift": -self.bottom,
            "align": "left",
            "showarrow": False,
            "font": {"size": 10.5, "color": self.theme.muted},
        }
        return [lines] if self.notes else []


def plural(count: int, noun: str = "variant") -> str:
    """Write a count with its noun.

    Examples
    --------
    >>> plural(1), plural(1234, "gene")
    ('1 variant', '1,234 genes')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
