"""The short depthwise convolution in front of the gates.

`torch.nn.functional.conv1d` copies a transposed input on CPU and takes up to
a quarter of a long forward pass. Three taps are three multiply-adds over
shifted views.
"""

import torch
from jaxtyping import Float
from torch import Tensor


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
    if u.is_cuda or torch.is_grad_enabled():
        return _grouped_conv(u, weight, bias, lookahead)
    taps, length = weight.shape[-1], u.shape[-1]
    centre = taps - 1 - lookahead
    y = torch.addcmul(bias[:, None], u, weight[:, centre, None])
    for t in range(taps):
        shift = t - centre  # y[i] reads u[i + shift]
        if shift == 0 or abs(shift) >= length:
            continue
        to = slice(max(0, -shift), length - max(0, shift))
        source = slice(max(0, shift), length - max(0, -shift))
        y[..., to].addcmul_(u[..., source], weight[:, t, None])
    return y


def _grouped_conv(u: Tensor, weight: Tensor, bias: Tensor, lookahead: int) -> Tensor:
    taps = weight.shape[-1]
    padded = torch.nn.functional.pad(u, (taps - 1 - lookahead, lookahead))
    return torch.nn.functional.conv1d(
        padded, weight[:, None], bias, groups=weight.shape[0]
    )
