"""What was measured against what was scored, scores side by side."""

from collections.abc import Sequence

import plotly.graph_objects as go

from hyenascope.viz.style import ThemeName
from hyenascope.viz.variant_figures.class_panels import draw_class_panels
from hyenascope.viz.variant_figures.judged import (
    Expect,
    chosen_scores,
    judge_classes,
    judge_numbers,
)
from hyenascope.viz.variant_figures.measured import measured_classes, measured_numbers
from hyenascope.viz.variant_figures.number_panels import draw_number_panels
from hyenascope.viz.variant_figures.table import ScoredVariants, VariantTable


def plot_truth(
    adata: ScoredVariants,
    *,
    truth: str,
    score: str | Sequence[str] | None = None,
    positive: str | Sequence[str] | None = None,
    expect: Expect | None = None,
    absolute: bool = False,
    title: str | None = None,
    theme: ThemeName = "light",
    width: int = 900,
) -> go.Figure:
    """Draw a measured effect against scores, with what they are worth.

    A score alone is not to be trusted: by default the baselines stand beside it. All
    scores are judged on the same variants, those that have every score and a measured
    effect.

    Parameters
    ----------
    adata
        What `hyenascope.score_variants` returns, or a frame, see `VariantTable`.
    truth
        Column with what was measured: numbers, or classes such as LOF, INT, FUNC (0
        and 1 are classes, and so is true or false).
    score
        One or several; by default the first, and the baselines the table holds.
    positive
        Class or classes that a score should find, against all others; by default
        those with a usual name (LOF, pathogenic, 1 …).
    expect
        Where the scores of positive variants should lie: ``"lower"``, the default
        for scores with a sign, or ``"higher"``, for those without.
    absolute
        Judge sizes: of the scores, and of a measured number.
    title
        Text above the picture, taken literally.
    theme, width
        Colours, and pixels.

    Returns
    -------
    go.Figure
        For numbers a scatter with Spearman's rank correlation ρ; for classes strips,
        the ROC curve and the area under it (AUROC, the chance that a positive
        variant ranks above another, ties counted half). In brackets the middle 95 %
        of up to 1,000 bootstrap resamples of positions, so that the changes of a
        base stay together; neighbouring bases are not independent either, and true
        uncertainty is larger. Differences between scores are paired.

    Raises
    ------
    ValueError
        If there is no such score, column or class, or no variant has them all.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> frame = pd.DataFrame({"llr": np.arange(40.0), "effect": np.arange(40.0) ** 2})
    >>> figure = plot_truth(frame, truth="effect", score="llr")
    >>> figure.layout.meta["alt"]
    'Measured effect against llr over 40 variants. llr: ρ 1.00 [1.00, 1.00].'
    """
    if expect not in (None, "lower", "higher"):
        raise ValueError(f"expect must be 'lower' or 'higher'; got {expect!r}.")
    table = VariantTable(adata)
    scores = chosen_scores(table, score, truth)
    numbers = measured_numbers(table, truth)
    if numbers is None:
        classes = measured_classes(table, truth, positive)
        return draw_class_panels(
            judge_classes(table, scores, classes, expect, absolute),
            classes,
            truth,
            expect=expect,
            title=title,
            theme=theme,
            width=width,
        )
    for argument, given in (("positive", positive), ("expect", expect)):
        if given is not None:
            raise ValueError(f"{argument} is for classes; {truth!r} holds numbers.")
    return draw_number_panels(
        judge_numbers(table, scores, numbers, absolute),
        numbers,
        truth,
        title=title,
        theme=theme,
        width=width,
    )
