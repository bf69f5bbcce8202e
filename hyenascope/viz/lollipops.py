"""Variants as lollipops: a stem from zero to the score, a head that says the kind."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Int64

from hyenascope.data.variant import Variant
from hyenascope.viz.downsample import thin
from hyenascope.viz.style import LIGHT, Theme
from hyenascope.viz.text import escape_text, format_value, shorten
from hyenascope.viz.view import View

COORDINATES = ("chrom", "pos", "ref", "alt", "id")

KINDS = {
    "snv": ("circle", "●", "SNV"),
    "mnv": ("square", "■", "MNV"),
    "insertion": ("triangle-up", "▲", "insertion"),
    "deletion": ("triangle-down", "▼", "deletion"),
    "indel": ("diamond", "◆", "indel"),
    "symbolic": ("cross", "✚", "symbolic"),
}
"""Kind of change: plotly's marker, the same as a letter, its name."""

_SINGLE = frozenset("ACGT")
_MOST_FACTS = 16

Row = Mapping[str, Any]
"""One variant: column name to value."""


def variant_kind(row: Row) -> str:
    """Return the kind of one row, ``"symbolic"`` if its alleles cannot be read.

    Examples
    --------
    >>> variant_kind({"chrom": "1", "pos": 7, "ref": "CA", "alt": "C"})
    'deletion'
    """
    ref, alt = row["ref"], row["alt"]
    if ref in _SINGLE and alt in _SINGLE and ref != alt:
        return "snv"  # most of most files
    if not (isinstance(ref, str) and isinstance(alt, str)):
        return "symbolic"  # NaN as text would read as the bases N, A, N
    try:
        return Variant(str(row["chrom"]), int(row["pos"]), ref, alt).kind
    except (ValueError, TypeError):
        return "symbolic"


