"""A long causal convolution whose input is made while it runs.

``y[i] = Σ_{j<=i} k[i − j] u[j]`` looks at everything on the left, but no term has to
wait for i: as soon as a block of ``u`` is complete, an FFT adds what it means for the
columns after it. When n columns are known, the last m of them, m the largest power
of two that divides n, are added to the next m. Every pair ``j < i`` is met in exactly
one block, as i is the sum of its binary digits, so that L columns cost O(L log² L).

Convolving an input that is still being made is relaxed multiplication (van der
Hoeven 2002, "Relax, but don't be too lazy", J. Symb. Comput. 34, 479–542). This
tiling, for a filter known beforehand, is that of Flash Inference (Oncescu et al.
2025, arXiv 2410.12982). Blocks of less than `TILE` columns are summed directly.
"""

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from hyenascope.ops.fft_conv import next_fast_length

TILE = 32
"""Columns that are summed one by one before an FFT takes them up; a power of two."""


class OnlineConv:
    """A long causal convolution whose input comes one column at a time.

    ``y[i] = past[i] + sum_{j<=i} k[i-j] u[j] + skip u[i]``, i counted from the first
    call of `step`.

    Parameters
    ----------
    past
        What the input before the first column adds to each of the columns to come;
        `spill` makes it. Its last axis says how many there can be. Written over.
    k
        One filter per channel, at least as many taps as columns to come.
    skip
        Weight of the skip ``skip * u``.

    Raises
    ------
    ValueError
        If there are fewer taps than columns to come.

    Examples
    --------
    >>> conv = OnlineConv(torch.zeros(1, 1, 3), torch.tensor([[1.0, 10.0, 100.0]]))
    >>> [conv.step(torch.tensor([[u]])).item() for u in (1.0, 2.0, 3.0)]
    [1.0, 12.0, 123.0]
    """

    def __init__(
        self,
        past: Float[Tensor, "batch channels room"],
        k: Float[Tensor, "channels taps"],
        *,
        skip: Float[Tensor, " channels"] | None = None,
    ) -> None:
        if k.shape[-1] < past.shape[-1]:
            raise ValueError(
                f"k must have a tap for each of the {past.shape[-1]} columns to come; "
                f"got {k.shape[-1]}."
            )
        # Left of `known` lies the input, from there on what is known of the output.
        self.columns = past
        self.known = 0
        self._k, self._skip = k, skip
        # Newest input last, as it lies in `columns`.
        self._near = k[:, :TILE].flip(-1).contiguous()

    def step(
        self, u: Float[Tensor, "batch channels"]
    ) -> Float[Tensor, "batch channels"]:
        """Take the next column of the input, return that of the output.

        Raises
        ------
        ValueError
            If every column was taken.
        """
        if self.known == self.columns.shape[-1]:
            raise ValueError(
                f"u must be one of {self.columns.shape[-1]} columns that there is room "
                "for; got one more."
            )
        column = self.columns[..., self.known]
        y = column.clone()
        column.copy_(u)
        self.known += 1
        start = (self.known - 1) // TILE * TILE
        tile = self.columns[..., start : self.known]
        y += (tile * self._near[:, -tile.shape[-1] :]).sum(-1)
        if self._skip is not None:
            y.addcmul_(column, self._skip.to(y.dtype))
        if self.known % TILE == 0:
            self._spill_block()
        return y.to(u.dtype)

    def take(self, rows: Int64[Tensor, " rows"]) -> None:
        """Keep copies of these rows of the batch, in this order."""
        self.columns = self.columns[rows]

    def _spill_block(self) -> None:
        block = self.known & -self.known
        stop = min(self.known + block, self.columns.shape[-1])
        past = self.columns[..., self.known - block : self.known]
        self.columns[..., self.known : stop] += spill(past, self._k, stop - self.known)


def spill(
    past: Float[Tensor, "batch channels length"],
    k: Float[Tensor, "channels taps"],
    room: int,
) -> Float[Tensor, "batch channels room"]:
    """Return what an input adds to the ``room`` outputs of a convolution after it.

    ``y[i] = sum_j k[i - j] past[j]`` for i from ``length`` on, in float32 at least.

    Examples
    --------
    >>> past = torch.tensor([[[1.0, 2.0]]])
    >>> spill(past, torch.tensor([[1.0, 10.0, 100.0]]), 2).round(decimals=3)
    tensor([[[120., 200.]]])
    """
    length = past.shape[-1]
    if room == 0 or length == 0:
        return k.new_zeros(*past.shape[:2], room)
    # What wraps around a circle of this size falls on the first `length` outputs.
    n = next_fast_length(length + room)
    spectrum = torch.fft.rfft(k[:, : length + room], n=n)
    wide = torch.fft.rfft(past.to(k.dtype), n=n).mul_(spectrum)
    return torch.fft.irfft(wide, n=n)[..., length : length + room]
