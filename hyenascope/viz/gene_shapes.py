"""Exons, introns and strand as a few large shapes.

However many exons there are, each kind of part is one path, and each row of genes is
one transparent heatmap that answers the mouse: a browser slows down with the number of
things on the page, not with their size.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Bool, Float

from hyenascope.viz.gene_models import GeneModel, Span
from hyenascope.viz.rows import Rows, hover_trace
from hyenascope.viz.text import escape_text, format_position, shorten
from hyenascope.viz.view import View

_EVERY = 30  # pixels from chevron to chevron
_LEAST_INTRON, _LEAST_EXON = 14.0, 26.0  # pixels that have room for one
_ALONG, _ACROSS = 2.6, 3.2  # half its length and height, in pixels
_MARKERS = 60  # so few chevrons may keep their shape when the page zooms
_DETAILED = 30  # pixels from which on a gene tells its exons to the mouse
_TOLD = 5  # genes named where they lie on top of one another

GeneRows = Rows[GeneModel]


def body_shapes(layout: GeneRows, view: View) -> tuple[dict[str, Any], ...]:
    """Return introns, exons and coding parts as three compound paths.

    A part narrower than a pixel is drawn one pixel wide, so that it does not vanish.
    """
    introns: list[str] = []
    exons: list[str] = []
    coding: list[str] = []
    for row in range(layout.depth):
        models, middle = layout.members(row), layout.middle(row)
        for model in models:
            left, right = view.clip(model.start, model.end)
            introns.append(f"M{left},{middle:.3f}L{right},{middle:.3f}")
        for parts, spans, half in (
            (exons, [span for m in models for span in m.exons], layout.style.thin),
            (coding, [span for m in models for span in m.cds], layout.style.thick),
        ):
            top, bottom = f"{middle + half:.3f}", f"{middle - half:.3f}"
            parts += [
                f"M{a},{bottom}L{b},{bottom}L{b},{top}L{a},{top}Z"
                for a, b in visible_spans(spans, view).tolist()
            ]
    style = {"type": "path", "yref": view.yaxis, "xref": "x", "layer": "between"}
    shapes = (
        {"path": "".join(introns), "line": {"color": view.theme.intron, "width": 1.2}},
        {"path": "".join(exons), "line": {"width": 0}, "fillcolor": view.theme.exon},
        {"path": "".join(coding), "line": {"width": 0}, "fillcolor": view.theme.coding},
    )
    return tuple({**style, **part} for part in shapes if part["path"])


def visible_spans(spans: Sequence[Span], view: View) -> Float[np.ndarray, "parts 2"]:
    """Return the axis edges of what is seen of ``spans``, sorted.

    Each is at least a pixel wide. What overlaps or touches then becomes one, so there
    are never more than pixels.

    Examples
    --------
    >>> from hyenascope.data.interval import Interval
    >>> visible_spans([(0, 4), (900, 901)], View(Interval("1", 0, 1280))).tolist()
    [[0.5, 4.5], [900.0, 902.0]]
    """
    edges = np.array(spans, dtype=float).reshape(-1, 2) + 0.5
    edges = np.clip(edges, view.left, view.right)
    edges = edges[edges[:, 1] > edges[:, 0]]
    lacking = np.maximum(view.bases_per_pixel - (edges[:, 1] - edges[:, 0]), 0) / 2
    edges += np.stack([-lacking, lacking], axis=1)
    edges = edges[np.argsort(edges[:, 0], kind="stable")]
    if not len(edges):
        return edges
    reached = np.maximum.accumulate(edges[:, 1])
    first = np.flatnonzero(np.r_[True, edges[1:, 0] > reached[:-1]])
    last = np.r_[first[1:] - 1, len(edges) - 1]
    return np.round(np.stack([edges[first, 0], reached[last]], axis=1), 3)


def all_wide(layout: GeneRows, view: View) -> bool:
    """Whether every part is at least a pixel wide, so that each is drawn as it is."""
    spans = [span for model in layout.items for span in (*model.exons, *model.cds)]
    lengths = np.diff(np.array(spans, dtype=float).reshape(-1, 2))
    return bool((lengths >= view.bases_per_pixel).all())


class Chevrons(NamedTuple):
    """Arrow heads that point the way a gene is read.

    Attributes
    ----------
    x, y
        Where, on the axes of the lane.
    forward
        Whether it points to the right.
    on_exon
        Whether it lies on an exon, and needs the colour of the paper.
    """

    x: Float[np.ndarray, " chevrons"]
    y: Float[np.ndarray, " chevrons"]
    forward: Bool[np.ndarray, " chevrons"]
    on_exon: Bool[np.ndarray, " chevrons"]

    @property
    def few(self) -> bool:
        """Whether each may be a thing of its own on the page."""
        return len(self.x) <= _MARKERS


def place_chevrons(layout: GeneRows, view: View) -> Chevrons:
    """Put chevrons on introns and wide exons, about every 30 pixels.

    They stand at multiples of their distance, so that they stay where they are while
    the view moves. Where genes lie on top of one another, only those with a name have
    any.
    """
    x: list[float] = []
    facts: list[tuple[float, bool, bool]] = []
    for model, row, named in zip(layout.items, layout.rows, layout.named, strict=True):
        left, right = view.clip(model.start, model.end)
        if layout.crowded and not named:
            continue
        if model.strand == "." or right - left < _LEAST_INTRON * view.bases_per_pixel:
            continue
        for spans, least, on_exon in (
            (model.introns, _LEAST_INTRON, False),
            (model.exons, _LEAST_EXON, True),
        ):
            for start, end in spans:
                places = _spread(*view.clip(start, end), least, view)
                x += places
                facts += [(layout.middle(row), model.strand == "+", on_exon)] * len(
                    places
                )
    columns = np.array(facts, dtype=float).reshape(-1, 3).T
    return Chevrons(
        np.array(x, dtype=float), columns[0], columns[1] > 0, columns[2] > 0
    )


def _spread(left: float, right: float, least: float, view: View) -> list[float]:
    pixel = view.bases_per_pixel
    if right - left < least * pixel:
        return []
    step = _EVERY * pixel
    if right - left < 2 * step:
        return [(left + right) / 2]
    inside = left + least / 2 * pixel, right - least / 2 * pixel
    first, last = np.ceil(inside[0] / step), np.floor(inside[1] / step)
    return [float(x) for x in np.arange(first, last + 1) * step]


def chevron_trace(chevrons: Chevrons, view: View) -> go.Scatter:
    """Return chevrons as markers: they keep their shape however the page zooms."""
    theme = view.theme
    symbols = np.where(chevrons.forward, "triangle-right", "triangle-left")
    colours = np.where(chevrons.on_exon, theme.paper, theme.intron)
    return go.Scatter(
        x=chevrons.x,
        y=chevrons.y,
        yaxis=view.yaxis,
        mode="markers",
        marker={
            "symbol": symbols.tolist(),
            "size": 7,
            "color": colours.tolist(),
            "line": {"width": 0},
        },
        hoverinfo="skip",
    )


def chevron_shapes(
    chevrons: Chevrons, height: int, view: View
) -> tuple[dict[str, Any], ...]:
    """Return chevrons as two paths, on introns and exons; ``height`` is a row's."""
    along, across = _ALONG * view.bases_per_pixel, _ACROSS / height
    tips = np.where(chevrons.forward, along, -along)
    shapes = []
    for on_exon, colour in ((False, view.theme.intron), (True, view.theme.paper)):
        chosen = chevrons.on_exon == on_exon
        rows = zip(
            np.round(chevrons.x - tips, 3)[chosen].tolist(),
            np.round(chevrons.x + tips, 3)[chosen].tolist(),
            chevrons.y[chosen].tolist(),
            strict=True,
        )
        path = "".join(
            f"M{back},{y - across:.3f}L{tip},{y:.3f}L{back},{y + across:.3f}Z"
            for back, tip, y in rows
        )
        if path:
            place = {"xref": "x", "yref": view.yaxis, "layer": "between"}
            look = {"fillcolor": colour, "line": {"width": 0}}
            shapes.append({"type": "path", "path": path, **place, **look})
    return tuple(shapes)


