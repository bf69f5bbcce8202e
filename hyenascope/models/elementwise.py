"""Steps without weights, as modules of their own so that attribution can hook them."""

from jaxtyping import Float
from torch import Tensor, nn

from hyenascope.ops.gelu import gelu_tanh


class Product(nn.Module):
    """``a · b``: a gate."""

    def forward(
        self, a: Float[Tensor, "*axes"], b: Float[Tensor, "*axes"]
    ) -> Float[Tensor, "*axes"]:
        """Multiply element by element."""
        return a * b


class Gelu(nn.Module):
    """GELU in its tanh form."""

    def forward(
        self, x: Float[Tensor, "*rest channels"]
    ) -> Float[Tensor, "*rest channels"]:
        """Apply `hyenascope.ops.gelu.gelu_tanh`."""
        return gelu_tanh(x)
