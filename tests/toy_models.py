"""Models whose answers are known by hand."""

from itertools import pairwise

import torch
from torch import Tensor

from hyenascope.models.hyena import HyenaConfig, HyenaLM


class FirstOrderLM(HyenaLM):
    """log p(next | this) is a 4 × 4 table; the hidden state is a one-hot token.

    Every score of a variant has a closed form: only the changed base and the one
    after it matter.
    """

    def __init__(self, table: Tensor, l_max: int = 1026) -> None:
        super().__init__(HyenaConfig(d_model=16, n_layer=1, d_inner=4, l_max=l_max))
        self.name = "first-order"
        logits = torch.full((16, 16), -1e4, dtype=torch.float64)
        logits[7:11, 7:11] = table.double().log()
        logits[11, 7:11] = torch.log(torch.tensor(0.25, dtype=torch.float64))
        self.table = torch.nn.Parameter(logits)

    def hidden(self, tokens: Tensor, *, mask=None, layer: int = -1) -> Tensor:
        self._check(tokens, layer)
        return torch.nn.functional.one_hot(tokens, 16).double()

    def head(self, hidden: Tensor) -> Tensor:
        return hidden @ self.table


# Rows: the base that is there; columns: the next. A prefers C, C prefers G, …
NEXT = torch.tensor(
    [
        [0.1, 0.6, 0.2, 0.1],
        [0.2, 0.1, 0.5, 0.2],
        [0.3, 0.1, 0.2, 0.4],
        [0.7, 0.1, 0.1, 0.1],
    ],
    dtype=torch.float64,
)


def first_order(l_max: int = 1026) -> FirstOrderLM:
    return FirstOrderLM(NEXT, l_max)


def step(before: str, after: str) -> float:
    """log p(after | before) under `NEXT`."""
    return float(NEXT["ACGT".index(before), "ACGT".index(after)].double().log())


def chain(text: str) -> float:
    """Log-likelihood of a text, its first base free."""
    return sum(step(a, b) for a, b in pairwise(text))
