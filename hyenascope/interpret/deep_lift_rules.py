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
activations    ``(f(x) − f(x₀)) / (x − x₀)``, element by element
layer norm     centring is linear; the variance and ``1/√`` have closed secants;
               their product by the rule of the gate
log-softmax    ``f = z − Σ w z`` with w the logarithmic means of the two
               probabilities, normed to one; softmax: times the same means
max pooling    all to the base with the larger of the two maxima
=============  ================================================================

Captum's own hooks see one input per module, which a gate has two of, and miss a
non-linear module that follows another at once (ReLU, then pooling): their sums are
off by as much as the difference itself. Here a rule is the backward pass of an
autograd function, so neither matters.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from hyenascope.models.elementwise import Gelu, Product

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
    parts = [part for part in module.modules() if type(part) in _RULES]
    in_place = [part for part in parts if getattr(part, "inplace", False)]
    handles = []
    try:
        for part in parts:
            hook = partial(_put_rule, _RULES[type(part)])
            handles.append(part.register_forward_hook(hook))
        for part in in_place:
            part.__dict__["inplace"] = False  # a rule needs what went in
        yield
    finally:
        for handle in handles:
            handle.remove()
        for part in in_place:
            part.__dict__["inplace"] = True


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
    *,
    smooth: bool = True,
) -> Float[Tensor, "*axes"]:
    """Slope of the secant; where its ends meet, of the tangent.

    Of a ``smooth`` function the tangent in the middle is taken already where the
    ends are so near that rounding would spoil the secant.
    """
    step, rise = _difference(x), _difference(out)
    near = step == 0
    if smooth:
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
    grad: Float[Tensor, "*axes"], log_p: Float[Tensor, "*axes"], dim: int
) -> Float[Tensor, "*axes"]:
    """Change of a logit less a weighted mean of the changes of all.

    The weights are logarithmic means L(p, p₀), normed to one: ``Σ L (log p − log p₀)
    = Σ (p − p₀) = 0``. Adding a constant to all logits changes nothing, as it should.
    """
    return _paired(_less_weighted_sum(_first(grad), _log_mean(log_p), dim))


def softmax_rule(
    grad: Float[Tensor, "*axes"], log_p: Float[Tensor, "*axes"], dim: int
) -> Float[Tensor, "*axes"]:
    """`log_softmax_rule` after ``p − p₀ = L(p, p₀) (log p − log p₀)``."""
    mean = _log_mean(log_p)
    return _paired(_less_weighted_sum(_first(grad) * mean, mean, dim))


def max_pool_rule(
    pool: nn.MaxPool1d, grad: Float[Tensor, "*axes"], x: Float[Tensor, "*axes_in"]
) -> Float[Tensor, "*axes_in"]:
    """Give the change of a maximum to the entry with the larger of the two maxima.

    That entry changes at least as much as the maximum does.
    """
    top, where = nn.functional.max_pool1d(
        x,
        pool.kernel_size,
        pool.stride,
        pool.padding,
        pool.dilation,
        pool.ceil_mode,
        return_indices=True,
    )
    rise, (index, index0) = _difference(top), where.chunk(2)
    chosen = torch.where(rise >= 0, index, index0)
    step = _difference(x).gather(-1, chosen)
    share = torch.where(step == 0, 1.0, rise / step.masked_fill(step == 0, 1.0))
    routed = torch.zeros_like(_first(x))
    return _paired(routed.scatter_add_(-1, chosen, _first(grad) * share))


def _log_mean(log_p: Float[Tensor, "*axes"]) -> Float[Tensor, "*half"]:
    """L(p, p₀) = (p − p₀) / (log p − log p₀), however far apart the two are."""
    ours, theirs = log_p.chunk(2)
    gap = (ours - theirs).abs()
    flat = gap < torch.finfo(log_p.dtype).eps ** 0.5
    secant = -torch.expm1(-gap) / gap.masked_fill(flat, 1.0)
    return torch.maximum(ours, theirs).exp() * torch.where(flat, 1 - gap / 2, secant)


def _less_weighted_sum(up: Tensor, weight: Tensor, dim: int) -> Tensor:
    normed = weight / weight.sum(dim, keepdim=True)
    return up - normed * up.sum(dim, keepdim=True)


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


def _put_rule(
    rule: _Rule, module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor
) -> Tensor | None:
    """Take the place of a module's output; a forward hook, but for the rule."""
    if not torch.is_grad_enabled():
        return None
    result: Tensor = _WithRule.apply(rule, module, output.detach(), *inputs)
    return result


def _product(
    module: nn.Module, grad: Tensor, out: Tensor, inputs: tuple[Tensor, ...]
) -> tuple[Tensor, ...]:
    return product_rule(grad, *inputs)


def _elementwise(
    module: nn.Module, grad: Tensor, out: Tensor, inputs: tuple[Tensor, ...]
) -> tuple[Tensor, ...]:
    return (elementwise_rule(module, grad, out, *inputs),)


def _kinked(
    module: nn.Module, grad: Tensor, out: Tensor, inputs: tuple[Tensor, ...]
) -> tuple[Tensor, ...]:
    return (elementwise_rule(module, grad, out, *inputs, smooth=False),)


def _layer_norm(
    module: nn.Module, grad: Tensor, out: Tensor, inputs: tuple[Tensor, ...]
) -> tuple[Tensor, ...]:
    assert isinstance(module, nn.LayerNorm)
    return (layer_norm_rule(module, grad, *inputs),)


def _log_softmax(
    module: nn.Module, grad: Tensor, out: Tensor, inputs: tuple[Tensor, ...]
) -> tuple[Tensor, ...]:
    return (log_softmax_rule(grad, out, _axis(module)),)


def _softmax(
    module: nn.Module, grad: Tensor, out: Tensor, inputs: tuple[Tensor, ...]
) -> tuple[Tensor, ...]:
    dim = _axis(module)
    return (softmax_rule(grad, inputs[0].log_softmax(dim), dim),)


def _axis(module: nn.Module) -> int:
    assert isinstance(module, nn.LogSoftmax | nn.Softmax)
    if module.dim is None:
        raise ValueError(f"dim of {type(module).__name__} must be given; got None.")
    return module.dim


def _max_pool(
    module: nn.Module, grad: Tensor, out: Tensor, inputs: tuple[Tensor, ...]
) -> tuple[Tensor, ...]:
    assert isinstance(module, nn.MaxPool1d)
    return (max_pool_rule(module, grad, *inputs),)


_RULES: dict[type[nn.Module], _Rule] = {
    Product: _product,
    nn.LayerNorm: _layer_norm,
    nn.LogSoftmax: _log_softmax,
    nn.Softmax: _softmax,
    nn.MaxPool1d: _max_pool,
    Gelu: _elementwise,
    nn.CELU: _kinked,
    nn.ELU: _kinked,
    nn.GELU: _elementwise,
    nn.LeakyReLU: _kinked,
    nn.LogSigmoid: _elementwise,
    nn.Mish: _elementwise,
    nn.ReLU: _kinked,
    nn.SELU: _kinked,
    nn.SiLU: _elementwise,
    nn.Sigmoid: _elementwise,
    nn.Softplus: _elementwise,
    nn.Tanh: _elementwise,
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
