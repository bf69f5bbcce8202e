"""Letters that stand on the genome, drawn as a few large paths.

All letters of one kind are one compound path: a browser slows down with the number
of things on the page, not with their size. The same outlines go to the page, so that
letters appear there when the reader comes close enough.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int

from hyenascope.viz.view import View

GLYPHS = {
    "A": "M0,0L0.36,1L0.64,1L1,0L0.77,0L0.705,0.22L0.295,0.22L0.23,0Z"
    "M0.35,0.4L0.65,0.4L0.5,0.86Z",
    "C": "M0.889,0.835C0.696,1.045 0.363,1.056 0.156,0.86C-0.052,0.663 -0.052,0.337 "
    "0.156,0.14C0.363,-0.056 0.696,-0.045 0.889,0.165L0.711,0.293C0.608,0.162 "
    "0.432,0.155 0.322,0.277C0.213,0.399 0.213,0.601 0.322,0.723C0.432,0.845 "
    "0.608,0.838 0.711,0.707Z",
    "G": "M0.889,0.835C0.693,1.048 0.353,1.056 0.147,0.851C-0.059,0.647 -0.047,0.314 "
    "0.173,0.125C0.393,-0.065 0.731,-0.034 0.912,0.192L0.912,0.54L0.54,0.54L0.54,0.37"
    "L0.72,0.37L0.723,0.309C0.627,0.169 0.448,0.149 0.332,0.267C0.215,0.385 "
    "0.209,0.591 0.318,0.718C0.427,0.845 0.607,0.84 0.711,0.707Z",
    "T": "M0,1L1,1L1,0.81L0.615,0.81L0.615,0L0.385,0L0.385,0.81L0,0.81Z",
    "N": "M0,0L0,1L0.26,1L0.76,0.32L0.76,1L1,1L1,0L0.74,0L0.24,0.68L0.24,0Z",
}
"""Outlines in a box from 0,0 (bottom left) to 1,1; holes by the even-odd rule."""

_FILL = 0.92  # of a base's width
_POINT = re.compile(r"(-?[\d.]+),(-?[\d.]+)")


@dataclass(frozen=True, eq=False)
class Letters:
    """Letters to draw once the reader is close enough.

    Parameters
    ----------
    text
        One letter each; what is not A, C, G or T looks like N.
    x
        1-based position of each, the middle of the letter.
    bottom, top
        Where it stands and ends on the y axis; with ``top < bottom`` it hangs upside
        down. A letter without height is not drawn.
    colours
        Letter to colour.
    least_pixels
        Pixels per base from which on they are drawn.
    widest
        Most pixels a letter may be wide; by default it fills its base.
    replaces
        Numbers of the lane's traces that disappear where letters are drawn.
    rescale
        Whether a page that shows a part of them makes them as high as it can.
    genome
        Whether they spell the genome, base by base, for the line of values.
    """

    text: str
    x: Int[np.ndarray, " letters"]
    bottom: Float[np.ndarray, " letters"]
    top: Float[np.ndarray, " letters"]
    colours: Mapping[str, str]
    least_pixels: float = 4.8
    widest: float | None = None
    replaces: tuple[int, ...] = ()
    rescale: bool = False
    genome: bool = False

    def __post_init__(self) -> None:
        sizes = {len(self.text), len(self.x), len(self.bottom), len(self.top)}
        if len(sizes) > 1:
            raise ValueError(
                "text, x, bottom and top must be equally long; got "
                f"{len(self.text)}, {len(self.x)}, {len(self.bottom)}, {len(self.top)}."
            )

    def fit(self, view: View) -> bool:
        """Whether a base of the view has room for a letter."""
        return view.bases_per_pixel * self.least_pixels <= 1

    def shapes(self, view: View) -> tuple[dict[str, Any], ...]:
        """Return one compound path per kind of letter."""
        width = _FILL
        if self.widest is not None:
            width = min(width, self.widest * view.bases_per_pixel)
        kinds = np.array([kind if kind in GLYPHS else "N" for kind in self.text])
        shown = np.isfinite(self.bottom) & np.isfinite(self.top)
        shown &= self.bottom != self.top
        shown &= (self.x > view.left) & (self.x < view.right)
        return tuple(
            {
                "type": "path",
                "path": "".join(self._paths(kind, shown & (kinds == kind), width)),
                "xref": "x",
                "yref": view.yaxis,
                "fillcolor": self.colours[kind],
                "fillrule": "evenodd",
                "line": {"width": 0},
                "layer": "above",
            }
            for kind in GLYPHS
            if (shown & (kinds == kind)).any()
        )

    def _paths(
        self, kind: str, chosen: Bool[np.ndarray, " letters"], width: float
    ) -> list[str]:
        points = np.array(_POINT.findall(GLYPHS[kind]), dtype=float)
        form = _POINT.sub("%.3f,%.6g", GLYPHS[kind])
        left = self.x[chosen, None] - width / 2 + width * points[:, 0]
        rise = (self.top - self.bottom)[chosen, None] * points[:, 1]
        y = self.bottom[chosen, None] + rise
        places = np.stack([left, y], axis=2).reshape(len(left), -1)
        return [form % tuple(place) for place in places.tolist()]

    def spec(self, yaxis: str) -> dict[str, Any]:
        """Return what a page needs to draw them itself."""
        return {
            "text": self.text,
            "x": self.x.astype(np.int32),
            "bottom": self.bottom.astype(np.float32),
            "top": self.top.astype(np.float32),
            "colours": dict(self.colours),
            "least": self.least_pixels,
            "widest": self.widest,
            "replaces": list(self.replaces),
            "rescale": self.rescale,
            "genome": self.genome,
            "yaxis": yaxis,
        }
