"""Variants over their positions."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from jaxtyping import Bool, Float

from hyenascope.data.interval import Interval
from hyenascope.viz import head_colours, lollipops
from hyenascope.viz.lane import Lane, level_line, value_axis
from hyenascope.viz.text import escape_text, shorten, small, wrapped
from hyenascope.viz.view import View, require_contig

_MOST_HEADS = 1000


@dataclass(frozen=True, eq=False)
class Variants:
    """Lollipops: height and colour are the score, the head says what kind of change.

    A variant stands over its 1-based POS, the centre of its base. One without a
    finite score is a hollow grey head at zero whose hover text says why. Beyond
    1,000 variants only the strongest carry heads, and of those without a score only
    the first 1,000 are drawn; the note above the lane counts all.

    Parameters
    ----------
    frame
        One row per variant with ``chrom``, ``pos`` (1-based), ``ref``, ``alt``,
        perhaps ``id``, the score and whatever else the hover text shall tell. Without
        any row it may lack columns too. `hyenascope.wide` makes one of what
        `hyenascope.score_variants` returned.
    score
        Column to draw: alternate − reference, so that negative means that the model
        likes the change less. Any other number will do, such as an allele frequency.
    reason
        Column that says why a row has no score; it may be absent.
    label
        Name at the left; by default ``"variants"`` and the name of the score.
    colour
        Column for the colour of the heads instead of the score: numbers on a scale,
        words and yes/no in colours of their own, the six most frequent.
    by_allele
        Colour heads by the alternate base instead.
    limit
        Where the colours of numbers are full; by default at the largest of ``frame``.
    min_abs
        Hide scores that are closer to zero.
    significance
        A column and its largest value to show, such as ``("q_value", 0.05)``; rows
        without a value there are hidden.

    Raises
    ------
    ValueError
        If a column is missing or not numeric, ``colour`` and ``by_allele`` are both
        given, or ``limit`` or ``min_abs`` is out of range.

    Examples
    --------
    >>> row = {"chrom": "1", "pos": 7, "ref": "A", "alt": "G", "llr": -0.5}
    >>> lane = Variants(pd.DataFrame([row]), score="llr").draw(
    ...     View(Interval("1", 0, 9))
    ... )
    >>> lane.traces[1].x, lane.traces[1].y
    ((7,), (-0.5,))
    """

    frame: pd.DataFrame
    score: str = "conditional"
    reason: str = "reason"
    label: str | None = None
    colour: str | None = None
    by_allele: bool = False
    limit: float | None = None
    min_abs: float | None = None
    significance: tuple[str, float] | None = None

    def __post_init__(self) -> None:
        if self.colour is not None and self.by_allele:
            raise ValueError(
                f"colour must be None with by_allele=True; got {self.colour!r}."
            )
        if self.limit is not None and not self.limit > 0:
            raise ValueError(f"limit must be above 0; got {self.limit}.")
        if self.min_abs is not None and not self.min_abs >= 0:
            raise ValueError(f"min_abs must not be negative; got {self.min_abs}.")
        if len(self.frame):
            self._check_columns()

    def _check_columns(self) -> None:
        numeric = [self.score, *([self.significance[0]] if self.significance else [])]
        extra = [] if self.colour is None else [self.colour]
        needed = list(dict.fromkeys(["chrom", "pos", "ref", "alt", *numeric, *extra]))
        missing = [name for name in needed if name not in self.frame.columns]
        if missing:
            raise ValueError(
                f"frame must have the columns {', '.join(needed)}; "
                f"missing {', '.join(missing)}."
            )
        for name in numeric:
            try:
                pd.to_numeric(self.frame[name])
            except (ValueError, TypeError) as error:
                raise ValueError(f"{name} must be numeric; {error}.") from None

    def draw(self, view: View) -> Lane:
        """Return the lane, empty if no variant lies inside the figure.

        Raises
        ------
        NothingHereError
            If all variants lie on other contigs than the figure.
        """
        if not len(self.frame):
            blank = go.Scatter(x=[], y=[], yaxis=view.yaxis)
            axis = {"range": [0, 1], "visible": False}
            return Lane(self._label(view), 40, (blank,), axis, note="no variants")
        require_contig("variants", set(self.frame["chrom"].astype(str).unique()), view)
        inside, hidden = self._shown(self._inside(view.interval, view))
        scores = _numbers(inside, self.score)
        finite = np.isfinite(scores)
        order = np.argsort(np.abs(scores[finite]), kind="stable")
        headed = inside[finite].iloc[order[-_MOST_HEADS:]]  # the strongest lie on top
        flagged = inside[~finite].head(_MOST_HEADS)
        colours = self._colours(headed, view)
        rows = _rows(headed)
        return Lane(
            label=self._label(view),
            height=170,
            traces=(
                lollipops.stems(
                    inside.loc[finite, "pos"].to_numpy(dtype=np.int64),
                    scores[finite],
                    view,
                ),
                lollipops.heads(rows, self.score, colours.paint, view),
                lollipops.unscored(_rows(flagged), self.score, self.reason, view),
            ),
            yaxis={
                **value_axis(np.append(scores[finite], 0.0), air=0.14),
                "exponentformat": "power",
            },
            shapes=(level_line(0.0, view),),
            note=_note(rows, finite, [colours.legend, *hidden], view),
            coloraxis=colours.coloraxis,
            complete=len(headed) + len(flagged) == len(inside),
        )

    def places(self, interval: Interval) -> Iterator[tuple[str, Interval]]:
        """Yield IDs and the bases of REF, 0-based half-open, inside ``interval``."""
        if not len(self.frame) or "id" not in self.frame.columns:
            return
        found = self._inside(interval, View(interval))
        for name, pos, ref in zip(found["id"], found["pos"], found["ref"], strict=True):
            if isinstance(name, str) and name not in {"", "."}:
                start = int(pos) - 1
                yield name, Interval(interval.chrom, start, start + len(str(ref)))

    def _inside(self, interval: Interval, view: View) -> pd.DataFrame:
        pos = self.frame["pos"]
        near = self.frame[(pos > interval.start) & (pos <= interval.end)]
        chrom = near["chrom"].astype(str)
        return near[chrom.isin([name for name in chrom.unique() if view.holds(name)])]

    def _shown(self, inside: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
        """Return what the filters leave, and what to say of the rest."""
        notes = []
        if self.significance is not None:
            name, most = self.significance
            keep = _numbers(inside, name) <= most  # false for NaN
            if not keep.all():
                rule = f"{escape_text(shorten(name, 30))} above {most:g}"
                notes.append(f"{_count(~keep)} hidden: {rule}")
            inside = inside[keep]
        if self.min_abs is not None:
            keep = ~(np.abs(_numbers(inside, self.score)) < self.min_abs)
            if not keep.all():
                notes.append(f"{_count(~keep)} hidden: within ±{self.min_abs:g}")
            inside = inside[keep]
        return inside, notes

    def _colours(self, headed: pd.DataFrame, view: View) -> head_colours.HeadColours:
        if self.by_allele:
            return head_colours.by_allele(headed["alt"].tolist(), view)
        name = self.score if self.colour is None else self.colour
        column = self.frame[name]
        if self.colour is not None and not head_colours.is_number(column):
            frequent = column.dropna().value_counts().index.tolist()
            return head_colours.by_category(headed[name].tolist(), frequent, view)
        every = _numbers(self.frame, name)  # so that colours stay while the view moves
        every = every[np.isfinite(every)]
        axis = lollipops.colour_scale(
            every,
            name,
            view.theme,
            limit=self.limit,
            signed=self.colour is None or bool((every < 0).any()),
        )
        return head_colours.by_number(_numbers(headed, name).tolist(), axis, view)

    def _label(self, view: View) -> str:
        if self.label is not None:
            return wrapped(self.label)
        return f"variants<br>{small(self.score, view.theme)}"


def _note(
    rows: list[dict[str, Any]],
    finite: Bool[np.ndarray, " variants"],
    more: list[str],
    view: View,
) -> str:
    text, scored = "no variants here", int(finite.sum())
    if len(finite):
        text = lollipops.legend(
            rows, len(finite) - scored, scored - len(rows), whole=view.whole
        )
    return "   ".join([text, *(part for part in more if part)])


def _numbers(frame: pd.DataFrame, name: str) -> Float[np.ndarray, " variants"]:
    return pd.to_numeric(frame[name]).to_numpy(dtype=np.float64)


def _count(chosen: Bool[np.ndarray, " variants"]) -> str:
    return f"{int(chosen.sum()):,}"


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    records = frame.to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in records]
