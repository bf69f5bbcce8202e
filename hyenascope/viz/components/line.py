"""Signals: one line per track."""

from dataclasses import dataclass

from hyenascope.data.track_data import TrackData
from hyenascope.viz.lane import Lane, level_line
from hyenascope.viz.signals import (
    check_range,
    line_ends,
    line_trace,
    make_signal,
    part_in_view,
    signal_axis,
    signal_note,
    track_label,
)
from hyenascope.viz.view import View

_WIDTH = 1.1


@dataclass(frozen=True)
class Line:
    """One line per track of a `TrackData`, one value per base.

    NaN is a gap. Infinite values are gaps too, and the note above the lane counts
    them. Signals longer than the figure's ``max_points`` are thinned to the lowest
    and highest value of equal bins; the note says of how many bases.

    Parameters
    ----------
    track_data
        Values in genome order; the part inside the figure is drawn.
    label
        Name at the left; by default the names of the tracks.
    reference
        A value to mark with a dotted line, such as ``-log 4`` for a guess among
        four bases.
    y_range
        Ends of the y axis, in the units of the track; by default it holds every
        value drawn.

    Raises
    ------
    ValueError
        If ``y_range`` is not two finite numbers, the lower first.

    Examples
    --------
    >>> from hyenascope.data.interval import Interval
    >>> where = Interval("chr1", 0, 3)
    >>> lane = Line(TrackData([-1.0, -2.0, 0.0], ("log p",), where)).draw(View(where))
    >>> lane.traces[0].x.tolist()
    [1, 2, 3]
    """

    track_data: TrackData
    label: str | None = None
    reference: float | None = None
    y_range: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        check_range(self.y_range)

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
        marks = () if self.reference is None else (self.reference,)
        colours = [view.theme.line(number) for number in range(len(signals))]
        lines = list(zip(signals, colours, strict=True))
        dotted = [level_line(mark, view, dash="dot", layer="above") for mark in marks]
        ends = [end for line in lines for end in line_ends(*line, view, width=_WIDTH)]
        return Lane(
            label=track_label(self.label, part.names, part.units, view),
            height=120,
            traces=tuple(
                line_trace(each, name, part.units, colour, view, width=_WIDTH)
                for (each, colour), name in zip(lines, part.names, strict=True)
            ),
            yaxis=signal_axis(signals, self.y_range, marks=marks),
            shapes=(*dotted, *ends),
            note=signal_note(signals, self.y_range, reference=self.reference),
            complete=all(each.bin_size == 1 for each in signals),
        )
