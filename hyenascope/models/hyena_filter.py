"""The implicit long filter: a small network that writes taps from positions alone.

As long as the sequence, the same for every input, and so computed once per length
(Poli et al. 2023, arXiv 2302.10866).
"""

import math
from collections.abc import Callable, Sequence
from functools import partial

import torch
from jaxtyping import Complex, Float, Int, Num
from torch import Tensor, nn

from hyenascope.models.forward_plan import (
    KEPT_OF_A_LAYER,
    KEPT_SPECTRA,
    WRITTEN_AT_ONCE,
    keeps_spectra,
    kept_there,
)
from hyenascope.models.hyena_config import HyenaConfig
from hyenascope.models.watched import watched
from hyenascope.ops.cache_pieces import cache_pieces
from hyenascope.ops.fft_conv import filter_spectrum, two_sided_spectrum


class SpectrumInBlocks:
    """A filter's spectrum that is made a few channels at a time.

    For filters so long that the whole would not fit; ``spectrum[channels]`` is what
    the tensor it stands for would give. Taps are written for more channels than are
    asked for, and kept for those that come next.

    Parameters
    ----------
    taps
        Writes the taps of some channels, one bank per side.
    transform
        Makes a spectrum of such banks.
    channels
        How many there are.
    """

    def __init__(
        self,
        taps: Callable[[slice], list[Tensor]],
        transform: Callable[[list[Tensor]], Tensor],
        channels: int,
    ) -> None:
        self._taps, self._transform, self._count = taps, transform, channels
        self._window, self._banks = slice(0, 0), list[Tensor]()

    def __getitem__(self, channels: slice) -> Complex[Tensor, "some frequencies"]:
        start, stop, _ = channels.indices(self._count)
        if not self._window.start <= start <= stop <= self._window.stop:
            self._banks = []  # first, so that there is never room for two
            self._window = slice(
                start, max(stop, min(start + WRITTEN_AT_ONCE, self._count))
            )
            self._banks = self._taps(self._window)
        first = self._window.start
        return self._transform([k[start - first : stop - first] for k in self._banks])


Spectrum = Complex[Tensor, "every frequencies"] | SpectrumInBlocks
"""What a long convolution multiplies with, to be read in slices of channels."""


class Sin(nn.Module):
    """``sin(freq · x)`` with one learnable frequency per unit."""

    def __init__(self, width: int, freq: float) -> None:
        super().__init__()
        self.freq = nn.Parameter(freq * torch.ones(1, width))

    def forward(self, x: Float[Tensor, "*rest width"]) -> Float[Tensor, "*rest width"]:
        """Apply the sine."""
        return torch.sin(self.freq * x)


class PositionalEmbedding(nn.Module):
    """The filter's clock: time in [0, 1] and sines and cosines of it.

    ``t`` runs over ``l_max`` positions with both ends; the phases
    ``2π n / l_max`` leave the end out, as published.
    """

    z: Tensor
    t: Tensor

    def __init__(self, emb_dim: int, l_max: int, *, trainable: bool) -> None:
        super().__init__()
        bands = (emb_dim - 1) // 2
        t = torch.linspace(0, 1, l_max)[None, :, None]
        index = torch.linspace(0, l_max - 1, l_max)[None, :, None]
        phase = torch.linspace(1e-4, bands - 1, bands) * (2 * math.pi * index / l_max)
        z = torch.cat([t, phase.cos(), -phase.sin()], dim=-1)
        if trainable:
            self.z = nn.Parameter(z)
        else:
            self.register_buffer("z", z)
        self.register_buffer("t", t)


class ExponentialModulation(nn.Module):
    """Window ``exp(-t |δ|) + shift``: each channel forgets at its own rate."""

    deltas: Tensor

    def __init__(self, config: HyenaConfig, channels: int) -> None:
        super().__init__()
        self.shift = config.modulation_shift
        fast = math.log(config.decay_target) / config.fast_decay_pct
        slow = math.log(config.decay_target) / config.slow_decay_pct
        sides = 2 if config.bidirectional else 1  # the same rates on either side
        rates = torch.linspace(slow, fast, channels).repeat(sides)
        self.register_buffer("deltas", rates[None, None])

    def forward(
        self, t: Float[Tensor, "1 taps 1"], h: Float[Tensor, "1 taps channels"]
    ) -> Float[Tensor, "1 taps channels"]:
        """Multiply the filter by its window."""
        return h * (torch.exp(-t * self.deltas.abs()) + self.shift)


