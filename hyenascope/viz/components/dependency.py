"""How bases depend on one another: a triangle over the sequence."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, Protocol, get_args, runtime_checkable

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from jaxtyping import Bool, Float, Int64

from hyenascope.viz.lane import Lane
from hyenascope.viz.lollipops import colour_scale
from hyenascope.viz.text import escape_text, small, wrapped
from hyenascope.viz.view import NothingHereError, View

Direction = Literal["larger", "rightward", "leftward"]

_MOST_ROWS = 110  # two pixels each
_FULL, _NEAR = 99.5, 5  # colours are full at this percentile of pairs farther apart


@runtime_checkable
class SquareMap(Protocol):
    """What is read of an `anndata.AnnData`."""

    @property
    def X(self) -> Any: ...  # noqa: ANN401, D102

    @property
    def obs(self) -> pd.DataFrame: ...  # noqa: D102

    @property
    def var(self) -> pd.DataFrame: ...  # noqa: D102

    @property
    def uns(self) -> Mapping[str, Any]: ...  # noqa: D102


class Pooled(NamedTuple):
    """The triangle, turned so that columns are places and rows are distances.

    Attributes
    ----------
    values
        Strongest pair of each cell; NaN where there is none.
    mutated, read
        Its two bases, as offsets from the first base drawn.
    columns, rows
        Half bases and distances that a cell covers.
    """

    values: Float[np.ndarray, "rows columns"]
    mutated: Int64[np.ndarray, "rows columns"]
    read: Int64[np.ndarray, "rows columns"]
    columns: int
    rows: int


@dataclass(frozen=True, eq=False)
class Dependency:
    """The map of `hyenascope.dependency_map` as a triangle.

    A cell stands over the middle between two bases, as high as they are apart; follow
    its two diagonals down to the axis to find them, or point at it. Pairs with a base
    outside the figure are not drawn. Where cells would be too small or too many,
    several share one that shows the strongest, and the note says how many.

    Parameters
    ----------
    dependencies
        ``.X[i, j]`` is what mutating base i does to base j, NaN where unknown;
        ``.obs`` and ``.var`` hold ``chrom`` and ``pos`` (1-based), one row per base
        without gaps, and perhaps ``base``.
    direction
        Which of the two effects of a pair: ``"larger"`` of them, or that of the left
        base on the right one (``"rightward"``, what a model reads on the forward
        strand), or of the right on the left (``"leftward"``).
    limit
        Where colours are full; by default at the 99.5th percentile of pairs more
        than 5 bp apart, since neighbours outshine the rest.
    max_distance
        Farthest pair to draw, in bp; by default the farthest known.
    max_cells
        Most cells sent to the page.
    label
        Name at the left.

    Raises
    ------
    ValueError
        If the map is not square over one stretch of one contig, or an option is out
        of range.

    Examples
    --------
    >>> from types import SimpleNamespace
    >>> from hyenascope.data.interval import Interval
    >>> places = pd.DataFrame({"chrom": "I", "pos": [1, 2]})
    >>> square = np.array([[np.nan, 2.0], [1.0, np.nan]])
    >>> pair = SimpleNamespace(X=square, obs=places, var=places, uns={})
    >>> Dependency(pair).draw(View(Interval("I", 0, 2))).traces[0].z.tolist()
    [[nan, 2.0, 2.0, nan]]
    """

    dependencies: SquareMap
    direction: Direction = "larger"
    limit: float | None = None
    max_distance: int | None = None
    max_cells: int = 48_000
    label: str | None = None
    _values: Float[np.ndarray, "length length"] = field(init=False, repr=False)
    _reach: int = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.direction not in get_args(Direction):
            raise ValueError(
                f"direction must be one of {', '.join(get_args(Direction))}; "
                f"got {self.direction!r}."
            )
        for name, least in (("max_distance", 1), ("max_cells", 100), ("limit", 0)):
            value = getattr(self, name)
            if value is not None and (value < least or value == 0):
                rule = f"at least {least}" if least else "above 0"
                raise ValueError(f"{name} must be {rule}; got {value}.")
        values = np.asarray(self.dependencies.X, dtype=np.float64)
        self._check(values)
        object.__setattr__(self, "_values", values)
        known = np.isfinite(values)
        first, second = np.nonzero(known | known.T)
        reach = int(np.abs(first - second).max(initial=1))
        object.__setattr__(self, "_reach", min(reach, self.max_distance or reach))
        if self.limit is None:
            apart = np.abs(np.subtract.outer(*[np.arange(len(values))] * 2))
            near = min(_NEAR, len(values) - 2)
            pairs = values[known & (apart > near)]
            full = float(np.percentile(pairs, _FULL)) if pairs.size else 1.0
            object.__setattr__(self, "limit", full if full > 0 else 1.0)

    def _check(self, values: Float[np.ndarray, "..."]) -> None:
        obs, var = self.dependencies.obs, self.dependencies.var
        if values.ndim != 2 or values.shape[0] != values.shape[1] or not len(values):
            shape = " x ".join(str(size) for size in values.shape)
            raise ValueError(f"dependencies must be a square map; got {shape}.")
        rows, columns = (frame["pos"].to_numpy(dtype=np.int64) for frame in (obs, var))
        in_order = np.array_equal(rows, np.arange(rows[0], rows[0] + len(rows)))
        if not in_order or not np.array_equal(rows, columns):
            raise ValueError(
                "dependencies must have one row and one column per base, in order; "
                f"got rows {rows[0]:,} to {rows[-1]:,}, "
                f"columns {columns[0]:,} to {columns[-1]:,}."
            )

    def draw(self, view: View) -> Lane:
        """Return the lane.

        Raises
        ------
        NothingHereError
            If the map shares no base with the figure.
        """
        start, values = self._part(view)
        reach = min(self._reach, max(len(values) - 1, 1))
        pooled = pool_pairs(
            values, reach, direction=self.direction, max_cells=self.max_cells
        )
        units = self._units()
        scale = colour_scale(
            np.array([1.0]),
            units or "effect",
            view.theme,
            limit=self.limit,
            signed=False,
        )
        return Lane(
            label=self._label(units, view),
            height=200,
            traces=(self._trace(pooled, start, units, view),),
            yaxis={
                "range": [0.5, reach + 0.5],
                "nticks": 5,
                "tickformat": ",d",
                "ticksuffix": " bp",
            },
            note=self._note(pooled, reach),
            coloraxis=scale,
            complete=pooled.columns == pooled.rows == 1,
        )

    def _part(self, view: View) -> tuple[int, Float[np.ndarray, "length length"]]:
        """Return the first base (0-based) and the square of what the view shows."""
        obs, shown = self.dependencies.obs, view.interval
        chrom, first = str(obs["chrom"].iloc[0]), int(obs["pos"].iloc[0]) - 1
        start = max(first, shown.start)
        end = min(first + len(self._values), shown.end)
        if start >= end or not view.holds(chrom):
            raise NothingHereError(
                f"dependencies must overlap the figure, {shown}; they span "
                f"{chrom}:{first + 1}-{first + len(self._values)}."
            )
        inside = slice(start - first, end - first)
        return start, self._values[inside, inside]

    def _trace(self, pooled: Pooled, start: int, units: str, view: View) -> go.Heatmap:
        names = self._names(start)
        known = np.isfinite(pooled.values)
        pairs = zip(
            pooled.mutated[known].tolist(), pooled.read[known].tolist(), strict=True
        )
        texts = np.full(known.shape, "", dtype=object)
        texts[known] = [f"{names[i]} → {names[j]}" for i, j in pairs]
        where = escape_text(view.interval.chrom)
        shared = pooled.columns > 1 or pooled.rows > 1
        return go.Heatmap(
            z=pooled.values.astype(np.float32),
            x0=start + 0.5 + pooled.columns / 4,
            dx=pooled.columns / 2,
            y0=1 + (pooled.rows - 1) / 2,
            dy=pooled.rows,
            yaxis=view.yaxis,
            coloraxis=view.coloraxis,
            text=texts,  # a list of lists would be checked one by one
            hoverongaps=False,
            hovertemplate=(
                f"<b>{where}</b> mutated %{{text}}<br>%{{z:.3f}} {escape_text(units)}"
                + ("<br>strongest pair of this cell" if shared else "")
                + "<extra></extra>"
            ),
        )

    def _names(self, start: int) -> list[str]:
        """Return position and base of every base from ``start`` on."""
        obs = self.dependencies.obs
        rows = obs.iloc[start + 1 - int(obs["pos"].iloc[0]) :]
        bases = rows["base"] if "base" in rows.columns else [""] * len(rows)
        return [
            f"{pos:,} {escape_text(base)}".rstrip()
            for pos, base in zip(rows["pos"].tolist(), bases, strict=True)
        ]

    def _units(self) -> str:
        about = self.dependencies.uns.get("hyenascope", {})
        return str(about.get("units", "")) if isinstance(about, Mapping) else ""

    def _label(self, units: str, view: View) -> str:
        name = wrapped(self.label) if self.label is not None else "dependency"
        return f"{name}<br>{small(units, view.theme)}" if units else name

    def _note(self, pooled: Pooled, reach: int) -> str:
        said = {
            "larger": "larger effect of each pair",
            "rightward": "effect of the left base on the right",
            "leftward": "effect of the right base on the left",
        }
        parts = [f"{said[self.direction]}, height is the distance"]
        if pooled.columns > 1 or pooled.rows > 1:
            pairs = pooled.rows * (pooled.columns // 2 + 1)
            parts.append(f"each cell the strongest of {pairs:,} pairs")
        most = float(np.nanmax(pooled.values, initial=0.0))
        full, highest = f"{self.limit or 1.0:.2g}", f"{most:.2g}"
        if float(highest) > float(full):
            parts.append(f"full colour from {full} to {highest}")
        return "   ".join(parts)


def pool_pairs(
    values: Float[np.ndarray, "length length"],
    reach: int,
    *,
    direction: Direction = "larger",
    max_cells: int = 48_000,
) -> Pooled:
    """Turn a square by 45 degrees, and keep the strongest pair of every cell.

    The pair of offsets i < j goes to row ``j - i - 1`` and to the two half-base columns
    ``i + j`` and ``i + j + 1``, which are the base around their middle; so rows are
    bricks, shifted by half a base each, that leave no gap.

    Parameters
    ----------
    values
        Entry (i, j): what mutating i does to j; NaN is none.
    reach
        Largest distance to keep, at least 1.
    direction
        Which of (i, j) and (j, i).
    max_cells
        Most cells.

    Examples
    --------
    >>> square = np.array([[0.0, 1.0, 3.0], [0.0, 0.0, 2.0], [0.0, 0.0, 0.0]])
    >>> pool_pairs(square, 2).values
    array([[nan,  1.,  1.,  2.,  2., nan],
           [nan, nan,  3.,  3., nan, nan]])
    """
    length = len(values)
    rows = -(-reach // _MOST_ROWS)
    count = -(-reach // rows)
    columns = -(-2 * length * count // max_cells)
    wide = -(-2 * length // columns)
    best = np.full((count, wide), np.nan)
    mutated = np.zeros((count, wide), dtype=np.int64)
    read = np.zeros((count, wide), dtype=np.int64)
    for row in range(count):
        distances = range(row * rows + 1, min((row + 1) * rows, reach) + 1)
        band = np.full((rows, wide * columns), -np.inf)
        turned = np.zeros(band.shape, dtype=bool)
        for line, distance in enumerate(distances):
            strength, leftward = _diagonal(values, distance, direction)
            place = slice(distance, 2 * length - distance)
            band[line, place] = np.repeat(strength, 2)
            turned[line, place] = np.repeat(leftward, 2)
        cells = band.reshape(rows, wide, columns).transpose(1, 0, 2).reshape(wide, -1)
        at = cells.argmax(axis=1)
        line, column = at // columns, np.arange(wide) * columns + at % columns
        top = cells[np.arange(wide), at]
        best[row] = np.where(np.isneginf(top), np.nan, top)
        distance = row * rows + 1 + line
        left = (column - distance) // 2
        swap = turned[line, column]
        mutated[row] = np.where(swap, left + distance, left)
        read[row] = np.where(swap, left, left + distance)
    return Pooled(best, mutated, read, columns, rows)


def _diagonal(
    values: Float[np.ndarray, "length length"], distance: int, direction: Direction
) -> tuple[Float[np.ndarray, " pairs"], Bool[np.ndarray, " pairs"]]:
    """Return the strength of pairs that far apart, and which read to the left."""
    right = np.nan_to_num(values.diagonal(distance), nan=-np.inf, posinf=-np.inf)
    left = np.nan_to_num(values.diagonal(-distance), nan=-np.inf, posinf=-np.inf)
    if direction == "rightward":
        return right, np.zeros(len(right), dtype=bool)
    if direction == "leftward":
        return left, np.ones(len(left), dtype=bool)
    return np.maximum(right, left), left > right
