"""Where points too many to draw lie: all of them as one shape, one node of the page."""

from typing import Any

import numpy as np
from jaxtyping import Float64

from hyenascope.viz.variant_figures.canvas import Canvas

_CELL = 2  # pixels

Points = Float64[np.ndarray, " points"]
Range = tuple[float, float]


def silhouette(
    x: Points, y: Points, ranges: tuple[Range, Range], colour: str, canvas: Canvas
) -> dict[str, Any]:
    """Return a plotly shape that covers every cell of 2 by 2 pixels with a point in it.

    Parameters
    ----------
    x, y
        Points within ``ranges``, the ranges of the axes.
    ranges
        Of the x and the y axis.
    colour
        Of the shape.
    canvas
        Gives the pixels.

    Examples
    --------
    >>> canvas = Canvas(width=500, height=232)
    >>> x = np.array([0.0, 0.0])
    >>> area = silhouette(x, x, ((0.0, 202.0), (0.0, 50.0)), "red", canvas)
    >>> area["path"]
    'M0,0V1H1V0Z'
    """
    columns, rows = (max(1, side // _CELL) for side in canvas.inner)
    (left, right), (bottom, top) = ranges
    wide, high = (right - left) / columns, (top - bottom) / rows
    filled = np.zeros((columns, rows + 1), dtype=bool)  # the last row parts columns
    across = np.clip(((x - left) / wide).astype(np.int64), 0, columns - 1)
    filled[across, np.clip(((y - bottom) / high).astype(np.int64), 0, rows - 1)] = True
    edges = np.diff(filled.ravel().astype(np.int8), prepend=0)
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    column, row = np.divmod(starts, rows + 1)
    x0, x1 = left + wide * column, left + wide * (column + 1)
    y0, y1 = bottom + high * row, bottom + high * (row + ends - starts)
    boxes = zip(x0.tolist(), y0.tolist(), x1.tolist(), y1.tolist(), strict=True)
    return {
        "type": "path",
        "path": "".join(
            f"M{a:.10g},{b:.5g}V{d:.5g}H{c:.10g}V{b:.5g}Z" for a, b, c, d in boxes
        ),
        "fillcolor": colour,
        "opacity": 0.4,
        "line": {"width": 0},
        "layer": "below",
    }
