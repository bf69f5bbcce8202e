"""Coloured cells: one row per track, one column per base."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Bool, Float, Int

from hyenascope.data.fasta import FastaReader
from hyenascope.data.track_data import TrackData
from hyenascope.sequence.dna import BASES
from hyenascope.viz.lane import Lane
from hyenascope.viz.lollipops import colour_scale
from hyenascope.viz.reference_bases import check_bases, reference_bases
from hyenascope.viz.signals import Part, infinite_note, part_in_view, track_label
from hyenascope.viz.text import escape_text, format_value
from hyenascope.viz.view import View

_ROW, _LEAST, _MOST = 24, 60, 480  # pixels: a row, a lane
_NAMES_EVERY = 11  # pixels between the names of rows
_LETTERS = 12  # of such a name


class _Grid(NamedTuple):
    """Values to draw, where each stands in the part, and how many bases a bin has."""

    values: Float[np.ndarray, "track bins"]
    offsets: Int[np.ndarray, "track bins"]
    bin_size: int


@dataclass(frozen=True)
class Heatmap:
    """One coloured cell per track and base, the colour of the paper at zero.

    The first track is the top row. NaN is an empty cell. With a ``sequence``, the cell
    of the base that stands there is grey instead. Beyond the figure's ``max_points``
    columns, a cell is the value of largest magnitude of its bin, and the note above
    the lane says of how many bases.

    Parameters
    ----------
    track_data
        Tracks of one unit, such as A, C, G, T of `saturation_mutagenesis`.
    sequence
        A genome to read from, or one IUPAC letter per base of ``track_data``, forward
        strand, either case: the reference of tracks named A, C, G, T.
    limit
        Value of the strongest colour, with either sign; beyond it colours do not
        change. By default the largest magnitude drawn.
    label
        Name at the left; by default ``"mutagenesis"`` with a ``sequence``, else
        ``"heatmap"``.

    Raises
    ------
    ValueError
        If there is no track, ``limit`` is not positive, or ``sequence`` is no DNA, of
        another length, or given without tracks A, C, G, T.

    Examples
    --------
    >>> from hyenascope.data.interval import Interval
    >>> where = Interval("chr1", 0, 2)
    >>> values = [[0.0, -1.0, -2.0, -3.0], [-4.0, 0.0, 1.0, 2.0]]
    >>> ism = TrackData(values, tuple("ACGT"), where, "Δ log p (nats)")
    >>> Heatmap(ism, "AC").draw(View(where)).traces[0].z
    array([[nan, -4.],
           [-1., nan],
           [-2.,  1.],
           [-3.,  2.]], dtype=float32)
    """

    track_data: TrackData
    sequence: str | FastaReader | None = None
    limit: float | None = None
    label: str | None = None

    def __post_init__(self) -> None:
        names = self.track_data.names
        if not names:
            raise ValueError("track_data must have at least one track; got none.")
        if self.limit is not None and not 0 < self.limit < np.inf:
            raise ValueError(f"limit must be a positive number; got {self.limit}.")
        if self.sequence is not None and not set(BASES) <= set(names):
            raise ValueError(
                "sequence must come with tracks A, C, G and T; got it with "
                f"{list(names)}."
            )
        check_bases(self.sequence, self.track_data.interval)

    def draw(self, view: View) -> Lane:
        """Return the lane.

        Raises
        ------
        NothingHereError
            If the track shares no base with the figure.
        """
        part = part_in_view(self.track_data, view)
        where, length = self.track_data.interval, len(part.values)
        bases = reference_bases(self.sequence, where, part.start, length)
        rows, infinite = _rows(part, bases)
        grid = _strongest(rows, view.max_points)
        cells = _cells(grid, part, bases, self._name, view)
        grey = _grey(part, bases, view) if bases and grid.bin_size == 1 else ()
        units = part.units or "value"
        height = int(np.clip(_ROW * len(rows), _LEAST, _MOST))
        limit = self.limit or float(np.nanmax(np.abs(grid.values), initial=0.0)) or 1.0
        return Lane(
            label=track_label(self._name, (), "", view),
            height=height,
            traces=(cells, *grey),
            yaxis=_row_axis(part.names, height),
            note=self._note(grid, bool(grey), infinite, limit),
            coloraxis=colour_scale(np.array([limit]), units, view.theme),
            complete=grid.bin_size == 1,
        )

    @property
    def _name(self) -> str:
        plain = "mutagenesis" if self.sequence is not None else "heatmap"
        return self.label or plain

    def _note(self, grid: _Grid, grey: bool, infinite: int, limit: float) -> str:
        parts = ["grey: reference"] if grey else []
        if not np.isfinite(grid.values).any():
            parts.append("no values here")
        if grid.bin_size > 1:
            parts.append(f"strongest of every {grid.bin_size:,} bp")
        if (np.abs(grid.values) > np.float32(limit)).any():
            parts.append(f"colours end at ±{format_value(limit)}")
        return "   ".join([*parts, *([infinite_note(infinite)] if infinite else [])])


def _rows(
    part: Part, bases: str | None
) -> tuple[Float[np.ndarray, "track length"], int]:
    """Return a row per track without reference cells, and how many were infinite."""
    with np.errstate(over="ignore"):
        rows = np.array(part.values.T, dtype=np.float32, order="C")
    endless = np.isinf(rows)
    rows[endless] = np.nan
    if bases is not None:
        rows[_is_reference(part.names, bases)] = np.nan
    return rows, int(np.count_nonzero(endless))


def _is_reference(
    names: tuple[str, ...], bases: str
) -> Bool[np.ndarray, "track length"]:
    letters = np.frombuffer(bases.encode("ascii"), np.uint8)
    rows = [ord(name) if name in BASES else 0 for name in names]
    return letters == np.array(rows, np.uint8)[:, None]


def _strongest(rows: Float[np.ndarray, "track length"], most: int) -> _Grid:
    """Keep the value of largest magnitude of every bin, the first of equals."""
    count, length = rows.shape
    size = -(-length // most)
    if size == 1:
        offsets = np.broadcast_to(np.arange(length), rows.shape)
        return _Grid(rows, offsets, 1)
    padding = ((0, 0), (0, -length % size))
    bins = np.pad(rows, padding, constant_values=np.nan).reshape(count, -1, size)
    at = np.where(np.isnan(bins), -1.0, np.abs(bins)).argmax(axis=2)
    values = np.take_along_axis(bins, at[:, :, None], axis=2)[:, :, 0]
    return _Grid(values, np.arange(bins.shape[1]) * size + at, size)


def _cells(
    grid: _Grid, part: Part, bases: str | None, name: str, view: View
) -> go.Heatmap:
    """Return the coloured cells, each telling its place, change and value."""
    binned = grid.bin_size > 1
    change = "%{y}" if bases is None else "%{text}&gt;%{y}"
    place = "%{customdata:,d}" if binned else "%{x:,d}"
    lines = [
        f"<b>{escape_text(view.interval.chrom)}:{place} {change}</b>",
        f"%{{z:.3g}} {escape_text(part.units)}".strip(),
    ]
    if binned:
        lines.append(f"strongest of {grid.bin_size:,} bp")
    # Plotly takes an array of texts at once, a list letter by letter.
    letters = None if bases is None else np.array(list(bases), dtype=object)
    return go.Heatmap(
        z=grid.values,
        **_columns(grid, part),
        y=[escape_text(each) for each in part.names],
        yaxis=view.yaxis,
        name=escape_text(name),
        coloraxis=view.coloraxis,
        text=None if letters is None else letters[_inside(grid, part)],
        customdata=(part.start + 1 + grid.offsets).astype(np.int32) if binned else None,
        hovertemplate="<br>".join(lines) + "<extra></extra>",
        hoverongaps=False,
    )


def _inside(grid: _Grid, part: Part) -> Int[np.ndarray, "track bins"]:
    # An empty last bin may be padding: it has no value to tell.
    return np.minimum(grid.offsets, len(part.values) - 1)


def _columns(grid: _Grid, part: Part) -> dict[str, Any]:
    """Return where the columns stand; the last bin may be narrower."""
    if grid.bin_size == 1:
        return {"x0": part.start + 1, "dx": 1}
    edges = np.arange(0, grid.values.shape[1] + 1) * grid.bin_size
    return {"x": part.start + 0.5 + np.minimum(edges, len(part.values))}


def _grey(part: Part, bases: str, view: View) -> tuple[go.Heatmap]:
    """Return grey cells where the reference stands."""
    reference = _is_reference(part.names, bases)
    grey = view.theme.bases["N"]
    where = escape_text(view.interval.chrom)
    cells = go.Heatmap(
        z=np.where(reference, np.float32(0), np.float32(np.nan)),
        x0=part.start + 1,
        dx=1,
        y=[escape_text(each) for each in part.names],
        yaxis=view.yaxis,
        colorscale=[[0, grey], [1, grey]],
        showscale=False,
        hovertemplate=f"<b>{where}:%{{x:,d}} %{{y}}</b><br>reference<extra></extra>",
        hoverongaps=False,
    )
    return (cells,)


def _row_axis(names: tuple[str, ...], height: int) -> dict[str, Any]:
    """Return an axis with the first row on top and as many names as have room."""
    escaped = [escape_text(name) for name in names]
    every = -(-_NAMES_EVERY * len(names) // height)
    return {
        "type": "category",
        "categoryarray": escaped,
        "range": [len(names) - 0.5, -0.5],
        "tickvals": escaped[::every],
        "ticktext": [escape_text(_short(name)) for name in names[::every]],
        "showline": False,
        "ticks": "",
    }


def _short(name: str) -> str:
    """Cut a name to the room between the lane's name and the axis."""
    return name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…"
