"""Intervals of a BED file or a table, such as peaks, repeats or motif hits."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from jaxtyping import Int

from hyenascope._typing import StrPath
from hyenascope.data.bed import COLUMNS, read_bed
from hyenascope.data.interval import Interval
from hyenascope.viz.feature_colours import ColourBy, feature_colours, score_range
from hyenascope.viz.feature_shapes import Feature, feature_hover, feature_shapes
from hyenascope.viz.lane import Lane
from hyenascope.viz.rows import Display, Rows, arrange, name_trace
from hyenascope.viz.text import format_value, is_missing, wrapped
from hyenascope.viz.view import View, require_contig

_MOST = 2000  # drawn one by one; of more, how many lie where
_MOST_NAMES = 300  # each is an element of the page
_NEAR = 0.25  # bases per pixel
_FACTS = 8  # further columns told by hover text


@dataclass(frozen=True, eq=False)
class Intervals:
    """Intervals in rows, with what they have of names, strand, blocks and colours.

    Beyond 2,000 in sight, the lane shows how many overlap each place instead.

    Parameters
    ----------
    intervals
        A BED file, plain or gzip, or a table as `read_bed` returns it: ``chrom``,
        ``start``, ``end`` (0-based half-open), perhaps ``name``, ``score``,
        ``strand``, ``thick_start``, ``thick_end``, ``rgb``, ``blocks``, and whatever
        else the hover text shall tell.
    label
        Name at the left; by default that of the file.
    display
        ``"pack"``: rows with names, without overlaps. ``"squish"``: thin rows without
        names. ``"dense"``: one row for all.
    max_rows
        Intervals that need more rows are left out, and the note above the lane counts
        them.
    colour_by
        ``"rgb"`` for the file's own colours, ``"score"`` for shades from the lowest
        to the highest in sight, ``"plain"`` for one colour; by default the file's own
        if it has any.

    Raises
    ------
    ValueError
        If the file cannot be read, a column is missing, an interval starts before 0
        or ends before it starts, or an option is out of range.

    Examples
    --------
    >>> peaks = pd.DataFrame({"chrom": ["chr1"], "start": [10], "end": [20]})
    >>> lane = Intervals(peaks).draw(View(Interval("chr1", 0, 100)))
    >>> lane.shapes[0]["path"]
    'M10.50,-0.860L20.50,-0.860L20.50,-0.140L10.50,-0.140Z'
    """

    intervals: pd.DataFrame | StrPath
    label: str | None = None
    display: Display = "pack"
    max_rows: int = 20
    colour_by: ColourBy | None = None

    def __post_init__(self) -> None:
        if self.max_rows < 1:
            raise ValueError(f"max_rows must be at least 1; got {self.max_rows}.")
        if isinstance(self.intervals, str | PathLike):
            path = Path(self.intervals)
            object.__setattr__(self, "label", self.label or _stem(path))
            object.__setattr__(self, "intervals", read_bed(path))
        _check(self._frame)
        if self.colour_by in ("rgb", "score") and self.colour_by not in self._frame:
            raise ValueError(
                f"colour_by must name a column that intervals have; got "
                f"{self.colour_by!r}."
            )

    @property
    def _frame(self) -> pd.DataFrame:
        assert isinstance(self.intervals, pd.DataFrame)
        return self.intervals

    @cached_property
    def _contigs(self) -> dict[str, pd.DataFrame]:
        """The intervals of each contig, by start and then the longer first."""
        groups = self._frame.groupby("chrom", sort=False)
        return {
            str(chrom): group.sort_values(
                ["start", "end"], ascending=[True, False], kind="stable"
            )
            for chrom, group in groups
        }

    def draw(self, view: View) -> Lane:
        """Return the lane, empty if no interval overlaps the figure.

        Raises
        ------
        NothingHereError
            If all intervals lie on other contigs than the figure.
        """
        require_contig("intervals", set(self._contigs), view)
        seen = self._seen(view)
        if len(seen) > _MOST:
            return self._crowd(seen, view)
        by = self._colour_by
        items = _features(seen, feature_colours(seen, by, view.theme), view)
        named = self.display == "pack" and any(item.name for item in items)
        display = "squish" if self.display == "pack" and not named else self.display
        layout = arrange(items, view, display=display, max_rows=self.max_rows)
        shapes, hover = feature_shapes(layout, view), feature_hover(layout, view)
        names = _named(layout, view)
        return Lane(
            label=wrapped(self.label or "intervals"),
            height=layout.style.height * layout.depth,
            traces=(*hover, *names) or (go.Scatter(x=[], y=[], yaxis=view.yaxis),),
            yaxis={"range": [-layout.depth, 0], "visible": False},
            shapes=shapes,
            note=self._note(layout, seen),
            complete=not layout.hidden
            and (not named or (bool(names) and all(layout.named)))
            and all(item.wide(view) for item in items)
            and not _heads_grow(items, view),
        )

    def places(self, interval: Interval) -> Iterator[tuple[str, Interval]]:
        """Yield names and 0-based half-open places of what overlaps ``interval``."""
        seen = self._seen(View(interval))
        if "name" in seen:
            for name, start, end in zip(seen.name, seen.start, seen.end, strict=True):
                if not is_missing(name) and name not in ("", "."):
                    yield str(name), Interval(interval.chrom, int(start), int(end))

    @property
    def _colour_by(self) -> ColourBy:
        if self.colour_by is not None:
            return self.colour_by
        own = "rgb" in self._frame and bool(self._frame["rgb"].any())
        return "rgb" if own else "plain"

    def _seen(self, view: View) -> pd.DataFrame:
        here = [group for chrom, group in self._contigs.items() if view.holds(chrom)]
        if not here:
            return self._frame.iloc[:0]
        group = here[0] if len(here) == 1 else pd.concat(here).sort_values("start")
        start, end = group["start"].to_numpy(), group["end"].to_numpy()
        inside = (start < view.interval.end) & (
            np.maximum(end, start + 1) > view.interval.start
        )
        return group[inside]

    def _note(self, layout: Rows[Feature], seen: pd.DataFrame) -> str:
        if not layout.items:
            return "none here"
        parts = [f"{layout.hidden:,} more in rows not shown"] if layout.hidden else []
        scores = score_range(seen) if self._colour_by == "score" else None
        if scores is not None:
            low, high = scores
            parts.append(f"stronger colour: higher score, {low:.4g} to {high:.4g}")
        return "   ".join(parts)

    def _crowd(self, seen: pd.DataFrame, view: View) -> Lane:
        """Return one row of how many intervals overlap each place."""
        bins = min(view.pixels, view.max_points)
        edges = np.unique(np.linspace(view.left, view.right, bins + 1).round(1))
        depth = _depth(seen["start"].to_numpy(), seen["end"].to_numpy(), edges)
        row = go.Heatmap(
            z=np.where(depth, depth, np.nan).astype(np.float32)[None],
            x=edges,
            y=[-1.0, 0.0],
            yaxis=view.yaxis,
            zmin=0,
            zmax=int(depth.max()),
            colorscale=[list(stop) for stop in view.theme.sequential],
            showscale=False,
            hoverongaps=False,
            hovertemplate="%{z:,d} intervals<extra></extra>",
        )
        note = f"{len(seen):,} intervals; full colour where {depth.max():,} overlap"
        axis = {"range": [-1, 0], "visible": False}
        label = wrapped(self.label or "intervals")
        return Lane(label, 22, (row,), axis, note=note, complete=False)


def _stem(path: Path) -> str:
    return path.name.removesuffix(".gz").rsplit(".", 1)[0] or path.name


def _check(frame: pd.DataFrame) -> None:
    missing = [name for name in COLUMNS[:3] if name not in frame]
    if missing:
        raise ValueError(
            f"intervals must have the columns chrom, start and end; missing "
            f"{', '.join(missing)}."
        )
    for name in ("start", "end"):
        if not pd.api.types.is_integer_dtype(frame[name]):
            raise ValueError(
                f"{name} must be whole numbers; got a column of {frame[name].dtype}."
            )
    bad = (frame["start"] < 0) | (frame["end"] < frame["start"])
    if bad.any():
        row = frame[bad].iloc[0]
        raise ValueError(
            f"intervals must have 0 ≤ start ≤ end; got {row['start']} and {row['end']} "
            f"on {row['chrom']}."
        )


def _features(seen: pd.DataFrame, colours: list[str], view: View) -> list[Feature]:
    others = [name for name in seen.columns if name not in COLUMNS][:_FACTS]
    told = [*(["score"] if "score" in seen else []), *others]
    return [
        Feature(
            chrom=view.interval.chrom,
            start=int(row["start"]),
            end=int(row["end"]),
            strand=row.get("strand", ".") if row.get("strand") in ("+", "-") else ".",
            name=_name(row.get("name")),
            colour=colour,
            blocks=tuple(row.get("blocks") or ()),
            thick=_thick(row),
            about=tuple(
                f"{name} {format_value(row[name])}"
                for name in told
                if not is_missing(row[name])
            ),
        )
        for row, colour in zip(seen.to_dict("records"), colours, strict=True)
    ]


def _name(value: object) -> str:
    return "" if is_missing(value) or value == "." else str(value)


def _thick(row: Mapping[Any, Any]) -> tuple[int, int] | None:
    start, end = row.get("thick_start"), row.get("thick_end")
    if start is None or end is None or is_missing(start) or is_missing(end):
        return None
    return int(start), int(end)


def _heads_grow(items: list[Feature], view: View) -> bool:
    """Whether arrow heads would look odd, stretched to the width of letters."""
    stranded = any(item.strand != "." for item in items)
    return stranded and view.bases_per_pixel > _NEAR


def _named(layout: Rows[Feature], view: View) -> tuple[go.Scatter, ...]:
    count = sum(
        shown and bool(item.label)
        for item, shown in zip(layout.items, layout.named, strict=True)
    )
    return (name_trace(layout, view),) if 0 < count <= _MOST_NAMES else ()


def _depth(
    start: Int[np.ndarray, " intervals"],
    end: Int[np.ndarray, " intervals"],
    edges: np.ndarray,
) -> Int[np.ndarray, " bins"]:
    """Count the intervals that overlap each bin between axis ``edges``."""
    left, right = edges[:-1] - 0.5, edges[1:] - 0.5
    begun = np.searchsorted(np.sort(start), right, side="left")
    over = np.searchsorted(np.sort(np.maximum(end, start + 1)), left, side="right")
    return begun - over
