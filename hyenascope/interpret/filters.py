"""The long filters a model has learnt, over lag in bp: how far back, which rhythm.

A filter is what one channel of one layer adds of each earlier base's signal; its
taps are written by a small network, times a modulation window that is not learnt.
So a filter that fades as its window does says nothing about the genome: read
``window_explains`` before reading a length.
"""

import math
from collections.abc import Iterator, Sequence
from typing import cast

import anndata as ad
import numpy as np
import pandas as pd
import torch
from jaxtyping import Float
from torch import Tensor

from hyenascope.interpret.provenance import provenance_of
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.hyena_block import Block
from hyenascope.models.hyena_filter import HyenaFilter

_BINS = 64  # of the envelope
_LEAST_PROMINENCE = 20.0  # white noise of a thousand taps reaches about 10
_LEAST_TAPS = 32  # for a spectrum


def implicit_filters(
    model: HyenaLM, *, length: int | None = None, layers: Sequence[int] | None = None
) -> ad.AnnData:
    """Return every implicit filter of a model, one row each, over lag in bp.

    Parameters
    ----------
    model
        Any HyenaDNA model; only its filter networks run.
    length
        Taps to return, lags 0 to ``length - 1``; by default all ``l_max``.
    layers
        0-based; by default all. All filters of ``large-1m`` take 8 GB.

    Returns
    -------
    AnnData
        ``.X``: taps, filter × lag. ``.obs``: ``layer``, ``convolution`` (0 unless
        the order is above 2), ``side`` (``"left"``: what lies before a base; a
        two-sided model also has ``"right"``), ``channel``, ``skip`` (the weight of
        the base itself, added to the tap at lag 0) and ``window_rate`` (decay of
        the modulation window per bp). ``.var["lag"]``: bp. ``.uns["hyenascope"]``:
        provenance.

    Raises
    ------
    ValueError
        If ``length`` or a layer is out of range.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=2, d_inner=16, l_max=34))
    >>> filters = implicit_filters(model)
    >>> filters.shape
    (16, 34)
    """
    config = model.config
    length = config.l_max if length is None else length
    if not 1 <= length <= config.l_max:
        raise ValueError(f"length must be 1 … {config.l_max} taps; got {length}.")
    layers = range(config.n_layer) if layers is None else layers
    if len(layers) == 0:
        raise ValueError("layers must name at least one; got none.")
    for layer in layers:
        if not 0 <= layer < config.n_layer:
            raise ValueError(f"layers must be 0 … {config.n_layer - 1}; got {layer}.")
    rows, labels = [], []
    for layer in layers:
        block = cast(Block, model.backbone.layers[layer])
        for taps, columns in _banks(block.mixer.filter_fn, config, length):
            rows.append(taps)
            labels.append(columns.assign(layer=layer))
    obs = pd.concat(labels, ignore_index=True)
    obs = obs[["layer", *obs.columns.drop("layer")]]
    obs.index = pd.Index(_filter_names(obs))
    var = pd.DataFrame({"lag": np.arange(length)}, index=np.arange(length).astype(str))
    provenance = provenance_of(
        model, method="implicit_filters", l_max=config.l_max, length=length
    )
    return ad.AnnData(np.concatenate(rows), obs, var, uns={"hyenascope": provenance})


def filter_table(filters: ad.AnnData) -> pd.DataFrame:
    """Return how far each filter reaches, how it fades and what its rhythm is.

    All in bp unless said otherwise; the skip weight has no part in it.

    ====================== ==========================================================
    column                 meaning
    ====================== ==========================================================
    ``energy90, energy99`` smallest lag up to which 90 %, 99 % of Σ k² lie
    ``mass90, mass99``     the same of Σ abs(k), which tails weigh on more
    ``half_life``          of the straight line through the log envelope; NaN where
                           the filter does not fade
    ``window_half_life``   of the exponential in the modulation window
    ``window_explains``    share of the variance of the log envelope that goes when
                           the filter is divided by its window: 1 where the window
                           makes the whole shape, 0 or less where it makes none
    ``period``             strongest of `filter_periods`, NaN where there is none
    ``prominence``         of that period, times the power around it
    ====================== ==========================================================

    Parameters
    ----------
    filters
        What `implicit_filters` returns, or rows of it.

    Returns
    -------
    DataFrame
        Indexed as ``filters.obs``, with its columns first.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=66))
    >>> table = filter_table(implicit_filters(model))
    >>> bool((table["energy90"] <= table["energy99"]).all())
    True
    """
    rows = []
    for k, window, rate in _each(filters):
        found = _periods(k, window)
        rows.append(
            {
                "energy90": _reach(k**2, 0.90),
                "energy99": _reach(k**2, 0.99),
                "mass90": _reach(np.abs(k), 0.90),
                "mass99": _reach(np.abs(k), 0.99),
                "half_life": _half_life(k),
                "window_half_life": math.log(2) / rate if rate > 0 else np.nan,
                "window_explains": _window_explains(k, window),
                "period": found[0][0] if found else np.nan,
                "prominence": found[0][1] if found else np.nan,
            }
        )
    return filters.obs.join(pd.DataFrame(rows, index=filters.obs_names))


