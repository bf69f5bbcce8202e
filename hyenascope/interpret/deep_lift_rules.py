"""DeepLIFT rules that add up exactly for the steps a Hyena network is made of.

A rule replaces the gradient of one step by multipliers m with
``Σ m · (x − x₀) = f(x) − f(x₀)`` for every pair of a sequence and its baseline;
where both agree it is the gradient. Chained through a network in which everything
else is linear (projections, convolutions, sums over positions), the contributions
of the input add up to the difference of the outputs.

=============  ================================================================
step           multiplier
=============  ================================================================
gate a · b     ``(b + b₀)/2`` for a, ``(a + a₀)/2`` for b
GELU and kin   ``(f(x) − f(x₀)) / (x − x₀)``
layer norm     centring is linear; the variance and ``1/√`` have closed secants;
               their product by the rule of the gate
log-softmax    ``f = z − Σ w z`` with w the logarithmic means of the two
               probabilities, normed to one
=============  ================================================================
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hyenascope.models.hyena import Gelu, Product

_Rule = Callable[[nn.Module, Tensor, Tensor, tuple[Tensor, ...]], tuple[Tensor, ...]]
"""Module, gradient of the output, output, inputs to gradients of the inputs.

Along the batch, sequences are the first half and their baselines the second."""


@contextmanager
def deep_lift_rules(module: nn.Module) -> Iterator[None]:
    """Give every gate, norm and activation inside ``module`` its rule.

    Only passes with gradients are touched, and their outputs are as ever; their
    batch must hold sequences, then as many baselines. Recomputed blocks and modules
    called twice are fine. The rules go when the block ends, also after an error.

    Examples
    --------
    >>> gate = Product()
    >>> a = torch.tensor([[3.0], [1.0]], requires_grad=True)
    >>> with deep_lift_rules(gate):
    ...     gate(a, torch.tensor([[4.0], [2.0]])).sum().backward()
    >>> a.grad[0]  # (4 + 2) / 2
    tensor([3.])
    """
    handles = []
    try:
        for part in module.modules():
            rule = _RULES.get(type(part))
            if rule is not None:
                handles.append(part.register_forward_hook(_hook(rule)))
        yield
    finally:
        for handle in handles:
            handle.remove()


def product_rule(
    grad: Float[Tensor, "*axes"], x: Float[Tensor, "*axes"], y: Float[Tensor, "*axes"]
) -> tuple[Float[Tensor, "*axes"], Float[Tensor, "*axes"]]:
    """Share the change of a product evenly: each factor meets the other's mean.

    Batches of sequences, then baselines; so are the multipliers times ``grad``.
    """
    return _paired(_first(grad) * _mean(y)), _paired(_first(grad) * _mean(x))


def elementwise_rule(
    function: nn.Module,
    grad: Float[Tensor, "*axes"],
    out: Float[Tensor, "*axes"],
    x: Float[Tensor, "*axes"],
) -> Float[Tensor, "*axes"]:
    """Slope of the secant; where its ends nearly meet, of the tangent between them."""
    step, rise = _difference(x), _difference(out)
    near = step.abs() < torch.finfo(x.dtype).eps ** (1 / 3)
    with torch.enable_grad():
        middle = _mean(x).requires_grad_()
        tangent = torch.autograd.grad(function.forward(middle).sum(), middle)[0]
    slope = torch.where(near, tangent, rise / step.masked_fill(near, 1.0))
    return _paired(_first(grad) * slope)


def layer_norm_rule(
    norm: nn.LayerNorm, grad: Float[Tensor, "*axes"], x: Float[Tensor, "*axes"]
) -> Float[Tensor, "*axes"]:
    """Centre, scale by 1/√variance, each by a rule that adds up."""
    axes = tuple(range(-len(norm.normalized_shape), 0))
    centred = x - x.mean(axes, keepdim=True)
    scale = (centred.square().mean(axes, keepdim=True) + norm.eps).rsqrt()
    up = _first(grad) if norm.weight is None else _first(grad) * norm.weight
    middle, (r, r0) = _mean(centred), scale.chunk(2)
    # Δ(1/√v) = −Δv (r r₀)² / (r + r₀), Δ(mean c²) = mean of Δc (c + c₀)
    by_scale = (up * middle).mean(axes, keepdim=True) * -((r * r0) ** 2) / (r + r0)
    by_centred = up * _mean(scale) + 2 * by_scale * middle
    return _paired(by_centred - by_centred.mean(axes, keepdim=True))


def log_softmax_rule(
    grad: Float[Tensor, "*axes"], out: Float[Tensor, "*axes"], dim: int
) -> Float[Tensor, "*axes"]:
    """Change of a logit less a weighted mean of the changes of all.

    The weights are logarithmic means L(p, p₀), normed to one: ``Σ L (log p − log p₀)
    = Σ (p − p₀) = 0``. Adding a constant to all logits changes nothing, as it should.
    """
    log_p, log_p0 = out.chunk(2)
    gap = (log_p - log_p0).abs()
    flat = gap < torch.finfo(out.dtype).eps ** 0.5
    ratio = torch.where(
        flat, 1 - gap / 2, -torch.expm1(-gap) / gap.masked_fill(flat, 1.0)
    )
    weight = torch.maximum(log_p, log_p0).exp() * ratio
    weight = weight / weight.sum(dim, keepdim=True)
    up = _first(grad)
    return _paired(up - weight * up.sum(dim, keepdim=True))


class _WithRule(torch.autograd.Function):
    """The output as it is; going backward, a rule in place of the gradient."""

    @staticmethod
    def forward(
        ctx: Any,  # noqa: ANN401 torch lets any attribute be set on it
        rule: _Rule,
        module: nn.Module,
        output: Tensor,
        *inputs: Tensor,
    ) -> Tensor:
        ctx.rule, ctx.module = rule, module
        ctx.save_for_backward(output, *inputs)
        return output.view_as(output)

    @staticmethod
    def backward(
        ctx: Any,  # noqa: ANN401
        grad: Tensor,
    ) -> tuple[Tensor | None, ...]:
        output, *inputs = ctx.saved_tensors
        return (None, None, None, *ctx.rule(ctx.module, grad, output, tuple(inputs)))


def _hook(rule: _Rule) -> Callable[..., Tensor | None]:
    def replace(
        module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor
    ) -> Tensor | None:
        if not torch.is_grad_enabled():
            return None
        result: Tensor = _WithRule.apply(rule, module, output.detach(), *inputs)
        return result

    return replace


def _product(
    module: nn.Module, grad: Tensor, out: Tensor, inputs: tuple[Tensor, ...]
) -> tuple[Tensor, ...]:
    return product_rule(grad, *inputs)


def _elementwise(
    module: nn.Module, grad: Tensor, out: Tensor, inputs: tuple[Tensor, ...]
) -> tuple[Tensor, ...]:
    return (elementwise_rule(module, grad, out, *inputs),)


def _layer_norm(
    module: nn.Module, grad: Tensor, out: Tensor, inputs: tuple[Tensor, ...]
) -> tuple[Tensor, ...]:
    assert isinstance(module, nn.LayerNorm)
    return (layer_norm_rule(module, grad, *inputs),)


def _log_softmax(
    module: nn.Module, grad: Tensor, out: Tensor, inputs: tuple[Tensor, ...]
) -> tuple[Tensor, ...]:
    assert isinstance(module, nn.LogSoftmax)
    return (log_softmax_rule(grad, out, -1 if module.dim is None else module.dim),)


_RULES: dict[type[nn.Module], _Rule] = {
    Product: _product,
    nn.LayerNorm: _layer_norm,
    nn.LogSoftmax: _log_softmax,
    # ReLU, tanh, sigmoid, softplus, softmax and max-pooling have Captum's rules.
    **dict.fromkeys((Gelu, nn.GELU, nn.SiLU, nn.Mish), _elementwise),
}


def _first(x: Tensor) -> Tensor:
    return x.chunk(2)[0]


def _mean(x: Tensor) -> Tensor:
    ours, theirs = x.chunk(2)
    return (ours + theirs) / 2


def _difference(x: Tensor) -> Tensor:
    ours, theirs = x.chunk(2)
    return ours - theirs


def _paired(multiplied: Tensor) -> Tensor:
    # What reaches the baselines is never asked for.
    return torch.cat([multiplied, torch.zeros_like(multiplied)])
