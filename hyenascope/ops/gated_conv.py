"""The core of the Hyena mixer as one function with a gradient of its own.

Short convolution, gates, long convolutions and their skips, for training on CPU.
Channels do not meet in it, so it walks through them in pieces that stay in cache, on
the way back too. There everything but what the long convolutions gave is computed
again: that is faster than reading it back, and half as much is kept.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from jaxtyping import Complex, Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from hyenascope.ops.cache_pieces import cache_pieces
from hyenascope.ops.fft_conv import spectral_conv, spectral_gradients
from hyenascope.ops.short_conv import short_conv, short_conv_gradients


def gated_conv(
    streams: Float[Tensor, "batch parts channels length"],
    taps: Float[Tensor, "parts channels taps"],
    bias: Float[Tensor, "parts channels"],
    spectra: Sequence[Complex[Tensor, "channels frequencies"]],
    skips: Sequence[Float[Tensor, " channels"]],
    *,
    lookahead: int = 0,
    keep: Float[Tensor, "batch 1 length"] | None = None,
) -> Float[Tensor, "batch channels length"]:
    """Smooth, gate and convolve: the Hyena operator between its projections.

    ``x0 … x_{n}, v = short_conv(streams)``, then ``v ← k_i ∗ u + skip_i u`` with ``u =
    v * x`` for the gates from the last to ``x1``, and ``v * x0`` (Poli et al. 2023,
    arXiv 2302.10866). Differentiable once in everything but ``keep``.

    Parameters
    ----------
    streams
        The gates ``x0 …`` and then the value, as they leave the projection.
    taps, bias
        Of the short convolution, see `hyenascope.ops.short_conv.short_conv`.
    spectra
        Of the long filters in the order of their use, for this length, see
        `hyenascope.ops.fft_conv.filter_spectrum`; one fewer than there are gates.
    skips
        Weight of the input beside each long convolution; zeros for none.
    lookahead
        Of the short convolution.
    keep
        1 at real tokens, 0 where a two-sided convolution must not look; None for 1.

    Raises
    ------
    ValueError
        If there are not as many spectra and skips as long convolutions, or one has not
        as many channels as the streams.

    Examples
    --------
    >>> ones = torch.ones(1, 3, 1, 4)
    >>> from hyenascope.ops.fft_conv import filter_spectrum
    >>> spectrum = filter_spectrum(torch.ones(1, 4), 4)
    >>> taps, zero = torch.ones(3, 1, 1), torch.zeros(3, 1)
    >>> gated_conv(ones, taps, zero, [spectrum], [torch.zeros(1)]).round(decimals=4)
    tensor([[[1., 2., 3., 4.]]])
    """
    parts, channels = streams.shape[1:3]
    for name, long in (("spectra", spectra), ("skips", skips)):
        found = [len(each) for each in long]
        if found != [channels] * (parts - 2):
            raise ValueError(
                f"{name} must be {parts - 2} of {channels} channels, for streams of "
                f"{parts} parts; got {len(found)} of {found} channels."
            )
    given = (streams, taps, bias, *spectra, *skips)
    y: Tensor = _GatedConv.apply(lookahead, keep, *given)
    return y


class _Operands(NamedTuple):
    """What `gated_conv` takes, or the gradients of it."""

    streams: Tensor
    taps: Tensor
    bias: Tensor
    spectra: list[Tensor]
    skips: list[Tensor]

    @classmethod
    def of(
        cls, streams: Tensor, taps: Tensor, bias: Tensor, *long: Tensor
    ) -> "_Operands":
        half = len(long) // 2
        return cls(streams, taps, bias, list(long[:half]), list(long[half:]))

    def blocks(self) -> list[slice]:
        """Channels, a cache full at a time."""
        row_bytes = self.streams[:, :, 0].nbytes
        return cache_pieces(self.streams, self.streams.shape[2], row_bytes, least=16)

    def smooth(self, block: slice, lookahead: int) -> list[Tensor]:
        """``x0 …, v`` of some channels."""
        return [
            short_conv(u, weight, bias, lookahead=lookahead)
            for u, weight, bias in zip(
                self.streams[:, :, block].unbind(1),
                self.taps[:, block],
                self.bias[:, block],
                strict=True,
            )
        ]


class _GatedConv(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        lookahead: int,
        keep: Tensor | None,
        *given: Tensor,
    ) -> Tensor:
        own = _Operands.of(*given)
        out = torch.empty_like(own.streams[:, 0])
        made = [torch.empty_like(out) for _ in own.spectra]
        for block in own.blocks():
            *gates, v = own.smooth(block, lookahead)
            for i, gate in enumerate(reversed(gates[1:])):
                u, skip = _keep(v * gate, keep), own.skips[i][block, None]
                v = spectral_conv(u, own.spectra[i][block])
                v = torch.addcmul(v, u, skip, out=made[i][:, block])
            torch.mul(v, gates[0], out=out[:, block])
        ctx.lookahead = lookahead
        ctx.save_for_backward(keep, *given, *made)
        return out

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:  # noqa: ANN401
        keep, *saved = ctx.saved_tensors
        long = (len(saved) - 3) // 3
        given, made = saved[: 3 + 2 * long], saved[3 + 2 * long :]
        own, found = _Operands.of(*given), [torch.empty_like(x) for x in given]
        of = _Operands.of(*found)
        for block in own.blocks():
            *gates, v = own.smooth(block, ctx.lookahead)
            values = [v, *(y[:, block] for y in made)]
            parts = [grad[:, block] * values[-1]]
            back = gates[0].mul_(grad[:, block])
            for i in reversed(range(long)):
                gate, skip = gates[-1 - i], own.skips[i][block, None]
                u = _keep(values[i] * gate, keep)
                through = spectral_gradients(back, u, own.spectra[i][block])
                of.spectra[i][block] = through.spectrum
                of.skips[i][block] = u.mul_(back).sum((0, 2))
                back = _keep(torch.addcmul(through.u, back, skip), keep)
                parts.append(back * values[i])
                back.mul_(gate)
            for i, part in enumerate([*parts, back]):
                of.streams[:, i, block], of.taps[i, block], of.bias[i, block] = (
                    short_conv_gradients(
                        part,
                        own.streams[:, i, block],
                        own.taps[i, block],
                        lookahead=ctx.lookahead,
                    )
                )
        return None, None, *found


def _keep(u: Tensor, keep: Tensor | None) -> Tensor:
    return u if keep is None else u.mul_(keep)
