"""Colours of intervals: one for all, the file's own, or stronger for higher scores."""

from typing import Literal

import numpy as np
import pandas as pd
from plotly.colors import sample_colorscale

from hyenascope.viz.style import Theme

ColourBy = Literal["rgb", "score", "plain"]

_SHADES, _PALEST = 5, 0.3  # of the sequential scale
_MOST = 60  # colours of a lane, a path each
_STEP = 51  # between the levels of red, green and blue where there are more
_NEAR = 60  # largest difference of a level from the paper that cannot be seen


def feature_colours(frame: pd.DataFrame, by: ColourBy, theme: Theme) -> list[str]:
    """Return one colour per row.

    Parameters
    ----------
    frame
        With ``rgb`` (``"#rrggbb"`` or nothing) or ``score``, whichever is asked for.
    by
        ``"score"`` spreads five shades from the lowest to the highest.
    theme
        Rows without a colour or score have that of coding parts; what would vanish
        on the paper is drawn in the ink of lesser text.

    Examples
    --------
    >>> from hyenascope.viz.style import LIGHT
    >>> feature_colours(pd.DataFrame({"rgb": ["#ff0000", ""]}), "rgb", LIGHT)
    ['#ff0000', '#2c5282']
    """
    if by == "rgb":
        return _own(frame["rgb"].tolist(), theme)
    if by == "score":
        return _shades(frame["score"].to_numpy(dtype=float), theme)
    return [theme.coding] * len(frame)


def score_range(frame: pd.DataFrame) -> tuple[float, float] | None:
    """Return the lowest and highest finite score, or None if there is none."""
    scores = frame["score"].to_numpy(dtype=float)
    finite = scores[np.isfinite(scores)]
    return (float(finite.min()), float(finite.max())) if len(finite) else None


def _shades(scores: np.ndarray, theme: Theme) -> list[str]:
    finite = np.isfinite(scores)
    known = scores[finite]
    low, high = (known.min(), known.max()) if len(known) else (0.0, 0.0)
    share = (scores - low) / (high - low) if high > low else np.ones(len(scores))
    places = np.linspace(_PALEST, 1.0, _SHADES).tolist()
    scale = [list(stop) for stop in theme.sequential]
    shades = sample_colorscale(scale, places)
    level = np.zeros(len(scores), dtype=int)
    level[finite] = np.minimum(share[finite] * _SHADES, _SHADES - 1).astype(int)
    return [
        shades[n] if known else theme.flagged
        for n, known in zip(level.tolist(), finite.tolist(), strict=True)
    ]


def _own(colours: list[str], theme: Theme) -> list[str]:
    distinct = set(colours)
    step = _STEP if len(distinct) > _MOST else 1
    seen = {colour: _visible(colour, step, theme) for colour in distinct}
    return [seen[colour] for colour in colours]


def _visible(colour: str, step: int, theme: Theme) -> str:
    if not colour:
        return theme.coding
    levels, paper = _levels(colour), _levels(theme.paper)
    if max(abs(a - b) for a, b in zip(levels, paper, strict=True)) < _NEAR:
        return theme.muted
    if step == 1:
        return colour
    return "#{:02x}{:02x}{:02x}".format(*(round(n / step) * step for n in levels))


def _levels(colour: str) -> list[int]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]
