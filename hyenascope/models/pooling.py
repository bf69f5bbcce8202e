"""From one vector per token to one vector per sequence, over its real tokens only."""

from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn

PoolMode = Literal["mean", "last", "first", "max", "sum"]


def pool(
    hidden: Float[Tensor, "batch length channels"],
    mode: PoolMode = "mean",
    mask: Bool[Tensor, "batch length"] | None = None,
) -> Float[Tensor, "batch channels"]:
    """Return one vector per sequence, made of its real tokens.

    Parameters
    ----------
    hidden
        States, such as those of `HyenaLM.hidden`.
    mode
        Mean, sum or maximum over real tokens, or the last or first of them.
    mask
        True at real tokens, which may lie anywhere; all are real if None. What
        stands elsewhere has no influence, NaN included.

    Raises
    ------
    ValueError
        If a row has no real token, or ``mode`` is unknown.

    Examples
    --------
    >>> hidden = torch.tensor([[[1.0], [3.0], [9.0]]])
    >>> pool(hidden, "mean", torch.tensor([[True, True, False]]))
    tensor([[2.]])
    """
    real = real_everywhere(hidden) if mask is None else mask
    _check_real(real, 1)
    if mode == "last" or mode == "first":
        return pick_real(hidden, real, 1, first=mode == "first")[:, 0]
    outside = ~real[..., None]
    if mode == "max":
        return hidden.masked_fill(outside, -torch.inf).amax(dim=1)
    total = hidden.masked_fill(outside, 0.0).sum(dim=1)
    if mode == "sum":
        return total
    if mode == "mean":
        return total / real.sum(dim=1, keepdim=True)
    raise ValueError(
        f"mode must be 'mean', 'last', 'first', 'max' or 'sum'; got {mode!r}."
    )


class AttentionPool(nn.Module):
    """Mean over real tokens, weighted by what a small network thinks of each.

    The weights are the softmax of ``v · tanh(W h)`` (Bahdanau et al. 2015, arXiv
    1409.0473, with one query that is learnt). ``v`` begins at zero: a plain mean.

    Parameters
    ----------
    d_model
        Width of the states.

    Examples
    --------
    >>> attention = AttentionPool(1)
    >>> attention(torch.tensor([[[1.0], [3.0]]])).tolist()
    [[2.0]]
    """

    def __init__(self, d_model: int) -> None:
        super().__init__()
        self.look = nn.Linear(d_model, d_model)
        self.judge = nn.Linear(d_model, 1, bias=False)
        nn.init.zeros_(self.judge.weight)

    def forward(
        self,
        hidden: Float[Tensor, "batch length channels"],
        mask: Bool[Tensor, "batch length"] | None = None,
    ) -> Float[Tensor, "batch channels"]:
        """Return one vector per sequence.

        Raises
        ------
        ValueError
            If a row has no real token.
        """
        real = real_everywhere(hidden) if mask is None else mask
        known = hidden.masked_fill(~real[..., None], 0.0)
        return (self.weights(known, real)[..., None] * known).sum(dim=1)

    def weights(
        self,
        hidden: Float[Tensor, "batch length channels"],
        mask: Bool[Tensor, "batch length"] | None = None,
    ) -> Float[Tensor, "batch length"]:
        """Return the weight of each token; those of a sequence sum to one."""
        real = real_everywhere(hidden) if mask is None else mask
        _check_real(real, 1)
        scores = self.judge(torch.tanh(self.look(hidden)))[..., 0]
        return scores.masked_fill(~real, -torch.inf).softmax(dim=1)


def real_everywhere(
    hidden: Float[Tensor, "batch length channels"],
) -> Bool[Tensor, "batch length"]:
    """Mark every token as real."""
    return torch.ones(hidden.shape[:2], dtype=torch.bool, device=hidden.device)


def _check_real(real: Bool[Tensor, "batch length"], count: int) -> None:
    if torch.compiler.is_compiling():  # a graph cannot refuse what it reads
        return
    found = real.sum(dim=1)
    short = found < count
    if short.any():
        row = int(short.int().argmax())
        raise ValueError(
            f"each row must have at least {count} real tokens; got {int(found[row])} "
            f"in row {row}."
        )


def pick_real(
    states: Float[Tensor, "batch length channels"],
    real: Bool[Tensor, "batch length"],
    count: int,
    *,
    first: bool,
) -> Float[Tensor, "batch count channels"]:
    """States of the first or last ``count`` real tokens, in order."""
    _check_real(real, count)
    real_first = (~real).to(torch.uint8).argsort(dim=1, stable=True)
    start = 0 if first else real.sum(dim=1, keepdim=True) - count
    kept = torch.arange(count, device=real.device) + start
    positions = real_first.gather(1, kept.expand(len(real), -1))
    rows = torch.arange(len(states), device=states.device)[:, None]
    return states[rows, positions]
