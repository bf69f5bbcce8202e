"""Named things on the genome in rows, without overlaps: genes, motifs and the like."""

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, Protocol, TypeVar, runtime_checkable

import plotly.graph_objects as go

from hyenascope.viz.text import escape_text
from hyenascope.viz.view import View

Display = Literal["pack", "squish", "dense"]

_LETTER, _GAP = 6.6, 12  # pixels: a letter of the label, air between neighbours
_BODY_GAP = 3  # pixels between bodies without names


@runtime_checkable
class Placed(Protocol):
    """What gets a row: it has a place, 0-based half-open, and a name, not escaped."""

    @property
    def start(self) -> int: ...  # noqa: D102

    @property
    def end(self) -> int: ...  # noqa: D102

    @property
    def label(self) -> str: ...  # noqa: D102


Item = TypeVar("Item", bound=Placed)


@dataclass(frozen=True)
class RowStyle:
    """How a row is divided, top to bottom.

    Parameters
    ----------
    height
        Pixels.
    name, body
        Middles of the names and of the bodies, in rows from the top.
    thick, thin
        Half heights of important and of other parts, in rows.
    """

    height: int
    name: float
    body: float
    thick: float
    thin: float


NAMED = RowStyle(36, 0.32, 0.7, 0.2, 0.1)
SQUISHED = RowStyle(14, 0.5, 0.5, 0.36, 0.18)


@dataclass(frozen=True)
class Rows(Generic[Item]):
    """What is drawn in which row.

    Parameters
    ----------
    items
        What has a row, in the order given.
    rows
        0-based row of each.
    named
        Whether its name is drawn.
    hidden
        How many more there are in rows beyond the limit.
    style
        How each row is divided.
    crowded
        Whether items may lie on top of one another.
    """

    items: tuple[Item, ...]
    rows: tuple[int, ...]
    named: tuple[bool, ...]
    hidden: int = 0
    style: RowStyle = NAMED
    crowded: bool = False

    @property
    def depth(self) -> int:
        """How many rows there are; one if there is nothing."""
        return max(self.rows, default=0) + 1

    def middle(self, row: int) -> float:
        """Return where bodies of a row stand on the y axis: 0 at the top, down."""
        return -(row + self.style.body)

    def members(self, row: int) -> list[Item]:
        """Return what stands in a row, left to right."""
        found = [
            item for item, at in zip(self.items, self.rows, strict=True) if at == row
        ]
        return sorted(found, key=lambda item: item.start)


def arrange(
    items: Sequence[Item],
    view: View,
    *,
    display: Display = "pack",
    max_rows: int = 12,
    style: RowStyle = NAMED,
) -> Rows[Item]:
    """Give every item a row.

    Parameters
    ----------
    items
        In the order in which rows are given out.
    view
        Where they are drawn.
    display
        ``"pack"``: a row holds bodies and names that do not overlap; where that
        takes more than ``max_rows``, only bodies must not overlap and names are
        drawn where they fit. ``"squish"``: thin rows without names. ``"dense"``: one
        row for all, names where they fit.
    max_rows
        What needs a row beyond these is hidden.
    style
        Of rows with names.
    """
    items = tuple(items)
    if display == "dense":
        rows = [0] * len(items)
        named = fitting_names(items, rows, view)
        return Rows(items, tuple(rows), named, style=style, crowded=True)
    if display == "pack":
        rows = pack_rows([extent(item, view) for item in items], max_rows)
        if max(rows, default=0) < max_rows:
            return Rows(items, tuple(rows), (True,) * len(items), style=style)
    rows = pack_rows([_body(item, view) for item in items], max_rows)
    shown = [number for number, row in enumerate(rows) if row < max_rows]
    items, hidden = tuple(items[n] for n in shown), len(items) - len(shown)
    rows = [rows[n] for n in shown]
    if display == "squish":
        named = (False,) * len(items)
        return Rows(items, tuple(rows), named, hidden, SQUISHED)
    named = fitting_names(items, rows, view)
    return Rows(items, tuple(rows), named, hidden, style)


def pack_rows(
    extents: Sequence[tuple[float, float]], most: int | None = None
) -> list[int]:
    """Give each extent the first row where nothing overlaps it.

    Parameters
    ----------
    extents
        Start and end in any unit, in the order in which rows are given out; two
        that touch may share a row.
    most
        Rows there are; what finds no room in them gets row ``most``.

    Returns
    -------
    list of int
        0-based row of each extent.

    Examples
    --------
    >>> pack_rows([(0.0, 5.0), (3.0, 8.0), (5.0, 9.0)])
    [0, 1, 0]
    >>> pack_rows([(0.0, 5.0), (3.0, 8.0), (4.0, 9.0)], most=1)
    [0, 1, 1]
    """
    taken: list[_Taken] = []
    chosen = []
    for start, end in extents:
        row = next((n for n, each in enumerate(taken) if each.free(start, end)), None)
        if row is None:
            row = len(taken)
            if row != most:
                taken.append(_Taken())
        if row != most:
            taken[row].add(start, end)
        chosen.append(row)
    return chosen


