"""What a component hands to the figure: one lane, drawn but not yet stacked.

All lanes of a figure share one x axis and own one y axis each, because only
then does plotly draw a crosshair through every lane. A component therefore
learns from a `View` which y axis is its own, and answers with a `Lane`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Float

from hyenascope.data.interval import Interval
from hyenascope.viz.letters import Letters
from hyenascope.viz.view import View


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
    letters
        Drawn where the bases have room for them.
    complete
        Whether all there is has been drawn; False if a closer look shows more.
    """

    label: str
    height: int
    traces: tuple[Any, ...]
    yaxis: Mapping[str, Any]
    shapes: tuple[Mapping[str, Any], ...] = ()
    note: str = ""
    coloraxis: Mapping[str, Any] | None = None
    letters: tuple[Letters, ...] = ()
    complete: bool = True


@runtime_checkable
class Component(Protocol):
    """Anything that can draw itself over an interval."""

    def draw(self, view: View) -> Lane:
        """Return the lane, or raise `NothingHereError` if its data lie elsewhere."""
        ...


@runtime_checkable
class Named(Protocol):
    """A component that knows places by name, for the search box."""

    def places(self, interval: Interval) -> Iterable[tuple[str, Interval]]:
        """Return names and where they lie, of what overlaps ``interval``."""
        ...


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
        "line": {"color": view.theme.faint, "width": 1, "dash": dash},
        "layer": layer,
    }