def filter_periods(filters: ad.AnnData, *, count: int = 3) -> pd.DataFrame:
    """Return the strongest periods of each filter, one row each.

    The modulation window is divided out and a straight line taken off; a period is
    a local maximum of the tapered spectrum at least 20 times the median power of its
    octave. Periods run from 2 bp to half the length; one of 3 bp is what codons have.

    Parameters
    ----------
    filters
        What `implicit_filters` returns, or rows of it; at least 32 taps.
    count
        Most periods per filter.

    Returns
    -------
    DataFrame
        ``layer convolution side channel rank period prominence``; ``period`` in bp,
        ``rank`` from 1. A filter without a period has no row.

    Raises
    ------
    ValueError
        If ``count`` is below 1.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=66))
    >>> filters = implicit_filters(model)
    >>> filters.X[0] = np.cos(2 * np.pi * np.arange(66) / 3)
    >>> filter_periods(filters[:1])["period"].round(1).tolist()
    [3.0]
    """
    if count < 1:
        raise ValueError(f"count must be at least 1; got {count}.")
    columns = ["layer", "convolution", "side", "channel"]
    rows = []
    for (k, window, _), labels in zip(
        _each(filters), filters.obs[columns].itertuples(index=False), strict=True
    ):
        for rank, (period, prominence) in enumerate(_periods(k, window)[:count], 1):
            rows.append((*labels, rank, period, prominence))
    return pd.DataFrame(rows, columns=[*columns, "rank", "period", "prominence"])


def _banks(
    filter_fn: HyenaFilter, config: HyenaConfig, length: int
) -> Iterator[tuple[Float[np.ndarray, "channels taps"], pd.DataFrame]]:
    """Yield the taps of each long convolution and side, with their labels."""
    with torch.no_grad():
        k = filter_fn(length)
    sides = k.chunk(2, dim=-1) if config.bidirectional else (k,)
    deltas = filter_fn.modulation.deltas.detach().abs()[0]
    rates = deltas.chunk(len(sides), dim=-1)[0] / max(1, config.l_max - 1)
    for side, part in zip(("left", "right"), sides, strict=False):
        for i in range(config.order - 1):
            skip = filter_fn.skip(i)
            rate = filter_fn.pick(rates, i)[:, 0]
            labels = {
                "convolution": i,
                "side": side,
                "channel": np.arange(config.d_model),
                "skip": np.nan if skip is None else _numpy(skip),
                "window_rate": _numpy(rate) if config.modulate else 0.0,
            }
            yield _numpy(filter_fn.pick(part, i)), pd.DataFrame(labels)


def _numpy(x: Tensor) -> np.ndarray:
    return x.detach().cpu().numpy()


def _filter_names(obs: pd.DataFrame) -> list[str]:
    keys = obs[["layer", "convolution", "side", "channel"]]
    return [f"{a}:{b}:{side}:{c}" for a, b, side, c in keys.itertuples(index=False)]


def _each(
    filters: ad.AnnData,
) -> Iterator[tuple[Float[np.ndarray, " taps"], Float[np.ndarray, " taps"], float]]:
    """Yield each filter, its window and the rate of the window per bp."""
    lags = filters.var["lag"].to_numpy()
    shift = filters.uns["hyenascope"]["modulation_shift"]
    for row, rate in enumerate(filters.obs["window_rate"].to_numpy(np.float64)):
        window = np.exp(-lags * rate) + shift if rate > 0 else np.ones(len(lags))
        yield np.asarray(filters.X[row], np.float64).ravel(), window, float(rate)


