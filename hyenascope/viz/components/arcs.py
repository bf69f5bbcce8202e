"""Relations between pairs of bases, as arcs."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from jaxtyping import Float, Int64

from hyenascope.viz.lane import Lane
from hyenascope.viz.lollipops import colour_scale
from hyenascope.viz.style import Theme
from hyenascope.viz.text import escape_text, format_value, small, wrapped
from hyenascope.viz.view import View, require_contig

_STEPS = 6  # colours to each side of zero
_MOST_HOVERS = 300
_PALE = 0.25  # of the way from paper to full colour where the weakest step begins
_SUMMIT = 0.75  # of its handles' height is the top of a cubic curve


@dataclass(frozen=True, eq=False)
class Arcs:
    """One arc per pair of bases, coloured by value, the strongest on top.

    Arcs of one colour are one path. The colour scale has six steps to each side of
    zero: red is negative, blue positive. The tops of the 300 strongest tell both
    positions and the value. An arc with an end outside the figure leaves it there.

    Parameters
    ----------
    frame
        One row per pair with ``pos_a``, ``pos_b`` (1-based), the value, and perhaps
        ``chrom``; without it all lie on the contig of the figure. Rows without a
        finite value are not drawn.
    value
        Column of the value.
    units
        Of the value.
    height
        What the height of an arc is: ``"distance"`` between its ends in bp, or
        ``"value"``, its size without the sign.
    max_arcs
        Only the strongest of those in sight are drawn; the note counts the rest.
    limit
        Value at which the colours are full; by default the largest of ``frame``.
    label
        Name at the left; by default the name of the column.

    Raises
    ------
    ValueError
        If a column is missing or not numeric, or an option is out of range.

    Examples
    --------
    >>> from hyenascope.data.interval import Interval
    >>> frame = pd.DataFrame({"pos_a": [2], "pos_b": [8], "value": [1.5]})
    >>> lane = Arcs(frame).draw(View(Interval("chr1", 0, 10)))
    >>> lane.shapes[0]["path"], lane.traces[0].x, lane.traces[0].y
    ('M2,0C2,8 8,8 8,0', (5.0,), (6.0,))
    """

    frame: pd.DataFrame
    value: str = "value"
    units: str = ""
    height: Literal["distance", "value"] = "distance"
    max_arcs: int = 1000
    limit: float | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        if self.height not in ("distance", "value"):
            raise ValueError(
                f"height must be 'distance' or 'value'; got {self.height!r}."
            )
        if self.max_arcs < 1:
            raise ValueError(f"max_arcs must be at least 1; got {self.max_arcs}.")
        if self.limit is not None and not self.limit > 0:
            raise ValueError(f"limit must be above 0; got {self.limit}.")
        needed = ("pos_a", "pos_b", self.value)
        missing = [name for name in needed if name not in self.frame.columns]
        if missing:
            raise ValueError(
                f"frame must have the columns {', '.join(needed)}; "
                f"missing {', '.join(missing)}."
            )
        for name in needed:
            if not pd.api.types.is_numeric_dtype(self.frame[name]) and len(self.frame):
                got = self.frame[name].dtype
                raise ValueError(f"{name} must be numeric; got {got}.")

    def draw(self, view: View) -> Lane:
        """Return the lane, empty if no arc has an end inside the figure.

        Raises
        ------
        NothingHereError
            If there is a column ``chrom``, and it names only other contigs.
        """
        left, right, values = self._inside(view)
        strongest = np.argsort(np.abs(values), kind="stable")[-self.max_arcs :]
        hidden = len(values) - len(strongest)
        left, right, values = left[strongest], right[strongest], values[strongest]
        tops = np.abs(values) if self.height == "value" else (right - left) * 1.0
        scale = _colour_axis(
            self._reach(),
            self.units or self.value,
            view.theme,
            signed=bool((self.frame[self.value] < 0).any()),
        )
        return Lane(
            label=self._label(view),
            height=140,
            traces=(self._tops(left, right, values, tops, view),),
            yaxis=self._axis(left, right, tops, view),
            shapes=tuple(self._curves(left, right, values, tops, view)),
            note=self._note(len(values), hidden),
            coloraxis=scale,
            complete=not hidden,
        )

    def _inside(
        self, view: View
    ) -> tuple[
        Int64[np.ndarray, " arcs"],
        Int64[np.ndarray, " arcs"],
        Float[np.ndarray, " arcs"],
    ]:
        frame = self.frame
        if "chrom" in frame.columns and len(frame):
            names = frame["chrom"].astype(str)
            require_contig("arcs", set(names.unique()), view)
            frame = frame[names.isin([n for n in names.unique() if view.holds(n)])]
        frame = frame.dropna(subset=["pos_a", "pos_b", self.value])
        ends = frame[["pos_a", "pos_b"]].to_numpy(dtype=np.int64)
        values = frame[self.value].to_numpy(dtype=np.float64)
        seen = ((ends > view.left) & (ends < view.right)).any(axis=1)
        seen &= np.isfinite(values) & (ends[:, 0] != ends[:, 1])
        ends = np.sort(ends[seen], axis=1)
        return ends[:, 0], ends[:, 1], values[seen]

    def _reach(self) -> float:
        values = self.frame[self.value].to_numpy(dtype=np.float64)
        largest = np.abs(values[np.isfinite(values)]).max(initial=0.0)
        return self.limit or float(largest) or 1.0

    def _curves(
        self,
        left: Int64[np.ndarray, " arcs"],
        right: Int64[np.ndarray, " arcs"],
        values: Float[np.ndarray, " arcs"],
        tops: Float[np.ndarray, " arcs"],
        view: View,
    ) -> Iterator[dict[str, Any]]:
        """Yield one path per colour, weak ones first so that they lie below."""
        size = np.clip(np.abs(values) / self._reach() * _STEPS, 0, _STEPS - 1)
        step = size.astype(int)
        positive = values >= 0
        colours = _steps(view.theme)
        for number in range(_STEPS):
            for sign in (False, True):
                chosen = (step == number) & (positive == sign)
                rows = zip(
                    left[chosen].tolist(),
                    right[chosen].tolist(),
                    (tops[chosen] / _SUMMIT).tolist(),
                    strict=True,
                )
                path = "".join(
                    f"M{a},0C{a},{top:.6g} {b},{top:.6g} {b},0" for a, b, top in rows
                )
                if path:
                    colour = colours[_STEPS + number if sign else _STEPS - 1 - number]
                    yield {
                        "type": "path",
                        "path": path,
                        "xref": "x",
                        "yref": view.yaxis,
                        "layer": "between",
                        "line": {"color": colour, "width": 1.3},
                    }

    def _tops(
        self,
        left: Int64[np.ndarray, " arcs"],
        right: Int64[np.ndarray, " arcs"],
        values: Float[np.ndarray, " arcs"],
        tops: Float[np.ndarray, " arcs"],
        view: View,
    ) -> go.Scatter:
        """Return unseen markers at the tops of the strongest, for the mouse."""
        x = (left + right) / 2
        # The top of an arc that leaves the figure would be out of reach.
        x = np.clip(x, view.left, view.right)[-_MOST_HOVERS:]
        share = (x - left[-_MOST_HOVERS:]) / (right - left)[-_MOST_HOVERS:]
        where = escape_text(view.interval.chrom)
        units = escape_text(self.units)
        texts = [
            f"<b>{where}:{a:,} – {b:,}</b> · {b - a:,} bp<br>"
            f"{escape_text(self.value)} {format_value(value)} {units}".rstrip()
            for a, b, value in zip(
                left[-_MOST_HOVERS:].tolist(),
                right[-_MOST_HOVERS:].tolist(),
                values[-_MOST_HOVERS:].tolist(),
                strict=True,
            )
        ]
        return go.Scatter(
            x=x.tolist(),
            y=(tops[-_MOST_HOVERS:] * _height_at(share)).tolist(),
            yaxis=view.yaxis,
            mode="markers",
            marker={
                "size": 12,
                "opacity": 0,
                "color": values[-_MOST_HOVERS:].tolist(),
                "coloraxis": view.coloraxis,
            },
            hovertext=texts,
            hoverinfo="text",
        )

    def _axis(
        self,
        left: Int64[np.ndarray, " arcs"],
        right: Int64[np.ndarray, " arcs"],
        tops: Float[np.ndarray, " arcs"],
        view: View,
    ) -> Mapping[str, Any]:
        high = float(tops.max(initial=0.0)) or 1.0
        if self.height == "value":
            return {"range": [0, 1.06 * high], "nticks": 4}
        # An arc from far away shall not flatten those that are here.
        inside = tops[(left > view.left) & (right < view.right)]
        high = float(inside.max(initial=0.0)) or min(high, float(view.interval.length))
        ticks = {"tickformat": ",d", "ticksuffix": " bp", "nticks": 4}
        return {"range": [0, 1.06 * high], **ticks}

    def _note(self, drawn: int, hidden: int) -> str:
        if not drawn:
            return "no pairs here"
        what = "distance" if self.height == "distance" else "size of the value"
        more = f"   {hidden:,} weaker ones not drawn" if hidden else ""
        pairs = f"{drawn + hidden:,} pair{'s' if drawn + hidden != 1 else ''}"
        return f"{pairs}, height is the {what}{more}"

    def _label(self, view: View) -> str:
        name = wrapped(self.value if self.label is None else self.label)
        return f"{name}<br>{small(self.units, view.theme)}" if self.units else name


def _height_at(share: Float[np.ndarray, " arcs"]) -> Float[np.ndarray, " arcs"]:
    """Return the height of a curve, of its top, at a share of its width.

    The curve goes straight up at its ends: x = 3t² − 2t³, y = 4t(1 − t) of the top.
    """
    grid = np.linspace(0, 1, 201)
    t = np.interp(share, 3 * grid**2 - 2 * grid**3, grid)
    return 4 * t * (1 - t)


def _steps(theme: Theme) -> list[str]:
    """Return the colours from the most negative to the most positive."""
    shares = _PALE + (1 - _PALE) * np.arange(_STEPS) / (_STEPS - 1)
    places = [*(0.5 - shares[::-1] / 2), *(0.5 + shares / 2)]
    return [_colour_at(theme.diverging, float(place)) for place in places]


def _colour_at(stops: tuple[tuple[float, str], ...], place: float) -> str:
    """Return the colour between the stops of a scale."""
    channels = [[int(c[n : n + 2], 16) for _, c in stops] for n in (1, 3, 5)]
    at = [stop for stop, _ in stops]
    mixed = [round(float(np.interp(place, at, channel))) for channel in channels]
    return "#" + "".join(f"{level:02x}" for level in mixed)


def _colour_axis(
    reach: float, title: str, theme: Theme, *, signed: bool
) -> dict[str, Any]:
    """Return the steps as a colour axis, only upwards if nothing is negative."""
    colours = _steps(theme)[0 if signed else _STEPS :]
    edges = np.repeat(np.linspace(0, 1, len(colours) + 1), 2)[1:-1]
    scale = [[float(e), colours[n // 2]] for n, e in enumerate(edges)]
    axis = colour_scale(np.array([reach]), title, theme, signed=signed)
    return {**axis, "colorscale": scale}
