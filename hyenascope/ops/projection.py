"""Linear maps into and out of channel-first tensors, with no copy either way.

`torch.nn.functional.linear` works on the last axis, so that a channel-first side of it
is a transposed copy. One product per sequence needs none; but as torch derives it, the
gradient of the weights is first made for every sequence and then added up. Here it
adds up as it is made.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable


def project_in(
    x: Float[Tensor, "batch length channels"],
    weight: Float[Tensor, "streams channels"],
    bias: Float[Tensor, " streams"],
) -> Float[Tensor, "batch streams length"]:
    """Map every position, from channel last to channel first. Differentiable once.

    Examples
    --------
    >>> x = torch.tensor([[[1.0, 2.0], [3.0, 4.0]]])
    >>> project_in(x, torch.tensor([[1.0, 10.0]]), torch.zeros(1))
    tensor([[[21., 43.]]])
    """
    y: Tensor = _ProjectIn.apply(x, weight, bias)
    return y


def project_out(
    y: Float[Tensor, "batch streams length"],
    weight: Float[Tensor, "channels streams"],
    bias: Float[Tensor, " channels"],
) -> Float[Tensor, "batch length channels"]:
    """Map every position, from channel first to channel last. Differentiable once.

    Examples
    --------
    >>> y = torch.tensor([[[1.0, 3.0], [2.0, 4.0]]])
    >>> project_out(y, torch.tensor([[1.0, 10.0]]), torch.zeros(1))
    tensor([[[21.],
             [43.]]])
    """
    x: Tensor = _ProjectOut.apply(y, weight, bias)
    return x


class _ProjectIn(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(x, weight)
        rows = weight.expand(x.shape[0], -1, -1)
        return torch.baddbmm(bias[:, None], rows, x.transpose(1, 2))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # noqa: ANN401
        x, weight = ctx.saved_tensors
        for_x = grad.transpose(1, 2) @ weight
        return for_x, torch.addbmm(weight, grad, x, beta=0), grad.sum((0, 2))


class _ProjectOut(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, y: Tensor, weight: Tensor, bias: Tensor) -> Tensor:  # noqa: ANN401
        ctx.save_for_backward(y, weight)
        columns = weight.T.expand(y.shape[0], -1, -1)
        return torch.baddbmm(bias, y.transpose(1, 2), columns)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor]:  # noqa: ANN401
        y, weight = ctx.saved_tensors
        turned = grad.transpose(1, 2)
        for_y = weight.T @ turned
        for_weight = torch.addbmm(weight, turned, y.transpose(1, 2), beta=0)
        return for_y, for_weight, grad.sum((0, 1))
