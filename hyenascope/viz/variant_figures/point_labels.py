"""Names beside points, none over another."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64

from hyenascope.viz.text import escape_text
from hyenascope.viz.variant_figures.canvas import Canvas

_LETTER, _LINE, _AWAY = 6.2, 14.0, 11.0  # pixels

Values = Float64[np.ndarray, " points"]
Range = Sequence[float]
Box = tuple[float, float, float, float]


def place_labels(
    x: Values,
    y: Values,
    names: Sequence[str],
    ranges: tuple[Range, Range],
    canvas: Canvas,
) -> list[dict[str, Any]]:
    """Return a name beside each point, the first point first.

    A name that finds no free place above, below, left or right of its point is left
    out: its point still says it when pointed at.

    Parameters
    ----------
    x, y
        Points in data coordinates.
    names
        Not escaped.
    ranges
        Of the x and the y axis.
    canvas
        Gives the pixels.

    Examples
    --------
    >>> x = np.array([0.5, 0.5])
    >>> labels = place_labels(x, x, ["a", "b"], ([0.0, 1.0], [0.0, 1.0]), Canvas())
    >>> [label["yshift"] for label in labels]
    [11.0, -11.0]
    """
    width, height = canvas.inner
    across = (x - ranges[0][0]) / (ranges[0][1] - ranges[0][0]) * width
    up = (y - ranges[1][0]) / (ranges[1][1] - ranges[1][0]) * height
    taken: list[Box] = [(a - 3, b - 3, a + 3, b + 3) for a, b in zip(across, up)]  # noqa: B905
    labels = []
    for at, name in enumerate(names):
        size = (_LETTER * len(name) + 4, _LINE)
        for shift in _shifts(size[0], bool(y[at] < 0)):
            box = _box(across[at] + shift[0], up[at] + shift[1], size)
            inside = (
                box[0] >= 0 and box[2] <= width and box[1] >= 0 and box[3] <= height
            )
            if inside and not any(_meet(box, other) for other in taken):
                taken.append(box)
                labels.append(_label(name, float(x[at]), float(y[at]), shift, canvas))
                break
    return labels


def _shifts(width: float, downwards: bool) -> list[tuple[float, float]]:
    """Return pixels from the point to the middle of its name, the best place first."""
    aside = width / 2 + 5
    vertical = [(0.0, _AWAY), (0.0, -_AWAY)]
    away = [(side, level) for side in (aside, -aside) for level in (0.0, _AWAY, -_AWAY)]
    return [*(vertical[::-1] if downwards else vertical), *away]


def _box(x: float, y: float, size: tuple[float, float]) -> Box:
    return x - size[0] / 2, y - size[1] / 2, x + size[0] / 2, y + size[1] / 2


def _meet(one: Box, other: Box) -> bool:
    beside = one[0] >= other[2] or other[0] >= one[2]
    over = one[1] >= other[3] or other[1] >= one[3]
    return not (beside or over)


def _label(
    name: str, x: float, y: float, shift: tuple[float, float], canvas: Canvas
) -> dict[str, Any]:
    return canvas.text(
        escape_text(name),
        x,
        y,
        xshift=shift[0],
        yshift=shift[1],
        font={"size": 10, "color": canvas.theme.ink},
    )