def hover_traces(layout: GeneRows, view: View) -> list[go.Heatmap]:
    """Return one transparent heatmap per row whose cells are exons and introns.

    Where genes lie on top of one another, a cell names all that it touches, up to a
    handful.
    """
    if layout.crowded:
        return _crowd_trace(layout, view)
    traces = []
    for row in range(layout.depth):
        edges, texts = _cells(layout.members(row), view)
        if texts:
            traces.append(hover_trace(edges, texts, row, view))
    return traces


def _crowd_trace(layout: GeneRows, view: View) -> list[go.Heatmap]:
    models = sorted(layout.items, key=lambda model: model.start)
    if not models:
        return []
    spans = np.array([view.clip(model.start, model.end) for model in models])
    edges = _apart(np.unique(spans), view.bases_per_pixel / 2)
    middles = (edges[1:] + edges[:-1]) / 2
    covers = (spans[:, :1] <= middles) & (middles <= spans[:, 1:])
    texts = [_crowd([models[n] for n in np.flatnonzero(cell)]) for cell in covers.T]
    return [hover_trace(edges.tolist(), texts, 0, view)] if texts else []


def _apart(edges: Float[np.ndarray, " edges"], least: float) -> Float[np.ndarray, " k"]:
    """Leave out edges that are closer than ``least`` to the one before."""
    if len(edges) < 3:
        return edges
    steps = np.floor((edges - edges[0]) / least)
    return edges[np.r_[True, np.diff(steps) > 0]]


