"""Variants over their positions."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from hyenascope.viz import lollipops
from hyenascope.viz.lane import Lane, level_line, value_axis
from hyenascope.viz.text import small, wrapped
from hyenascope.viz.view import View, require_contig

_MOST_HEADS = 1000


@dataclass(frozen=True, eq=False)
class Variants:
    """Lollipops: height and colour are the score, the head says what kind of change.

    A variant stands over its 1-based POS, the centre of its base. One without a
    finite score is a hollow grey head at zero whose hover text says why. Beyond
    1,000 variants only the strongest carry heads, and of those without a score only
    the first 1,000 are drawn; every stem is, and the note above the lane counts all.

    Parameters
    ----------
    frame
        One row per variant with ``chrom``, ``pos`` (1-based), ``ref``, ``alt``,
        perhaps ``id``, the score and whatever else the hover text shall tell.
    score
        Column to draw: alternate − reference, so that negative means that the model
        likes the change less.
    reason
        Column that says why a row has no score; it may be absent.
    label
        Name at the left; by default ``"variants"`` and the name of the score.

    Raises
    ------
    ValueError
        If a column is missing or the score is not numeric.

    Examples
    --------
    >>> from hyenascope.data.interval import Interval
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

    def __post_init__(self) -> None:
        needed = ("chrom", "pos", "ref", "alt", self.score)
        missing = [name for name in needed if name not in self.frame.columns]
        if missing:
            raise ValueError(
                f"frame must have the columns {', '.join(needed)}; "
                f"missing {', '.join(missing)}."
            )
        try:
            pd.to_numeric(self.frame[self.score])
        except (ValueError, TypeError) as error:
            raise ValueError(f"{self.score} must be numeric; {error}.") from None

    def draw(self, view: View) -> Lane:
        """Return the lane, empty if no variant lies inside the figure.

        Raises
        ------
        NothingHereError
            If all variants lie on other contigs than the figure.
        """
        require_contig("variants", set(self.frame["chrom"].astype(str)), view)
        inside = self._inside(view)
        scores = pd.to_numeric(inside[self.score]).to_numpy(dtype=np.float64)
        finite = np.isfinite(scores)
        order = np.argsort(np.abs(scores[finite]), kind="stable")
        headed = order[-_MOST_HEADS:]  # the strongest, drawn last, lie on top
        rows = _rows(inside[finite].iloc[headed])
        flagged = _rows(inside[~finite].head(_MOST_HEADS))
        pos = inside.loc[finite, "pos"].to_numpy(dtype=np.int64)
        return Lane(
            label=self._label(view),
            height=170,
            traces=(
                lollipops.stems(pos, scores[finite], view),
                lollipops.heads(rows, self.score, view),
                lollipops.unscored(flagged, self.score, self.reason, view),
            ),
            yaxis=value_axis(np.append(scores[finite], 0.0), air=0.14),
            shapes=(level_line(0.0, view),),
            note=lollipops.legend(
                rows, int((~finite).sum()), int(finite.sum()) - len(rows)
            ),
            coloraxis=lollipops.colour_scale(scores[finite], self.score, view.theme),
            complete=len(rows) + len(flagged) == len(inside),
        )

    def _inside(self, view: View) -> pd.DataFrame:
        where, pos = view.interval, self.frame["pos"]
        chrom = self.frame["chrom"].astype(str)
        here = chrom.isin([name for name in chrom.unique() if view.holds(name)])
        return self.frame[here & (pos > where.start) & (pos <= where.end)]

    def _label(self, view: View) -> str:
        if self.label is not None:
            return wrapped(self.label)
        return f"variants<br>{small(self.score, view.theme)}"


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    records = frame.to_dict("records")
    return [{str(name): value for name, value in row.items()} for row in records]
