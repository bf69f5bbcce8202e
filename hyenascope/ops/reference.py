"""The O(length²) definitions that every fast kernel is tested against."""

import torch
from jaxtyping import Float
from torch import Tensor


def direct_conv(
    u: Float[Tensor, "batch channels length"],
    k: Float[Tensor, "channels taps"],
    *,
    bias: Float[Tensor, " channels"] | None = None,
) -> Float[Tensor, "batch channels length"]:
    """Long causal convolution by its definition.

    ``y[i] = sum_{j <= i} k[i - j] u[j] + bias * u[i]``, taps beyond the
    length ignored, missing taps zero.

    Examples
    --------
    >>> u = torch.tensor([[[1.0, 2.0, 3.0]]])
    >>> direct_conv(u, torch.tensor([[1.0, 10.0]]))
    tensor([[[ 1., 12., 23.]]])
    """
    toeplitz = _toeplitz(k, u.shape[-1])
    y = torch.einsum("cij,bcj->bci", toeplitz, u)
    return y if bias is None else y + bias[:, None] * u


def direct_two_sided_conv(
    u: Float[Tensor, "batch channels length"],
    k: Float[Tensor, "channels taps"],
    k_reverse: Float[Tensor, "channels taps"],
    *,
    bias: Float[Tensor, " channels"] | None = None,
) -> Float[Tensor, "batch channels length"]:
    """Convolution that sees both sides, by its definition.

    ``y[i] = sum_{j <= i} k[i - j] u[j] + sum_{j > i} k_reverse[j - i - 1] u[j]
    + bias * u[i]``: lag 0 belongs to ``k`` alone.

    Examples
    --------
    >>> u = torch.tensor([[[1.0, 2.0, 3.0]]])
    >>> one = torch.tensor([[1.0]])
    >>> direct_two_sided_conv(u, one, 10 * one)
    tensor([[[21., 32.,  3.]]])
    """
    right = direct_conv(u.flip(-1), k_reverse)[..., :-1].flip(-1)
    padded = torch.nn.functional.pad(right, (0, 1))
    return direct_conv(u, k, bias=bias) + padded


def direct_short_conv(
    u: Float[Tensor, "batch channels length"],
    weight: Float[Tensor, "channels taps"],
    bias: Float[Tensor, " channels"],
    *,
    lookahead: int = 0,
) -> Float[Tensor, "batch channels length"]:
    """Short depthwise convolution by its definition.

    ``y[i] = bias + sum_t weight[t] u[i + lookahead - (taps - 1) + t]``, zero
    outside the sequence: a cross-correlation, as in `torch.nn.Conv1d`.

    Examples
    --------
    >>> u = torch.tensor([[[1.0, 2.0, 3.0]]])
    >>> direct_short_conv(u, torch.tensor([[10.0, 1.0]]), torch.zeros(1))
    tensor([[[ 1., 12., 23.]]])
    """
    length, taps = u.shape[-1], weight.shape[-1]
    y = bias[:, None].expand_as(u).clone()
    for i in range(length):
        for t in range(taps):
            j = i + lookahead - (taps - 1) + t
            if 0 <= j < length:
                y[..., i] = y[..., i] + weight[:, t] * u[..., j]
    return y


def _toeplitz(k: Tensor, length: int) -> Tensor:
    lag = torch.arange(length)[:, None] - torch.arange(length)[None, :]
    inside = (lag >= 0) & (lag < k.shape[-1])
    return torch.where(inside, k[:, lag.clamp(0, k.shape[-1] - 1)], 0.0)
