"""Reference against alternate, one point per variant."""

from typing import Any, Literal

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float64, Int64

from hyenascope.viz.lollipops import KINDS, colour_scale, variant_kind
from hyenascope.viz.style import ThemeName
from hyenascope.viz.text import escape_text
from hyenascope.viz.variant_figures.canvas import Canvas, plural
from hyenascope.viz.variant_figures.table import ScoredVariants, VariantTable
from hyenascope.viz.variant_figures.thinning import MOST, spread, thinned

Values = Float64[np.ndarray, " _"]
Rows = Int64[np.ndarray, " _"]  # of all variants or of those drawn
ColourBy = Literal["class", "score"]

# Two changes of one hue differ in shape, so that colour alone never decides.
_CLASSES: dict[str, tuple[int, str]] = {
    "C>T at CpG": (1, "diamond"),
    "C>T": (1, "circle"),
    "C>A": (0, "circle"),
    "C>G": (0, "square"),
    "T>C": (3, "circle"),
    "T>A": (2, "triangle-up"),
    "T>G": (2, "triangle-down"),
}
_OPEN = {name: f"{symbol}-open" for symbol, _, name in KINDS.values()}
_FOLDED = {
    "G>A": "C>T", "G>T": "C>A", "G>C": "C>G", "A>G": "T>C", "A>T": "T>A", "A>C": "T>G",
}  # fmt: skip
_SIDE = 500


def plot_ref_alt(
    adata: ScoredVariants,
    *,
    score: str | None = None,
    colour: ColourBy = "class",
    title: str | None = None,
    theme: ThemeName = "light",
    width: int = 900,
) -> go.Figure:
    """Draw what the score is made of: its reference and its alternate value.

    The score is the height over the diagonal. Both axes have one scale.

    Parameters
    ----------
    adata
        What `hyenascope.score_variants` returns, with the layers ``ref`` and ``alt``;
        or a frame with ``conditional_ref`` and ``conditional_alt``, see
        `VariantTable`.
    score
        Which one; the first by default.
    colour
        ``"class"`` of the mutation, strands folded as in COSMIC (named from the
        pyrimidine), C>T at CpG apart where ``trinucleotide_context`` is known; or
        the ``"score"``.
    title
        Text above the picture, taken literally.
    theme, width
        Colours, and pixels.

    Raises
    ------
    ValueError
        If there is no such score, or nothing is known of its two sides.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"llr": [-2.0], "llr_ref": [-1.0], "llr_alt": [-3.0]})
    >>> frame = frame.assign(chrom="chr1", pos=7, ref="G", alt="A")
    >>> trace = plot_ref_alt(frame).data[0]
    >>> trace.name, trace.x, trace.y
    ('C&gt;T (1)', array([-1.]), array([-3.]))
    """
    if colour not in ("class", "score"):
        raise ValueError(f"colour must be 'class' or 'score'; got {colour!r}.")
    table = VariantTable(adata)
    score = table.resolve(score)
    ref, alt = table.sides(score)
    known = np.isfinite(ref) & np.isfinite(alt)
    if not known.any():
        raise ValueError(
            f"adata must hold a finite reference and alternate value of {score!r}; "
            f"got none for {plural(len(table))}."
        )
    rows = np.flatnonzero(known)
    kept = spread(ref[rows], alt[rows], most=MOST, pixels=(_SIDE, _SIDE))
    notes = [_missing(len(table) - len(rows)), thinned(len(kept), len(rows))]
    canvas = Canvas(
        theme,
        width,
        height=_SIDE + 132,
        right=width - 72 - _SIDE,
        notes=tuple(filter(None, notes)),
    )
    shown = rows[kept]
    traces = (
        _by_class(table, score, ref, alt, rows, kept, canvas)
        if colour == "class"
        else [_by_score(table, score, ref, alt, shown, canvas)]
    )
    words = _words(ref[rows], alt[rows])
    limits = _limits(np.r_[ref[rows], alt[rows]])
    layout: dict[str, Any] = _axes(table, score, limits, canvas)
    if colour == "score":
        scale = colour_scale((alt - ref)[shown], score, canvas.theme)
        scale["colorbar"]["title"]["text"] = table.label(score)
        scale["colorbar"] |= {"x": 1, "xanchor": "left", "len": 0.6}
        layout["coloraxis"] = scale
    return canvas.figure(
        traces,
        layout,
        title=title or f"Reference and alternate value of {score}",
        subtitle=words,
        alt=f"Alternate against reference value of {score}: {words}.",
        annotations=_sides(limits, canvas),
        shapes=[canvas.line(limits[0], limits[0], limits[1], limits[1])],
        legend=_LEGEND if colour == "class" else None,
    )


_LEGEND = {
    "orientation": "v",
    "x": 1.02,
    "xanchor": "left",
    "y": 1,
    "yanchor": "top",
    "title": {"text": "change (variants)", "font": {"size": 11}},
}


