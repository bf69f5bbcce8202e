"""The measured effect beside which scores are judged: numbers, or classes."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float64

from hyenascope.viz.text import is_missing
from hyenascope.viz.variant_figures.table import VariantTable

_MOST_CLASSES = 8
_DAMAGING = (
    *("lof", "pathogenic", "likely pathogenic", "pathogenic/likely pathogenic"),
    *("deleterious", "damaging", "causal", "functional", "case", "true", "1", "1.0"),
)
_BETWEEN = ("int", "intermediate", "vus", "uncertain significance")


@dataclass(frozen=True, eq=False)
class Classes:
    """What class each variant was measured to be in.

    Parameters
    ----------
    labels
        One per variant, "" where it is not known.
    names
        The classes in the order they are drawn, the positive ones first.
    positive
        Those whose variants a score should find; empty if nobody said and no name
        is a usual one.
    """

    labels: np.ndarray
    names: tuple[str, ...]
    positive: tuple[str, ...]

    @property
    def known(self) -> Bool[np.ndarray, " variants"]:
        """Which variants have a class."""
        return np.asarray(self.labels != "")


def measured_numbers(
    table: VariantTable, truth: str
) -> Float64[np.ndarray, " variants"] | None:
    """Return the measured effects, or None if the column holds classes.

    Two numbers, such as 0 and 1, are classes.
    """
    table.require(truth)
    column = table.frame[truth]
    numeric = pd.api.types.is_numeric_dtype(column)
    if not numeric or pd.api.types.is_bool_dtype(column):
        return None
    values = table.numbers(truth)
    distinct = np.unique(values[np.isfinite(values)])
    return None if len(distinct) == 2 and set(distinct) == {0.0, 1.0} else values


def measured_classes(
    table: VariantTable, truth: str, positive: str | Sequence[str] | None
) -> Classes:
    """Read a column of classes.

    Raises
    ------
    ValueError
        If there are more than eight, fewer than one, or no such positive class.
    """
    column = table.frame[truth].astype(object).to_numpy()
    labels = np.array(["" if is_missing(v) else str(v) for v in column], dtype=object)
    names = sorted(set(labels) - {""})
    if not 1 <= len(names) <= _MOST_CLASSES:
        raise ValueError(
            f"truth must hold numbers or 1 to {_MOST_CLASSES} classes; got "
            f"{len(names)} classes in {truth!r}."
        )
    chosen = _positive(names, positive)
    ordered = _ordered(table.frame[truth], names, chosen)
    return Classes(labels, ordered, chosen)


def _positive(
    names: list[str], positive: str | Sequence[str] | None
) -> tuple[str, ...]:
    if positive is None:
        return tuple(name for name in names if name.lower() in _DAMAGING)[: len(names)]
    wanted = (positive,) if isinstance(positive, str) else tuple(map(str, positive))
    missing = [name for name in wanted if name not in names]
    if missing or not wanted:
        raise ValueError(
            f"positive must be among the classes {', '.join(names)}; got "
            f"{', '.join(missing) or 'none'}."
        )
    return wanted


def _ordered(
    column: pd.Series, names: list[str], positive: tuple[str, ...]
) -> tuple[str, ...]:
    if isinstance(column.dtype, pd.CategoricalDtype) and column.cat.ordered:
        return tuple(str(each) for each in column.cat.categories if str(each) in names)

    def key(name: str) -> tuple[int, str]:
        middle = 1 if name.lower() in _BETWEEN else 2
        return 0 if name in positive else middle, name

    return tuple(sorted(names, key=key))
