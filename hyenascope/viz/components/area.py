"""Signals as ground: what lies above a level and what lies below it."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import plotly.graph_objects as go

from hyenascope.data.track_data import TrackData
from hyenascope.viz.lane import Lane, level_line
from hyenascope.viz.signals import (
    Part,
    Signal,
    check_range,
    fill_trace,
    line_ends,
    line_trace,
    make_signal,
    part_in_view,
    signal_axis,
    signal_note,
    track_label,
)
from hyenascope.viz.view import View

_SOLID, _GLASS = 0.85, 0.35
_OUTLINE = 1.1


@dataclass(frozen=True)
class Area:
    """The ground between signals and a level, one value per base.

    Of a single track, what lies above the level has another colour than what lies
    below. Several tracks lie over one another like coloured glass, each in one
    colour with its outline. Gaps, infinite values and thinning are as in `Line`.

    Parameters
    ----------
    track_data
        Values in genome order; the part inside the figure is drawn.
    label
        Name at the left; by default the names of the tracks.
    baseline
        The level, in the units of the track.
    y_range
        Ends of the y axis; by default it holds every value drawn and the level.

    Raises
    ------
    ValueError
        If ``baseline`` is not finite, or ``y_range`` is not two finite numbers, the
        lower first.

    Examples
    --------
    >>> from hyenascope.data.interval import Interval
    >>> where = Interval("chr1", 0, 3)
    >>> lane = Area(TrackData([1.0, -2.0, 0.5], ("score",), where)).draw(View(where))
    >>> [trace.y.tolist() for trace in lane.traces[:2]]
    [[0.0, 1.0, 1.0, 0.0, 0.5, 0.5, 0.0], [0.0, 0.0, 0.0, -2.0, 0.0, 0.0, 0.0]]
    """

    track_data: TrackData
    label: str | None = None
    baseline: float = 0.0
    y_range: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        check_range(self.y_range)
        if not np.isfinite(self.baseline):
            raise ValueError(f"baseline must be finite; got {self.baseline}.")

    def draw(self, view: View) -> Lane:
        """Return the lane.

        Raises
        ------
        NothingHereError
            If the track shares no base with the figure.
        """
        part = part_in_view(self.track_data, view)
        signals = [
            make_signal(column, part.start, view.max_points) for column in part.values.T
        ]
        axis = signal_axis(signals, self.y_range, marks=(self.baseline,))
        if self.y_range is None and not any(
            (each.y < self.baseline).any() for each in signals
        ):
            axis["range"][0] = self.baseline  # nothing below: stand on the floor
        return Lane(
            label=track_label(self.label, part.names, part.units, view),
            height=120,
            traces=tuple(self._traces(part, signals, view)),
            yaxis=axis,
            shapes=(
                level_line(self.baseline, view, layer="above"),
                *_outline_ends(signals, view),
            ),
            note=signal_note(signals, self.y_range),
            complete=all(each.bin_size == 1 for each in signals),
        )

    def _traces(
        self, part: Part, signals: list[Signal], view: View
    ) -> Iterator[go.Scatter]:
        alone = len(signals) == 1
        opacity = _SOLID if alone else _GLASS
        for number, each in enumerate(signals):
            above = view.theme.line(number)
            below = view.theme.line(1) if alone else above
            yield from signed_fills(
                each, self.baseline, (above, below), view, opacity=opacity
            )
        for number, (each, name) in enumerate(zip(signals, part.names, strict=True)):
            colour, width = view.theme.line(number), 0.0 if alone else _OUTLINE
            yield line_trace(each, name, part.units, colour, view, width=width)


def _outline_ends(signals: list[Signal], view: View) -> Iterator[dict[str, Any]]:
    if len(signals) > 1:
        for number, each in enumerate(signals):
            yield from line_ends(each, view.theme.line(number), view, width=_OUTLINE)


def signed_fills(
    signal: Signal,
    baseline: float,
    colours: tuple[str, str],
    view: View,
    *,
    opacity: float = _SOLID,
) -> Iterator[go.Scatter]:
    """Yield the ground above the level and that below, each only if there is any."""
    sides = np.fmax(signal.y, baseline), np.fmin(signal.y, baseline)
    for side, colour in zip(sides, colours, strict=True):
        if (side != baseline).any():
            half = signal._replace(y=side)
            yield fill_trace(half, baseline, colour, view, opacity=opacity)