def mutation_class(ref: str, alt: str, context: str = "") -> str:
    """Name the class of a change: strands folded, or the kind if it is no SNV.

    ``context`` is the trinucleotide change from the pyrimidine, such as ``ACG>ATG``.

    Examples
    --------
    >>> mutation_class("G", "A"), mutation_class("G", "A", "ACG>ATG")
    ('C>T', 'C>T at CpG')
    >>> mutation_class("CA", "C")
    'deletion'
    """
    change = f"{ref}>{alt}".upper()
    folded = _FOLDED.get(change, change)
    if folded not in _CLASSES:
        return _kind(ref, alt)
    at_cpg = folded == "C>T" and context[1:3].upper() == "CG"
    return "C>T at CpG" if at_cpg else folded


def _kind(ref: str, alt: str) -> str:
    row = {"chrom": "1", "pos": 1, "ref": ref, "alt": alt}
    return KINDS[variant_kind(row)][2]


def _classes(table: VariantTable, rows: Rows) -> list[str]:
    if not {"ref", "alt"} <= set(table.frame.columns):
        return ["variant"] * len(rows)
    frame = table.frame.iloc[rows]
    contexts = (
        frame["trinucleotide_context"]
        if "trinucleotide_context" in frame
        else [""] * len(rows)
    )
    alleles = zip(frame["ref"], frame["alt"], contexts, strict=True)
    return [mutation_class(str(r), str(a), str(c)) for r, a, c in alleles]


def _by_class(
    table: VariantTable,
    score: str,
    ref: Values,
    alt: Values,
    rows: Rows,
    kept: Rows,
    canvas: Canvas,
) -> list[go.Scatter]:
    """Return a trace per class of what is kept; the names count all rows."""
    names = np.array(_classes(table, rows), dtype=object)
    order = [name for name in _CLASSES if name in names]
    order += sorted(set(names) - set(order))
    traces = []
    for name in order:
        colour, symbol = _CLASSES.get(name, (5, _OPEN.get(name, "cross-open")))
        here = rows[kept][names[kept] == name]
        marker = {
            "symbol": symbol,
            "size": 7 if len(kept) <= 1000 else 5,
            "opacity": 0.75,
            "color": canvas.theme.line(colour),
            "line": {"width": 1 if symbol.endswith("open") else 0},
        }
        label = f"{escape_text(name)} ({(names == name).sum():,})"
        traces.append(_points(table, score, ref, alt, here, label, marker))
    return traces


def _by_score(
    table: VariantTable,
    score: str,
    ref: Values,
    alt: Values,
    rows: Rows,
    canvas: Canvas,
) -> go.Scatter:
    marker = {
        "size": 7 if len(rows) <= 1000 else 5,
        "color": (alt - ref)[rows],
        "coloraxis": "coloraxis",
        "line": {"color": canvas.theme.outline, "width": 0.6},
    }
    return _points(table, score, ref, alt, rows, "variants", marker)


def _points(
    table: VariantTable,
    score: str,
    ref: Values,
    alt: Values,
    rows: Rows,
    name: str,
    marker: dict[str, Any],
) -> go.Scatter:
    def facts(row: int) -> list[tuple[str, str]]:
        values = (alt[row] - ref[row], ref[row], alt[row])
        names = (f"{score} alternate − reference", "reference", "alternate")
        return [
            (fact, table.amount(score, value))
            for fact, value in zip(names, values, strict=True)
        ]

    return go.Scatter(
        x=ref[rows],
        y=alt[rows],
        mode="markers",
        name=name,
        marker=marker,
        hovertext=[table.hover(int(row), facts(int(row))) for row in rows],
        hoverinfo="text",
    )


def _axes(
    table: VariantTable, score: str, limits: tuple[float, float], canvas: Canvas
) -> dict[str, Any]:
    label = table.label(score)
    shared = {"range": list(limits), "showgrid": True, "nticks": 8}
    return {
        "xaxis": canvas.axis(f"reference: {label}", **shared),
        "yaxis": canvas.axis(f"alternate: {label}", scaleanchor="x", **shared),
    }


def _limits(values: Values) -> tuple[float, float]:
    low, high = float(values.min()), float(values.max())
    air = 0.05 * (high - low) or 0.5
    return low - air, high + air


def _sides(limits: tuple[float, float], canvas: Canvas) -> list[dict[str, Any]]:
    """Say on either side of the diagonal which allele has the higher value."""
    shared = {"font": {"size": 11, "color": canvas.theme.muted}}
    low, high = limits
    return [
        canvas.text(
            "alternate higher", low, high, xanchor="left", yanchor="top",
            xshift=6, yshift=-4, **shared,
        ),
        canvas.text(
            "reference higher", high, low, xanchor="right", yanchor="bottom",
            xshift=-6, yshift=4, **shared,
        ),
    ]  # fmt: skip


def _words(ref: Values, alt: Values) -> str:
    below, above = int((alt < ref).sum()), int((alt > ref).sum())
    return (
        f"alternate lower than reference for {below:,} of {plural(len(ref))}, "
        f"higher for {above:,}"
    )


def _missing(count: int) -> str:
    return f"Not drawn: {plural(count)} without both values." if count else ""