def _crowd(models: list[GeneModel]) -> str | None:
    if len(models) <= 1:
        return _whole_text(models[0]) if models else None
    more = len(models) - _TOLD
    lines = [f"{_head(m)} {_stretch(m.chrom, m.start, m.end)}" for m in models[:_TOLD]]
    return "<br>".join([*lines, *([f"and {more:,} more"] if more > 0 else [])])


def _cells(
    models: Sequence[GeneModel], view: View
) -> tuple[list[float], list[str | None]]:
    edges: list[float] = []
    texts: list[str | None] = []
    for model in models:
        for start, end, text in _described(model, view):
            left, right = view.clip(start, end)
            if left >= right:
                continue
            if edges and edges[-1] < left:
                edges.append(left)
                texts.append(None)
            edges = edges or [left]
            edges.append(right)
            texts.append(text)
    return edges, texts


def _described(model: GeneModel, view: View) -> Iterable[tuple[int, int, str]]:
    """Return exons and introns with their hover text, or a narrow gene as one."""
    left, right = view.clip(model.start, model.end)
    if right - left < _DETAILED * view.bases_per_pixel:
        return [(model.start, model.end, _whole_text(model))]
    return _parts(model)


def _parts(model: GeneModel) -> Iterator[tuple[int, int, str]]:
    """Yield each exon and intron, left to right, counted as the gene is read."""
    introns = [(*span, "intron") for span in model.introns]
    exons = [(*span, model.part) for span in model.exons]
    totals = {"intron": len(introns), model.part: len(exons)}
    seen = dict.fromkeys(totals, 0)
    whole = _whole_text(model)
    for start, end, part in sorted([*introns, *exons]):
        seen[part] += 1
        place = totals[part] + 1 - seen[part] if model.strand == "-" else seen[part]
        where = _stretch("", start, end)
        yield start, end, f"{whole}<br>{part} {place} of {totals[part]}: {where}"


def _whole_text(model: GeneModel) -> str:
    about = [escape_text(shorten(line, 80)) for line in model.about]
    whole = _stretch(model.chrom, model.start, model.end)
    return "<br>".join([_head(model), *about, whole])


def _head(model: GeneModel) -> str:
    strand = "" if model.strand == "." else f" ({model.strand})"
    return f"<b>{escape_text(shorten(model.name, 60))}</b>{strand}"


def _stretch(chrom: str, start: int, end: int) -> str:
    first = format_position(chrom, start + 1) if chrom else f"{start + 1:,}"
    return f"{first}-{end:,} · {end - start:,} bp"