class HyenaFilter(nn.Module):
    """The implicit long filter, its skip weight ``bias``, and cached spectra.

    Attributes
    ----------
    kept_bytes : int
        Of the spectra that the filters of all layers may keep together.
    keeps_one : bool
        Whether only those of the last length are kept.
    """

    kept_bytes = KEPT_SPECTRA
    keeps_one = False

    def __init__(self, config: HyenaConfig) -> None:
        super().__init__()
        self.config = config
        width = config.filter_order
        channels = config.d_model * (config.order - 1)
        outputs = channels * (2 if config.bidirectional else 1)
        if config.filter_skip:
            self.bias: nn.Parameter | None = nn.Parameter(torch.randn(channels))
        else:
            self.register_parameter("bias", None)
        self.pos_emb = PositionalEmbedding(
            config.emb_dim, config.l_max, trainable=config.train_positions
        )
        sine = Sin(width, config.activation_freq)  # one frequency for every layer
        layers: list[nn.Module] = [nn.Linear(config.emb_dim, width), sine]
        for _ in range(config.num_inner_mlps):
            layers += [nn.Linear(width, width), sine]
        self.implicit_filter = nn.Sequential(
            *layers, nn.Linear(width, outputs, bias=False)
        )
        self.modulation = ExponentialModulation(config, channels)
        self._spectra: dict[tuple[object, ...], list[Tensor]] = {}

    def forward(self, length: int) -> Float[Tensor, "taps channels"]:
        """Return the first ``length`` taps of every filter, float32 at least."""
        with torch.autocast(self.pos_emb.t.device.type, enabled=False):
            h = self.implicit_filter(self.pos_emb.z[:, :length])
            if self.config.modulate:
                h = self.modulation(self.pos_emb.t[:, :length], h)
            if self.config.normalized:
                h = h / h.abs().sum(dim=-1, keepdim=True)
        return h[0]

    def spectra(self, length: int) -> Sequence[Spectrum]:
        """Return one spectrum per long convolution, kept while weights rest.

        Kept only in eval mode without gradients, while those of all layers fit their
        share of memory; longer ones are made in blocks as they are asked for. A weight
        changed in place, replaced, cast or moved makes a new one; an edit through
        ``.data``, which torch does not count, needs ``model.train().eval()``.
        """
        if not self._at_rest():
            return self._make_spectra(length)
        number = self.pos_emb.t.element_size()
        fits = keeps_spectra(self.config, length, self._may_keep, number)
        if not fits and self._is_ours():
            self._spectra.clear()
            return self._spectra_in_blocks(length)
        whole = self._whole if self._is_ours() else self._make_spectra
        return self._kept("spectra", length, whole)

    def kept_taps(self, length: int) -> list[Float[Tensor, "channels taps"]]:
        """Return `taps`, kept as `spectra` are, for a convolution that takes them."""
        if not self._at_rest():
            return self.taps(length)
        return self._kept("taps", length, self.taps)

    def skip(self, index: int) -> Float[Tensor, " channels"] | None:
        """Weights of ``D * u`` for one long convolution."""
        return None if self.bias is None else self.pick(self.bias[None], index)[:, 0]

    def taps(self, length: int) -> list[Float[Tensor, "channels taps"]]:
        """Return the first ``length`` taps, one filter bank per long convolution."""
        k = self(length)
        return [self.pick(k, i) for i in range(self.config.order - 1)]

    def _at_rest(self) -> bool:
        """Whether weights can be taken to stay; forget what was kept if not."""
        if torch.compiler.is_compiling():
            return False
        resting = not (self.training or torch.is_grad_enabled())
        if not resting:
            self._spectra.clear()
        return resting

    def _kept(
        self, kind: str, length: int, make: Callable[[int], list[Tensor]]
    ) -> list[Tensor]:
        tensors = [*self.parameters(), *self.buffers()]
        if any(x.is_inference() for x in tensors):  # they do not count their changes
            self._spectra.clear()
            return make(length)
        state = tuple((x.data_ptr(), x._version) for x in tensors)
        key = (kind, length, self.modulation.shift, state)
        if key not in self._spectra:
            if self.keeps_one:  # first, so that there is never room for two
                self._spectra.clear()
            made = make(length)
            self._keep(key, made)
            return made
        return self._spectra[key]

    def _make_spectra(self, length: int) -> list[Tensor]:
        with torch.autocast(self.pos_emb.t.device.type, enabled=False):
            if not self.config.bidirectional:
                return [filter_spectrum(k, length) for k in self.taps(length)]
            k = self(length)
            ahead, behind = k.chunk(2, dim=-1)
            return [
                two_sided_spectrum(self.pick(ahead, i), self.pick(behind, i), length)
                for i in range(self.config.order - 1)
            ]

    def _is_ours(self) -> bool:
        """Whether the layers are those of `__init__`, and nobody looks on."""
        ours = (HyenaFilter, PositionalEmbedding, ExponentialModulation)
        kinds = (*ours, nn.Sequential, nn.Linear, Sin)
        return not any(type(x) not in kinds or watched(x) for x in self.modules())

    def _spectra_in_blocks(self, length: int) -> list[SpectrumInBlocks]:
        """Return spectra that hold the features of every position, and no taps."""
        features = self._features(length)
        sides = 2 if self.config.bidirectional else 1
        every = torch.arange(self.modulation.deltas.shape[-1], device=features.device)
        total = None
        if self.config.normalized:
            total = torch.zeros_like(features[:, 0])
            for rows in every.split(WRITTEN_AT_ONCE):
                total += self._rows(rows, features).abs_().sum(0)

        def taps(index: int, channels: slice) -> list[Tensor]:
            return [
                self._rows(self.pick(side[None], index)[channels, 0], features, total)
                for side in every.chunk(sides)
            ]

        def transform(banks: list[Tensor]) -> Tensor:
            if sides == 2:
                return two_sided_spectrum(banks[0], banks[1], length)
            return filter_spectrum(banks[0], length)

        return [
            SpectrumInBlocks(partial(taps, index), transform, self.config.d_model)
            for index in range(self.config.order - 1)
        ]

    def _whole(self, length: int) -> list[Tensor]:
        """Fill spectra a block at a time: the taps of all channels take more room."""
        blocks, d = self._spectra_in_blocks(length), self.config.d_model
        steps = [slice(at, at + WRITTEN_AT_ONCE) for at in range(0, d, WRITTEN_AT_ONCE)]
        made = []
        for block in blocks:
            first = block[steps[0]]
            whole = first.new_empty(d, first.shape[-1])
            whole[steps[0]] = first
            for step in steps[1:]:
                whole[step] = block[step]
            made.append(whole)
        return made

    def _features(self, length: int) -> Float[Tensor, "taps width"]:
        """Return what the last layer makes taps of, in pieces that stay in cache."""
        z, inner = self.pos_emb.z[0, :length], self.implicit_filter[:-1]
        made = z.new_empty(length, self.config.filter_order)
        with torch.autocast(z.device.type, enabled=False):
            for piece in cache_pieces(z, length, made[:1].nbytes):
                made[piece] = inner(z[piece])
        return made

    def _rows(
        self,
        rows: Int[Tensor, " some"],
        features: Float[Tensor, "taps width"],
        total: Float[Tensor, " taps"] | None = None,
    ) -> Float[Tensor, "some taps"]:
        """Taps of some outputs, as `forward` gives them for all."""
        last = self.implicit_filter[-1]
        assert isinstance(last, nn.Linear)
        with torch.autocast(features.device.type, enabled=False):
            k = last.weight[rows] @ features.T
        if self.config.modulate:
            rates = self.modulation.deltas[0, 0, rows].abs()
            time = self.pos_emb.t[0, : features.shape[0], 0]
            window = torch.mul(-rates[:, None], time).exp_()
            k.mul_(window.add_(self.modulation.shift))
        return k if total is None else k.div_(total)

    def pick(
        self, k: Num[Tensor, "taps every"], index: int
    ) -> Num[Tensor, "channels taps"]:
        """Return the channels of long convolution ``index``."""
        count = self.config.order - 1
        if self.config.filter_layout == "channel_first":
            return k[:, index::count].T
        return k.chunk(count, dim=-1)[index].T

    def _keep(self, key: tuple[object, ...], made: list[Tensor]) -> None:
        """Store spectra; drop stale ones, then the oldest, until they fit."""
        fresh = {k: v for k, v in self._spectra.items() if k[-1] == key[-1]}
        self._spectra = {**fresh, key: made}
        share = min(self._may_keep // self.config.n_layer, KEPT_OF_A_LAYER)
        while _nbytes(self._spectra) > share:
            del self._spectra[next(iter(self._spectra))]

    def _apply(
        self, fn: Callable[[Tensor], Tensor], recurse: bool = True
    ) -> "HyenaFilter":
        """Move and cast, but never below float32: bf16 filters err by a fifth."""
        self._spectra.clear()

        def keep_wide(x: Tensor) -> Tensor:
            y = fn(x)
            half = y.dtype in (torch.float16, torch.bfloat16)
            return x.to(y.device) if half else y

        return super()._apply(keep_wide, recurse)

    @property
    def _may_keep(self) -> int:
        """Bytes for the spectra of all layers, where this one is."""
        return kept_there(self.kept_bytes, self.pos_emb.t.device.type != "cpu")

    @property
    def bytes_in_use(self) -> int:
        """Of what is kept."""
        return _nbytes(self._spectra)

    def __getstate__(self) -> dict[str, object]:
        return {**super().__getstate__(), "_spectra": {}}


def _nbytes(spectra: dict[tuple[object, ...], list[Tensor]]) -> int:
    return sum(s.nbytes for made in spectra.values() for s in made)
