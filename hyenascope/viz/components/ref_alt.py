"""One signal for the reference and the alternate sequence."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Bool, Float, Int64

from hyenascope.data.track_data import TrackData
from hyenascope.viz.downsample import thin
from hyenascope.viz.lane import Lane, level_line, value_axis
from hyenascope.viz.text import coloured, escape_text, format_value, small, wrapped
from hyenascope.viz.view import NothingHereError, View

Mode = Literal["overlay", "difference", "both"]


class Pair(NamedTuple):
    """Both signals at the same bases.

    Attributes
    ----------
    x
        1-based positions, increasing.
    ref, alt
        Values; NaN is a gap.
    bin_size
        Bases per bin; 1 when nothing was dropped.
    """

    x: Int64[np.ndarray, " kept"]
    ref: Float[np.ndarray, " kept"]
    alt: Float[np.ndarray, " kept"]
    bin_size: int

    @property
    def difference(self) -> Float[np.ndarray, " kept"]:
        """Alternate − reference."""
        return self.alt - self.ref


@dataclass(frozen=True)
class RefAlt:
    """What a model says of the reference (grey) and of an alternate sequence (strong).

    Both are thinned at the same bases: the lowest and highest of either signal and of
    their difference in every bin, so that none of the three loses a peak.

    Parameters
    ----------
    ref
        One track over the reference.
    alt
        One track in the coordinates of the reference and the same units: NaN where a
        base has no partner, such as in a deletion; what is inserted has no place here.
    mode
        ``"overlay"`` draws both lines, ``"difference"`` alternate − reference, filled
        to zero, ``"both"`` the two lines with the ground between them filled: red
        where the alternate is lower, blue where it is higher.
    label
        Name at the left; by default the name of the reference track.

    Raises
    ------
    ValueError
        If one holds several tracks, or units or contigs differ.

    Examples
    --------
    >>> from hyenascope.data.interval import Interval
    >>> where = Interval("chr1", 0, 3)
    >>> ref = TrackData([1.0, 2.0, 2.0], ("signal",), where)
    >>> alt = TrackData([1.0, 5.0, float("nan")], ("signal",), where)
    >>> RefAlt(ref, alt, mode="difference").draw(View(where)).traces[0].y
    array([ 0.,  3., nan])
    """

    ref: TrackData
    alt: TrackData
    mode: Mode = "both"
    label: str | None = None

    def __post_init__(self) -> None:
        if self.mode not in get_args(Mode):
            raise ValueError(
                f"mode must be one of {', '.join(get_args(Mode))}; got {self.mode!r}."
            )
        for name, data in (("ref", self.ref), ("alt", self.alt)):
            if len(data.names) != 1:
                raise ValueError(
                    f"{name} must hold one track, see TrackData.select; "
                    f"got {', '.join(data.names)}."
                )
        if self.ref.units != self.alt.units:
            raise ValueError(
                f"ref and alt must have the same units; "
                f"got {self.ref.units!r} and {self.alt.units!r}."
            )
        if self.ref.interval.chrom != self.alt.interval.chrom:
            raise ValueError(
                "ref and alt must lie on the same contig; "
                f"got {self.ref.interval.chrom} and {self.alt.interval.chrom}."
            )

    def draw(self, view: View) -> Lane:
        """Return the lane.

        Raises
        ------
        NothingHereError
            If neither track shares a base with the figure.
        """
        pair, lone = self._pair(view)
        difference = self.mode == "difference"
        shown = [pair.difference] if difference else [pair.ref, pair.alt]
        marks = [np.zeros(1)] if difference else []
        return Lane(
            label=self._label(view),
            height=120,
            traces=tuple(self._traces(pair, view)),
            yaxis=value_axis(np.concatenate([*shown, *marks])),
            shapes=tuple(self._shapes(pair, view)),
            note=self._note(pair.bin_size, lone, view),
            complete=pair.bin_size == 1,
        )

    def _pair(self, view: View) -> tuple[Pair, int]:
        """Return what the view shows, and how many bases have only one value."""
        here = view.interval
        spans = [self.ref.interval, self.alt.interval]
        start = max(here.start, min(span.start for span in spans))
        end = min(here.end, max(span.end for span in spans))
        if start >= end or not view.holds(spans[0].chrom):
            raise NothingHereError(
                f"ref and alt must overlap the figure, {here}; they span "
                f"{spans[0]} and {spans[1]}."
            )
        ref, alt = (_values(data, start, end) for data in (self.ref, self.alt))
        lone = int((np.isfinite(ref) != np.isfinite(alt)).sum())
        most = max(view.max_points // 3, 2)
        kept = [thin(values, most) for values in (ref, alt, alt - ref)]
        offsets = np.unique(np.concatenate([each.offsets for each in kept]))
        x = start + 1 + offsets
        return Pair(x, ref[offsets], alt[offsets], kept[0].bin_size), lone

    def _traces(self, pair: Pair, view: View) -> Iterator[go.Scatter]:
        units = f" {escape_text(self.ref.units)}" if self.ref.units else ""
        head = f"<b>{escape_text(view.interval.chrom)}:%{{x:,d}}</b><br>"
        change = f"difference %{{text}}{units}<extra></extra>"
        if self.mode == "difference":
            look = {"color": view.theme.ink, "width": 1.0}
            yield _line(pair, pair.difference, pair.alt, look, head + change, view)
            return
        signals = {
            "reference": (pair.ref, {"color": view.theme.flagged, "width": 1.4}),
            "alternate": (pair.alt, {"color": view.theme.line(1), "width": 1.2}),
        }
        for name, other in (("reference", "alternate"), ("alternate", "reference")):
            values, look = signals[name]
            hover = (
                f"{head}{name} %{{y:.4g}}{units}<br>"
                f"{other} %{{customdata:.4g}}{units}<br>{change}"
            )
            yield _line(pair, values, signals[other][0], look, hover, view)

    def _shapes(self, pair: Pair, view: View) -> Iterator[dict[str, Any]]:
        if self.mode == "overlay":
            return
        zero = np.zeros(len(pair.x))
        difference = self.mode == "difference"
        low = zero if difference else pair.ref
        high = pair.difference if difference else pair.alt
        scale = view.theme.diverging
        for colour, edge in (
            (scale[1][1], np.fmin(low, high)),
            (scale[3][1], np.fmax(low, high)),
        ):
            edge = np.where(np.isfinite(low) & np.isfinite(high), edge, np.nan)
            path = ground(pair.x, low, edge, stepped=pair.bin_size == 1)
            if path:
                yield {
                    "type": "path",
                    "path": path,
                    "xref": "x",
                    "yref": view.yaxis,
                    "fillcolor": colour,
                    "opacity": 0.75,
                    "line": {"width": 0},
                    "layer": "between",
                }
        if difference:
            yield level_line(0.0, view)

    def _note(self, bin_size: int, lone: int, view: View) -> str:
        theme = view.theme
        parts = ["alternate − reference"]
        if self.mode != "difference":
            parts = [
                coloured("reference", theme.flagged),
                coloured("alternate", theme.line(1)),
            ]
        if self.mode != "overlay":
            parts += [
                coloured("■ higher", theme.diverging[3][1]),
                coloured("■ lower", theme.diverging[1][1]),
            ]
        if bin_size > 1:
            parts.append(f"lowest and highest of every {bin_size:,} bp")
        if lone:
            parts.append(f"{lone:,} bp in only one of them")
        return "   ".join(parts)

    def _label(self, view: View) -> str:
        name = wrapped(self.ref.names[0] if self.label is None else self.label)
        units = self.ref.units
        return f"{name}<br>{small(units, view.theme)}" if units else name


def _values(data: TrackData, start: int, end: int) -> Float[np.ndarray, " length"]:
    """Return the values of a stretch (0-based half-open), NaN where there are none."""
    values = np.full(end - start, np.nan)
    first, last = max(start, data.interval.start), min(end, data.interval.end)
    if first < last:
        at = data.interval.start
        values[first - start : last - start] = data.values[first - at : last - at, 0]
    return np.where(np.isfinite(values), values, np.nan)


def _line(
    pair: Pair,
    y: Float[np.ndarray, " kept"],
    other: Float[np.ndarray, " kept"],
    look: dict[str, Any],
    hover: str,
    view: View,
) -> go.Scatter:
    changes = [format_value(change) for change in pair.difference.tolist()]
    return go.Scatter(
        x=pair.x,
        y=y,
        customdata=other,
        text=np.array(changes, dtype=object),
        yaxis=view.yaxis,
        mode="lines" if len(pair.x) > 1 else "markers",
        line={**look, "shape": "hvh" if pair.bin_size == 1 else "linear"},
        marker={"color": look["color"]},
        hovertemplate=hover,
    )


def ground(
    x: Int64[np.ndarray, " kept"],
    low: Float[np.ndarray, " kept"],
    high: Float[np.ndarray, " kept"],
    *,
    stepped: bool,
) -> str:
    """Return the ground between two signals as one path; NaN in either is a gap.

    Stepped signals keep their value to the edges of each base.

    Examples
    --------
    >>> ground(np.array([5]), np.array([0.0]), np.array([2.0]), stepped=True)
    'M4.5,2L5.5,2L5.5,0L4.5,0Z'
    """
    known: Bool[np.ndarray, " kept"] = np.isfinite(low) & np.isfinite(high)
    differ = low != high
    beside = differ.copy()
    if not stepped:
        beside[1:] |= differ[:-1]
        beside[:-1] |= differ[1:]
    known &= beside
    edges = np.flatnonzero(np.diff(np.r_[False, known, False]))
    return "".join(
        _polygon(x[first:last], low[first:last], high[first:last], stepped=stepped)
        for first, last in edges.reshape(-1, 2).tolist()
        if stepped or last - first > 1
    )


def _polygon(
    x: Int64[np.ndarray, " run"],
    low: Float[np.ndarray, " run"],
    high: Float[np.ndarray, " run"],
    *,
    stepped: bool,
) -> str:
    across = x.astype(float)
    if stepped:
        across = np.stack([x - 0.5, x + 0.5], axis=1).ravel()
        low, high = np.repeat(low, 2), np.repeat(high, 2)
    across = np.concatenate([across, across[::-1]])
    y = np.concatenate([high, low[::-1]])
    points = zip(across.tolist(), y.tolist(), strict=True)
    return "M" + "L".join(f"{a:.12g},{b:.6g}" for a, b in points) + "Z"
