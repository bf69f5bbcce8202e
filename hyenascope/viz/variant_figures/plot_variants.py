"""One verb for all pictures of many variants."""

from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import plotly.graph_objects as go

from hyenascope.data.gene import Gene
from hyenascope.viz.style import ThemeName
from hyenascope.viz.variant_figures.gene_strip import plot_gene_strip
from hyenascope.viz.variant_figures.genome import plot_genome
from hyenascope.viz.variant_figures.ref_alt import plot_ref_alt
from hyenascope.viz.variant_figures.score_distribution import (
    BackgroundScores,
    plot_score_distribution,
)
from hyenascope.viz.variant_figures.table import ScoredVariants
from hyenascope.viz.variant_figures.truth import plot_truth

VariantPicture = Literal["distribution", "ref_alt", "genes", "genome", "truth"]


def plot_variants(
    adata: ScoredVariants,
    *,
    kind: VariantPicture = "distribution",
    score: str | Sequence[str] | None = None,
    background: BackgroundScores | None = None,
    genes: Sequence[Gene] | str | None = None,
    lengths: Mapping[str, int] | None = None,
    truth: str | None = None,
    positive: str | Sequence[str] | None = None,
    absolute: bool = False,
    title: str | None = None,
    theme: ThemeName = "light",
    width: int = 900,
) -> go.Figure:
    """Draw many variants at once.

    Each kind is a function of its own with more to choose:

    ================  ===========================  ====================================
    kind              function                     shows
    ================  ===========================  ====================================
    ``distribution``  `plot_score_distribution`    a score against a background
    ``ref_alt``       `plot_ref_alt`               reference against alternate value
    ``genes``         `plot_gene_strip`            a strip of points per gene
    ``genome``        `plot_genome`                all along the genome
    ``truth``         `plot_truth`                 a measured effect against scores
    ================  ===========================  ====================================

    Parameters
    ----------
    adata
        What `hyenascope.score_variants` returns; or a frame with one row per variant
        and a numeric column per score.
    kind
        Which picture.
    score
        Name of a score, the first by default; for ``"truth"`` also several.
    background
        For ``"distribution"``: scores of other variants.
    genes
        For ``"genes"``: genes to look positions up in, or the column that names them.
    lengths
        For ``"genome"``: bases of every contig.
    truth, positive
        For ``"truth"``: column with what was measured, and its positive classes.
    absolute
        For ``"genome"`` and ``"truth"``: sizes without sign.
    title
        Text above the picture, taken literally.
    theme, width
        Colours for light or dark paper; pixels.

    Returns
    -------
    go.Figure
        A plain figure of at most about 4,000 markers. What it shows stands in
        ``layout.meta["alt"]`` in words.

    Raises
    ------
    ValueError
        If the kind is unknown, an option is of another kind, or as in the functions.

    Examples
    --------
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"llr": [-2.0, -1.0, 0.0]})
    >>> plot_variants(frame).layout.meta["alt"]
    'Distribution of llr over 3 variants; median −1.000.'
    """
    if kind not in get_args(VariantPicture):
        raise ValueError(
            f"kind must be one of {', '.join(get_args(VariantPicture))}; got {kind!r}."
        )
    _check("background", background is not None, kind, "distribution")
    _check("genes", genes is not None, kind, "genes")
    _check("lengths", lengths is not None, kind, "genome")
    _check("truth", truth is not None, kind, "truth")
    _check("positive", positive is not None, kind, "truth")
    _check("absolute", absolute, kind, "genome", "truth")
    if kind == "truth":
        if truth is None:
            raise ValueError("truth must name a column of measured effects; got None.")
        return plot_truth(
            adata,
            truth=truth,
            score=score,
            positive=positive,
            absolute=absolute,
            title=title,
            theme=theme,
            width=width,
        )
    if not (score is None or isinstance(score, str)):
        raise ValueError(f"score must be one name for kind {kind!r}; got several.")
    if kind == "ref_alt":
        return plot_ref_alt(adata, score=score, title=title, theme=theme, width=width)
    if kind == "genes":
        return plot_gene_strip(
            adata,
            score=score,
            genes="gene" if genes is None else genes,
            title=title,
            theme=theme,
            width=width,
        )
    if kind == "genome":
        return plot_genome(
            adata,
            score=score,
            absolute=absolute,
            lengths=lengths,
            title=title,
            theme=theme,
            width=width,
        )
    return plot_score_distribution(
        adata,
        score=score,
        background=background,
        title=title,
        theme=theme,
        width=width,
    )


def _check(argument: str, given: bool, kind: str, *kinds: str) -> None:
    if given and kind not in kinds:
        raise ValueError(
            f"{argument} is for kind {' and '.join(map(repr, kinds))}; got {kind!r}."
        )
