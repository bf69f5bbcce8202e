"""The implicit long filter: a small network that writes taps from positions alone.

As long as the sequence, the same for every input, and so computed once per length
(Poli et al. 2023, arXiv 2302.10866).
"""

import math
from collections.abc import Callable

import torch
from jaxtyping import Complex, Float
from torch import Tensor, nn

from hyenascope.models.hyena_config import HyenaConfig
from hyenascope.ops.fft_conv import filter_spectrum, two_sided_spectrum

_SPECTRUM_BYTES = 512 * 2**20  # cached filter spectra of one layer


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
    """The implicit long filter, its skip weight ``bias``, and cached spectra."""

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

    def spectra(self, length: int) -> list[Complex[Tensor, "channels frequencies"]]:
        """Return one spectrum per long convolution, kept while weights rest.

        Kept only in eval mode without gradients. A weight changed in place,
        replaced, cast or moved makes a new one; an edit through ``.data``, which
        torch does not count, needs ``model.train().eval()``.
        """
        tensors = [*self.parameters(), *self.buffers()]
        fleeting = self.training or any(x.is_inference() for x in tensors)
        if fleeting or torch.is_grad_enabled():
            self._spectra.clear()
            return self._make_spectra(length)
        state = tuple((x.data_ptr(), x._version) for x in tensors)
        key = (length, self.modulation.shift, state)
        if key in self._spectra:
            return self._spectra[key]
        made = self._make_spectra(length)
        self._keep(key, made)
        return made

    def skip(self, index: int) -> Float[Tensor, " channels"] | None:
        """Weights of ``D * u`` for one long convolution."""
        return None if self.bias is None else self.pick(self.bias[None], index)[:, 0]

    def taps(self, length: int) -> list[Float[Tensor, "channels taps"]]:
        """Return the first ``length`` taps, one filter bank per long convolution."""
        k = self(length)
        return [self.pick(k, i) for i in range(self.config.order - 1)]

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

    def pick(
        self, k: Float[Tensor, "taps every"], index: int
    ) -> Float[Tensor, "channels taps"]:
        """Return the channels of long convolution ``index``."""
        count = self.config.order - 1
        if self.config.filter_layout == "channel_first":
            return k[:, index::count].T
        return k.chunk(count, dim=-1)[index].T

    def _keep(self, key: tuple[object, ...], made: list[Tensor]) -> None:
        """Store spectra; drop stale ones, then the oldest, until they fit."""
        fresh = {k: v for k, v in self._spectra.items() if k[-1] == key[-1]}
        self._spectra = {**fresh, key: made}
        while _nbytes(self._spectra) > _SPECTRUM_BYTES:
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

    def __getstate__(self) -> dict[str, object]:
        return {**super().__getstate__(), "_spectra": {}}


def _nbytes(spectra: dict[tuple[object, ...], list[Tensor]]) -> int:
    return sum(s.nbytes for made in spectra.values() for s in made)
