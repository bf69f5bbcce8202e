"""How a pass without gradients fits into memory: its pieces, and what they take.

Nothing of what is decided here changes a result by more than rounding. Fewer pieces
are quicker; the first plan that keeps to the limit is the one that is taken.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from hyenascope._device import physical_memory
from hyenascope.models.hyena_config import HyenaConfig
from hyenascope.ops.cache_pieces import cut_to_cache
from hyenascope.ops.fft_conv import fft_length

WRITTEN_AT_ONCE = 32
"""Filters that are written at a time, of those too long to keep."""

KEPT_SPECTRA = max(2**30, min(3 * 2**30, physical_memory() // 8))
"""Bytes of kept spectra of all layers of a model, where no limit is set."""

KEPT_OF_A_LAYER = 2**29
"""Bytes of those of a layer: beyond, a pass itself is short of memory."""

_KEPT_ON_GPU = 2**30  # of all layers, whatever the memory of the host

_LEAST_CHANNELS = 16  # that are convolved at a time, where transforms are short
_PROJECTED_BYTES = 2**29  # of a projection that is made at once
_KEPT_BYTES = 31 * 2**20  # largest block that `keep_freed_memory` leads to keep
_STEP = 2**26  # to which what is free is rounded down, so that plans are found again
_UNITS = {"B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
_UNITS |= {"KIB": 2**10, "MIB": 2**20, "GIB": 2**30, "TIB": 2**40}


@dataclass(frozen=True)
class Surroundings:
    """What a plan has to fit into.

    Parameters
    ----------
    limit
        Bytes that a pass may take beside the weights; None for no limit.
    spectra
        Bytes of filters' spectra that may be kept for the next pass.
    element
        Bytes of a number of the weights.
    on_gpu
        Where the pass runs: on a CPU it goes in pieces that stay in cache.
    threads
        Of the CPU.
    is_set
        Whether someone set the limit, or it is what a GPU has free.
    """

    limit: int | None = None
    spectra: int = KEPT_SPECTRA
    element: int = 4
    on_gpu: bool = False
    threads: int = 1
    is_set: bool = True

    @property
    def wide(self) -> int:
        """Bytes of a number of the stream, the filters and the transforms."""
        return max(4, self.element)

    @classmethod
    def of(
        cls, weight: Tensor, *, limit: int | None = None, kept: int = 0
    ) -> "Surroundings":
        """Return those of a pass with numbers like ``weight``, where that is.

        Without a limit it is what a GPU has free, and what spectra already ``kept``
        take there.
        """
        gpu, number = weight.device.type != "cpu", weight.element_size()
        spectra, threads = kept_there(kept_spectra(limit), gpu), torch.get_num_threads()
        is_set = limit is not None
        if limit is None and weight.is_cuda:
            limit = (free_on(weight.device) + kept) // _STEP * _STEP
        return cls(limit, spectra, number, gpu, threads, is_set)


@dataclass(frozen=True)
class ForwardPlan:
    """Pieces and memory of a pass without gradients; ``str`` tells it in words.

    Parameters
    ----------
    batch, length
        Sequences, and tokens of each.
    rows
        Sequences that pass at once.
    groups
        Groups of channels whose projections are made at once.
    keeps_spectra
        Whether the filters' spectra stay for the next pass, or are made anew in every
        pass, a few channels at a time.
    transform
        Points of the FFT.
    peak
        Bytes that the pass takes at most, beside the weights and the states of rows
        that are done: an estimate, see ``tests/models/test_forward_plan.py``.
    limit
        What it was to keep to, if anything.
    """

    batch: int
    length: int
    rows: int
    groups: int
    keeps_spectra: bool
    transform: int
    peak: int
    limit: int | None

    @property
    def fits(self) -> bool:
        """Whether it keeps to its limit."""
        return self.limit is None or self.peak <= self.limit

    def __str__(self) -> str:
        spectra = "kept" if self.keeps_spectra else "made in every pass, in blocks"
        groups = f"{self.groups} groups of channels" if self.groups > 1 else "one go"
        allowed = "" if self.limit is None else f" of {in_words(self.limit)} allowed"
        return "\n".join(
            [
                f"{self.batch:,} × {self.length:,} tokens, without gradients",
                f"{self.rows:,} at a time; projections in {groups}",
                f"FFT of {self.transform:,} points; spectra of filters {spectra}",
                f"about {in_words(self.peak)}{allowed}, beside the weights",
            ]
        )


@lru_cache(maxsize=1024)
def forward_plan(
    config: HyenaConfig, batch: int, length: int, around: Surroundings
) -> ForwardPlan:
    """Choose the quickest plan within the limit, or the smallest if none is.

    Examples
    --------
    >>> print(forward_plan(HyenaConfig(), 64, 1_024, Surroundings()))
    64 × 1,024 tokens, without gradients
    13 at a time; projections in one go
    FFT of 2,048 points; spectra of filters kept
    about 30.7 MB, beside the weights
    """
    keeps = keeps_spectra(config, length, around.spectra, around.wide)
    plan = None
    for rows, groups in _choices(config, batch, length, around):
        peak = _peak(config, length, rows, groups, around)
        plan = ForwardPlan(
            *(batch, length, rows, groups),
            *(keeps, fft_length(length), peak, around.limit),
        )
        if plan.fits:
            break
    assert plan is not None
    return plan


def fitting_plan(
    config: HyenaConfig, batch: int, length: int, around: Surroundings
) -> ForwardPlan:
    """Return `forward_plan`, if it fits.

    Raises
    ------
    ValueError
        If not; the message has the estimate, and the longest row that fits.
    """
    plan = forward_plan(config, batch, length, around)
    if plan.fits:
        return plan
    assert around.limit is not None
    what = "max_memory" if around.is_set else "free GPU memory"
    ways = [in_words(plan.peak) if around.is_set else "device='cpu'"]
    if longest := _longest(config, around):
        ways.insert(0, f"rows of at most {longest:,} tokens")
    raise ValueError(
        f"{what} must hold about {in_words(plan.peak)} for a row of {length:,} tokens; "
        f"got {in_words(around.limit)}. Take {' or '.join(ways)}."
    )


def kept_spectra(limit: int | None) -> int:
    """Bytes of filters' spectra that may be kept: at most a quarter of a limit."""
    return KEPT_SPECTRA if limit is None else min(KEPT_SPECTRA, limit // 4)


def kept_there(most: int, on_gpu: bool) -> int:
    """Bytes of spectra that are kept of the ``most`` that may be.

    Examples
    --------
    >>> kept_there(2**31, on_gpu=True) == 2**30
    True
    """
    return min(most, _KEPT_ON_GPU) if on_gpu else most


def free_on(device: torch.device) -> int:
    """Return bytes that PyTorch can still take on a GPU, its reserve included."""
    free, _ = torch.cuda.mem_get_info(device)
    reserve = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(free + reserve)


def keeps_spectra(config: HyenaConfig, length: int, most: int, number: int) -> bool:
    """Whether the filters' spectra for a length, of all layers, fit into ``most``.

    Of a real and an imaginary part of ``number`` bytes each. No layer keeps more than
    half a GiB.
    """
    every = _spectra_bytes(config, length, number)
    return every <= min(most, KEPT_OF_A_LAYER * config.n_layer)


def convolved_at_once(rows: int, length: int, around: Surroundings) -> int:
    """Least channels of a convolution on CPU: few where a transform is long.

    Then their spectra stay below what `hyenascope._device.keep_freed_memory` keeps.
    """
    transform = around.wide * max(1, rows) * fft_length(length)
    kept = _KEPT_BYTES // transform // around.threads * around.threads
    return max(around.threads, min(_LEAST_CHANNELS, kept))


def in_words(count: int) -> str:
    """Write a number of bytes.

    Examples
    --------
    >>> in_words(999), in_words(1_234_567), in_words(8 * 10**9)
    ('999 B', '1.2 MB', '8.0 GB')
    """
    if count < 1_000:
        return f"{count} B"
    power = min(3, int(math.log10(1.001 * count)) // 3)
    return f"{count / 1_000**power:,.1f} {('kB', 'MB', 'GB')[power - 1]}"


def memory_bytes(given: int | str | None) -> int | None:
    """Read a limit: bytes, or a number with a unit.

    Raises
    ------
    ValueError
        If it is neither, or not above zero.

    Examples
    --------
    >>> memory_bytes("8 GB"), memory_bytes("512MiB"), memory_bytes(None)
    (8000000000, 536870912, None)
    """
    if given is None:
        return None
    found = None
    if isinstance(given, str):
        matched = re.fullmatch(r"\s*(\d+(?:\.\d+)?)\s*([KMGT]?I?B)\s*", given.upper())
        if matched:
            found = int(float(matched[1]) * _UNITS[matched[2]])
    elif isinstance(given, int) and not isinstance(given, bool):
        found = given
    if found is None or found <= 0:
        raise ValueError(
            "max_memory must be a number of bytes above 0, or such as '8 GB' or "
            f"'512 MiB'; got {given!r}."
        )
    return found


def _choices(
    config: HyenaConfig, batch: int, length: int, around: Surroundings
) -> Iterator[tuple[int, int]]:
    """Rows and groups, the quickest first."""
    d, parts = config.d_model, _streams(config, around)
    most = max(1, batch)
    if not around.on_gpu:
        row_bytes = around.element * length * config.widest
        passes = -(-most // max(1, _KEPT_BYTES // row_bytes))
        most = -(-most // passes)  # as many in each
    for rows in (most >> i for i in range(most.bit_length())):
        projected = around.wide * rows * length * d * parts
        if around.on_gpu or projected <= _PROJECTED_BYTES:
            yield rows, 1
        groups = parts
        while d // groups >= _LEAST_CHANNELS:
            yield rows, groups
            groups *= 2
        yield rows, max(1, d // _LEAST_CHANNELS)


def _streams(config: HyenaConfig, around: Surroundings) -> int:
    """Count those of a channel that are held whole, see `Block.step`."""
    entered = not (around.on_gpu or config.bidirectional)
    return config.order if entered else config.order + 1


def _longest(config: HyenaConfig, around: Surroundings) -> int:
    """Return the most tokens of one row that fit."""
    low, high = 0, config.l_max
    while low < high:
        middle = (low + high + 1) // 2
        if forward_plan(config, 1, middle, around).fits:
            low = middle
        else:
            high = middle - 1
    return low


def _spectra_bytes(config: HyenaConfig, length: int, number: int) -> int:
    numbers = config.d_model * (config.order - 1) * (fft_length(length) + 2)
    return number * config.n_layer * numbers


def _peak(
    config: HyenaConfig, length: int, rows: int, groups: int, around: Surroundings
) -> int:
    """Add up what is alive at once, in bytes."""
    d, parts, tokens = config.d_model, _streams(config, around), rows * length
    sides = 2 if config.bidirectional else 1
    number, wide, transform = around.element, around.wide, fft_length(length)
    stream = wide * tokens * d + (number * tokens * d if number < wide else 0)
    gated = number * tokens * d if groups > 1 else 0  # else it is in the projection
    projected = number * tokens * parts * -(-d // groups)
    channels = -(-d // groups)
    if not around.on_gpu:
        least = convolved_at_once(rows, length, around)
        piece = cut_to_cache(channels, number * tokens * parts)
        channels = min(channels, max(least, piece))
    # Streams smoothed, unless they were; what is convolved, padded, its spectrum, back.
    smoothed = 0 if parts == config.order else parts
    convolved = number * (smoothed + 1) * length + 3 * wide * transform
    convolved *= channels * rows
    kept = keeps_spectra(config, length, around.spectra, wide)
    written = min(d, WRITTEN_AT_ONCE) if kept else channels
    taps = 2 * sides * max(written, min(d, WRITTEN_AT_ONCE))
    filters = wide * (length * (config.filter_order + taps) + 2 * written * transform)
    resting = _spectra_bytes(config, length, wide) if kept else 0
    inner = config.d_inner + 4 * d
    fed = tokens if around.on_gpu else cut_to_cache(tokens, number * config.widest)
    mixing = projected + gated + convolved + filters
    feeding = (gated or projected) + number * fed * inner
    return stream + resting + max(mixing, feeding)
