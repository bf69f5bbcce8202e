"""All variants along the whole genome."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Bool, Float64, Int64

from hyenascope.viz.style import ThemeName
from hyenascope.viz.text import escape_text, shorten
from hyenascope.viz.variant_figures.canvas import Canvas, plural
from hyenascope.viz.variant_figures.contig_order import LaidOut, lay_out
from hyenascope.viz.variant_figures.point_labels import place_labels
from hyenascope.viz.variant_figures.silhouette import silhouette
from hyenascope.viz.variant_figures.table import ScoredVariants, VariantTable
from hyenascope.viz.variant_figures.thinning import MOST, peaks

Values = Float64[np.ndarray, " _"]
Rows = Int64[np.ndarray, " _"]  # of all variants or of those drawn
Odd = Bool[np.ndarray, " _"]

_LETTER = 6.2  # pixels of one letter of a contig's name


def plot_genome(
    adata: ScoredVariants,
    *,
    score: str | None = None,
    absolute: bool = False,
    lengths: Mapping[str, int] | None = None,
    label: int = 5,
    name: str | None = None,
    title: str | None = None,
    theme: ThemeName = "light",
    width: int = 900,
    height: int = 400,
) -> go.Figure:
    """Draw all variants along the genome, contigs end to end (a Manhattan plot).

    Beyond 4,000 variants only the lowest and the highest of every column of pixels get
    a marker, so that no peak is lost; an area behind covers where all others lie.

    Parameters
    ----------
    adata
        What `hyenascope.score_variants` returns, or a frame with ``chrom`` and
        ``pos`` (1-based), see `VariantTable`.
    score
        Which one; the first by default.
    absolute
        Draw the size of the score without its sign.
    lengths
        Bases of every contig, such as ``FastaReader.contigs``; without it a contig
        ends with its last variant. Contigs without variants are left out.
    label
        How many of the strongest to name.
    name
        Column to name them by, such as ``"gene"``; by default ``chr1:7:A>G``.
    title
        Text above the picture, taken literally.
    theme, width, height
        Colours, and pixels.

    Raises
    ------
    ValueError
        If there is no such score, no position, or ``lengths`` is of another assembly.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"chrom": ["chr10", "chr2"], "pos": [5, 7]})
    >>> figure = plot_genome(frame.assign(ref="A", alt="G", llr=[-1.0, 0.5]))
    >>> figure.layout.xaxis.ticktext
    ('2', '10')
    """
    if label < 0:
        raise ValueError(f"label must be at least 0; got {label}.")
    table = VariantTable(adata)
    score = table.resolve(score)
    table.require("chrom", "pos", *([name] if name else []))
    rows = np.flatnonzero(table.finite(score))
    values = table.values(score)[rows]
    values = np.abs(values) if absolute else values
    pos = table.positions()[rows]
    layout, contig = lay_out(table.frame["chrom"].iloc[rows].astype(str), pos, lengths)
    along = (layout.offsets[contig] + pos).astype(np.float64)
    canvas = Canvas(theme, width, height)
    signed = bool((values < 0).any())
    kept = _kept(along, values, signed, canvas)
    notes = [_note(len(kept), len(rows), signed), table.left_out(score)]
    canvas = Canvas(theme, width, height, notes=tuple(filter(None, notes)))
    axes = _axes(layout, values, table.label(score, absolute=absolute), canvas)
    strongest = _strongest(values, label)
    words = f"{plural(len(rows))} on {plural(len(layout.names), 'contig')}"
    top = strongest[0] if len(strongest) else int(np.abs(values).argmax())
    peak = f"{table.place(int(rows[top]))} at {table.amount(score, values[top])}"
    odd = contig % 2 == 1
    return canvas.figure(
        [
            _points(table, score, rows, values, along, kept[odd[kept] == shade], colour)
            for shade, colour in enumerate(_shades(canvas))
        ],
        axes,
        title=title or f"{'Size of ' * absolute}{score} along the genome",
        subtitle=escape_text(f"{words}; strongest {peak}"),
        alt=f"{score} along the genome for {words}; the strongest is {peak}.",
        annotations=place_labels(
            along[strongest],
            values[strongest],
            [_called(table, int(row), name) for row in rows[strongest]],
            (axes["xaxis"]["range"], axes["yaxis"]["range"]),
            canvas,
        ),
        shapes=[
            canvas.line(0, 0, 1, 0, xref="paper"),
            *(
                _areas(along, values, odd, axes, canvas)
                if len(kept) < len(rows)
                else []
            ),
        ],
    )


def _kept(along: Values, values: Values, signed: bool, canvas: Canvas) -> Rows:
    """Return which variants get a marker: all, or the extremes of every column."""
    if len(values) <= MOST:
        return np.arange(len(values), dtype=np.int64)
    return peaks(along, values, columns=canvas.inner[0], lowest=signed)


def _areas(
    along: Values, values: Values, odd: Odd, axes: dict[str, Any], canvas: Canvas
) -> list[dict[str, Any]]:
    """Return the shape of all variants, one for each shade."""
    ranges = tuple(axes["xaxis"]["range"]), tuple(axes["yaxis"]["range"])
    return [
        silhouette(along[here], values[here], ranges, colour, canvas)
        for here, colour in zip((~odd, odd), _shades(canvas), strict=True)
        if here.any()
    ]


def _shades(canvas: Canvas) -> tuple[str, str]:
    return canvas.theme.line(0), canvas.theme.flagged


def _note(kept: int, whole: int, signed: bool) -> str:
    if kept == whole:
        return ""
    extremes = "lowest and highest" if signed else "highest"
    return (
        f"{kept:,} of {whole:,} variants have a marker: the {extremes} of every column "
        "of pixels. The others lie in the area behind."
    )


def _strongest(values: Values, count: int) -> Rows:
    return np.argsort(-np.abs(values), kind="stable")[:count].astype(np.int64)


def _called(table: VariantTable, row: int, column: str | None) -> str:
    own = "" if column is None else str(table.frame[column].iat[row])
    return shorten(own if own not in {"", ".", "nan", "None"} else table.place(row), 32)


def _points(
    table: VariantTable,
    score: str,
    rows: Rows,
    values: Values,
    along: Values,
    kept: Rows,
    colour: str,
) -> go.Scatter:
    return go.Scatter(
        x=along[kept],
        y=values[kept],
        mode="markers",
        marker={
            "size": 4 if len(values) > 500 else 6,
            "opacity": 0.85,
            "color": colour,
            "line": {"width": 0},
        },
        hovertext=[
            table.hover(int(rows[at]), [(score, table.amount(score, values[at]))])
            for at in kept
        ],
        hoverinfo="text",
    )


def _axes(
    layout: LaidOut, values: Values, label: str, canvas: Canvas
) -> dict[str, Any]:
    low, high = float(min(values.min(), 0.0)), float(max(values.max(), 0.0))
    air = 0.09 * (high - low) or 0.5
    if low == 0.0:
        low = air - 0.02 * (high or 1.0)
    margin = max(0.008 * layout.total, 1.0)
    return {
        "xaxis": canvas.axis(
            _x_title(layout),
            range=[1 - margin, layout.total + margin],
            showgrid=False,
            **_ticks(layout, canvas),
        ),
        "yaxis": canvas.axis(label, range=[low - air, high + air], showgrid=True),
    }


def _ticks(layout: LaidOut, canvas: Canvas) -> dict[str, Any]:
    """Return positions for one contig, names for several."""
    if len(layout.names) == 1:
        return {"tickformat": ",d", "nticks": 8}
    centres, names = _named(layout, canvas)
    return {
        "tickvals": centres,
        "ticktext": [escape_text(name) for name in names],
        "ticks": "",
    }


def _x_title(layout: LaidOut) -> str:
    if len(layout.names) == 1:
        return f"{escape_text(shorten(layout.names[0]))} position (1-based)"
    return f"{len(layout.names):,} contigs end to end"


def _named(layout: LaidOut, canvas: Canvas) -> tuple[list[float], list[str]]:
    """Return the contigs whose names have room, longest contigs first."""
    per_base = canvas.inner[0] / layout.total
    short = all(name.lower().startswith("chr") for name in layout.names)
    names = [shorten(n[3:] if short and n[3:] else n, 12) for n in layout.names]
    taken: list[tuple[float, float]] = []
    chosen: list[int] = []
    for at in np.argsort(-layout.lengths, kind="stable"):
        middle = float(layout.centres[at]) * per_base
        half = _LETTER * len(names[at]) / 2 + 1
        if all(middle + half <= a or middle - half >= b for a, b in taken):
            taken.append((middle - half, middle + half))
            chosen.append(int(at))
        if len(chosen) == 60:
            break
    chosen.sort()
    return [float(layout.centres[at]) for at in chosen], [names[at] for at in chosen]
