"""What pictures of signals share: the part in sight, its name, its gaps, its fill."""

from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Int32

from hyenascope.data.track_data import TrackData
from hyenascope.viz.downsample import thin
from hyenascope.viz.lane import value_axis
from hyenascope.viz.text import coloured, escape_text, format_value, small, wrapped
from hyenascope.viz.view import NothingHereError, View


class Part(NamedTuple):
    """What of a `TrackData` lies in a view.

    Attributes
    ----------
    values
        Rows in genome order, not copied.
    start
        0-based position of the first row.
    names, units
        Of the tracks, as they are.
    """

    values: Float[np.ndarray, "length track"]
    start: int
    names: tuple[str, ...]
    units: str


class Signal(NamedTuple):
    """One track, ready to draw.

    Attributes
    ----------
    x
        1-based positions, increasing.
    y
        Values; NaN is a gap.
    bin_size
        Bases per bin; 1 when nothing was dropped.
    infinite
        How many values of the view are infinite; they are gaps in ``y``.
    """

    x: Int32[np.ndarray, " kept"]
    y: Float[np.ndarray, " kept"]
    bin_size: int
    infinite: int


def part_in_view(track_data: TrackData, view: View) -> Part:
    """Return the rows that the view shows, however the contig is spelled.

    Raises
    ------
    NothingHereError
        If the track shares no base with the view.

    Examples
    --------
    >>> from hyenascope.data.interval import Interval
    >>> ramp = TrackData([0.0, 1.0, 2.0, 3.0], ("ramp",), Interval("1", 10, 14))
    >>> part_in_view(ramp, View(Interval("chr1", 12, 20)))[:2]
    (array([[2.],
           [3.]]), 12)
    """
    where, shown = track_data.interval, view.interval
    start, end = max(where.start, shown.start), min(where.end, shown.end)
    if start >= end or not view.holds(where.chrom):
        raise NothingHereError(
            f"track_data must overlap the figure, {shown}; it spans {where}."
        )
    rows = slice(start - where.start, end - where.start)
    return Part(track_data.values[rows], start, track_data.names, track_data.units)


def make_signal(
    values: Float[np.ndarray, " length"], start: int, max_points: int
) -> Signal:
    """Thin one track to at most ``max_points``; infinite values become gaps.

    Parameters
    ----------
    values
        One per base.
    start
        0-based position of the first.
    max_points
        See `thin`.

    Examples
    --------
    >>> make_signal(np.array([0.5, -np.inf]), 10, 4000)
    Signal(x=array([11, 12], dtype=int32), y=array([0.5, nan]), bin_size=1, infinite=1)
    """
    # Plotly sends these two as they are; half precision it cannot.
    kind = np.float32 if values.dtype == np.float32 else np.float64
    column = values.astype(kind)
    endless = np.isinf(column)
    infinite = int(np.count_nonzero(endless))
    if infinite:
        column[endless] = np.nan
    offsets, bin_size = thin(column, max_points)
    x = (start + 1 + offsets).astype(np.int32)
    return Signal(x, column[offsets], bin_size, infinite)


def line_trace(
    signal: Signal, name: str, units: str, colour: str, view: View, *, width: float
) -> go.Scatter:
    """Return one signal as a line that tells its values; width 0 only tells them."""
    where = escape_text(view.interval.chrom)
    title = escape_text(name)
    after = f" {escape_text(units)}" if units else ""
    return go.Scatter(
        x=signal.x,
        y=signal.y,
        yaxis=view.yaxis,
        name=title,
        mode="lines",
        line={
            "color": colour,
            "width": width,
            "shape": "hvh" if signal.bin_size == 1 else "linear",
        },
        hovertemplate=(
            f"<b>{where}:%{{x:,d}}</b><br>{title} %{{y:.4g}}{after}<extra></extra>"
        ),
    )


def line_ends(
    signal: Signal, colour: str, view: View, *, width: float
) -> tuple[dict[str, Any], ...]:
    """Return what a line lacks at gaps and ends: the outer half of the last base.

    A value between two gaps is a dash; of a thinned signal nothing else is missing.
    All are one path, or nothing if there are none.
    """
    known = np.isfinite(signal.y)
    first, last = known.copy(), known.copy()
    first[1:] &= ~known[:-1]
    last[:-1] &= ~known[1:]
    if signal.bin_size > 1:
        first = last = first & last
    half = signal.bin_size / 2
    x, y = signal.x.astype(float), signal.y
    left = np.concatenate([x[first] - half, x[last]])
    dashes = np.stack([left, left + half, np.concatenate([y[first], y[last]])], axis=1)
    path = "".join(f"M{a},{b:.6g}L{c},{b:.6g}" for a, c, b in dashes.tolist())
    style = {"color": colour, "width": width}
    place = {"xref": "x", "yref": view.yaxis, "layer": "above"}
    return ({"type": "path", "path": path, "line": style, **place},) if path else ()


