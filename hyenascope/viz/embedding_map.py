"""Embeddings as points in a plane, coloured by what is known of them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import plotly.graph_objects as go
from jaxtyping import Float32, Int64
from plotly.colors import sample_colorscale

from hyenascope.data.interval import Interval
from hyenascope.data.visible_text import visible_text
from hyenascope.viz.embedding_coordinates import (
    Coordinates,
    MapMethod,
    embedding_coordinates,
)
from hyenascope.viz.embedding_groups import Group, colour_groups, is_scale
from hyenascope.viz.style import ThemeName
from hyenascope.viz.text import (
    escape_text,
    format_interval,
    format_value,
    shorten,
)
from hyenascope.viz.variant_figures.canvas import Canvas, plural

_MANY = 3_000  # points from which on the graphics card draws them
_SIZES = ((300, 9.0), (3_000, 6.0), (20_000, 4.5))  # of a marker, up to so many points
_SMALLEST = 3.0
_PALEST = 0.3  # of the sequential scale, so that no point vanishes on the paper
_TURNS = 8  # in which groups are drawn where there are many points
_LETTERS = 22  # of a name in the legend
_PLACE = ("chrom", "start", "end")


def plot_embedding(
    data: ad.AnnData,
    *,
    method: MapMethod = "pca",
    colour: str | None = "label",
    hover: Sequence[str] = (),
    seed: int = 0,
    title: str | None = None,
    theme: ThemeName = "light",
    width: int = 860,
    height: int = 540,
) -> go.Figure:
    """Draw each sequence as a point where its embedding lies.

    Groups of many points are drawn in turns, a part of each at a time, so that none
    covers the others; a click on a name in the legend hides one. Coordinates come of
    `hyenascope.viz.embedding_coordinates.embedding_coordinates`; ``with_coordinates``
    keeps them for the next figure.

    Parameters
    ----------
    data
        As of `hyenascope.models.embedding_data.embed_data`; left as it is.
    method
        ``"pca"``, ``"tsne"`` (needs scikit-learn) or ``"umap"`` (needs umap-learn).
    colour
        A column of ``data.obs``: numbers get a colour scale, all else a colour per
        group, for the twelve largest. One colour for all if None, or if it is
        ``"label"`` and there is no such column.
    hover
        Columns that the mouse shows beside the name, the place, the length, the split
        and the colour's.
    seed
        Decides t-SNE and UMAP.
    title
        Above the figure.
    theme
        ``"light"`` or ``"dark"``.
    width, height
        In pixels.

    Raises
    ------
    ValueError
        If a column is missing, or as `embedding_coordinates`.
    ImportError
        If what the method needs is not installed.

    Examples
    --------
    >>> obs = pd.DataFrame({"label": ["a", "a", "b"]}, index=["x", "y", "z"])
    >>> figure = plot_embedding(ad.AnnData(np.eye(3), obs))
    >>> [(trace.name, len(trace.x)) for trace in figure.data]
    [('a (2)', 2), ('b (1)', 1)]
    >>> figure.layout.meta["alt"]
    'PCA of 3 embeddings by label: a 2, b 1.'
    """
    if colour == "label" and colour not in data.obs:
        colour = None
    _check_columns(data.obs, [*hover, *([] if colour is None else [colour])])
    found = embedding_coordinates(data, method=method, seed=seed)
    facts = _facts(data.obs, hover, colour)
    points = _Points(found.values, _hover_texts(data.obs_names, facts))
    canvas = Canvas(theme, width, height, top=66)
    paint = _painted(points, data.obs, colour, canvas)
    canvas = Canvas(theme, width, height, top=66, right=paint.room)
    return canvas.figure(
        paint.traces,
        {**_axes(found, canvas), **paint.scale},
        title=title or f"{found.name} of embeddings",
        subtitle=escape_text(" · ".join(filter(None, [*_in_short(data), paint.note]))),
        alt=f"{found.name} of {plural(len(data), 'embedding')}{paint.said}.",
        legend=paint.legend,
    )


@dataclass(frozen=True, eq=False)
class _Points:
    """Where all points lie, and what the mouse shows of each, escaped."""

    values: Float32[np.ndarray, "rows 2"]
    texts: list[str]

    def trace(
        self, rows: Int64[np.ndarray, " _"], marker: Mapping[str, Any], **more: object
    ) -> dict[str, Any]:
        """Return a trace of some rows."""
        count = len(self.texts)
        size = next((size for most, size in _SIZES if count <= most), _SMALLEST)
        return {
            "type": "scatter" if count < _MANY else "scattergl",
            "mode": "markers",
            "x": self.values[rows, 0],
            "y": self.values[rows, 1],
            "text": [self.texts[row] for row in rows.tolist()],
            "hovertemplate": "%{text}<extra></extra>",
            "marker": {"size": size, "opacity": 0.75, "line": {"width": 0}, **marker},
            **more,
        }


@dataclass(frozen=True, eq=False)
class _Paint:
    """Traces with their colours, what explains these, and the room it takes."""

    traces: list[dict[str, Any]]
    said: str = ""
    note: str = ""
    room: int = 24
    legend: dict[str, Any] | None = None
    scale: dict[str, Any] = field(default_factory=dict)


def _painted(
    points: _Points, obs: pd.DataFrame, colour: str | None, canvas: Canvas
) -> _Paint:
    if colour is None:
        marker = {"color": canvas.theme.line(0)}
        return _Paint([points.trace(np.arange(len(obs)), marker, name="embeddings")])
    if is_scale(obs[colour]):
        return _by_number(points, obs[colour], colour, canvas)
    groups = colour_groups(obs[colour], canvas.theme)
    return _by_group(points, groups, colour, canvas)


def _by_group(
    points: _Points, groups: Sequence[Group], colour: str, canvas: Canvas
) -> _Paint:
    labels = [f"{_cut(g.name)} ({len(g.rows):,})" for g in groups]
    heading = _cut(colour)
    traces = [
        points.trace(
            group.rows[turn::turns],
            {"color": group.colour, "symbol": group.symbol},
            name=escape_text(label),
            legendgroup=str(number),
            showlegend=turn == 0,
        )
        for turn, turns in _turns(len(points.texts))
        for number, (group, label) in enumerate(zip(groups, labels, strict=True))
        if turn < len(group.rows)
    ]
    counts = ", ".join(f"{g.name} {len(g.rows):,}" for g in groups)
    return _Paint(
        traces,
        said=f" by {colour}: {counts}",
        room=48 + round(6.5 * max(map(len, (*labels, heading)))),
        legend={
            "orientation": "v",
            "tracegroupgap": 0,
            "title": {
                "text": escape_text(heading),
                "font": {"size": 12, "color": canvas.theme.muted},
            },
            "xanchor": "left",
            "yanchor": "top",
        },
    )


def _by_number(
    points: _Points, column: pd.Series, colour: str, canvas: Canvas
) -> _Paint:
    values = column.to_numpy(dtype=np.float64, na_value=np.nan)
    is_known = np.isfinite(values)
    theme = canvas.theme
    known, unknown = np.flatnonzero(is_known), np.flatnonzero(~is_known)
    traces = [points.trace(unknown, {"color": theme.flagged}, name="unknown")]
    marker = {"color": values[known].astype(np.float32), "coloraxis": "coloraxis"}
    traces.append(points.trace(known, marker, name=escape_text(colour)))
    shades = np.linspace(_PALEST, 1.0, 7).tolist()
    heading = {
        "text": escape_text(_cut(colour)),
        "font": {"size": 12, "color": theme.muted},
    }
    bar = {"title": heading, "thickness": 12, "len": 0.7, "outlinewidth": 0}
    scale = sample_colorscale([list(stop) for stop in theme.sequential], shades)
    return _Paint(
        traces if len(unknown) else traces[1:],
        said=f" by {colour}, a number",
        note=f"{len(unknown):,} of unknown {_cut(colour)} in grey"
        if len(unknown)
        else "",
        room=60 + 7 * min(len(colour), _LETTERS),
        scale={"coloraxis": {"colorscale": scale, "colorbar": bar}},
    )


def _axes(found: Coordinates, canvas: Canvas) -> dict[str, Any]:
    if found.method == "pca":
        look: dict[str, Any] = {"nticks": 7}
    else:  # units that mean nothing
        look = {"showticklabels": False, "ticks": "", "showgrid": False}
    across, up = found.axes
    return {"xaxis": canvas.axis(across, **look), "yaxis": canvas.axis(up, **look)}


def _turns(points: int) -> list[tuple[int, int]]:
    """Return each turn and how many there are."""
    turns = 1 if points <= _SIZES[0][0] else _TURNS
    return [(turn, turns) for turn in range(turns)]


def _cut(name: str) -> str:
    return name if len(name) <= _LETTERS else f"{name[: _LETTERS - 1]}…"


def _check_columns(obs: pd.DataFrame, columns: Sequence[str]) -> None:
    for name in columns:
        if name not in obs:
            raise ValueError(
                f"colour and hover must be columns of data.obs; got {name!r}, there "
                f"are {', '.join(map(str, obs.columns)) or 'none'}."
            )


def _facts(
    obs: pd.DataFrame, hover: Sequence[str], colour: str | None
) -> dict[str, list[str]]:
    """Return what the mouse shows below the name, by what it is, not escaped."""
    known: dict[str, list[str]] = {}
    if set(_PLACE) <= set(obs.columns):
        places = zip(*(obs[part] for part in _PLACE), strict=True)
        known[""] = [
            format_interval(Interval(str(chrom), int(start), int(end)))
            for chrom, start, end in places
        ]
    usual = [name for name in ("length", "split") if name in obs]
    for name in dict.fromkeys([*([colour] if colour else []), *usual, *hover]):
        known[name] = [escape_text(format_value(value)) for value in obs[name]]
    return known


def _hover_texts(names: pd.Index, facts: Mapping[str, list[str]]) -> list[str]:
    lines = [[f"<b>{escape_text(shorten(name, 60))}</b>" for name in names]]
    for fact, values in facts.items():
        before = f"{escape_text(fact)}: " if fact else ""
        after = " bp" if fact == "length" else ""
        lines.append([f"{before}{value}{after}" for value in values])
    return ["<br>".join(each) for each in zip(*lines, strict=True)]


def _in_short(data: ad.AnnData) -> Iterator[str]:
    """Say what is drawn and what made it, not escaped."""
    record = data.uns.get("hyenascope", {})
    if "data" in record:
        yield shorten(visible_text(record["data"]), 40)
    yield plural(len(data), "sequence")
    if "model" in record:
        yield f"embedded by {shorten(visible_text(record['model']), 40)}"
    if "layers" in record:
        layer = int(list(record["layers"])[-1])
        yield "final norm" if layer < 0 else f"after {plural(layer, 'block')}"
    if "strands" in record:
        both = record["strands"] == "both"
        yield "both strands" if both else f"{record['strands']} strand"
