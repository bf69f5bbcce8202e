"""The gated long convolution in Triton, up to 2²⁰ positions, forward and back.

``x0 * (conv(v * x1, k) + skip * v * x1)``, or the convolution alone. Up to 4,096
positions it is one kernel each way: a program holds one channel of two sequences. A
filter is real, so the two travel as the real and imaginary part of one signal, and no
spectrum is taken apart. Zeros are never read: inputs fill n1 < N1/2 of the transform's
positions, and no other outputs are made. Above, see `_triton_long_conv`.

Kernels are not type-checked: a wrapper would be in the compiler's way.
Nothing but the inputs is kept for the way back. Sums are in float32 whatever comes in.
Imported only where it is asked for; needs Triton and a GPU, or Triton's interpreter.
"""

import math
from functools import lru_cache
from typing import Any, no_type_check

import torch
import triton
import triton.language as tl
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from hyenascope.ops._triton_launch import (
    NotCompiledError,
    Operands,
    alike,
    launching,
)
from hyenascope.ops._triton_long_conv import long_conv, long_gradients
from hyenascope.ops._triton_transform import (
    PRECISION,
    Roots,
    inverse,
    load_pair,
    load_product,
    skip_and_gate,
    store_pair,
    table,
    transform,
)
from hyenascope.ops.fft_conv import filter_spectrum, notice, spectral_conv

LONGEST = 2**20
"""Positions of the longest input."""

__all__ = ["LONGEST", "NotCompiledError", "fused_conv", "takes"]

_IN_ONE = 8_192  # points of a transform that fit the shared memory of one program
_SHORTEST_TRANSFORM = 512  # so that no side of a product is below 16
_DTYPES = (torch.float32, torch.float16, torch.bfloat16)
_PROGRAMS = 512  # wanted on the way back, where batches are added up


def takes(v: Tensor) -> bool:
    """Whether `fused_conv` would run on such an input."""
    there = v.device.type == "cuda" or _interpreted()
    return there and v.shape[-1] <= LONGEST and v.dtype in _DTYPES


def fused_conv(
    v: Float[Tensor, "batch channels length"],
    k: Float[Tensor, "channels taps"],
    skip: Float[Tensor, " channels"],
    gates: tuple[
        Float[Tensor, "batch channels length"], Float[Tensor, "batch channels length"]
    ]
    | None = None,
) -> Float[Tensor, "batch channels length"]:
    """Return ``x0 * (conv(u, k) + skip * u)`` with ``u = v * x1``; once differentiable.

    Parameters
    ----------
    v
        float32, float16 or bfloat16, as the result is.
    k
        Causal filters; taps beyond the length are not reached.
    skip
        Weight of ``u`` itself.
    gates
        ``x0`` and ``x1``, like ``v``; ones if None.

    Raises
    ------
    ValueError
        If the input is longer than `LONGEST`, in float64, or not where a kernel runs.
    NotCompiledError
        If Triton cannot build the kernel, for want of a compiler or of shared memory.
    """
    if v.shape[-1] > LONGEST:
        raise ValueError(
            f"u must have at most {LONGEST:,} positions with backend='triton'; "
            f"got {v.shape[-1]:,}."
        )
    if v.dtype not in _DTYPES:
        raise ValueError(
            "u must be float32, float16 or bfloat16 with backend='triton'; got "
            f"{v.dtype}."
        )
    if v.device.type != "cuda" and not _interpreted():
        raise ValueError(
            f"u must be on a GPU with backend='triton'; got {v.device}. "
            "TRITON_INTERPRET=1 runs kernels on a CPU, slowly."
        )
    x0, x1 = (None, None) if gates is None else gates
    _check_shapes(v, k, skip, x0, x1)
    if v.numel() == 0:
        return v.clone()
    taps = k.float()[:, : v.shape[-1]]
    y: Tensor = _FusedConv.apply(v, taps, skip.float(), x0, x1)
    return y


def _check_shapes(
    v: Tensor, k: Tensor, skip: Tensor, x0: Tensor | None, x1: Tensor | None
) -> None:
    """Refuse what the kernels would read beyond its end."""
    for name, gate in (("x0", x0), ("x1", x1)):
        if gate is not None and gate.shape != v.shape:
            raise ValueError(
                f"{name} must have the shape of v, {tuple(v.shape)}; got "
                f"{tuple(gate.shape)}."
            )
    channels = v.shape[1]
    for name, given in (("k", k), ("bias", skip)):
        if len(given) != channels:
            raise ValueError(
                f"{name} must have {channels} channels, as v has; got {len(given)}."
            )
    others = [x.device for x in (k, skip, x0, x1) if x is not None]
    if any(device != v.device for device in others):
        raise ValueError(f"k, bias and gates must be on {v.device}; got {others}.")


def _size(length: int) -> int:
    """Points of the transform."""
    return max(_SHORTEST_TRANSFORM, 2 ** math.ceil(math.log2(max(2, 2 * length - 1))))


