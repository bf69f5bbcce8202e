"""One way to read variants and their scores, whatever they come in."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeAlias

import anndata as ad
import numpy as np
import pandas as pd
from jaxtyping import Bool, Float64, Int64

from hyenascope.viz.lollipops import KINDS, variant_kind
from hyenascope.viz.text import escape_text, format_position, format_value, shorten

ScoredVariants: TypeAlias = ad.AnnData | pd.DataFrame
"""What `hyenascope.score_variants` returns, or one row per variant with its scores."""

Values = Float64[np.ndarray, " variants"]

_COORDINATES = ("chrom", "pos", "ref", "alt")
_NOT_SCORES = {
    *_COORDINATES,
    *("id", "window_start", "window_end", "ambiguous_bases", "background_n"),
}
_SHOWN = 12


@dataclass(frozen=True, eq=False)
class VariantTable:
    """Variants, what is known of them, and their scores.

    Parameters
    ----------
    variants
        What `hyenascope.score_variants` returns; or a frame with one row per variant,
        a numeric column per score and, where a picture needs them, ``chrom``,
        ``pos`` (1-based), ``ref``, ``alt``, and ``conditional_ref``,
        ``conditional_alt``, ``conditional_percentile`` beside ``conditional``.
    argument
        Name of the caller's argument, for messages.

    Raises
    ------
    ValueError
        If there is no variant or no score, or two columns have one name.

    Examples
    --------
    >>> frame = pd.DataFrame({"chrom": ["chr1"], "pos": [7], "llr": [-0.5]})
    >>> table = VariantTable(frame.assign(ref="A", alt="G"))
    >>> table.scores, table.name(0), table.values("llr")
    (['llr'], 'chr1:7:A>G', array([-0.5]))
    """

    variants: ScoredVariants
    argument: str = "adata"

    def __post_init__(self) -> None:
        if not len(self.frame):
            raise ValueError(f"{self.argument} must hold at least one variant; got 0.")
        if not self.frame.columns.is_unique:
            raise ValueError(f"{self.argument} must name each column once.")
        if not self.scores:
            raise ValueError(f"{self.argument} must hold at least one score; got none.")

    def __len__(self) -> int:
        """Return how many variants there are."""
        return len(self.frame)

    @property
    def frame(self) -> pd.DataFrame:
        """What is known of each variant."""
        frame: pd.DataFrame = self._adata.obs if self._annotated else self.variants
        return frame

    @property
    def _annotated(self) -> bool:
        return isinstance(self.variants, ad.AnnData)

    @property
    def _adata(self) -> Any:  # noqa: ANN401  # anndata has no types that mypy reads
        return self.variants

    @cached_property
    def scores(self) -> list[str]:
        """Names of the scores."""
        if self._annotated:
            return [str(name) for name in self._adata.var_names]
        numeric = self.frame.select_dtypes("number").columns
        names = [str(name) for name in numeric if name not in _NOT_SCORES]
        sides = {f"{n}_{side}" for n in names for side in ("ref", "alt", "percentile")}
        return [name for name in names if name not in sides]

    @property
    def baselines(self) -> list[str]:
        """Names of the scores that need no model, as far as the table says so."""
        kinds = {name: self._fact(name, "kind") for name in self.scores}
        return [name for name, kind in kinds.items() if kind == "baseline"]

    def resolve(self, score: str | None) -> str:
        """Return ``score`` if there is such a one, the first score for None.

        Raises
        ------
        ValueError
            If there is none of that name; the message lists the names there are.
        """
        if score is None:
            return "conditional" if "conditional" in self.scores else self.scores[0]
        if score not in self.scores and (self._annotated or score not in self.frame):
            raise ValueError(
                f"score must be one of {_listed(self.scores)}; got {score!r}."
            )
        return score

    def values(self, score: str) -> Values:
        """Return the score of every variant, NaN where there is none.

        Raises
        ------
        ValueError
            If the column is not numeric.
        """
        if self._annotated:
            return _column(self._adata.X, self.scores.index(score))
        return self.numbers(score)

    def finite(self, score: str) -> Bool[np.ndarray, " variants"]:
        """Return which variants have a finite score.

        Raises
        ------
        ValueError
            If none has.
        """
        known = np.isfinite(self.values(score))
        if not known.any():
            raise ValueError(
                f"{self.argument} must hold a finite {score!r}; got {len(self):,} "
                f"variant{'s' if len(self) != 1 else ''} without one"
                f"{self._why(~known)}."
            )
        return known

    def numbers(self, column: str) -> Values:
        """Return a numeric column of the frame.

        Raises
        ------
        ValueError
            If there is no such column, or it is not numeric.
        """
        self.require(column)
        try:
            numbers = pd.to_numeric(self.frame[column])
        except (ValueError, TypeError) as error:
            raise ValueError(f"{column} must be numeric; {error}.") from None
        return np.asarray(numbers.to_numpy(dtype=np.float64, na_value=np.nan))

    def sides(self, score: str) -> tuple[Values, Values]:
        """Return the reference and the alternate value of every variant.

        Raises
        ------
        ValueError
            If the table does not hold them.
        """
        if self._annotated:
            missing = [s for s in ("ref", "alt") if s not in self._adata.layers]
            if missing:
                raise ValueError(
                    f"{self.argument} must have the layers 'ref' and 'alt'; got no "
                    f"{' and no '.join(map(repr, missing))}."
                )
            at = self.scores.index(score)
            layers = self._adata.layers
            return _column(layers["ref"], at), _column(layers["alt"], at)
        self.require(f"{score}_ref", f"{score}_alt")
        return self.numbers(f"{score}_ref"), self.numbers(f"{score}_alt")

    def percentile(self, score: str) -> Values | None:
        """Return the percentile among random variants, 0 to 1, if it is known."""
        if not self._annotated:
            name = f"{score}_percentile"
            return self.numbers(name) if name in self.frame else None
        if "percentile" not in self._adata.layers:
            return None
        return _column(self._adata.layers["percentile"], self.scores.index(score))

    def unit(self, score: str) -> str:
        """Return the unit, ``""`` if there is none or it is not known."""
        unit = self._fact(score, "unit")
        return "" if unit in {"1", "nan", "None"} else unit

    def label(self, score: str, *, absolute: bool = False) -> str:
        """Return the name of a score with its unit, escaped."""
        name = shorten(score, 32)
        unit = f" ({self.unit(score)})" if self.unit(score) else ""
        return escape_text(f"|{name}|{unit}" if absolute else f"{name}{unit}")

    def amount(self, score: str, value: float) -> str:
        """Return a value of a score with its unit, not escaped."""
        return f"{format_value(float(value))} {self.unit(score)}".rstrip()

    def signed(self, score: str) -> bool:
        """Whether the score goes below zero, by definition or else by what it holds."""
        known = self._fact(score, "signed")
        if known in {"True", "False"}:
            return known == "True"
        return bool((self.values(score) < 0).any())

    def require(self, *columns: str) -> None:
        """Refuse a table without these columns.

        Raises
        ------
        ValueError
            If one is missing.
        """
        missing = [name for name in columns if name not in self.frame]
        if missing:
            where = f"{self.argument}.obs" if self._annotated else self.argument
            raise ValueError(
                f"{where} must have the column{'s' if len(columns) > 1 else ''} "
                f"{', '.join(columns)}; missing {', '.join(missing)} among "
                f"{_listed([str(name) for name in self.frame.columns])}."
            )

    def positions(self) -> Int64[np.ndarray, " variants"]:
        """Return the 1-based positions.

        Raises
        ------
        ValueError
            If they are missing or not whole numbers.
        """
        numbers = self.numbers("pos")
        whole = np.isfinite(numbers) & (numbers == np.floor(numbers)) & (numbers >= 0)
        if not whole.all():
            raise ValueError(
                f"pos must be whole and 1-based; got {numbers[~whole][0]:g}."
            )
        return numbers.astype(np.int64)

    def blocks(self) -> Int64[np.ndarray, " variants"]:
        """Return a number per variant, from 0, the same for all changes of one base."""
        if not {"chrom", "pos"} <= set(self.frame.columns):
            return np.arange(len(self))
        grouped = self.frame.groupby(["chrom", "pos"], observed=True, dropna=False)
        return grouped.ngroup().to_numpy(dtype=np.int64)

    def name(self, row: int) -> str:
        """Return the name of a variant, such as ``chr1:7:A>G``; not escaped."""
        if not self._annotated and set(_COORDINATES) <= set(self.frame.columns):
            chrom, pos, ref, alt = (str(self.frame[c].iat[row]) for c in _COORDINATES)
            return f"{chrom}:{pos}:{shorten(ref)}>{shorten(alt)}"
        return shorten(str(self.frame.index[row]), 60)

    def place(self, row: int) -> str:
        """Return the same to be read, ``chr1:1,007 A>G``; not escaped."""
        if not set(_COORDINATES) <= set(self.frame.columns):
            return self.name(row)
        chrom, pos, ref, alt = (str(self.frame[c].iat[row]) for c in _COORDINATES)
        change = f"{shorten(ref, 10)}>{shorten(alt, 10)}"
        return f"{chrom}:{float(pos):,.0f} {change}"

    def hover(self, row: int, facts: list[tuple[str, str]]) -> str:
        """Return hover text: the name, the place, and what the picture adds; escaped.

        Facts are pairs of a name and a value in words.
        """
        lines = [f"<b>{escape_text(self.name(row))}</b>"]
        if set(_COORDINATES) <= set(self.frame.columns):
            found: dict[str, Any] = {c: self.frame[c].iat[row] for c in _COORDINATES}
            place = format_position(str(found["chrom"]), int(found["pos"]))
            lines.append(f"{place}  {KINDS[variant_kind(found)][2]}")
        if "id" in self.frame:
            told = str(self.frame["id"].iat[row])
            lines += [escape_text(shorten(told, 60))] * (told not in _NO_ID)
        lines += [escape_text(shorten(f"{name} {value}", 80)) for name, value in facts]
        return "<br>".join(lines)

    def left_out(self, score: str) -> str:
        """Say how many variants have no finite score, and why; escaped, or ``""``."""
        values = self.values(score)
        missing, infinite = np.isnan(values), np.isinf(values)
        parts = []
        if missing.any():
            parts.append(f"{missing.sum():,} without a score{self._why(missing)}")
        if infinite.any():
            parts.append(f"{infinite.sum():,} infinite")
        return escape_text(f"Not drawn: {', '.join(parts)}.") if parts else ""

    def _why(self, rows: Bool[np.ndarray, " variants"]) -> str:
        if "status" not in self.frame:
            return ""
        counts = Counter(map(str, self.frame["status"].to_numpy()[rows]))
        counts.pop("ok", None)
        told = [f"{name} {count:,}" for name, count in counts.most_common(4)]
        return f" ({', '.join(told)})" if told else ""

    def _fact(self, score: str, field: str) -> str:
        if not self._annotated or field not in self._adata.var:
            return ""
        return str(self._adata.var[field].iat[self.scores.index(score)])


_NO_ID = {".", "", "nan", "None", "<NA>"}


def _column(matrix: object, at: int) -> Values:
    if matrix is None:
        raise ValueError("adata must have scores in .X; got None.")
    column = matrix[:, [at]]  # type: ignore[index]
    dense = column.toarray() if hasattr(column, "toarray") else column
    return np.asarray(dense, dtype=np.float64).ravel()


def _listed(names: list[str]) -> str:
    more = ", …" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more
