"""Linear maps of a forward pass, with GELU in the same call where that is quicker.

On an x86 CPU oneDNN's product takes as long as MKL's or up to a sixth less, and puts
GELU on what it has just made, while it is in the cache. Elsewhere, for other numbers
than float32 and wherever gradients are wanted, PyTorch's own steps run.
"""

from functools import cache

import torch
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional

from hyenascope.ops.gelu import gelu_tanh
from hyenascope.ops.hand_tuned import hand_tuned

_FEW = 16  # positions, below which a call costs more than the product


def linear(
    x: Float[Tensor, "*rest channels"],
    weight: Float[Tensor, "out channels"],
    bias: Float[Tensor, " out"] | None = None,
) -> Float[Tensor, "*rest out"]:
    """``weight · x + bias`` at every position.

    Examples
    --------
    >>> linear(torch.tensor([[1.0, 2.0]]), torch.tensor([[1.0, 10.0]]))
    tensor([[21.]])
    """
    if not in_onednn(x, weight):
        return functional.linear(x, weight, bias)
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "none", [], None)


def linear_gelu(
    x: Float[Tensor, "*rest channels"],
    weight: Float[Tensor, "inner channels"],
    bias: Float[Tensor, " inner"],
) -> Float[Tensor, "*rest inner"]:
    """`hyenascope.ops.gelu.gelu_tanh` of `linear`.

    Examples
    --------
    >>> linear_gelu(torch.ones(1, 1), torch.ones(1, 1), torch.zeros(1))
    tensor([[0.8412]])
    """
    if not in_onednn(x, weight):
        return gelu_tanh(functional.linear(x, weight, bias))
    return torch.ops.mkldnn._linear_pointwise(x, weight, bias, "gelu", [], "tanh")


def in_onednn(x: Tensor, weight: Tensor) -> bool:
    """Whether `linear` of these goes to oneDNN.

    Examples
    --------
    >>> in_onednn(torch.zeros(64, 2).double(), torch.zeros(2, 2).double())
    False
    """
    tuned = hand_tuned() and not torch.is_autocast_enabled("cpu")
    wide = x.dtype == weight.dtype == torch.float32
    here = x.device.type == weight.device.type == "cpu"
    many = x.numel() >= _FEW * x.shape[-1] > 0
    return tuned and wide and here and many and _onednn_works()


@cache
def _onednn_works() -> bool:
    """Whether this PyTorch has the call that its own compiler makes, and it is right.

    The call is no part of PyTorch's interface, hence the trial. On other processors
    than x86 oneDNN may fall back to a reference that takes many times as long.
    """
    capable = torch.backends.cpu.get_cpu_capability().startswith("AVX")
    if not (capable and torch.backends.mkldnn.is_available()):
        return False
    x = torch.linspace(-3, 3, 32).view(16, 2)
    weight, bias = x[:3], x[0, :1].expand(3).contiguous()
    try:
        y = torch.ops.mkldnn._linear_pointwise(x, weight, bias, "gelu", [], "tanh")
    except (AttributeError, RuntimeError, TypeError):
        return False
    return torch.allclose(y, gelu_tanh(functional.linear(x, weight, bias)), atol=1e-5)
