"""Kernels of `_triton_long_conv`, each for one channel of two sequences.

Between them lies "pairs channels 2 f1 n2", real and imaginary parts apart, and along
the rows f1 the transform of n2 in the order of `_triton_transform`.
"""

from typing import no_type_check

import triton
import triton.language as tl

from hyenascope.ops._triton_transform import (
    inverse,
    load_pair,
    load_product,
    product,
    skip_and_gate,
    store_pair,
    table,
    transform,
)


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
def enter(
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
            also = _at(pair, gate_row, gate_channel) + n
            ur, ui = load_product(
                v, at, v_row, gate, also, gate_row, inside, both, GATED
            )
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
    """Undo what `enter` does behind the gate, for the first half of the positions."""
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
def rows(
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
def leave(
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
    ur, ui = load_product(v, at, v_row, x1, at, v_row, inside, both, GATED)
    weight = tl.load(skip + tl.program_id(1))
    yr, yi = skip_and_gate(yr, yi, ur, ui, weight, x0, at, v_row, inside, both, GATED)
    to = _at(pair, y_row, y_channel) + n
    store_pair(y, to, y_row, inside, both, yr, yi)


@triton.jit
@no_type_check
def rows_back(
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
def leave_back(
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