def fill_trace(
    signal: Signal, baseline: float, colour: str, view: View, *, opacity: float
) -> go.Scatter:
    """Return the ground between a signal and a level; gaps have none.

    A signal that was not thinned is filled from edge to edge of its bases. Where these
    are narrower than a pixel or two, an outline keeps single peaks from fading.
    """
    width = 0.8 if view.bases_per_pixel > 0.5 else 0.0
    x, y = signal.x, np.where(np.isfinite(signal.y), signal.y, baseline)
    left, right = x[0] - 0.5, x[-1] + 0.5
    return go.Scatter(
        x=np.concatenate([[left, left], x, [right, right]]),
        y=np.concatenate([[baseline], y[:1], y, y[-1:], [baseline]]),
        yaxis=view.yaxis,
        mode="lines",
        line={
            "color": colour,
            "width": width,
            "shape": "hvh" if signal.bin_size == 1 else "linear",
        },
        fill="toself",
        fillcolor=colour,
        opacity=opacity,
        hoverinfo="skip",
    )


def track_label(
    label: str | None, names: tuple[str, ...], units: str, view: View
) -> str:
    """Return the name at the left, and the names of several lines in their colours."""
    lines = [] if label is None else [wrapped(label)]
    if len(names) == 1 and not lines:
        lines = [wrapped(names[0])]
    elif len(names) > 1:
        lines += [
            coloured(name, view.theme.line(number)) for number, name in enumerate(names)
        ]
    return "<br>".join([*lines, *([small(units, view.theme)] if units else [])])


def signal_axis(
    signals: list[Signal],
    y_range: tuple[float, float] | None,
    *,
    marks: tuple[float, ...] = (),
) -> dict[str, Any]:
    """Return the y axis of signals: as asked for, or around all values and marks."""
    if y_range is not None:
        return {"range": list(y_range), "nticks": 5}
    return value_axis(np.concatenate([np.array(marks), *(each.y for each in signals)]))


def signal_note(
    signals: list[Signal],
    y_range: tuple[float, float] | None = None,
    *,
    reference: float | None = None,
) -> str:
    """Say what was thinned, what was marked and what is not drawn.

    Examples
    --------
    >>> signal_note([make_signal(np.array([1.0, np.inf, 9.0]), 0, 9)], (0.0, 2.0))
    '1 infinite value not drawn   1 value beyond the axis'
    """
    parts = []
    bin_size = max((each.bin_size for each in signals), default=1)
    if bin_size > 1:
        parts.append(f"lowest and highest of every {bin_size:,} bp")
    if reference is not None:
        parts.append(f"dotted line at {format_value(reference)}")
    infinite = infinite_note(sum(each.infinite for each in signals))
    parts += [infinite] if infinite else []
    if signals and not any(np.isfinite(each.y).any() for each in signals):
        parts.append("no values here")
    if y_range is not None:
        low, high = y_range
        beyond = sum(int(((s.y < low) | (s.y > high)).sum()) for s in signals)
        # Of a thinned signal only the kept ones could be counted.
        counted = _values(beyond) if bin_size == 1 else "values"
        parts += [f"{counted} beyond the axis"] if beyond else []
    return "   ".join(parts)


def infinite_note(count: int) -> str:
    """Count values that are not drawn; nothing for none.

    Examples
    --------
    >>> infinite_note(3)
    '3 infinite values not drawn'
    """
    return f"{_values(count, 'infinite ')} not drawn" if count else ""


def _values(count: int, kind: str = "") -> str:
    return f"{count:,} {kind}value{'s' if count != 1 else ''}"


def check_range(y_range: tuple[float, float] | None) -> None:
    """Refuse a y axis that cannot be drawn.

    Raises
    ------
    ValueError
        If it is not two finite numbers, the lower first.

    Examples
    --------
    >>> check_range((1.0, 0.0))
    Traceback (most recent call last):
    ValueError: y_range must be two finite numbers, low before high; got (1.0, 0.0).
    """
    if y_range is None:
        return
    low, high = y_range
    if not (np.isfinite(low) and np.isfinite(high) and low < high):
        raise ValueError(
            f"y_range must be two finite numbers, low before high; got {y_range}."
        )