def stems(
    pos: Int64[np.ndarray, " variants"],
    scores: Float[np.ndarray, " variants"],
    view: View,
) -> go.Scatter:
    """Return the stems as one trace; ``pos`` is 1-based, ``scores`` finite.

    Of more than a third of ``view.max_points``, each bin keeps its lowest and highest:
    stems start at zero, so these cover the others.
    """
    order = np.argsort(pos, kind="stable")
    kept = order[thin(scores[order], max(view.max_points // 3, 2)).offsets]
    pos, scores = pos[kept], scores[kept]
    gap = np.full(len(pos), np.nan)
    return go.Scatter(
        x=np.stack([pos, pos, gap], axis=1).ravel(),
        y=np.stack([np.zeros(len(pos)), scores, gap], axis=1).ravel(),
        yaxis=view.yaxis,
        mode="lines",
        line={"color": view.theme.faint, "width": 1},
        hoverinfo="skip",
    )


def heads(
    rows: Sequence[Row], score: str, paint: Mapping[str, Any], view: View
) -> go.Scatter:
    """Return the scored heads as one trace; ``paint`` says their colours."""
    few = len(rows) <= 200
    return go.Scatter(
        x=[int(row["pos"]) for row in rows],
        y=[float(row[score]) for row in rows],
        yaxis=view.yaxis,
        mode="markers",
        marker={
            "symbol": [KINDS[variant_kind(row)][0] for row in rows],
            "size": 10 if few else 7,
            "line": {"color": view.theme.outline, "width": 0.8 if few else 0.4},
            **paint,
        },
        hovertext=[hover_text(row, score) for row in rows],
        hoverinfo="text",
    )


def unscored(rows: Sequence[Row], score: str, reason: str, view: View) -> go.Scatter:
    """Return the flagged variants, hollow at zero, as one trace."""
    return go.Scatter(
        x=[int(row["pos"]) for row in rows],
        y=[0.0] * len(rows),
        yaxis=view.yaxis,
        mode="markers",
        marker={
            "symbol": [f"{KINDS[variant_kind(row)][0]}-open" for row in rows],
            "size": 9,
            "color": view.theme.flagged,
            "line": {"width": 1.5},
        },
        hovertext=[hover_text(row, score, reason=reason) for row in rows],
        hoverinfo="text",
    )


def hover_text(row: Row, score: str, *, reason: str | None = None) -> str:
    """Say what the table knows about one variant, escaped, one fact a line.

    Beyond 16 further columns the rest is counted.

    Parameters
    ----------
    row
        Column name to value, with 1-based ``pos``.
    score
        The column that is drawn; it comes first.
    reason
        The column that says why there is no score; None for a scored variant.

    Examples
    --------
    >>> row = {"chrom": "1", "pos": 1007, "ref": "A", "alt": "G", "id": "rs<1>"}
    >>> hover_text(row | {"llr": -2.0, "cpg": True}, "llr")
    '<b>1:1,007 A&gt;G</b> SNV<br>rs&lt;1&gt;<br><b>llr −2.000</b><br>cpg yes'
    """
    change = f"{shorten(str(row['ref']))}>{shorten(str(row['alt']))}"
    where = f"{_escaped(str(row['chrom']))}:{int(row['pos']):,}"
    lines = [f"<b>{where} {escape_text(change)}</b> {KINDS[variant_kind(row)][2]}"]
    if str(row.get("id", ".")) not in {".", "", "nan", "None"}:
        lines.append(escape_text(shorten(str(row["id"]), 60)))
    if reason is None:
        lines.append(f"<b>{_fact(score, row[score])}</b>")
    else:
        why = escape_text(shorten(str(row.get(reason) or "no score"), 120))
        lines.append(f"<b>not scored:</b> {why}")
    told = {*COORDINATES, score, reason}
    facts = [
        _fact(name, value)
        for name, value in row.items()
        if name not in told and value is not None and str(value)
    ]
    more = len(facts) - _MOST_FACTS
    if more > 1:
        facts = [*facts[:_MOST_FACTS], f"and {more:,} more columns"]
    return "<br>".join([*lines, *facts])


def _fact(name: str, value: object) -> str:
    text = format_value(value)
    if not isinstance(value, int | float | np.number):  # a list may hold text, too
        text = _escaped(shorten(text, 60))
    return f"{_escaped(shorten(name, 40))} {text}"


@lru_cache(maxsize=4096)
def _escaped(text: str) -> str:
    return escape_text(text)  # tables say the same thing over and over


def colour_scale(
    values: Float[np.ndarray, " values"],
    title: str,
    theme: Theme = LIGHT,
    *,
    limit: float | None = None,
    signed: bool = True,
) -> dict[str, Any]:
    """Return a colour axis from zero, the colour of the paper, to the largest value.

    Parameters
    ----------
    values
        Finite.
    title
        Of the colour bar, not escaped.
    theme
        For light or dark paper.
    limit
        Where colours are full, instead of at the largest value.
    signed
        Equal reach to both sides of zero; else only upwards.

    Examples
    --------
    >>> axis = colour_scale(np.array([-2.0, 0.5]), "llr")
    >>> axis["cmin"], axis["cmax"]
    (-2.0, 2.0)
    """
    reach = limit or float(np.abs(values).max(initial=0.0)) or 1.0
    stops = theme.diverging if signed else theme.sequential
    return {
        "cmin": -reach if signed else 0.0,
        "cmax": reach,
        "colorscale": [list(stop) for stop in stops],
        "colorbar": {
            "title": {
                "text": escape_text(shorten(title, 20)),
                "side": "right",
                "font": {"size": 11, "color": theme.muted},
            },
            "thickness": 10,
            "outlinewidth": 0.5,
            "outlinecolor": theme.faint,
            "nticks": 5,
            "tickfont": {"size": 10, "color": theme.ink},
        },
    }


def legend(
    rows: Sequence[Row], unscored_count: int, hidden_count: int, *, whole: bool = True
) -> str:
    """Name the symbols in use and count what has no colour or no head.

    Examples
    --------
    >>> snv = {"chrom": "1", "pos": 7, "ref": "A", "alt": "C"}
    >>> legend([snv], unscored_count=2, hidden_count=0)
    '3 variants   ● SNV   ○ 2 not scored'
    """
    used = {variant_kind(row) for row in rows}
    count = len(rows) + unscored_count + hidden_count
    beside = "" if whole else " here and beside"  # a browser shows a part of them
    parts = [f"{count:,} variant{'s' if count != 1 else ''}{beside}"]
    parts += [
        f"{mark} {name}" for kind, (_, mark, name) in KINDS.items() if kind in used
    ]
    if unscored_count:
        parts.append(f"○ {unscored_count:,} not scored")
    if hidden_count:
        parts.append(f"{hidden_count:,} weaker ones without a head")
    return "   ".join(parts)