class _FusedConv(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, *given: Tensor | None) -> Tensor:
        ctx.save_for_backward(*given)
        own = Operands(*given)  # type: ignore[arg-type]
        v, x0, x1 = alike(own.v, own.x0, own.x1)
        batch, channels, length = v.shape
        size, gated = _size(length), x0 is not None
        if size > _IN_ONE:
            return long_conv(Operands(v, own.k, own.skip, x0, x1), size)
        plan = _Plan.of(size, v.device)
        spectrum, skip = plan.spectrum(own.k), own.skip.contiguous()
        y = torch.empty(v.shape, dtype=v.dtype, device=v.device)
        with launching("forward", v, size, gated=gated):
            _forward[(-(-batch // 2), channels)](
                *(v, x0, x1, y, spectrum, skip),
                *(plan.roots.first, plan.roots.second, plan.roots.twiddle),
                *(batch, length, v.stride(0), v.stride(1), y.stride(0), y.stride(1)),
                **plan.constants(gated=gated),
            )
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        own = Operands(*ctx.saved_tensors)
        try:
            return _fused_gradients(own, grad.contiguous())
        except NotCompiledError as err:
            notice(str(err))
            return _gradients(own, grad)


def _fused_gradients(own: Operands, grad: Tensor) -> Operands:
    v, x0, x1 = alike(own.v, own.x0, own.x1)
    gated = x0 is not None
    batch, channels, length = v.shape
    size = _size(length)
    if size > _IN_ONE:
        return long_gradients(Operands(v, own.k, own.skip, x0, x1), grad, size)
    plan = _Plan.of(size, v.device)
    spectrum, skip = plan.spectrum(own.k), own.skip.contiguous()
    pairs = -(-batch // 2)
    splits = min(pairs, max(1, _PROGRAMS // channels))
    of_v, of_x0, of_x1 = (
        torch.empty_like(grad) if wanted else None for wanted in (True, gated, gated)
    )
    of_spectrum = torch.empty(splits, channels, 2, plan.size, device=v.device)
    of_skip = torch.empty(splits, channels, device=v.device)
    with launching("backward", v, size, gated=gated):
        _backward[(channels, splits)](
            *(v, x0, x1, grad, of_v, of_x0, of_x1),
            *(spectrum, skip, of_spectrum, of_skip),
            *(plan.roots.first, plan.roots.second, plan.roots.twiddle),
            *(batch, length, channels, -(-pairs // splits)),
            *(v.stride(0), v.stride(1), grad.stride(0), grad.stride(1)),
            **plan.constants(gated=gated),
        )
    of_k = plan.taps(of_spectrum.sum(0), own.k.shape[-1])
    assert of_v is not None
    return Operands(of_v, of_k, of_skip.sum(0), of_x0, of_x1)


def _gradients(own: Operands, grad: Tensor) -> Operands:
    """Gradients by PyTorch, where the kernel of the way back does not compile."""
    given = [x.detach().requires_grad_() for x in own if x is not None]
    v, k, skip, *gates = given
    with torch.enable_grad():
        u = v * gates[1] if gates else v
        y = spectral_conv(u, filter_spectrum(k, u.shape[-1]), bias=skip)
        y = gates[0] * y if gates else y
    of_x0, of_x1 = None, None
    of_v, of_k, of_skip, *of_gates = torch.autograd.grad(y, given, grad)
    if of_gates:
        of_x0, of_x1 = of_gates
    return Operands(of_v, of_k, of_skip, of_x0, of_x1)


class _Plan:
    """Matrices of a transform, and filters as the kernels read them."""

    def __init__(self, size: int, device: torch.device) -> None:
        self.size = size
        self.n1 = 2 ** math.ceil(math.log2(size) / 2)
        self.n2 = size // self.n1
        self.roots = Roots(self.n1, self.n2, device)

    @staticmethod
    @lru_cache(maxsize=32)
    def of(size: int, device: torch.device) -> "_Plan":
        return _Plan(size, device)

    def spectrum(self, k: Tensor) -> Float[Tensor, "channels 2 size"]:
        """Transform filters, divided by the size, as [f1, f2]."""
        k_f = torch.fft.fft(k, n=self.size) / self.size
        laid_out = k_f.unflatten(-1, (self.n2, self.n1)).mT.flatten(-2)
        return torch.stack([laid_out.real, laid_out.imag], dim=1).contiguous()

    def taps(
        self, spectrum: Float[Tensor, "channels 2 size"], count: int
    ) -> Float[Tensor, "channels taps"]:
        """Turn the gradient of spectra back into that of taps."""
        laid_out = torch.complex(spectrum[:, 0], spectrum[:, 1])
        k_f = laid_out.unflatten(-1, (self.n1, self.n2)).mT.flatten(-2)
        return torch.fft.ifft(k_f).real[:, :count]

    def constants(self, *, gated: bool) -> dict[str, Any]:
        return {
            "GATED": gated,
            "N1": self.n1,
            "N2": self.n2,
            "PRECISION": PRECISION,
            "num_stages": 1,  # more would need the shared memory of two sequences
            "num_warps": 4 if self.size <= 2_048 else 8 if self.size <= 4_096 else 16,
        }


def _interpreted() -> bool:
    return not isinstance(_forward, triton.runtime.jit.JITFunction)


@triton.jit
@no_type_check
def _forward(
    v,
    x0,
    x1,
    y,
    spectrum,
    skip,
    first,
    second,
    twiddle,
    batch,
    length,
    v_row,
    v_channel,
    y_row,
    y_channel,
    GATED: tl.constexpr,
    N1: tl.constexpr,
    N2: tl.constexpr,
    PRECISION: tl.constexpr,
):
    row, channel = 2 * tl.program_id(0), tl.program_id(1)
    n = tl.arange(0, N1 // 2)[:, None] * N2 + tl.arange(0, N2)[None, :]
    inside = n < length
    both = inside & (n * 0 + row + 1 < batch)
    at = row.to(tl.int64) * v_row + channel * v_channel + n
    ur, ui = load_product(v, at, v_row, x1, at, v_row, inside, both, GATED)
    cr, ci = transform(ur, ui, first, second, twiddle, N1, N2, N1 // 2, PRECISION)
    kr, ki = table(spectrum + channel * 2 * N1 * N2, N1, N2, N2, N1 * N2)
    pr, pi = cr * kr - ci * ki, cr * ki + ci * kr
    yr, yi = inverse(pr, pi, first, second, twiddle, N1, N2, N1 // 2, PRECISION)
    weight = tl.load(skip + channel)
    yr, yi = skip_and_gate(yr, yi, ur, ui, weight, x0, at, v_row, inside, both, GATED)
    to = row.to(tl.int64) * y_row + channel * y_channel + n
    store_pair(y, to, y_row, inside, both, yr, yi)


@triton.jit
@no_type_check
def _backward(
    v,
    x0,
    x1,
    grad,
    of_v,
    of_x0,
    of_x1,
    spectrum,
    skip,
    of_spectrum,
    of_skip,
    first,
    second,
    twiddle,
    batch,
    length,
    channels,
    pairs,
    v_row,
    v_channel,
    grad_row,
    grad_channel,
    GATED: tl.constexpr,
    N1: tl.constexpr,
    N2: tl.constexpr,
    PRECISION: tl.constexpr,
):
    channel, split = tl.program_id(0), tl.program_id(1)
    n = tl.arange(0, N1 // 2)[:, None] * N2 + tl.arange(0, N2)[None, :]
    inside = n < length
    kr, ki = table(spectrum + channel * 2 * N1 * N2, N1, N2, N2, N1 * N2)
    weight = tl.load(skip + channel)
    sum_r = tl.zeros([N1, N2], dtype=tl.float32)
    sum_i = tl.zeros([N1, N2], dtype=tl.float32)
    sum_skip = tl.zeros([N1 // 2, N2], dtype=tl.float32)
    for pair in range(pairs):
        row = 2 * (split * pairs + pair)
        here = inside & (n * 0 + row < batch)
        both = inside & (n * 0 + row + 1 < batch)
        at = row.to(tl.int64) * v_row + channel * v_channel + n
        to = row.to(tl.int64) * grad_row + channel * grad_channel + n
        ur, ui = load_pair(v, at, v_row, here, both)
        gr, gi = load_pair(grad, to, grad_row, here, both)
        if GATED:
            vr, vi = ur, ui
            x1r, x1i = load_pair(x1, at, v_row, here, both)
            ur, ui = ur * x1r, ui * x1i
        cr, ci = transform(ur, ui, first, second, twiddle, N1, N2, N1 // 2, PRECISION)
        if GATED:
            pr, pi = cr * kr - ci * ki, cr * ki + ci * kr
            yr, yi = inverse(pr, pi, first, second, twiddle, N1, N2, N1 // 2, PRECISION)
            yr, yi = (yr + weight * ur) * gr, (yi + weight * ui) * gi
            store_pair(of_x0, to, grad_row, here, both, yr, yi)
            x0r, x0i = load_pair(x0, at, v_row, here, both)
            gr, gi = gr * x0r, gi * x0i
        er, ei = transform(gr, gi, first, second, twiddle, N1, N2, N1 // 2, PRECISION)
        # Of two real signals in one, the real part is the sum of what each gives.
        sum_r += cr * er + ci * ei
        sum_i += cr * ei - ci * er
        sum_skip += ur * gr + ui * gi
        pr, pi = er * kr + ei * ki, ei * kr - er * ki
        dr, di = inverse(pr, pi, first, second, twiddle, N1, N2, N1 // 2, PRECISION)
        dr, di = dr + weight * gr, di + weight * gi
        if GATED:
            store_pair(of_x1, to, grad_row, here, both, dr * vr, di * vi)
            dr, di = dr * x1r, di * x1i
        store_pair(of_v, to, grad_row, here, both, dr, di)
    f = tl.arange(0, N1)[:, None] * N2 + tl.arange(0, N2)[None, :]
    place = of_spectrum + (split * channels + channel) * 2 * N1 * N2
    tl.store(place + f, sum_r)
    tl.store(place + N1 * N2 + f, sum_i)
    tl.store(of_skip + split * channels + channel, tl.sum(tl.sum(sum_skip, 1), 0))
