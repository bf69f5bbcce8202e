"""Intervals with a name, as a path per colour and a transparent row that tells them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from hyenascope.viz.gene_shapes import visible_spans
from hyenascope.viz.rows import Rows, hover_trace
from hyenascope.viz.text import escape_text, format_position, shorten
from hyenascope.viz.view import View

Span = tuple[int, int]

_TIP, _ROOM = 5.0, 9.0  # pixels: an arrow head, the least body that has one
_TOLD = 5  # intervals named where they lie on top of one another


@dataclass(frozen=True)
class Feature:
    """One interval, 0-based half-open.

    Parameters
    ----------
    chrom, start, end, strand
        Where it lies; equal ends mark a place between two bases.
    name
        As the file has it, or nothing.
    colour
        Of its body.
    blocks
        Parts with a body; a line joins them.
    thick
        What is drawn thick of them; None for all.
    about
        Facts for the hover text, not escaped, one a line.
    """

    chrom: str
    start: int
    end: int
    strand: str
    name: str
    colour: str
    blocks: tuple[Span, ...] = ()
    thick: Span | None = None
    about: tuple[str, ...] = ()

    @property
    def label(self) -> str:
        """Name and strand, not escaped."""
        name = shorten(self.name, 30)
        arrows = {"+": f"{name} →", "-": f"← {name}"} if name else {}
        return arrows.get(self.strand, name)

    def wide(self, view: View) -> bool:
        """Whether every part is at least a pixel wide, so that each is seen apart."""
        parts = self.blocks or ((self.start, self.end),)
        return min(end - start for start, end in parts) >= view.bases_per_pixel


def feature_shapes(layout: Rows[Feature], view: View) -> tuple[dict[str, Any], ...]:
    """Return the bodies as one compound path per colour, and what joins blocks as one.

    A body ends in an arrow head where its strand leads to and there is room. What is
    narrower than a pixel is drawn one pixel wide.
    """
    bodies: dict[str, list[str]] = {}
    joints: list[str] = []
    for item, row in zip(layout.items, layout.rows, strict=True):
        middle = layout.middle(row)
        if len(item.blocks) > 1:
            left, right = view.clip(item.start, item.end)
            joints.append(f"M{left},{middle:.3f}L{right},{middle:.3f}")
        paths = bodies.setdefault(item.colour, [])
        for spans, half in _parts(item, layout.style.thick, layout.style.thin):
            for left, right in spans:
                paths.append(_body(item, left, right, middle, half, view))
    style = {"type": "path", "yref": view.yaxis, "xref": "x", "layer": "between"}
    line = {"color": view.theme.intron, "width": 1.2}
    shapes = [{**style, "path": "".join(joints), "line": line}] if joints else []
    for colour, paths in bodies.items():
        # All outlines run the same way round: where two overlap, both are filled.
        fill = {"fillcolor": colour, "fillrule": "nonzero", "line": {"width": 0}}
        shapes.append({**style, "path": "".join(paths), **fill})
    return tuple(shape for shape in shapes if shape["path"])


def _parts(
    item: Feature, thick: float, thin: float
) -> Iterator[tuple[Sequence[Span], float]]:
    """Yield spans and half their height; the thick ones lie over the thin ones."""
    blocks = item.blocks or ((item.start, item.end),)
    if item.thick is None:
        yield blocks, thick
        return
    yield blocks, thin
    start, end = item.thick
    inner = [(max(a, start), min(b, end)) for a, b in blocks]
    yield [span for span in inner if span[0] < span[1]], thick


def _body(
    item: Feature, start: int, end: int, middle: float, half: float, view: View
) -> str:
    """Return one box or arrow, cut to the view; nothing if it lies outside."""
    pixel = view.bases_per_pixel
    left, right = view.clip(start, end)
    if left > right:
        return ""
    lacking = max(pixel - (right - left), 0.0) / 2
    left, right = left - lacking, right + lacking
    top, bottom = f"{middle + half:.3f}", f"{middle - half:.3f}"
    tip = _TIP * pixel if right - left >= _ROOM * pixel else 0.0
    if tip and item.strand == "+" and end == item.end and end + 0.5 <= view.right:
        return (
            f"M{left:.2f},{bottom}L{right - tip:.2f},{bottom}L{right:.2f},{middle:.3f}"
            f"L{right - tip:.2f},{top}L{left:.2f},{top}Z"
        )
    if tip and item.strand == "-" and start == item.start and start + 0.5 >= view.left:
        return (
            f"M{left + tip:.2f},{bottom}L{right:.2f},{bottom}L{right:.2f},{top}"
            f"L{left + tip:.2f},{top}L{left:.2f},{middle:.3f}Z"
        )
    return (
        f"M{left:.2f},{bottom}L{right:.2f},{bottom}L{right:.2f},{top}L{left:.2f},{top}Z"
    )


def feature_hover(layout: Rows[Feature], view: View) -> list[go.Heatmap]:
    """Return one transparent heatmap per row; overlapping intervals share a cell."""
    traces = []
    for row in range(layout.depth):
        members = layout.members(row)
        spans = [(item.start, max(item.end, item.start + 1)) for item in members]
        cells = visible_spans(spans, view).tolist()
        starts = np.array([max(start + 0.5, view.left) for start, _ in spans])
        edges: list[float] = []
        texts: list[str | None] = []
        for left, right in cells:
            inside = np.flatnonzero((starts >= left - 1e-3) & (starts <= right + 1e-3))
            if edges and edges[-1] < left:
                edges.append(left)
                texts.append(None)
            edges = edges or [left]
            edges.append(right)
            texts.append(_told([members[n] for n in inside]))
        if texts:
            traces.append(hover_trace(edges, texts, row, view))
    return traces


def _told(items: Sequence[Feature]) -> str:
    if len(items) == 1:
        about = [escape_text(shorten(line, 80)) for line in items[0].about]
        return "<br>".join([_head(items[0]), *about])
    more = len(items) - _TOLD
    lines = [_head(item) for item in items[:_TOLD]]
    return "<br>".join([*lines, *([f"and {more:,} more"] if more > 0 else [])])


def _head(item: Feature) -> str:
    name = f"<b>{escape_text(shorten(item.name, 60))}</b> " if item.name else ""
    strand = "" if item.strand == "." else f" ({item.strand})"
    if item.start == item.end:
        first = format_position(item.chrom, item.start)
        return f"{name}between {first} and {item.start + 1:,}{strand}"
    first = format_position(item.chrom, item.start + 1)
    return f"{name}{first}-{item.end:,} · {item.end - item.start:,} bp{strand}"
