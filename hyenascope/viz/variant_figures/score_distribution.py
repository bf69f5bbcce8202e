"""How a score is spread, beside what chance would give."""

from typing import Any, Protocol, TypeAlias, runtime_checkable

import anndata as ad
import numpy as np
import pandas as pd
import plotly.graph_objects as go
from jaxtyping import Float64

from hyenascope.viz.style import ThemeName
from hyenascope.viz.text import escape_text
from hyenascope.viz.variant_figures.agreement import auroc
from hyenascope.viz.variant_figures.canvas import Canvas, plural
from hyenascope.viz.variant_figures.table import ScoredVariants, VariantTable
from hyenascope.viz.variant_figures.thinning import whole_ticks

Values = Float64[np.ndarray, " values"]
Others = Float64[np.ndarray, " others"]
Edges = Float64[np.ndarray, " edges"]

_STEPS = 20  # of the percentiles: 5 % each


@runtime_checkable
class HasScores(Protocol):
    """What holds scored variants, such as `hyenascope.interpret.Background`."""

    scores: ad.AnnData


BackgroundScores: TypeAlias = ScoredVariants | np.ndarray | HasScores
"""Scores to compare with: a table of variants, plain numbers, or a background."""


def plot_score_distribution(
    adata: ScoredVariants,
    *,
    score: str | None = None,
    background: BackgroundScores | None = None,
    title: str | None = None,
    theme: ThemeName = "light",
    width: int = 900,
    height: int = 420,
) -> go.Figure:
    """Draw how many variants have which score, against a background if there is one.

    Raw scores of unlike changes are unlike without any meaning (a C>T in a CpG, an
    A>C): where the table holds percentiles among random SNVs of the same mutation
    class, they are drawn beside, with what chance would give: equally many in each
    bin.

    Parameters
    ----------
    adata
        What `hyenascope.score_variants` returns, or a frame, see `VariantTable`.
    score
        Which one; the first by default.
    background
        Scores of other variants, in the same unit: another table with the same
        score, the numbers, or what `hyenascope.interpret.fit_background` returns.
    title
        Text above the picture, taken literally.
    theme, width, height
        Colours, and pixels.

    Returns
    -------
    go.Figure
        Bars are shares of each set in percent, over the same bins (Freedman and
        Diaconis 1981, at most 80); dashed lines are medians.

    Raises
    ------
    ValueError
        If there is no such score, or no finite value of it.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"llr": [-2.0, -1.0, 0.0]})
    >>> figure = plot_score_distribution(frame, background=np.array([0.0, 1.0]))
    >>> [trace.name for trace in figure.data]
    ['variants (n = 3)', 'background (n = 2)']
    """
    table = VariantTable(adata)
    score = table.resolve(score)
    values = table.values(score)[table.finite(score)]
    others = None if background is None else _background(background, score)
    ranks = _ranks(table, score)
    edges = _edges(values if others is None else np.r_[values, others])
    notes = [table.left_out(score), _beyond(values, others, edges)]
    notes += [_RANKS_NOTE] * (ranks is not None)
    canvas = Canvas(theme, width, height, top=98, notes=tuple(filter(None, notes)))
    traces = _score_bars(table, score, values, others, edges, canvas)
    medians, lines = _medians(table, score, values, others, canvas)
    right = 1.0 if ranks is None else 0.56
    axes = {
        "xaxis": canvas.axis(
            table.label(score),
            domain=[0, right],
            range=[edges[0], edges[-1]],
            **whole_ticks(values),
        ),
        "yaxis": canvas.axis("variants per bin (%)", rangemode="tozero"),
        "barmode": "overlay",
        "bargap": 0,
    }
    if ranks is not None:
        bars, extra, band = _percentiles(ranks, canvas)
        traces, axes, lines = [*traces, bars], axes | extra, lines + band
    subtitle, sentence = _words(table, score, values, others)
    return canvas.figure(
        traces,
        axes,
        title=title or f"Distribution of {score}",
        subtitle=subtitle,
        alt=f"Distribution of {score} over {sentence}",
        annotations=medians,
        shapes=lines,
        legend={} if ranks is None else {"x": 0, "xanchor": "left"},
    )


_RANKS_NOTE = (
    "Right: rank among random SNVs of the same mutation class. Dashed: chance; band: "
    "95 % of bins of independent draws."
)


def _background(background: BackgroundScores, score: str) -> Others:
    """Return the finite scores of the background."""
    if isinstance(background, np.ndarray):
        found = background.astype(np.float64).ravel()
    else:
        plain = isinstance(background, ad.AnnData | pd.DataFrame)
        table = VariantTable(
            background if plain else background.scores,
            "background",
        )
        found = table.values(table.resolve(score))
    found = found[np.isfinite(found)]
    if not len(found):
        raise ValueError(f"background must hold a finite {score!r}; got none.")
    return found


def _ranks(table: VariantTable, score: str) -> Values | None:
    ranks = table.percentile(score)
    if ranks is None or not np.isfinite(ranks).any():
        return None
    return ranks[np.isfinite(ranks)]


def _edges(values: Values) -> Edges:
    """Return edges of bins: around whole numbers, or by the spread of the values."""
    low, high = values.min(), values.max()
    if high - low <= 60 and (values == np.round(values)).all():
        return np.arange(low - 0.5, high + 1.0)
    inner = np.percentile(values, [0.5, 99.5])
    reach = 3 * (inner[1] - inner[0])
    if reach > 0:  # one value far away must not squeeze all others into one bin
        low, high = max(low, inner[0] - reach), min(high, inner[1] + reach)
    kept = values[(values >= low) & (values <= high)]
    if high <= low:
        return np.array([low - 0.5, low + 0.5])
    quartiles = np.percentile(kept, [25, 75])
    step = 2 * (quartiles[1] - quartiles[0]) / np.cbrt(len(kept))
    count = int(np.clip((high - low) / step if step > 0 else 30, 8, 80))
    return np.linspace(low, high, count + 1)


