"""The gated convolution above what one program holds: three kernels over memory.

The transform of N = N1·N2 points takes the same four steps as in `_triton_transform`,
now between programs: along the columns, with the gate in front and the twiddle behind;
along the rows, where the filter multiplies and the way back begins in the same
program, in place; and along the columns again, with skip and gate behind. In between
lies one complex number of float32 per point and two sequences. Of the columns only the
half that is not zero is read and written. On the way back all of it is made again.

A few channels at a time, so that what lies in between stays below `WORK_BYTES`.
"""

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, no_type_check

import torch
import triton
import triton.language as tl
from jaxtyping import Float
from torch import Tensor

from hyenascope.ops._triton_launch import Operands, launching
from hyenascope.ops._triton_transform import (
    PRECISION,
    Roots,
    inverse,
    load_pair,
    product,
    roots,
    store_pair,
    table,
    transform,
)

WORK_BYTES = 2**30
_ROW = 2_048  # points that one program transforms with few spills
_LONGEST_ROW = 4_096  # twice as many would not fit its shared memory
_COLUMN = (32, 256)  # least and most points of a column, where rows leave the choice
_WIDE = 16  # columns of one program
_AT_ONCE = 32  # of their frequencies
_PART = 64  # of their positions, so that a part of the matrix fits the registers


def long_conv(own: Operands, size: int) -> Float[Tensor, "batch channels length"]:
    """Return what `hyenascope.ops._triton_fft_conv.fused_conv` does, from alike views.

    ``size`` is the number of points, a power of two.
    """
    plan = Plan.of(size, own.v.device)
    y = torch.empty(own.v.shape, dtype=own.v.dtype, device=own.v.device)
    gated = own.x0 is not None
    for channels, some in _few_channels(own, size, buffers=1):
        v, k, skip, x0, x1 = some
        to, spectrum = y[:, channels], plan.spectrum(k)
        with launching("long forward", v, size, gated=gated):
            work = plan.into(v, x1)
            plan.run(_rows, v, (work, spectrum, *plan.rows), rows=True)
            given = (v, x0, x1, to, work, skip.contiguous(), plan.columns)
            strides = (*v.stride()[:2], *to.stride()[:2])
            plan.run(_leave, v, (*given, *v.shape, *strides), GATED=gated)
    return y


