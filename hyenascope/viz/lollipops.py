"""Variants as lollipops: a stem from zero to the score, a head that says the kind."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import plotly.graph_objects as go
from jaxtyping import Float, Int64

from hyenascope.data.variant import Variant
from hyenascope.viz.style import LIGHT, Theme
from hyenascope.viz.text import escape_text, format_position, format_value, shorten
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
    """Return all stems as one trace; ``pos`` is 1-based, ``scores`` finite."""
    gap = np.full(len(pos), np.nan)
    return go.Scatter(
        x=np.stack([pos, pos, gap], axis=1).ravel(),
        y=np.stack([np.zeros(len(pos)), scores, gap], axis=1).ravel(),
        yaxis=view.yaxis,
        mode="lines",
        line={"color": view.theme.faint, "width": 1},
        hoverinfo="skip",
    )


def heads(rows: Sequence[Row], score: str, view: View) -> go.Scatter:
    """Return the scored heads as one trace, coloured on the lane's scale."""
    return go.Scatter(
        x=[int(row["pos"]) for row in rows],
        y=[float(row[score]) for row in rows],
        yaxis=view.yaxis,
        mode="markers",
        marker={
            "symbol": [KINDS[variant_kind(row)][0] for row in rows],
            "size": 10 if len(rows) <= 200 else 7,
            "color": [float(row[score]) for row in rows],
            "coloraxis": view.coloraxis,
            "line": {"color": view.theme.outline, "width": 0.8},
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
    """Say everything the table knows about one variant, escaped, one fact a line.

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
    where = format_position(str(row["chrom"]), int(row["pos"]))
    lines = [f"<b>{where} {escape_text(change)}</b> {KINDS[variant_kind(row)][2]}"]
    if str(row.get("id", ".")) not in {".", "", "nan", "None"}:
        lines.append(escape_text(shorten(str(row["id"]), 60)))
    if reason is None:
        lines.append(f"<b>{_fact(score, row[score])}</b>")
    else:
        why = escape_text(shorten(str(row.get(reason) or "no score"), 120))
        lines.append(f"<b>not scored:</b> {why}")
    told = {*COORDINATES, score, reason}
    lines += [
        _fact(name, value)
        for name, value in row.items()
        if name not in told and value is not None and str(value)
    ]
    return "<br>".join(lines)


def _fact(name: str, value: object) -> str:
    return escape_text(f"{shorten(name, 40)} {shorten(format_value(value), 60)}")


def colour_scale(
    scores: Float[np.ndarray, " variants"], title: str, theme: Theme = LIGHT
) -> dict[str, Any]:
    """Return a colour axis with white at zero and equal reach to both sides.

    Examples
    --------
    >>> axis = colour_scale(np.array([-2.0, 0.5]), "llr")
    >>> axis["cmin"], axis["cmax"]
    (-2.0, 2.0)
    """
    reach = float(np.abs(scores).max(initial=0.0)) or 1.0
    return {
        "cmin": -reach,
        "cmax": reach,
        "colorscale": [list(stop) for stop in theme.diverging],
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


def legend(rows: Sequence[Row], unscored_count: int, hidden_count: int) -> str:
    """Name the symbols in use and count what has no colour or no head.

    Examples
    --------
    >>> snv = {"chrom": "1", "pos": 7, "ref": "A", "alt": "C"}
    >>> legend([snv], unscored_count=2, hidden_count=0)
    '3 variants   ● SNV   ○ 2 not scored'
    """
    used = {variant_kind(row) for row in rows}
    count = len(rows) + unscored_count + hidden_count
    parts = [f"{count:,} variant{'s' if count != 1 else ''}"]
    parts += [
        f"{mark} {name}" for kind, (_, mark, name) in KINDS.items() if kind in used
    ]
    if unscored_count:
        parts.append(f"○ {unscored_count:,} not scored")
    if hidden_count:
        parts.append(f"{hidden_count:,} weaker ones without a head")
    return "   ".join(parts)
