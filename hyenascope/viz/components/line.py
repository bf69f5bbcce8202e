"""Signals: one line per track."""

from dataclasses import dataclass, replace

import numpy as np
import plotly.graph_objects as go

from hyenascope.data.track_data import TrackData
from hyenascope.viz.downsample import Thinned, thin
from hyenascope.viz.lane import Lane, level_line, value_axis
from hyenascope.viz.text import coloured, escape_text, format_value, small, wrapped
from hyenascope.viz.view import NothingHereError, View


@dataclass(frozen=True)
class Line:
    """One line per track of a `TrackData`, one value per base.

    Signals longer than the figure's ``max_points`` are thinned to the lowest and
    highest value of equal bins; the note above the lane says of how many bases.

    Parameters
    ----------
    track_data
        Values in genome order; the part inside the figure is drawn.
    label
        Name at the left; by default the names of the tracks.
    reference
        A value to mark with a dotted line, such as ``-log 4`` for a guess among
        four bases.

    Examples
    --------
    >>> from hyenascope.data.interval import Interval
    >>> where = Interval("chr1", 0, 3)
    >>> lane = Line(TrackData([-1.0, -2.0, 0.0], ("log p",), where)).draw(View(where))
    >>> lane.traces[0].x
    array([1, 2, 3])
    """

    track_data: TrackData
    label: str | None = None
    reference: float | None = None

    def draw(self, view: View) -> Lane:
        """Return the lane.

        Raises
        ------
        NothingHereError
            If the track shares no base with the figure.
        """
        part = self._part(view)
        kept = [thin(column.astype(float), view.max_points) for column in part.values.T]
        size = max((each.bin_size for each in kept), default=1)
        reference = [] if self.reference is None else [self.reference]
        return Lane(
            label=self._label(view),
            height=120,
            traces=tuple(
                _line_trace(part, number, thinned, view)
                for number, thinned in enumerate(kept)
            ),
            yaxis=value_axis(np.append(part.values.ravel(), reference)),
            shapes=tuple(
                level_line(value, view, dash="dot", layer="above")
                for value in reference
            ),
            note=self._note(size),
            complete=size == 1,
        )

    def _note(self, bin_size: int) -> str:
        parts = []
        if bin_size > 1:
            parts.append(f"lowest and highest of every {bin_size:,} bp")
        if self.reference is not None:
            parts.append(f"dotted line at {format_value(self.reference)}")
        return "   ".join(parts)

    def _part(self, view: View) -> TrackData:
        """Return what lies in the figure, the contig spelled as there."""
        where = self.track_data.interval
        spelled = replace(where, chrom=view.interval.chrom)
        shared = spelled.intersect(view.interval)
        if shared is None or not view.holds(where.chrom):
            raise NothingHereError(
                f"track_data must overlap the figure, {view.interval}; "
                f"it spans {where}."
            )
        return replace(self.track_data, interval=spelled).slice(shared)

    def _label(self, view: View) -> str:
        names, units = self.track_data.names, self.track_data.units
        if self.label is not None:
            lines = [wrapped(self.label)]
        elif len(names) == 1:
            lines = [wrapped(names[0])]
        else:
            lines = [
                coloured(name, view.theme.line(number))
                for number, name in enumerate(names)
            ]
        return "<br>".join([*lines, *([small(units, view.theme)] if units else [])])


def _line_trace(
    part: TrackData, number: int, thinned: Thinned, view: View
) -> go.Scatter:
    name = escape_text(part.names[number])
    where = escape_text(part.interval.chrom)
    units = f" {escape_text(part.units)}" if part.units else ""
    return go.Scatter(
        x=part.interval.start + 1 + thinned.offsets,
        y=part.values[thinned.offsets, number],
        yaxis=view.yaxis,
        mode="lines" if len(thinned.offsets) > 1 else "markers",
        line={
            "color": view.theme.line(number),
            "width": 1.1,
            "shape": "hvh" if thinned.bin_size == 1 else "linear",
        },
        hovertemplate=(
            f"<b>{where}:%{{x:,d}}</b><br>{name} %{{y:.4g}}{units}<extra></extra>"
        ),
    )