def long_gradients(
    own: Operands, grad: Float[Tensor, "batch channels length"], size: int
) -> Operands:
    """Return the gradients of `long_conv`; ``grad`` is contiguous."""
    plan = Plan.of(size, own.v.device)
    gated = own.x0 is not None
    made = Operands(
        torch.empty_like(grad),
        torch.empty(own.k.shape, device=grad.device),
        torch.empty(own.skip.shape, device=grad.device),
        torch.empty_like(grad) if gated else None,
        torch.empty_like(grad) if gated else None,
    )
    for channels, some in _few_channels(own, size, buffers=2):
        v, k, skip, x0, x1 = some
        of_v, of_x0, of_x1 = (
            None if x is None else x[:, channels] for x in (made.v, made.x0, made.x1)
        )
        g, spectrum = grad[:, channels], plan.spectrum(k)
        of_spectrum = torch.empty_like(spectrum)
        of_skip = torch.empty(plan.programs(v), v.shape[1], device=v.device)
        with launching("long backward", v, size, gated=gated):
            work, back = plan.into(v, x1), plan.into(g, x0)
            pairs, strides = -(-len(v) // 2), (*v.stride()[:2], *g.stride()[:2])
            given = (work, back, spectrum, of_spectrum, *plan.rows, pairs)
            plan.run(_rows_back, v, given, grid=plan.n1, rows=True, GATED=gated)
            rows = (v, x0, x1, g, of_v, of_x0, of_x1, work, back)
            ends = (skip.contiguous(), of_skip, plan.columns, *v.shape, *strides)
            plan.run(_leave_back, v, (*rows, *ends), GATED=gated)
        made.k[channels] = plan.taps(of_spectrum, k.shape[-1])
        made.skip[channels] = of_skip.sum(0)
    return made


def _few_channels(
    own: Operands, size: int, *, buffers: int
) -> Iterator[tuple[slice, Operands]]:
    """Cut the operands so that the buffers between kernels stay small."""
    pairs, total = -(-len(own.v) // 2), own.v.shape[1]
    step = max(1, WORK_BYTES // (8 * size * pairs * buffers))
    for at in range(0, total, step):
        channels = slice(at, min(at + step, total))
        v, k, skip, *gates = own
        x0, x1 = (None if x is None else x[:, channels] for x in gates)
        yield channels, Operands(v[:, channels], k[channels], skip[channels], x0, x1)


class Plan:
    """How a transform is cut, its matrices, and filters as the kernels read them."""

    def __init__(self, size: int, device: torch.device) -> None:
        least, most = _COLUMN
        self.n1 = max(min(most, max(least, size // _ROW)), size // _LONGEST_ROW)
        self.n2 = size // self.n1
        self.m1 = 2 ** math.ceil(math.log2(self.n2) / 2)
        self.m2 = self.n2 // self.m1
        turns = torch.arange(self.n1, dtype=torch.float64)
        self.columns = roots(torch.outer(turns, turns) / self.n1, device)
        row = Roots(self.m1, self.m2, device)
        self.rows = (row.first, row.second, row.twiddle)

    @staticmethod
    @lru_cache(maxsize=32)
    def of(size: int, device: torch.device) -> "Plan":
        """Make it once."""
        return Plan(size, device)

    def spectrum(
        self, k: Float[Tensor, "channels taps"]
    ) -> Float[Tensor, "channels 2 size"]:
        """Transform filters, divided by the size, in the order that rows leave."""
        size = self.n1 * self.n2
        k_f = torch.fft.fft(k, n=size) / size
        laid_out = k_f.unflatten(-1, (self.m2, self.m1, self.n1)).permute(0, 3, 2, 1)
        return torch.stack([laid_out.real, laid_out.imag], dim=1).flatten(2)

    def taps(
        self, spectrum: Float[Tensor, "channels 2 size"], count: int
    ) -> Float[Tensor, "channels taps"]:
        """Turn the gradient of spectra back into that of taps."""
        laid_out = torch.complex(spectrum[:, 0], spectrum[:, 1])
        k_f = laid_out.unflatten(-1, (self.n1, self.m1, self.m2)).permute(0, 3, 2, 1)
        return torch.fft.ifft(k_f.flatten(1)).real[:, :count]

    def programs(self, v: Tensor) -> int:
        """Count those along the columns: all blocks of all pairs of sequences."""
        return -(-len(v) // 2) * (self.n2 // min(_WIDE, self.n2))

    def into(
        self, v: Float[Tensor, "batch channels length"], gate: Tensor | None
    ) -> Float[Tensor, "pairs channels 2 size"]:
        """Transform ``v``, or its product with ``gate``, along the columns."""
        shape = (-(-len(v) // 2), v.shape[1], 2, self.n1 * self.n2)
        work = torch.empty(shape, device=v.device)
        other = v if gate is None else gate
        strides = (*v.stride()[:2], *other.stride()[:2])
        given = (v, gate, work, self.columns, *v.shape, *strides)
        self.run(_enter, v, given, GATED=gate is not None)
        return work

    def run(
        self,
        kernel: Any,
        v: Tensor,
        given: tuple[object, ...],
        *,
        rows: bool = False,
        grid: int | None = None,
        **constants: bool,
    ) -> None:
        """Launch a kernel for every channel of ``v``."""
        constants |= self.constants(rows=rows)
        if grid is None:
            grid = -(-len(v) // 2) * self.n1 if rows else self.programs(v)
        kernel[(grid, v.shape[1])](*given, **constants)

    def constants(self, *, rows: bool) -> dict[str, Any]:
        """Give what a kernel along the rows, or the columns, is compiled for."""
        shared = {"N1": self.n1, "N2": self.n2, "PRECISION": PRECISION}
        shared["num_stages"] = 1  # more would need the shared memory of two pieces
        if rows:
            warps = 4 if self.n2 <= 2_048 else 8 if self.n2 <= 4_096 else 16
            return shared | {"M1": self.m1, "M2": self.m2, "num_warps": warps}
        warps = 4 if self.n1 < 128 else 8
        shared |= {"WIDE": min(_WIDE, self.n2), "AT_ONCE": min(_AT_ONCE, self.n1)}
        return shared | {"PART": min(_PART, self.n1 // 2), "num_warps": warps}


@triton.jit
@no_type_check
def _columns(batch, length, N1: tl.constexpr, N2: tl.constexpr, WIDE: tl.constexpr):
    """Name a program's pair, its columns n2, and the positions that are there."""
    program = tl.program_id(0)
    pair = program // (N2 // WIDE)
    column = (program % (N2 // WIDE)) * WIDE + tl.arange(0, WIDE)[None, :]
    n = tl.arange(0, N1 // 2)[:, None] * N2 + column
    inside = n < length
    both = inside & (n * 0 + 2 * pair + 1 < batch)
    return pair, column, n, inside, both


@triton.jit
@no_type_check
def _at(pair, row, channel):
    """Where the first sequence of a pair begins."""
    return 2 * pair.to(tl.int64) * row + tl.program_id(1).to(tl.int64) * channel


@triton.jit
@no_type_check
def _work(work, pair, channels, N1: tl.constexpr, N2: tl.constexpr):
    """Where a pair's channel lies between the kernels."""
    return work + (pair.to(tl.int64) * channels + tl.program_id(1)) * (2 * N1 * N2)


@triton.jit
@no_type_check
def _turn(f1, column, N: tl.constexpr):
    """Twiddle of frequency f1 and column n2: their product is below N, so exact."""
    steps = f1 * column
    steps = tl.where(steps > N // 2, steps - N, steps)
    angle = steps.to(tl.float32) * (-6.283185307179586 / N)
    return tl.cos(angle), tl.sin(angle)


@triton.jit
@no_type_check
def _enter(
    v,
    gate,
    work,
    columns,
    batch,
    channels,
    length,
    v_row,
    v_channel,
    gate_row,
    gate_channel,
    GATED: tl.constexpr,
    N1: tl.constexpr,
    N2: tl.constexpr,
    WIDE: tl.constexpr,
    AT_ONCE: tl.constexpr,
    PART: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Gate, transform along n1, and twiddle."""
    pair, column, _, _, _ = _columns(batch, length, N1, N2, WIDE)
    to = _work(work, pair, channels, N1, N2)
    for start in range(0, N1, AT_ONCE):
        wr = tl.zeros([AT_ONCE, WIDE], dtype=tl.float32)
        wi = tl.zeros([AT_ONCE, WIDE], dtype=tl.float32)
        for part in range(0, N1 // 2, PART):  # read again, from cache
            n = (part + tl.arange(0, PART)[:, None]) * N2 + column
            inside = n < length
            both = inside & (n * 0 + 2 * pair + 1 < batch)
            at = _at(pair, v_row, v_channel) + n
            ur, ui = load_pair(v, at, v_row, inside, both)
            if GATED:
                at = _at(pair, gate_row, gate_channel) + n
                gr, gi = load_pair(gate, at, gate_row, inside, both)
                ur, ui = ur * gr, ui * gi
            fr, fi = table(columns + start * N1 + part, AT_ONCE, PART, N1, N1 * N1)
            dr, di = product(fr, fi, ur, ui, PRECISION)
            wr += dr
            wi += di
        f1 = start + tl.arange(0, AT_ONCE)[:, None]
        tr, ti = _turn(f1, column, N1 * N2)
        tl.store(to + f1 * N2 + column, wr * tr - wi * ti)
        tl.store(to + N1 * N2 + f1 * N2 + column, wr * ti + wi * tr)


@triton.jit
@no_type_check
def _columns_back(
    work,
    columns,
    column,
    N1: tl.constexpr,
    N2: tl.constexpr,
    WIDE: tl.constexpr,
    AT_ONCE: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Undo what `_enter` does behind the gate, for the first half of the positions."""
    yr = tl.zeros([N1 // 2, WIDE], dtype=tl.float32)
    yi = tl.zeros([N1 // 2, WIDE], dtype=tl.float32)
    for start in range(0, N1, AT_ONCE):
        f1 = start + tl.arange(0, AT_ONCE)[:, None]
        wr = tl.load(work + f1 * N2 + column)
        wi = tl.load(work + N1 * N2 + f1 * N2 + column)
        tr, ti = _turn(f1, column, N1 * N2)
        fr, fi = table(columns + start, N1 // 2, AT_ONCE, N1, N1 * N1)
        dr, di = product(fr, -fi, wr * tr + wi * ti, wi * tr - wr * ti, PRECISION)
        yr += dr
        yi += di
    return yr, yi


@triton.jit
@no_type_check
def _rows(
    work,
    spectrum,
    first,
    second,
    twiddle,
    N1: tl.constexpr,
    N2: tl.constexpr,
    M1: tl.constexpr,
    M2: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Transform one row, multiply by the filter, and turn back, in place."""
    pair, f1 = tl.program_id(0) // N1, tl.program_id(0) % N1
    row = _work(work, pair, tl.num_programs(1), N1, N2) + f1 * N2
    cr, ci = table(row, M1, M2, M2, N1 * N2)
    cr, ci = transform(cr, ci, first, second, twiddle, M1, M2, M1, PRECISION)
    of_row = spectrum + tl.program_id(1).to(tl.int64) * (2 * N1 * N2) + f1 * N2
    kr, ki = table(of_row, M1, M2, M2, N1 * N2)
    pr, pi = cr * kr - ci * ki, cr * ki + ci * kr
    yr, yi = inverse(pr, pi, first, second, twiddle, M1, M2, M1, PRECISION)
    _store_row(row, yr, yi, M1, M2, N1 * N2)


@triton.jit
@no_type_check
def _store_row(row, yr, yi, M1: tl.constexpr, M2: tl.constexpr, SIZE: tl.constexpr):
    at = tl.arange(0, M1)[:, None] * M2 + tl.arange(0, M2)[None, :]
    tl.store(row + at, yr)
    tl.store(row + SIZE + at, yi)


@triton.jit
@no_type_check
def _leave(
    v,
    x0,
    x1,
    y,
    work,
    skip,
    columns,
    batch,
    channels,
    length,
    v_row,
    v_channel,
    y_row,
    y_channel,
    GATED: tl.constexpr,
    N1: tl.constexpr,
    N2: tl.constexpr,
    WIDE: tl.constexpr,
    AT_ONCE: tl.constexpr,
    PART: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Turn back along n1, add the skip, and gate."""
    pair, column, n, inside, both = _columns(batch, length, N1, N2, WIDE)
    source = _work(work, pair, channels, N1, N2)
    yr, yi = _columns_back(source, columns, column, N1, N2, WIDE, AT_ONCE, PRECISION)
    at = _at(pair, v_row, v_channel) + n
    ur, ui = load_pair(v, at, v_row, inside, both)
    if GATED:
        gr, gi = load_pair(x1, at, v_row, inside, both)
        ur, ui = ur * gr, ui * gi
    weight = tl.load(skip + tl.program_id(1))
    yr, yi = yr + weight * ur, yi + weight * ui
    if GATED:
        gr, gi = load_pair(x0, at, v_row, inside, both)
        yr, yi = yr * gr, yi * gi
    to = _at(pair, y_row, y_channel) + n
    store_pair(y, to, y_row, inside, both, yr, yi)


@triton.jit
@no_type_check
def _rows_back(
    work,
    back,
    spectrum,
    of_spectrum,
    first,
    second,
    twiddle,
    pairs,
    GATED: tl.constexpr,
    N1: tl.constexpr,
    N2: tl.constexpr,
    M1: tl.constexpr,
    M2: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Do one row of all pairs: the filter's gradient, and both ways through it."""
    f1, channels = tl.program_id(0), tl.num_programs(1)
    apart = channels.to(tl.int64) * (2 * N1 * N2)
    own = tl.program_id(1).to(tl.int64) * (2 * N1 * N2) + f1 * N2
    kr, ki = table(spectrum + own, M1, M2, M2, N1 * N2)
    sum_r = tl.zeros([M1, M2], dtype=tl.float32)
    sum_i = tl.zeros([M1, M2], dtype=tl.float32)
    at = own
    for _ in range(pairs):
        cr, ci = table(work + at, M1, M2, M2, N1 * N2)
        cr, ci = transform(cr, ci, first, second, twiddle, M1, M2, M1, PRECISION)
        er, ei = table(back + at, M1, M2, M2, N1 * N2)
        er, ei = transform(er, ei, first, second, twiddle, M1, M2, M1, PRECISION)
        # Of two real signals in one, the real part is the sum of what each gives.
        sum_r += cr * er + ci * ei
        sum_i += cr * ei - ci * er
        if GATED:  # what `x0` met
            pr, pi = cr * kr - ci * ki, cr * ki + ci * kr
            yr, yi = inverse(pr, pi, first, second, twiddle, M1, M2, M1, PRECISION)
            _store_row(work + at, yr, yi, M1, M2, N1 * N2)
        pr, pi = er * kr + ei * ki, ei * kr - er * ki
        dr, di = inverse(pr, pi, first, second, twiddle, M1, M2, M1, PRECISION)
        _store_row(back + at, dr, di, M1, M2, N1 * N2)
        at += apart
    _store_row(of_spectrum + own, sum_r, sum_i, M1, M2, N1 * N2)


@triton.jit
@no_type_check
def _leave_back(
    v,
    x0,
    x1,
    grad,
    of_v,
    of_x0,
    of_x1,
    work,
    back,
    skip,
    of_skip,
    columns,
    batch,
    channels,
    length,
    v_row,
    v_channel,
    grad_row,
    grad_channel,
    GATED: tl.constexpr,
    N1: tl.constexpr,
    N2: tl.constexpr,
    WIDE: tl.constexpr,
    AT_ONCE: tl.constexpr,
    PART: tl.constexpr,
    PRECISION: tl.constexpr,
):
    """Turn both back along n1, and write what reaches the rows and the skip."""
    pair, column, n, inside, both = _columns(batch, length, N1, N2, WIDE)
    at = _at(pair, v_row, v_channel) + n
    to = _at(pair, grad_row, grad_channel) + n
    weight = tl.load(skip + tl.program_id(1))
    ur, ui = load_pair(v, at, v_row, inside, both)
    gr, gi = load_pair(grad, to, grad_row, inside, both)
    if GATED:
        vr, vi = ur, ui
        x1r, x1i = load_pair(x1, at, v_row, inside, both)
        ur, ui = ur * x1r, ui * x1i
        source = _work(work, pair, channels, N1, N2)
        yr, yi = _columns_back(
            source, columns, column, N1, N2, WIDE, AT_ONCE, PRECISION
        )
        yr, yi = (yr + weight * ur) * gr, (yi + weight * ui) * gi
        store_pair(of_x0, to, grad_row, inside, both, yr, yi)
        x0r, x0i = load_pair(x0, at, v_row, inside, both)
        gr, gi = gr * x0r, gi * x0i
    source = _work(back, pair, channels, N1, N2)
    dr, di = _columns_back(source, columns, column, N1, N2, WIDE, AT_ONCE, PRECISION)
    dr, di = dr + weight * gr, di + weight * gi
    place = of_skip + tl.program_id(0) * channels + tl.program_id(1)
    tl.store(place, tl.sum(tl.sum(ur * gr + ui * gi, 1), 0))
    if GATED:
        store_pair(of_x1, to, grad_row, inside, both, dr * vr, di * vi)
        dr, di = dr * x1r, di * x1i
    store_pair(of_v, to, grad_row, inside, both, dr, di)
