"""The score gene by gene: one strip of points each."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float64, Int64

from hyenascope.data.gene import Gene
from hyenascope.viz.style import ThemeName
from hyenascope.viz.text import escape_text, shorten
from hyenascope.viz.variant_figures.canvas import Canvas, plural
from hyenascope.viz.variant_figures.gene_labels import rows_by_column, rows_by_gene
from hyenascope.viz.variant_figures.table import ScoredVariants, VariantTable
from hyenascope.viz.variant_figures.thinning import MOST, sideways, spread, thinned

Values = Float64[np.ndarray, " _"]
Rows = Int64[np.ndarray, " _"]  # of all variants or of those drawn
SortGenes = Literal["median", "strongest", "count", "name"]

_ROW = 24  # pixels of a strip
_SORTED = {
    "median": "median",
    "strongest": "strongest variant",
    "count": "number of variants",
    "name": "name",
}


def plot_gene_strip(
    adata: ScoredVariants,
    *,
    score: str | None = None,
    genes: Sequence[Gene] | str = "gene",
    top: int = 20,
    least: int = 1,
    sort: SortGenes = "median",
    title: str | None = None,
    theme: ThemeName = "light",
    width: int = 900,
) -> go.Figure:
    """Draw the variants of each gene in a strip of their own.

    Points move apart sideways where many share a value; the bar is the median.

    Parameters
    ----------
    adata
        What `hyenascope.score_variants` returns, or a frame, see `VariantTable`.
    score
        Which one; the first by default.
    genes
        Genes to look the positions up in, such as `hyenascope.read_genes` returns; or
        the column that names each variant's gene.
    top
        Most genes drawn.
    least
        Variants that a gene must have: the median of two says little.
    sort
        What stands first: the lowest ``"median"`` (the highest, for a score without
        sign), the ``"strongest"`` variant, the largest ``"count"``; or by ``"name"``.
    title
        Text above the picture, taken literally.
    theme, width
        Colours, and pixels.

    Raises
    ------
    ValueError
        If there is no such score or column, or no gene has enough variants.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"llr": [-2.0, 0.5], "gene": ["BRCA1", "TP53"]})
    >>> plot_gene_strip(frame).layout.yaxis.ticktext
    ('BRCA1 (1)', 'TP53 (1)')
    """
    for name, number in (("top", top), ("least", least)):
        if number < 1:
            raise ValueError(f"{name} must be at least 1; got {number}.")
    if sort not in _SORTED:
        raise ValueError(f"sort must be {', '.join(_SORTED)}; got {sort!r}.")
    table = VariantTable(adata)
    score = table.resolve(score)
    values, known = table.values(score), table.finite(score)
    members = _members(table, genes, known)
    enough = {name: rows for name, rows in members.items() if len(rows) >= least}
    if not enough:
        raise ValueError(
            f"genes must hold at least {plural(least)} with a score in one gene; got "
            f"{plural(len(members), 'gene')} with fewer."
        )
    order = sorted(enough, key=_key(sort, enough, values, table.signed(score)))[:top]
    chosen = {name: enough[name] for name in order}
    placed = np.zeros(len(table), dtype=bool)
    placed[np.concatenate(list(members.values()))] = True
    longest = max(len(_label(name, rows)) for name, rows in chosen.items())
    canvas = Canvas(
        theme,
        width,
        height=150 + _ROW * max(len(order), 3),
        left=min(60 + 7 * longest, 240),
    )
    traces = _strips(table, score, values, chosen, canvas)
    notes = [
        _outside(int(known.sum() - placed.sum())),
        thinned(
            sum(len(trace.x) for trace in traces),
            sum(len(rows) for rows in chosen.values()),
        ),
        table.left_out(score),
    ]
    canvas = replace(canvas, notes=tuple(filter(None, notes)))
    words = _words(sort, len(order), len(enough), len(members), least)
    return canvas.figure(
        traces,
        _axes(table, score, chosen, canvas),
        title=title or f"{score} by gene",
        subtitle=escape_text(words),
        alt=_sentence(table, score, chosen, values, words),
        shapes=_bars(chosen, values, canvas),
    )


def _members(
    table: VariantTable, genes: Sequence[Gene] | str, known: np.ndarray
) -> dict[str, Rows]:
    """Return the scored variants of each gene that has any."""
    found = (
        rows_by_column(table, genes)
        if isinstance(genes, str)
        else rows_by_gene(table, genes)
    )
    scored = {name: rows[known[rows]] for name, rows in found.items()}
    return {name: rows for name, rows in scored.items() if len(rows)}


def _key(
    sort: SortGenes, members: dict[str, Rows], values: Values, signed: bool
) -> Callable[[str], tuple[float, str]]:
    sign = 1.0 if signed else -1.0

    def key(name: str) -> tuple[float, str]:
        here = values[members[name]]
        ranks = {
            "median": sign * float(np.median(here)),
            "strongest": -float(np.abs(here).max()),
            "count": -float(len(here)),
            "name": 0.0,
        }
        return ranks[sort], name

    return key


def _strips(
    table: VariantTable,
    score: str,
    values: Values,
    chosen: dict[str, Rows],
    canvas: Canvas,
) -> list[go.Scatter]:
    """Return the points of each gene, moved apart, as one trace each."""
    most = max(MOST // len(chosen), 20)
    traces = []
    for at, rows in enumerate(chosen.values()):
        aside = sideways(values[rows])
        kept = spread(values[rows], aside, most=most, pixels=(700, _ROW))
        here = rows[kept]
        hover = [
            table.hover(int(row), [(score, table.amount(score, values[row]))])
            for row in here
        ]
        marker = {
            "size": 5,
            "opacity": 0.65,
            "color": canvas.theme.line(0),
            "line": {"width": 0},
        }
        traces.append(
            go.Scatter(
                x=values[here],
                y=at + 0.38 * aside[kept],
                mode="markers",
                marker=marker,
                hovertext=hover,
                hoverinfo="text",
            )
        )
    return traces


def _bars(
    chosen: dict[str, Rows], values: Values, canvas: Canvas
) -> list[dict[str, Any]]:
    ink = {"color": canvas.theme.line(1), "width": 3}
    medians = [float(np.median(values[rows])) for rows in chosen.values()]
    bars = [
        canvas.line(middle, at - 0.36, middle, at + 0.36, line=ink, layer="above")
        for at, middle in enumerate(medians)
    ]
    return [canvas.line(0, 0, 0, 1, yref="paper"), *bars]


def _axes(
    table: VariantTable, score: str, chosen: dict[str, Rows], canvas: Canvas
) -> dict[str, Any]:
    values = np.concatenate([table.values(score)[rows] for rows in chosen.values()])
    low, high = min(values.min(), 0.0), max(values.max(), 0.0)
    air = 0.04 * (high - low) or 0.5
    return {
        "xaxis": canvas.axis(
            table.label(score), range=[low - air, high + air], showgrid=True
        ),
        "yaxis": canvas.axis(
            range=[max(len(chosen), 3) - 0.4, -0.6],
            tickvals=list(range(len(chosen))),
            ticktext=[escape_text(_label(n, rows)) for n, rows in chosen.items()],
            ticks="",
            showgrid=False,
        ),
    }


def _label(name: str, rows: Rows) -> str:
    return f"{shorten(name, 20)} ({len(rows):,})"


def _words(sort: SortGenes, drawn: int, enough: int, whole: int, least: int) -> str:
    which = plural(drawn, "gene") if drawn == enough else f"{drawn} of {enough:,} genes"
    few = whole - enough
    short = f"; {plural(few, 'gene')} below {least} variants left out" * (few > 0)
    return f"{which} by {_SORTED[sort]}, variants in brackets, bar: median{short}"


def _sentence(
    table: VariantTable,
    score: str,
    chosen: dict[str, Rows],
    values: Values,
    words: str,
) -> str:
    first, rows = next(iter(chosen.items()))
    middle = table.amount(score, np.median(values[rows]))
    return f"{score} per gene, {words}; first {first}, median {middle}."


def _outside(count: int) -> str:
    return f"Not drawn: {plural(count)} in no gene." if count else ""