class _Taken:
    """Extents that do not overlap, sorted."""

    def __init__(self) -> None:
        self.starts: list[float] = []
        self.ends: list[float] = []

    def free(self, start: float, end: float) -> bool:
        after = bisect_right(self.ends, start)
        return after == len(self.starts) or end <= self.starts[after]

    def add(self, start: float, end: float) -> None:
        at = bisect_left(self.starts, start)
        self.starts.insert(at, start)
        self.ends.insert(at, end)


def fitting_names(
    items: Sequence[Placed], rows: Sequence[int], view: View
) -> tuple[bool, ...]:
    """Say whose name can stand above its body without touching one in the same row.

    The widest bodies come first.
    """
    taken: dict[int, _Taken] = {}
    named = [False] * len(items)
    widths = [item.start - item.end for item in items]
    for number in sorted(range(len(items)), key=widths.__getitem__):
        start, end = _name(items[number], view)
        end += _GAP * view.bases_per_pixel
        row = taken.setdefault(rows[number], _Taken())
        if start >= view.left and row.free(start, end):
            row.add(start, end)
            named[number] = True
    return tuple(named)


def label_anchor(item: Placed, view: View) -> tuple[float, bool]:
    """Return where the label sits and whether it grows to the right from there.

    It starts at the first visible base; where it would run off the right edge it
    ends at that edge, or at the last visible base if it has room there.
    """
    left, right = view.clip(item.start, item.end)
    width = len(item.label) * _LETTER * view.bases_per_pixel
    if left + width <= view.right:
        return left, True
    return (right, False) if right - width >= view.left else (view.right, False)


def _name(item: Placed, view: View) -> tuple[float, float]:
    anchor, rightward = label_anchor(item, view)
    width = len(item.label) * _LETTER * view.bases_per_pixel
    return (anchor, anchor + width) if rightward else (anchor - width, anchor)


def extent(item: Placed, view: View) -> tuple[float, float]:
    """Return what body and label cover on the axis, with air on the right."""
    left, right = view.clip(item.start, item.end)
    name = _name(item, view)
    air = _GAP * view.bases_per_pixel
    return min(left, name[0]), max(right, name[1]) + air


def _body(item: Placed, view: View) -> tuple[float, float]:
    left, right = view.clip(item.start, item.end)
    pixel = view.bases_per_pixel
    return left, max(right, left + pixel) + _BODY_GAP * pixel


def name_trace(layout: Rows[Any], view: View) -> go.Scatter:
    """Return the names that are drawn as one text trace.

    A page keeps each in sight while its body is: it reads the marker in ``meta`` and
    the ends of the bodies in ``customdata``.
    """
    chosen = [
        (item, row)
        for item, row, named in zip(
            layout.items, layout.rows, layout.named, strict=True
        )
        if named
    ]
    anchors = [label_anchor(item, view) for item, _ in chosen]
    return go.Scatter(
        x=[anchor for anchor, _ in anchors],
        y=[-(row + layout.style.name) for _, row in chosen],
        yaxis=view.yaxis,
        mode="text",
        text=[escape_text(item.label) for item, _ in chosen],
        textposition=[
            "middle right" if rightward else "middle left" for _, rightward in anchors
        ],
        textfont={"size": 11, "color": view.theme.ink},
        hoverinfo="skip",
        customdata=[view.clip(item.start, item.end) for item, _ in chosen],
        meta={"hyenascope": "sticky"},
    )


def hover_trace(
    edges: Sequence[float], texts: Sequence[str | None], row: int, view: View
) -> go.Heatmap:
    """Return a transparent heatmap over one row whose cells tell their text.

    Parameters
    ----------
    edges
        Of the cells, on the x axis, one more than there are texts.
    texts
        Escaped; None is air.
    row
        0-based.
    view
        Where to draw.
    """
    return go.Heatmap(
        x=list(edges),
        y=[-(row + 1.0), -float(row)],
        z=[[None if text is None else 0.0 for text in texts]],
        hovertext=[[text or "" for text in texts]],
        yaxis=view.yaxis,
        hoverinfo="text",
        hoverongaps=False,
        showscale=False,
        colorscale=[[0, "rgba(0,0,0,0)"], [1, "rgba(0,0,0,0)"]],
    )
