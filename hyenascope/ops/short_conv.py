"""The short depthwise convolution in front of the gates.

`torch.nn.functional.conv1d` copies a transposed input on CPU and takes up to
a quarter of a long forward pass. Three taps are three multiply-adds over
shifted views.
"""

from typing import NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from hyenascope.ops.hand_tuned import hand_tuned


def short_conv(
    u: Float[Tensor, "batch channels length"],
    weight: Float[Tensor, "channels taps"],
    bias: Float[Tensor, " channels"],
    *,
    lookahead: int = 0,
) -> Float[Tensor, "batch channels length"]:
    """Depthwise convolution with few taps, zero outside the sequence.

    ``y[i] = bias + sum_t weight[t] u[i + lookahead - (taps - 1) + t]``.
    Causal with ``lookahead=0``; centred with ``lookahead=(taps - 1) // 2``.

    Examples
    --------
    >>> u = torch.tensor([[[1.0, 2.0, 3.0]]])
    >>> short_conv(u, torch.tensor([[10.0, 1.0]]), torch.zeros(1))
    tensor([[[ 1., 12., 23.]]])
    """
    if torch.compiler.is_compiling():
        return _sum_of_shifts(u, weight, bias, lookahead)
    if u.is_cuda or not hand_tuned():
        return _grouped_conv(u, weight, bias, lookahead)
    centre = weight.shape[-1] - 1 - lookahead
    # Not one addcmul: with two operands broadcast it takes four times as long.
    y = (u * weight[:, centre, None]).add_(bias[:, None])
    return _add_neighbours(y, u, weight, centre)


class ShortConvGradients(NamedTuple):
    """Of what `short_conv` takes."""

    u: Float[Tensor, "batch channels length"]
    weight: Float[Tensor, "channels taps"]
    bias: Float[Tensor, " channels"]


def short_conv_gradients(
    grad: Float[Tensor, "batch channels length"],
    u: Float[Tensor, "batch channels length"],
    weight: Float[Tensor, "channels taps"],
    *,
    lookahead: int = 0,
) -> ShortConvGradients:
    """Gradients of `short_conv` from ``grad``, the gradient of its result.

    What reaches ``u`` is ``grad`` convolved with the taps turned around.

    Examples
    --------
    >>> grad, u = torch.tensor([[[0.0, 1.0, 0.0]]]), torch.tensor([[[1.0, 2.0, 3.0]]])
    >>> found = short_conv_gradients(grad, u, torch.tensor([[10.0, 1.0]]))
    >>> found.u, found.weight, found.bias
    (tensor([[[10.,  1.,  0.]]]), tensor([[1., 2.]]), tensor([1.]))
    """
    centre = weight.shape[-1] - 1 - lookahead
    for_u = grad * weight[:, centre, None]
    _add_neighbours(for_u, grad, weight.flip(-1), lookahead)
    for_weight = torch.zeros_like(weight)
    for t in range(weight.shape[-1]):
        to, source = _shifted(u.shape[-1], t - centre)
        for_weight[:, t] = (grad[..., to] * u[..., source]).sum((0, 2))
    return ShortConvGradients(for_u, for_weight, grad.sum((0, 2)))


def _add_neighbours(y: Tensor, u: Tensor, weight: Tensor, centre: int) -> Tensor:
    """Add every tap but that of the position itself."""
    for t in range(weight.shape[-1]):
        if t != centre:
            to, source = _shifted(u.shape[-1], t - centre)
            y[..., to].addcmul_(u[..., source], weight[:, t, None])
    return y


def _shifted(length: int, shift: int) -> tuple[slice, slice]:
    """Where ``y[i]`` reads ``u[i + shift]``: the places of y, and those of u."""
    shift = max(-length, min(length, shift))
    to = slice(max(0, -shift), length - max(0, shift))
    return to, slice(max(0, shift), length - max(0, -shift))


def _sum_of_shifts(u: Tensor, weight: Tensor, bias: Tensor, lookahead: int) -> Tensor:
    """Spell it out for a compiler, which makes one loop of it and the gate behind."""
    padded, y = _padded(u, weight, lookahead), bias[:, None]
    for t in range(weight.shape[-1]):
        y = y + padded[..., t : t + u.shape[-1]] * weight[:, t, None]
    return y


def _padded(u: Tensor, weight: Tensor, lookahead: int) -> Tensor:
    left = weight.shape[-1] - 1 - lookahead
    return torch.nn.functional.pad(u, (left, lookahead))


def _grouped_conv(u: Tensor, weight: Tensor, bias: Tensor, lookahead: int) -> Tensor:
    padded = _padded(u, weight, lookahead)
    return torch.nn.functional.conv1d(
        padded, weight[:, None], bias, groups=weight.shape[0]
    )
