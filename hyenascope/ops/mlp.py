"""Two linear maps around GELU as one function with a gradient of its own.

The tensor between the maps is the widest of the network. Here it passes through the
cache a piece at a time, on the way back too. What is kept of it is its activation and
the slope of that, so that the way back needs no second exponential.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor
from torch.autograd.function import once_differentiable

from hyenascope.ops.cache_pieces import cache_pieces
from hyenascope.ops.gelu import gelu_with_slope


def mlp(
    x: Float[Tensor, "*rest channels"],
    weight_in: Float[Tensor, "inner channels"],
    bias_in: Float[Tensor, " inner"],
    weight_out: Float[Tensor, "channels inner"],
    bias_out: Float[Tensor, " channels"],
) -> Float[Tensor, "*rest channels"]:
    """``weight_out · gelu(weight_in · x + bias_in) + bias_out`` at every position.

    GELU in its tanh form, `hyenascope.ops.gelu.gelu_tanh`. Differentiable once.

    Examples
    --------
    >>> x, one, zero = torch.tensor([[1.0], [2.0]]), torch.ones(1, 1), torch.zeros(1)
    >>> mlp(x, one, zero, one, zero).round(decimals=4)
    tensor([[0.8412],
            [1.9546]])
    """
    rows = x.reshape(-1, x.shape[-1])
    y: Tensor = _Mlp.apply(rows, weight_in, bias_in, weight_out, bias_out)
    return y.view(x.shape)


class _Mlp(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401
        x: Tensor,
        weight_in: Tensor,
        bias_in: Tensor,
        weight_out: Tensor,
        bias_out: Tensor,
    ) -> Tensor:
        inner = x.new_empty(len(x), len(weight_in))
        slope, y = torch.empty_like(inner), torch.empty_like(x)
        for rows in _pieces(inner):
            entering = torch.addmm(bias_in, x[rows], weight_in.T)
            gelu_with_slope(entering, out=inner[rows], slope=slope[rows])
            torch.addmm(bias_out, inner[rows], weight_out.T, out=y[rows])
        ctx.save_for_backward(x, weight_in, weight_out, inner, slope)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, ...]:  # noqa: ANN401
        x, weight_in, weight_out, inner, slope = ctx.saved_tensors
        learns = any(ctx.needs_input_grad[1:])  # or all of it is frozen
        for_x, for_in = torch.empty_like(x), torch.zeros_like(weight_in)
        for_bias, for_out = x.new_zeros(len(weight_in)), torch.zeros_like(weight_out)
        for rows in _pieces(inner):
            back = torch.mm(grad[rows], weight_out).mul_(slope[rows])
            torch.mm(back, weight_in, out=for_x[rows])
            if learns:
                for_in.addmm_(back.T, x[rows])
                for_bias += back.sum(0)
                for_out.addmm_(grad[rows].T, inner[rows])
        return for_x, for_in, for_bias, for_out, grad.sum(0)


def _pieces(inner: Tensor) -> list[slice]:
    return cache_pieces(inner, len(inner), inner[:1].nbytes)
