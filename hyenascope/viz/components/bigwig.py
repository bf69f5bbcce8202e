"""Signals of bigWig files, as much of them as a figure can show."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import plotly.graph_objects as go

from hyenascope._typing import StrPath
from hyenascope.data.bigwig import (
    BigWigBins,
    bigwig_contigs,
    read_bigwig,
    summarize_bigwig,
)
from hyenascope.data.contigs import ContigNames
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.viz.lane import Lane
from hyenascope.viz.signals import (
    Signal,
    check_range,
    line_ends,
    line_trace,
    make_signal,
    signal_axis,
    signal_note,
    track_label,
)
from hyenascope.viz.text import escape_text
from hyenascope.viz.view import NothingHereError, View

Summary = Literal["mean", "max", "min"]

_WIDTH, _GLASS = 1.1, 0.3


@dataclass(frozen=True)
class BigWig:
    """The signal of a bigWig file: every base, or what bins of bases span.

    Where the figure shows more bases than its ``max_points``, the ground from the
    lowest to the highest value of each bin is drawn with a line of one statistic.
    Beyond 2 Mb these come from the zoom levels of the file, where the mean is
    approximate and extremes may be those of a block that reaches into a bin. Bases
    without a value are gaps. The file is opened anew for each drawing.

    Parameters
    ----------
    path
        The file.
    label
        Name at the left; by default that of the file.
    summary
        What the line is where it cannot go through every base.
    contig_lengths
        Lengths in bp of the genome that the figure is about, for example
        ``FastaReader(path).contigs``: a file made for another assembly is refused.
    units
        Of the values; the file does not know them.
    y_range
        Ends of the y axis; by default it holds every value drawn.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file is not bigWig, or ``y_range`` is not two finite numbers, the lower
        first.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from hyenascope.data.bigwig import write_bigwig
    >>> where = Interval("chr1", 10, 13)
    >>> with TemporaryDirectory() as folder:
    ...     write_bigwig(f"{folder}/x.bw", np.array([0.5, 1.0, 2.0]), where)
    ...     lane = BigWig(f"{folder}/x.bw").draw(View(where))
    >>> lane.label, lane.traces[0].y.tolist()
    ('x', [0.5, 1.0, 2.0])
    """

    path: StrPath
    label: str | None = None
    summary: Summary = "mean"
    contig_lengths: Mapping[str, int] | None = None
    units: str = ""
    y_range: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if self.summary not in get_args(Summary):
            raise ValueError(
                f"summary must be one of {', '.join(get_args(Summary))}; "
                f"got {self.summary!r}."
            )
        check_range(self.y_range)
        bigwig_contigs(self.path)  # refuses what cannot be read

    def draw(self, view: View) -> Lane:
        """Return the lane.

        Raises
        ------
        NothingHereError
            If the file lacks the contig, or the figure lies beyond its end.
        ValueError
            If ``contig_lengths`` gives the contig another length than the file does.
        """
        where = self._place(view.interval)
        if where.length <= view.max_points:
            values = read_bigwig(self.path, where)
            signal = make_signal(values, where.start, view.max_points)
            return self._lane(signal, (), "", view)
        most = max(1, min(view.max_points // 3, view.pixels))
        bins = summarize_bigwig(self.path, where, most)
        size = round(where.length / len(bins.mean))
        ground = _envelope(bins, view)
        note = f"{self.summary} and range of every {size:,} bp"
        return self._lane(_statistic(bins, self.summary, size), ground, note, view)

    def signals(self, interval: Interval) -> TrackData:
        """Return every value of an interval (0-based half-open), NaN for gaps.

        Raises
        ------
        NothingHereError, ValueError
            As `draw`.
        """
        self._place(interval)  # refuses what is not drawn
        return TrackData.from_bigwig(self.path, interval)

    def _place(self, interval: Interval) -> Interval:
        """Return the part of the contig that is shown, as the file spells it."""
        lengths = bigwig_contigs(self.path)
        chrom = ContigNames(lengths, source=str(self.path)).find(interval.chrom)
        if chrom is None:
            raise NothingHereError(
                f"path must hold {interval.chrom}, the contig of the figure; "
                f"{self.path} has no such contig."
            )
        self._check_assembly(chrom, lengths[chrom])
        part = Interval(chrom, 0, lengths[chrom]).intersect(
            Interval(chrom, interval.start, interval.end)
        )
        if part is None:
            raise NothingHereError(
                f"path must hold values in {interval}; {chrom} ends at "
                f"{lengths[chrom]:,} in {self.path}."
            )
        return part

    def _check_assembly(self, chrom: str, length: int) -> None:
        if self.contig_lengths is None:
            return
        names = ContigNames(self.contig_lengths, source="contig_lengths")
        known = names.find(chrom)
        if known is not None and self.contig_lengths[known] != length:
            raise ValueError(
                f"path must fit the genome, whose {known} has "
                f"{self.contig_lengths[known]:,} bp; {self.path} has {length:,} bp "
                f"for {chrom}. Was it made for another assembly?"
            )

    def _lane(
        self, signal: Signal, ground: tuple[go.Scatter, ...], note: str, view: View
    ) -> Lane:
        name = self.label or Path(self.path).stem
        colour = view.theme.line(0)
        line = line_trace(signal, name, self.units, colour, view, width=_WIDTH)
        if ground:
            line.hovertemplate = _binned_hover(name, self.units, self.summary, view)
        exact = signal._replace(bin_size=1)  # the note tells of bins in its own words
        rest = signal_note([exact], self.y_range)
        return Lane(
            label=track_label(name, (), self.units, view),
            height=100,
            traces=(*ground, line),
            yaxis=self._axis(signal, ground),
            shapes=line_ends(signal, colour, view, width=_WIDTH),
            note="   ".join(text for text in (note, rest) if text),
            complete=not ground,
        )

    def _axis(self, signal: Signal, ground: tuple[go.Scatter, ...]) -> dict[str, Any]:
        spans = tuple(float(end) for trace in ground for end in _extent(trace.y))
        axis = signal_axis([signal], self.y_range, marks=spans)
        drawn = np.array([*spans, *signal.y[np.isfinite(signal.y)]])
        if self.y_range is None and (drawn >= 0).all() and len(drawn):
            axis["range"][0] = 0.0  # counts and coverage stand on zero
        return axis


def _extent(values: np.ndarray) -> tuple[float, ...]:
    finite = values[np.isfinite(values)]
    return (finite.min(), finite.max()) if len(finite) else ()


def _statistic(bins: BigWigBins, summary: Summary, size: int) -> Signal:
    values = {"mean": bins.mean, "max": bins.high, "min": bins.low}[summary]
    middle = (bins.edges[:-1] + bins.edges[1:] + 1) / 2
    endless = np.isinf(values)
    y = np.where(endless, np.nan, values)
    return Signal(middle.round().astype(np.int32), y, size, int(endless.sum()))


def _envelope(bins: BigWigBins, view: View) -> tuple[go.Scatter, ...]:
    """Return the ground from the lowest to the highest, a piece between two gaps."""
    known = np.isfinite(bins.low) & np.isfinite(bins.high)
    turns = np.flatnonzero(np.diff(np.r_[False, known, False])).reshape(-1, 2)
    x: list[np.ndarray] = []
    y: list[np.ndarray] = []
    for first, stop in turns.tolist():
        sides = np.repeat(bins.edges[first : stop + 1], 2)[1:-1] + 0.5
        low, high = (np.repeat(v[first:stop], 2) for v in (bins.low, bins.high))
        x += [sides, sides[::-1], np.array([np.nan])]
        y += [high, low[::-1], np.array([np.nan])]
    ground = go.Scatter(
        x=np.concatenate(x)[:-1] if x else [],
        y=np.concatenate(y)[:-1] if y else np.empty(0),
        yaxis=view.yaxis,
        mode="lines",
        line={"width": 0},
        fill="toself",
        fillcolor=view.theme.line(0),
        opacity=_GLASS,
        hoverinfo="skip",
    )
    return (ground,)


def _binned_hover(name: str, units: str, summary: Summary, view: View) -> str:
    where = escape_text(view.interval.chrom)
    after = f" {escape_text(units)}" if units else ""
    return (
        f"<b>around {where}:%{{x:,d}}</b><br>{escape_text(name)}, {summary} "
        f"%{{y:.4g}}{after}<extra></extra>"
    )
