"""The Hyena mixer: gates around long convolutions, between two projections.

Of order 2 it is ``x0 * (k ∗ (v * x1))`` with ``x0, x1, v`` projected from the input,
smoothed by three taps, and ``k`` a filter as long as the sequence, written by a small
network that sees only the position (Poli et al. 2023, arXiv 2302.10866), see
`hyena_filter`.
"""

from collections.abc import Callable, Sequence

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

from hyenascope.models.elementwise import Product
from hyenascope.models.forward_plan import Surroundings, convolved_at_once
from hyenascope.models.hyena_config import HyenaConfig
from hyenascope.models.hyena_filter import HyenaFilter, Spectrum
from hyenascope.models.watched import own_gradients, untouched
from hyenascope.ops.cache_pieces import cache_pieces
from hyenascope.ops.fft_conv import (
    Backend,
    fits_triton,
    gated_fft_conv,
    spectral_conv,
)
from hyenascope.ops.gated_conv import gated_conv
from hyenascope.ops.hand_tuned import hand_tuned
from hyenascope.ops.projection import project_in, project_out
from hyenascope.ops.short_conv import short_conv

Watch = Callable[[int, slice, Tensor, Tensor], None]
"""Sees a long convolution: its index, its channels, what goes in, what comes out."""


class HyenaMixer(nn.Module):
    """Gates around long convolutions: the Hyena operator.

    ``z = short(in_proj(x))`` splits into ``x0 … x_{order-1}, v``; then
    ``v ← k ∗ (v * x_i)`` for i from the last down to 1, and
    ``out_proj(v * x0)``.

    Attributes
    ----------
    backend : str
        Of the long convolution, see `HyenaLM.backend
        <hyenascope.models.hyena.HyenaLM.backend>`.
    """

    backend: Backend = "auto"

    def __init__(self, config: HyenaConfig) -> None:
        super().__init__()
        self.config = config
        d, streams, taps = config.d_model, config.order + 1, config.short_filter_order
        self.in_proj = nn.Linear(d, streams * d)
        self.out_proj = nn.Linear(d, d)
        self.short_filter = nn.Conv1d(
            streams * d, streams * d, taps, groups=streams * d, padding=taps - 1
        )
        self.filter_fn = HyenaFilter(config)
        self.gates = nn.ModuleList(Product() for _ in range(config.order))

    def forward(
        self,
        x: Float[Tensor, "batch length channels"],
        mask: Bool[Tensor, "batch length"] | None = None,
    ) -> Float[Tensor, "batch length channels"]:
        """Mix along the length; ``mask`` is True at real tokens."""
        return self.project_out(self.operate(self.project_in(x), mask))

    def project_in(
        self,
        x: Float[Tensor, "batch length channels"],
        channels: slice = slice(None),
    ) -> Float[Tensor, "batch streams length"]:
        """Write every stream of some channels, channel first with no copy."""
        if not untouched(self.in_proj):
            # A copy at any length: the gates write over it, and a hook may hold it.
            some = self._pick(self.in_proj(x).mT, 1, channels)
            return some.clone(memory_format=torch.contiguous_format)
        weight = self._pick(self.in_proj.weight, 0, channels)
        bias = self._pick(self.in_proj.bias, 0, channels)
        if own_gradients(x, self):
            return project_in(x, weight, bias)
        rows = weight.expand(x.shape[0], -1, -1)
        return torch.baddbmm(bias[:, None], rows, x.transpose(1, 2))

    def operate(
        self,
        projected: Float[Tensor, "batch streams length"],
        mask: Bool[Tensor, "batch length"] | None = None,
        watch: Watch | None = None,
    ) -> Float[Tensor, "batch channels length"]:
        """Everything between the projections.

        Without gradients the result takes the memory of ``x0`` in ``projected``, but
        for a kernel's.
        ``watch`` is shown every long convolution, channels a block at a time.
        """
        plain = type(self) is HyenaMixer and watch is None
        if plain and self._fuses(projected):
            return self._fused(projected)
        spectra = self.filter_fn.spectra(projected.shape[-1])
        masked = self.masked(projected, mask)
        streams = masked.unflatten(1, (-1, self.config.d_model))
        if plain and own_gradients(projected, self, *self._between):
            return self._gated(streams, spectra, mask)
        if not hand_tuned():
            return self._gate(streams, slice(None), spectra, mask, watch)
        every = slice(0, self.config.d_model)
        return self.gate_in_place(streams, every, spectra, mask, watch)

    def gate_in_place(
        self,
        streams: Float[Tensor, "batch parts channels length"],
        channels: slice,
        spectra: Sequence[Spectrum],
        mask: Bool[Tensor, "batch length"] | None = None,
        watch: Watch | None = None,
    ) -> Float[Tensor, "batch channels length"]:
        """Do what `operate` does for ``streams`` of some channels, without gradients.

        A few channels at a time; the result takes the memory of their ``x0``.
        """
        for piece in _few_channels(streams):
            part = slice(channels.start + piece.start, channels.start + piece.stop)
            some = streams[:, :, piece]
            self._gate(some, part, spectra, mask, watch, out=some[:, 0])
        return streams[:, 0]

    def enters_in_pieces(self, x: Tensor) -> bool:
        """Whether `enter` can stand in for what leads up to a long convolution.

        It sees no mask, and nobody sees what it does.
        """
        if self.config.bidirectional or x.device.type != "cpu":
            return False
        return not (self.backend == "triton" and fits_triton(x.mT))

    def enter(
        self,
        x: Float[Tensor, "batch more channels"],
        out: Float[Tensor, "batch order some positions"],
        channels: slice,
    ) -> None:
        """Do all that comes before the first long convolution, while it is in cache.

        Writes ``x0 … x_{order-2}`` and ``v * x_{order-1}`` of some channels. Where
        ``x`` has more positions than ``out``, the first ones only lead up to the rest.
        """
        streams = self.project_in(x, channels).unflatten(1, (self._parts, -1))
        lead = x.shape[1] - out.shape[-1]
        *gates, v = (part[..., lead:] for part in self.smooth(streams, channels))
        for gate, to in zip(gates, out[:, :-1].unbind(1), strict=False):
            to.copy_(gate)
        torch.mul(v, gates[-1], out=out[:, -1])

    def convolve_in_place(
        self,
        entered: Float[Tensor, "batch order some length"],
        channels: slice,
        spectra: Sequence[Spectrum],
    ) -> Float[Tensor, "batch some length"]:
        """Do all that comes after `enter`; the result takes the memory of ``x0``."""
        for piece in _few_channels(entered):
            part = slice(channels.start + piece.start, channels.start + piece.stop)
            *gates, u = entered[:, :, piece].unbind(1)
            self._by_turns(gates, u, part, spectra, out=gates[0])
        return entered[:, 0]

    def project_out(
        self, y: Float[Tensor, "batch channels length"]
    ) -> Float[Tensor, "batch length channels"]:
        """Leave the mixer, length first again."""
        if not untouched(self.out_proj):
            return self.out_proj(y.mT)
        if own_gradients(y, self):
            return project_out(y, self.out_proj.weight, self.out_proj.bias)
        columns = self.out_proj.weight.T.expand(y.shape[0], -1, -1)
        return torch.baddbmm(self.out_proj.bias, y.transpose(1, 2), columns)

    def _fuses(self, projected: Tensor) -> bool:
        """Whether `gated_fft_conv` may run the core as one kernel."""
        if self.backend != "triton" or torch.compiler.is_compiling():
            return False
        ours = self.config.order == 2 and not self.config.bidirectional
        return ours and fits_triton(projected) and all(map(untouched, self._between))

    def _fused(self, projected: Tensor) -> Float[Tensor, "batch channels length"]:
        streams = projected.unflatten(1, (-1, self.config.d_model))
        x0, x1, v = self.smooth(streams)
        (k,) = self.filter_fn.kept_taps(projected.shape[-1])
        skip = self.filter_fn.skip(0)
        return gated_fft_conv(v, k, (x0, x1), bias=skip, backend="triton")

    def _gated(
        self, streams: Tensor, spectra: Sequence[Spectrum], mask: Tensor | None
    ) -> Float[Tensor, "batch channels length"]:
        """`_gate` for all channels, as one function with a gradient of its own."""
        taps, bias = self._short_taps(streams.dtype)
        skips = [self.filter_fn.skip(i) for i in range(len(spectra))]
        none = bias.new_zeros(bias.shape[-1])
        keep = None
        if mask is not None and self.config.bidirectional:
            keep = mask[:, None].to(streams.dtype)
        return gated_conv(
            streams,
            taps,
            bias,
            [spectrum[:] for spectrum in spectra],
            [none if skip is None else skip for skip in skips],
            lookahead=self._lookahead,
            keep=keep,
        )

    def _gate(
        self,
        streams: Tensor,
        channels: slice,
        spectra: Sequence[Spectrum],
        mask: Tensor | None,
        watch: Watch | None,
        out: Tensor | None = None,
    ) -> Float[Tensor, "batch channels length"]:
        """Smooth, gate and convolve ``streams`` of some channels."""
        *gates, last, v = self.smooth(streams, channels)
        u = self.gates[0](v, last)
        return self._by_turns(gates, u, channels, spectra, mask, watch, out)

    def _by_turns(
        self,
        gates: Sequence[Tensor],
        u: Tensor,
        channels: slice,
        spectra: Sequence[Spectrum],
        mask: Tensor | None = None,
        watch: Watch | None = None,
        out: Tensor | None = None,
    ) -> Float[Tensor, "batch channels length"]:
        """Convolve ``u`` and gate it, from the last of ``gates`` to the first."""
        for index, spectrum in enumerate(spectra[:-1]):
            v = self._watched(u, index, spectrum, channels, mask, watch)
            u = self.gates[index + 1](v, gates[-1 - index])
        v = self._watched(u, len(spectra) - 1, spectra[-1], channels, mask, watch)
        last = self.gates[-1]
        if out is None:
            return last(v, gates[0])
        if untouched(last):
            return torch.mul(v, gates[0], out=out)
        return out.copy_(last(v, gates[0]))

    def _watched(
        self,
        u: Tensor,
        index: int,
        spectrum: Spectrum,
        channels: slice,
        mask: Tensor | None,
        watch: Watch | None,
    ) -> Float[Tensor, "batch channels length"]:
        """`convolve` what ``mask`` leaves, and show it."""
        u = self.masked(u, mask)
        v = self.convolve(u, index, spectrum, channels)
        if watch is not None:
            watch(index, channels, u, v)
        return v

    def convolve(
        self,
        u: Float[Tensor, "batch channels length"],
        index: int,
        spectrum: Spectrum,
        channels: slice,
    ) -> Float[Tensor, "batch channels length"]:
        """Run long convolution ``index`` over some channels, its skip included."""
        skip = self.filter_fn.skip(index)
        bias = None if skip is None else skip[channels]
        return spectral_conv(u, spectrum[channels], bias=bias)

    def smooth(
        self,
        streams: Float[Tensor, "batch parts channels length"],
        channels: slice = slice(None),
    ) -> list[Float[Tensor, "batch channels length"]]:
        """Run the short filter over ``x0 … x_{order-1}, v`` of some channels."""
        taps, bias = self._short_taps(streams.dtype)
        smooth = short_conv(
            streams.flatten(1, 2),
            taps[:, channels].flatten(0, 1),
            bias[:, channels].flatten(0, 1),
            lookahead=self._lookahead,
        )
        return list(smooth.chunk(streams.shape[1], dim=1))

    @property
    def _between(self) -> list[nn.Module]:
        """Layers between the projections that `gated_conv` may stand in for."""
        return [self.short_filter, *self.gates]

    @property
    def _lookahead(self) -> int:
        centre: int = (self.config.short_filter_order - 1) // 2
        return centre if self.config.bidirectional else 0

    def _short_taps(self, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
        """Taps "parts channels taps" and bias of the short filter."""
        short, shape = self.short_filter, (self._parts, self.config.d_model)
        assert short.bias is not None
        taps = short.weight[:, 0].to(dtype).unflatten(0, shape)
        return taps, short.bias.to(dtype).unflatten(0, shape)

    @property
    def _parts(self) -> int:
        return self.config.order + 1

    def _pick(self, rows: Tensor, dim: int, channels: slice) -> Tensor:
        """Return some channels of every stream, out of an axis that has all."""
        if channels == slice(None):
            return rows
        parts = rows.unflatten(dim, (self._parts, self.config.d_model))
        some = parts.narrow(dim + 1, channels.start, channels.stop - channels.start)
        return some.flatten(dim, dim + 1)

    def masked(self, u: Tensor, mask: Tensor | None) -> Tensor:
        """Return zeros where a two-sided model must not look."""
        # A causal model never looks right, where the padding is.
        if mask is None or not self.config.bidirectional:
            return u
        return u * mask[:, None].to(u.dtype)


def _few_channels(streams: Tensor) -> list[slice]:
    """Cut "batch parts channels length" so that a transform of them stays in cache."""
    around = Surroundings.of(streams)
    least = convolved_at_once(streams.shape[0], streams.shape[-1], around)
    row_bytes = streams[:, :, 0].nbytes
    return cache_pieces(streams, streams.shape[2], row_bytes, least=least)