def _beyond(values: Values, others: Others | None, edges: Edges) -> str:
    whole = values if others is None else np.r_[values, others]
    count = int(((whole < edges[0]) | (whole > edges[-1])).sum())
    return f"{plural(count, 'value')} beyond the axis, counted in the shares." * (
        count > 0
    )


def _score_bars(
    table: VariantTable,
    score: str,
    values: Values,
    others: Others | None,
    edges: Edges,
    canvas: Canvas,
) -> list[Any]:
    theme = canvas.theme
    bars = [_bars("variants", values, edges, table.unit(score), theme.line(0), 0.75)]
    if others is not None:
        bars.append(
            _bars("background", others, edges, table.unit(score), theme.flagged, 0.55)
        )
    return bars


def _bars(
    name: str, values: Values, edges: Edges, unit: str, colour: str, opacity: float
) -> go.Bar:
    counts, _ = np.histogram(values, edges)
    share = 100 * counts / len(values)
    text = [
        escape_text(
            f"{name}: {count:,} of {len(values):,} ({part:.1f} %) "
            f"from {low:.4g} to {high:.4g} {unit}".rstrip()
        )
        for count, part, low, high in zip(
            counts, share, edges[:-1], edges[1:], strict=True
        )
    ]
    return go.Bar(
        x=(edges[:-1] + edges[1:]) / 2,
        y=share,
        width=np.diff(edges),
        name=f"{name} (n = {len(values):,})",
        marker={"color": colour, "opacity": opacity, "line": {"width": 0}},
        hovertext=text,
        hoverinfo="text",
    )


def _medians(
    table: VariantTable,
    score: str,
    values: Values,
    others: Others | None,
    canvas: Canvas,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return labels and lines; the upper median is written to the right of its line."""
    theme = canvas.theme
    found = [(float(np.median(values)), theme.line(0))]
    if others is not None:
        found.append((float(np.median(others)), theme.muted))
    upper = max(middle for middle, _ in found)
    texts, lines = [], []
    for number, (middle, colour) in enumerate(found):
        right = middle == upper and number == np.argmax([m for m, _ in found])
        texts.append(
            canvas.text(
                f"median {escape_text(table.amount(score, middle))}",
                middle,
                1.0,
                yref="paper",
                yanchor="top",
                xanchor="left" if right else "right",
                xshift=4 if right else -4,
                font={"size": 11, "color": colour},
            )
        )
        dashed = {"color": colour, "width": 1.5, "dash": "dash"}
        lines.append(
            canvas.line(middle, 0, middle, 1, yref="paper", line=dashed, layer="above")
        )
    return texts, lines


def _percentiles(
    ranks: Values, canvas: Canvas
) -> tuple[go.Bar, dict[str, Any], list[dict[str, Any]]]:
    """Return bars, axes, and the band where chance would have the bars."""
    edges = np.linspace(0.0, 100.0, _STEPS + 1)
    bars = _bars("variants", 100 * ranks, edges, "%", canvas.theme.line(0), 0.75)
    bars.update(xaxis="x2", yaxis="y2", showlegend=False)
    low, high = (100 * edge / len(ranks) for edge in chance_band(len(ranks)))
    place = {"xref": "x2", "yref": "y2"}
    band = canvas.line(
        0, low, 100, high, type="rect", fillcolor=canvas.theme.grid, **place
    ) | {"line": {"width": 0}}
    level = {"color": canvas.theme.muted, "width": 1.5, "dash": "dash"}
    middle = canvas.line(0, 100 / _STEPS, 100, 100 / _STEPS, line=level, **place) | {
        "layer": "above"
    }
    axes = {
        "xaxis2": canvas.axis(
            "percentile in its mutation class (%)",
            domain=[0.66, 1],
            range=[0, 100],
            anchor="y2",
        ),
        "yaxis2": canvas.axis(
            "variants per bin (%)",
            range=[0, 1.12 * max(bars.y.max(), high)],
            anchor="x2",
        ),
    }
    return bars, axes, [band, middle]


def chance_band(count: int) -> tuple[int, int]:
    """Return how many of ``count`` independent ranks fall into a twentieth.

    The central 95 % of the binomial distribution.

    Examples
    --------
    >>> chance_band(100)
    (1, 10)
    """
    from scipy.special import bdtr  # slow to import, seldom needed

    at_most = bdtr(np.arange(count + 1), count, 1 / _STEPS)
    low, high = np.searchsorted(at_most, [0.025, 0.975])
    return int(low), int(high)


def _words(
    table: VariantTable, score: str, values: Values, others: Others | None
) -> tuple[str, str]:
    """Return the subtitle, escaped, and the same facts as a plain sentence."""
    count = plural(len(values))
    middle = f"median {table.amount(score, np.median(values))}"
    if others is None:
        return escape_text(f"{count}, {middle}"), f"{count}; {middle}."
    against = f"{table.amount(score, np.median(others))} in the background"
    labels = np.r_[np.zeros(len(values), bool), np.ones(len(others), bool)]
    lower = auroc(np.r_[values, others], labels)(np.ones(len(labels)))
    often = f"{100 * lower:.0f} % of the time"
    chance = f"a variant is below a random one of the background {often}"
    whole = f"{middle} against {against} ({plural(len(others), 'value')}); {chance}"
    short = f"{middle} against {against}; {chance}"
    return escape_text(short), f"{count}; {whole}."
