"""What a component hands to the figure: one lane, drawn but not yet stacked.

All lanes of a figure share one x axis and own one y axis each, because only
then does plotly draw a crosshair through every lane. A component therefore
learns from a `View` which y axis is its own, and answers with a `Lane`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from hyenascope.data.contigs import contig_key
from hyenascope.data.interval import Interval


@dataclass(frozen=True)
class View:
    """Where a component draws.

    Parameters
    ----------
    interval
        What the x axis shows, 0-based half-open.
    slot
        1 for the top lane, 2 for the next; names the axes of the lane.
    max_points
        Most points of one signal.
    pixels
        Width to plan label sizes for; a window that turns out wider only adds room.
    """

    interval: Interval
    slot: int = 1
    max_points: int = 4000
    pixels: int = 640

    @property
    def yaxis(self) -> str:
        """Name of the lane's y axis in traces and shapes."""
        return "y" if self.slot == 1 else f"y{self.slot}"

    @property
    def coloraxis(self) -> str:
        """Name of the lane's colour axis."""
        return f"coloraxis{self.slot}"

    @property
    def left(self) -> float:
        """Left edge of the axis: base ``p`` (1-based) fills ``p - 0.5`` to ``p + 0.5``.

        Examples
        --------
        >>> view = View(Interval("chr1", 0, 10))
        >>> view.left, view.right
        (0.5, 10.5)
        """
        return self.interval.start + 0.5

    @property
    def right(self) -> float:
        """Right edge of the axis."""
        return self.interval.end + 0.5

    @property
    def bases_per_pixel(self) -> float:
        """How many bases one planned pixel covers."""
        return self.interval.length / self.pixels

    def holds(self, chrom: str) -> bool:
        """Whether ``chrom`` is the contig shown, under any of its usual spellings.

        Examples
        --------
        >>> View(Interval("chr20", 0, 10)).holds("20")
        True
        """
        return contig_key(chrom) == contig_key(self.interval.chrom)

    def clip(self, start: int, end: int) -> tuple[float, float]:
        """Cut 0-based half-open ``start``, ``end`` to the view, as axis edges.

        Examples
        --------
        >>> View(Interval("chr1", 0, 10)).clip(-5, 4)
        (0.5, 4.5)
        """
        return max(start + 0.5, self.left), min(end + 0.5, self.right)


@dataclass(frozen=True)
class Lane:
    """One drawn track.

    Parameters
    ----------
    label
        Name at the left, already escaped; ``<br>`` breaks it.
    height
        Natural height in pixels.
    traces
        Plotly traces on ``view.yaxis``.
    yaxis
        Layout of the y axis; the figure adds its domain.
    shapes
        Plotly shapes on ``view.yaxis``.
    note
        One short line above the lane, already escaped.
    coloraxis
        Layout of the colour axis, if the lane has one; the figure adds its place.
    """

    label: str
    height: int
    traces: tuple[Any, ...]
    yaxis: Mapping[str, Any]
    shapes: tuple[Mapping[str, Any], ...] = ()
    note: str = ""
    coloraxis: Mapping[str, Any] | None = None


@runtime_checkable
class Component(Protocol):
    """Anything that can draw itself over an interval."""

    def draw(self, view: View) -> Lane:
        """Return the lane, or raise ``ValueError`` if it has nothing to do there."""
        ...


def require_contig(argument: str, chroms: set[str], view: View) -> None:
    """Refuse data that all lie on other contigs than the figure.

    Raises
    ------
    ValueError
        If ``chroms`` holds names, and none of the contig shown.

    Examples
    --------
    >>> require_contig("genes", {"chr2"}, View(Interval("chr1", 0, 10)))
    Traceback (most recent call last):
    ValueError: genes must lie on chr1, the contig of the figure; got chr2.
    """
    if chroms and not any(view.holds(chrom) for chrom in chroms):
        names = sorted(chroms)
        got = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
        raise ValueError(
            f"{argument} must lie on {view.interval.chrom}, the contig of the figure; "
            f"got {got}."
        )


def value_axis(
    values: Float[np.ndarray, " values"], *, air: float = 0.06
) -> dict[str, Any]:
    """Return a y axis that holds all finite ``values`` with some air around them.

    Examples
    --------
    >>> value_axis(np.array([0.0, np.nan, 10.0]), air=0.1)["range"]
    [-1.0, 11.0]
    """
    finite = values[np.isfinite(values)]
    low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 1.0)
    margin = air * (high - low) or 0.5
    return {"range": [float(low - margin), float(high + margin)], "nticks": 5}


def level_line(
    value: float, view: View, *, dash: str = "solid", layer: str = "between"
) -> dict[str, Any]:
    """Return a horizontal line across the lane, as a plotly shape."""
    return {
        "type": "line",
        "x0": view.left,
        "x1": view.right,
        "y0": value,
        "y1": value,
        "yref": view.yaxis,
        "line": {"color": "#9aa5b1", "width": 1, "dash": dash},
        "layer": layer,
    }
