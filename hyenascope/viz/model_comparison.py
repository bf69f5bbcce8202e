"""What several models say of one locus, a lane each on one axis."""

import anndata as ad
import numpy as np
import plotly.graph_objects as go

from hyenascope.data.contigs import contig_key
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.viz.components.heatmap import Heatmap
from hyenascope.viz.components.sequence import Sequence
from hyenascope.viz.components.variants import Variants
from hyenascope.viz.figure import plot_locus
from hyenascope.viz.lane import Component
from hyenascope.viz.style import ThemeName

_BASES = "ACGT"


def plot_comparison(
    compared: ad.AnnData,
    *,
    interval: Interval | None = None,
    title: str | None = None,
    theme: ThemeName = "light",
) -> go.Figure:
    """Draw a lane per model, linked: they pan and zoom together.

    A heat map of substitutions where an interval was compared, lollipops where variants
    were. Every lane has its model's own scale and unit; the rank correlations with the
    first model stand beside the names.

    Parameters
    ----------
    compared
        What `hyenascope.interpret.compare_models` returned.
    interval
        What to show, 0-based half-open; by default the interval, or what the variants
        of the first one's contig span.
    title, theme
        As in `plot_locus`.

    Raises
    ------
    ValueError
        If ``compared`` is something else, or nothing of it lies in ``interval``.

    Examples
    --------
    >>> import pandas as pd
    >>> obs = pd.DataFrame(
    ...     {"chrom": ["I"] * 3, "pos": [5, 7, 9], "ref": "A", "alt": "G"},
    ...     index=list("abc"),
    ... )
    >>> found = ad.AnnData(np.array([[0.1, 1], [0.2, 3], [0.3, 2]]), obs)
    >>> found.var_names = ["one", "other"]
    >>> found.varp["spearman"] = np.array([[1, 0.5], [0.5, 1]])
    >>> len(plot_comparison(found).layout.title.text) > 0
    True
    """
    if "spearman" not in compared.varp or not compared.n_obs:
        raise ValueError(
            "compared must be what compare_models returned, with rows; got "
            f"{compared.n_obs} rows and varp of {list(compared.varp)}."
        )
    if "interval" in compared.uns:
        return _maps(compared, interval, title, theme)
    return _lollipops(compared, interval, title, theme)


def comparison_tracks(compared: ad.AnnData) -> dict[str, TrackData]:
    """Return the map of each model of a compared interval: tracks A, C, G, T.

    0 at reference bases, NaN where there is no number.

    Raises
    ------
    ValueError
        If variants were compared, not an interval.
    """
    if "interval" not in compared.uns:
        raise ValueError("compared must be of an interval; got variants.")
    where = compared.uns["interval"]
    place = Interval(str(where["chrom"]), int(where["start"]), int(where["end"]))
    rows = compared.obs["pos"].to_numpy() - 1 - place.start
    alternates = [_BASES.index(base) for base in compared.obs["alt"]]
    references = [_BASES.index(base) for base in compared.obs["ref"]]
    tracks = {}
    for column, name in enumerate(compared.var_names):
        values = np.full((place.length, 4), np.nan)
        values[rows, references] = 0.0
        values[rows, alternates] = np.asarray(compared.X)[:, column]
        unit = str(compared.var["unit"].iloc[column])
        tracks[str(name)] = TrackData(values, tuple(_BASES), place, unit)
    return tracks


def _maps(
    compared: ad.AnnData, interval: Interval | None, title: str | None, theme: ThemeName
) -> go.Figure:
    tracks = comparison_tracks(compared)
    place = next(iter(tracks.values())).interval
    letters = np.full(place.length, "N")
    letters[compared.obs["pos"].to_numpy() - 1 - place.start] = compared.obs["ref"]
    text = "".join(letters)
    lanes: list[Component] = [
        Heatmap(track, text, label=label)
        for track, label in zip(tracks.values(), _labels(compared), strict=True)
    ]
    lanes.append(Sequence(text, place))
    return plot_locus(lanes, interval or place, title=title, theme=theme)


def _lollipops(
    compared: ad.AnnData, interval: Interval | None, title: str | None, theme: ThemeName
) -> go.Figure:
    obs = compared.obs
    if interval is None:
        chrom = str(obs["chrom"].iloc[0])
        pos = obs.loc[obs["chrom"] == chrom, "pos"]
        around = max(10, int(pos.max() - pos.min()) // 20)
        start = max(0, int(pos.min()) - 1 - around)
        interval = Interval(chrom, start, int(pos.max()) + around)
    inside = obs[(obs["pos"] > interval.start) & (obs["pos"] <= interval.end)]
    shown = contig_key(interval.chrom)
    if shown not in {contig_key(str(chrom)) for chrom in inside["chrom"].unique()}:
        raise ValueError(
            f"interval must hold a variant that was compared; got {interval}."
        )
    lanes: list[Component] = []
    for column, label in enumerate(_labels(compared)):
        # The score's name is what stands at its scale and in the hover text.
        name = _score_name(compared, column)
        values = np.asarray(compared.X)[:, column]
        lanes.append(Variants(obs.assign(**{name: values}), score=name, label=label))
    return plot_locus(lanes, interval, title=title, theme=theme)


def _score_name(compared: ad.AnnData, column: int) -> str:
    if "unit" not in compared.var:
        return "Δ"
    unit = str(compared.var["unit"].iloc[column])
    return unit if unit.startswith("Δ") else f"Δ {unit}"


def _labels(compared: ad.AnnData) -> list[str]:
    """Name each model, and how its ranks agree with those of the first."""
    ranks = np.asarray(compared.varp["spearman"])[0]
    names = [str(name) for name in compared.var_names]
    return [names[0]] + [
        f"{name} {_rank(rank)}" if np.isfinite(rank) else name
        for name, rank in zip(names[1:], ranks[1:], strict=True)
    ]


def _rank(rank: float) -> str:
    """Write a correlation in one piece, whatever is broken into lines."""
    return f"ρ = {rank:.2f}".replace("-", "−").replace(" ", "\u00a0")