def _reach(mass: Float[np.ndarray, " taps"], share: float) -> float:
    """Smallest lag up to which ``share`` of the mass lies; NaN if there is none."""
    running = np.cumsum(mass)
    if not running[-1] > 0:
        return np.nan
    # Rounding must not push a filter of one tap to the next.
    return float(np.searchsorted(running, share * running[-1] * (1 - 1e-12)))


def _envelope(
    k: Float[np.ndarray, " taps"],
) -> tuple[Float[np.ndarray, " bins"], Float[np.ndarray, " bins"]]:
    """Return the middle lag and the root mean square of up to 64 stretches."""
    edges = np.unique(np.linspace(0, len(k), min(_BINS, len(k)) + 1).astype(int))
    sizes = np.diff(edges)
    square = np.add.reduceat(k**2, edges[:-1]) / sizes
    return (edges[:-1] + edges[1:] - 1) / 2, np.sqrt(square)


def _half_life(k: Float[np.ndarray, " taps"]) -> float:
    lag, height = _envelope(k)
    heard = height > 0
    if heard.sum() < 2:
        return np.nan
    # Weights: the line is to follow the filter where it is loud.
    slope = np.polyfit(lag[heard], np.log(height[heard]), 1, w=height[heard])[0]
    return float(-math.log(2) / slope) if slope < -1e-12 else np.nan


def _window_explains(
    k: Float[np.ndarray, " taps"], window: Float[np.ndarray, " taps"]
) -> float:
    heights, expected = _envelope(k)[1], _envelope(window)[1]
    heard = heights > 0
    if heard.sum() < 3:
        return np.nan
    shape = np.log(heights[heard])
    total = shape.var()
    if total < 1e-12:
        return np.nan
    return float(1 - (shape - np.log(expected[heard])).var() / total)


def _periods(
    k: Float[np.ndarray, " taps"], window: Float[np.ndarray, " taps"]
) -> list[tuple[float, float]]:
    """Return (period, prominence) of the peaks of the spectrum, strongest first."""
    if len(k) < _LEAST_TAPS or not np.any(k):
        return []
    lags = np.arange(len(k))
    flat = k / window
    flat = flat - np.polyval(np.polyfit(lags, flat, 1), lags)
    power = np.abs(np.fft.rfft(flat * np.hanning(len(k)))) ** 2
    # Rounding noise has a spectrum too.
    power += 1e-12 * power.max() + np.finfo(float).tiny
    prominence = power / _octave_median(power)
    peak = np.r_[False, False, (power[2:-1] > power[1:-2]) & (power[2:-1] >= power[3:])]
    # The last frequency is a period of 2 bp and has no right neighbour.
    peak = np.r_[peak, power[-1] > power[-2]]
    bins = np.flatnonzero(peak & (prominence >= _LEAST_PROMINENCE)).tolist()
    bins.sort(key=lambda each: -power[each])
    return [(len(k) / _refined(power, b), float(prominence[b])) for b in bins]


def _octave_median(
    power: Float[np.ndarray, " frequencies"],
) -> Float[np.ndarray, " frequencies"]:
    """Median power of the octave around each frequency, joined on log axes."""
    bins = np.arange(1, len(power))
    # Octaves from the top; what would hold fewer than 8 frequencies is one band.
    octave = np.floor(np.log2(bins[-1] / bins) + 1e-9)
    octave = np.minimum(octave, max(0, math.floor(math.log2(bins[-1] / 16))))
    centres, heights = [], []
    for each in np.unique(octave)[::-1]:
        inside = bins[octave == each]
        centres.append(np.log(inside).mean())
        heights.append(np.log(np.median(power[inside])))
    return np.exp(np.interp(np.log(np.r_[1, bins]), centres, heights))


def _refined(power: Float[np.ndarray, " frequencies"], peak: int) -> float:
    """Frequency of a peak between the bins, from a parabola through three logs."""
    if peak + 1 >= len(power):
        return float(peak)
    left, middle, right = np.log(power[peak - 1 : peak + 2])
    curve = left - 2 * middle + right
    return peak + (0.5 * (left - right) / curve if curve < 0 else 0.0)
