"""A Fourier transform of N = N1·N2 points inside a Triton program.

Two products with matrices and a twiddle between them (Bailey's four steps, as in
FlashFFTConv, Fu et al. 2023, arXiv 2311.05908). With position n = n1·N2 + n2 and
frequency f = f1 + N1·f2 no step transposes, for spectra are laid out as [f1, f2] too.

Kernels are not type-checked: a wrapper would be in the compiler's way.
"""

import math
from typing import no_type_check

import torch
import triton
import triton.language as tl
from jaxtyping import Float
from torch import Tensor

PRECISION = "tf32x3"
"""Of products, for every input: tensor cores cut a factor to TF32, and half precision
would lose about 0.3 % over the products of a convolution. Three of them are as good as
one in float32."""


class Roots:
    """The two matrices and the twiddle, real and imaginary parts apart."""

    def __init__(self, n1: int, n2: int, device: torch.device) -> None:
        one, two = (torch.arange(n, dtype=torch.float64) for n in (n1, n2))
        self.first = roots(torch.outer(one, one) / n1, device)
        self.second = roots(torch.outer(two, two) / n2, device)
        self.twiddle = roots(torch.outer(one, two) / (n1 * n2), device)


def roots(
    turns: Float[Tensor, "rows columns"], device: torch.device
) -> Float[Tensor, "2 rows columns"]:
    """Cosine and sine of that many turns backwards."""
    angle = -2 * math.pi * turns
    return torch.stack([angle.cos(), angle.sin()]).float().to(device)


@triton.jit
@no_type_check
def product(ar, ai, br, bi, PRECISION: tl.constexpr):
    """Complex matrix product."""
    real = tl.dot(ar, br, input_precision=PRECISION)
    real -= tl.dot(ai, bi, input_precision=PRECISION)
    imag = tl.dot(ar, bi, input_precision=PRECISION)
    imag += tl.dot(ai, br, input_precision=PRECISION)
    return real, imag


@triton.jit
@no_type_check
def table(start, ROWS: tl.constexpr, COLUMNS: tl.constexpr, WIDTH: tl.constexpr, SIZE):
    """Rows and columns of a complex table of ``WIDTH`` columns, ``SIZE`` in all."""
    at = tl.arange(0, ROWS)[:, None] * WIDTH + tl.arange(0, COLUMNS)[None, :]
    return tl.load(start + at), tl.load(start + SIZE + at)


@triton.jit
@no_type_check
def transform(
    ur,
    ui,
    first,
    second,
    twiddle,
    N1: tl.constexpr,
    N2: tl.constexpr,
    FILLED: tl.constexpr,
    P: tl.constexpr,
):
    """Spectrum [f1, f2] of a signal [n1, n2] that is zero from n1 = ``FILLED`` on."""
    fr, fi = table(first, N1, FILLED, N1, N1 * N1)
    ar, ai = product(fr, fi, ur, ui, P)
    tr, ti = table(twiddle, N1, N2, N2, N1 * N2)
    br, bi = ar * tr - ai * ti, ar * ti + ai * tr
    gr, gi = table(second, N2, N2, N2, N2 * N2)
    return product(br, bi, gr, gi, P)


@triton.jit
@no_type_check
def inverse(
    cr,
    ci,
    first,
    second,
    twiddle,
    N1: tl.constexpr,
    N2: tl.constexpr,
    WANTED: tl.constexpr,
    P: tl.constexpr,
):
    """Turn a spectrum back into the positions below n1 = ``WANTED``, times N."""
    gr, gi = table(second, N2, N2, N2, N2 * N2)
    br, bi = product(cr, ci, gr, -gi, P)
    tr, ti = table(twiddle, N1, N2, N2, N1 * N2)
    ar, ai = br * tr + bi * ti, bi * tr - br * ti
    fr, fi = table(first, WANTED, N1, N1, N1 * N1)
    return product(fr, -fi, ar, ai, P)


@triton.jit
@no_type_check
def load_pair(start, at, stride, inside, both):
    """One channel of two sequences; the second is zero if there is none."""
    one = tl.load(start + at, mask=inside, other=0.0).to(tl.float32)
    two = tl.load(start + stride + at, mask=both, other=0.0).to(tl.float32)
    return one, two


@triton.jit
@no_type_check
def load_product(
    v, at, row, gate, gate_at, gate_row, inside, both, GATED: tl.constexpr
):
    """``v`` times its gate, if there is one."""
    ur, ui = load_pair(v, at, row, inside, both)
    if GATED:
        gr, gi = load_pair(gate, gate_at, gate_row, inside, both)
        ur, ui = ur * gr, ui * gi
    return ur, ui


@triton.jit
@no_type_check
def skip_and_gate(
    yr, yi, ur, ui, weight, gate, at, row, inside, both, GATED: tl.constexpr
):
    """Do what follows a convolution of ``u``."""
    yr, yi = yr + weight * ur, yi + weight * ui
    if GATED:
        gr, gi = load_pair(gate, at, row, inside, both)
        yr, yi = yr * gr, yi * gi
    return yr, yi


@triton.jit
@no_type_check
def store_pair(start, at, stride, inside, both, one, two):
    """Write back what `load_pair` reads."""
    tl.store(start + at, one.to(start.dtype.element_ty), mask=inside)
    tl.store(start + stride + at, two.to(start.dtype.element_ty), mask=both)
