"""Scores judged by what was measured, all on the same variants."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float64, Int64

from hyenascope.viz.text import escape_text, shorten
from hyenascope.viz.variant_figures.agreement import (
    Estimate,
    auroc,
    bootstrap,
    spearman,
)
from hyenascope.viz.variant_figures.canvas import plural
from hyenascope.viz.variant_figures.measured import Classes
from hyenascope.viz.variant_figures.table import VariantTable

Values = Float64[np.ndarray, " variants"]
Rows = Int64[np.ndarray, " variants"]
Expect = Literal["lower", "higher"]

_MOST_SCORES = 8


@dataclass(frozen=True, eq=False)
class Judged:
    """Scores of the same variants, and how well each agrees with the truth.

    Parameters
    ----------
    table
        Where they come from.
    scores
        Names of the scores.
    rows
        The variants that have every score and a measured effect.
    values
        One array per score over ``rows``; sizes if they are judged without sign.
    absolute
        Whether they are.
    metric
        ``"ρ"`` or ``"AUROC"``; ``""`` if nothing is judged.
    estimates
        One per score.
    """

    table: VariantTable
    scores: tuple[str, ...]
    rows: Rows
    values: tuple[Values, ...]
    absolute: bool
    metric: str = ""
    estimates: tuple[Estimate, ...] = ()

    def heading(self, number: int) -> str:
        """Return what stands above a score: its name and what it is worth."""
        name = f"<b>{escape_text(shorten(self.scores[number], 22))}</b>"
        if not self.metric:
            return name
        return f"{name}<br>{self.metric} {self.estimates[number]}"

    def sentence(self) -> str:
        """Return what every score is worth, in words; plain text."""
        pairs = zip(self.scores, self.estimates, strict=False)
        told = [f"{score}: {self.metric} {estimate}" for score, estimate in pairs]
        return f" {'; '.join(told)}." if told else ""

    def difference(self) -> str:
        """Compare the first score with the best of the baselines, escaped.

        Of the others, if none is a baseline. ``""`` if there is nothing to compare:
        ρ of a score with a sign and of one without are not of one kind.
        """
        others = [
            number
            for number in range(1, len(self.estimates))
            if self._comparable(number)
        ]
        plain = [n for n in others if self.scores[n] in self.table.baselines]
        pool = plain or others
        if not pool:
            return ""
        best = max(pool, key=lambda number: self.estimates[number].value)
        gap = self.estimates[0] - self.estimates[best]
        first, other = (shorten(self.scores[n], 22) for n in (0, best))
        kind = "the best baseline" if plain and len(plain) > 1 else ""
        against = f"{kind}, {other}" if kind else other
        return escape_text(f"{first} against {against}: Δ{self.metric} {gap.written()}")

    def left_out(self) -> str:
        """Say how many variants are not judged."""
        missing = len(self.table) - len(self.rows)
        if not missing:
            return ""
        return f"Not drawn: {plural(missing)} without a measured effect or a score."

    def _comparable(self, number: int) -> bool:
        found = (self.estimates[0].value, self.estimates[number].value)
        signs = {self.table.signed(self.scores[n]) for n in (0, number)}
        alike = self.metric == "AUROC" or self.absolute or len(signs) == 1
        return bool(np.isfinite(found).all()) and alike


def chosen_scores(
    table: VariantTable, score: str | Sequence[str] | None, truth: str
) -> tuple[str, ...]:
    """Return which scores to judge: those asked for, or the first and the baselines.

    Raises
    ------
    ValueError
        If one is unknown or is the truth itself, or if there are more than eight.
    """
    if score is None:
        scores = [name for name in table.scores if name != truth]
        if not scores:
            raise ValueError("adata must hold a score beside the truth; got none.")
        first = "conditional" if "conditional" in scores else scores[0]
        names = [first, *(name for name in table.baselines if name != first)]
    else:
        names = [score] if isinstance(score, str) else list(score)
        names = [table.resolve(name) for name in dict.fromkeys(names)]
    if truth in names:
        raise ValueError(f"score must differ from the truth; got {truth!r} for both.")
    if not 1 <= len(names) <= _MOST_SCORES:
        raise ValueError(
            f"score must name 1 to {_MOST_SCORES} scores; got {len(names)}."
        )
    return tuple(names)


def judge_numbers(
    table: VariantTable, scores: tuple[str, ...], measured: Values, absolute: bool
) -> Judged:
    """Correlate ranks of scores and of measured numbers.

    Raises
    ------
    ValueError
        If no variant has every score and a number.
    """
    rows, values = _complete(table, scores, np.isfinite(measured), absolute)
    truth = np.abs(measured[rows]) if absolute else measured[rows]
    metrics = [spearman(each, truth) for each in values]
    found = bootstrap(metrics, table.blocks()[rows])
    return Judged(table, scores, rows, values, absolute, "ρ", tuple(found))


def judge_classes(
    table: VariantTable,
    scores: tuple[str, ...],
    classes: Classes,
    expect: Expect | None,
    absolute: bool,
) -> Judged:
    """Ask how well scores tell the positive classes from the others.

    Raises
    ------
    ValueError
        If no variant has every score and a class.
    """
    rows, values = _complete(table, scores, classes.known, absolute)
    positive = np.isin(classes.labels[rows], classes.positive)
    if not positive.any() or positive.all():
        return Judged(table, scores, rows, values, absolute)
    pairs = zip(scores, values, strict=True)
    turned = [
        each if expected(table, score, expect, absolute) == "higher" else -each
        for score, each in pairs
    ]
    metrics = [auroc(each, positive) for each in turned]
    found = bootstrap(metrics, table.blocks()[rows])
    return Judged(table, scores, rows, values, absolute, "AUROC", tuple(found))


def expected(
    table: VariantTable, score: str, expect: Expect | None, absolute: bool
) -> Expect:
    """Return where the scores of positive variants should lie."""
    if expect is not None:
        return expect
    return "lower" if table.signed(score) and not absolute else "higher"


def _complete(
    table: VariantTable, scores: tuple[str, ...], known: np.ndarray, absolute: bool
) -> tuple[Rows, tuple[Values, ...]]:
    columns = [table.values(score) for score in scores]
    rows = np.flatnonzero(np.isfinite([*columns]).all(axis=0) & known)
    if not len(rows):
        raise ValueError(
            "adata must hold variants with a measured effect and a finite value of "
            f"{', '.join(scores)}; got none among {plural(len(table))}."
        )
    return rows, tuple(np.abs(c[rows]) if absolute else c[rows] for c in columns)
