"""The gated convolution above what one program holds: kernels over memory.

The transform of N = N1·N2 points takes the same four steps as in `_triton_transform`,
now between programs: along the columns, with the gate in front and the twiddle behind;
along the rows, where the filter multiplies and the way back begins in the same
program, in place; and along the columns again, with skip and gate behind. In between
lies one complex number of float32 per point and two sequences. Of the columns only the
half that is not zero is read and written. On the way back all of it is made again, in
four launches: both what went in and the gradient go along the columns.

A few channels at a time, so that what lies in between, and their spectra, stay about
below `WORK_BYTES`. The kernels are in `_triton_long_kernels`.
"""

import math
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from hyenascope.ops import _triton_long_kernels as kernels
from hyenascope.ops._triton_launch import Operands, launching
from hyenascope.ops._triton_transform import PRECISION, Roots, roots

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
            plan.run(kernels.rows, v, (work, spectrum, *plan.rows), rows=True)
            given = (v, x0, x1, to, work, skip.contiguous(), plan.columns)
            strides = (*v.stride()[:2], *to.stride()[:2])
            plan.run(kernels.leave, v, (*given, *v.shape, *strides), GATED=gated)
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
            plan.run(kernels.rows_back, v, given, grid=plan.n1, rows=True, GATED=gated)
            rows = (v, x0, x1, g, of_v, of_x0, of_x1, work, back)
            ends = (skip.contiguous(), of_skip, plan.columns, *v.shape, *strides)
            plan.run(kernels.leave_back, v, (*rows, *ends), GATED=gated)
        made.k[channels] = plan.taps(of_spectrum, k.shape[-1])
        made.skip[channels] = of_skip.sum(0)
    return made


def _few_channels(
    own: Operands, size: int, *, buffers: int
) -> Iterator[tuple[slice, Operands]]:
    """Cut the operands so that the buffers between kernels stay small.

    Of a channel there are as many as pairs of sequences, times ``buffers``, and three
    for its spectrum: as it is made, as it is read, and its gradient.
    """
    pairs, total = -(-len(own.v) // 2), own.v.shape[1]
    step = max(1, WORK_BYTES // (8 * size * (pairs * buffers + 3)))
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
        return -(-len(v) // 2) * (self.n2 // _WIDE)

    def into(
        self, v: Float[Tensor, "batch channels length"], gate: Tensor | None
    ) -> Float[Tensor, "pairs channels 2 size"]:
        """Transform ``v``, or its product with ``gate``, along the columns."""
        shape = (-(-len(v) // 2), v.shape[1], 2, self.n1 * self.n2)
        work = torch.empty(shape, device=v.device)
        other = v if gate is None else gate
        strides = (*v.stride()[:2], *other.stride()[:2])
        given = (v, gate, work, self.columns, *v.shape, *strides)
        self.run(kernels.enter, v, given, GATED=gate is not None)
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
            warps = 4 if self.n2 <= 2_048 else 8
            return shared | {"M1": self.m1, "M2": self.m2, "num_warps": warps}
        warps = 4 if self.n1 < 128 else 8
        part = min(_PART, self.n1 // 2)
        shared |= {"WIDE": _WIDE, "AT_ONCE": _AT_ONCE, "PART": part}
        return shared | {"num_warps": warps}
