"""The published heads: from one vector per token to one answer per sequence.

Here they count real tokens only, wherever the padding is. As published they do not:
without a mask they pool padding too, and with one they take the first positions,
whichever those are. ``published=True`` repeats that number for number, for weights
that were trained so.
"""

from typing import Literal

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hyenascope.models.hyena import HyenaLM
from hyenascope.models.pooling import PoolMode, pick_real, pool, real_everywhere
from hyenascope.sequence.tokenizer import PAD_TOKEN

DecoderMode = Literal["pool", "sum", "last", "first", "ragged"]


class SequenceDecoder(nn.Module):
    """Pool or cut a sequence of states, then map them linearly.

    The head of the published training code, with its modes. ``"pool"`` and ``"sum"``
    turn the state of a position into the mean and the sum of the states up to it;
    ``"last"``, ``"first"`` and ``"ragged"`` leave states alone. Then some positions
    are kept.

    Parameters
    ----------
    d_model
        Width of the states.
    d_output
        Width of the answer; None leaves the states as they are.
    l_output
        0 keeps one position and drops the axis; n keeps the last n real ones (the
        first n for ``"first"``); None keeps every position, padding included.
        ``"ragged"`` ignores it and cuts the batch to its longest length.
    mode
        As above.
    published
        Treat a mask as the published code does. ``"pool"`` then takes the mean of
        the first n positions, n being the number of real tokens: with left padding
        this averages the padding, and a row without a real token gives the mean of
        everything. Other modes ignore the mask. Lengths and calls without a mask do
        not differ.

    Examples
    --------
    >>> head = SequenceDecoder(8, 3, l_output=0, mode="pool")
    >>> head(torch.zeros(2, 5, 8), lengths=torch.tensor([5, 2])).shape
    torch.Size([2, 3])
    """

    def __init__(
        self,
        d_model: int,
        d_output: int | None = None,
        *,
        l_output: int | None = 0,
        mode: DecoderMode = "pool",
        published: bool = False,
    ) -> None:
        super().__init__()
        if l_output is not None and l_output < 0:
            raise ValueError(f"l_output must be None or at least 0; got {l_output}.")
        self.l_output = l_output
        self.mode = mode
        self.published = published
        self.output_transform = (
            nn.Identity() if d_output is None else nn.Linear(d_model, d_output)
        )

    def forward(
        self,
        hidden: Float[Tensor, "batch length channels"],
        *,
        mask: Bool[Tensor, "batch length"] | None = None,
        lengths: Int[Tensor, " batch"] | None = None,
    ) -> Float[Tensor, "batch *rest"]:
        """Return the answer of each sequence.

        Parameters
        ----------
        hidden
            States of the backbone.
        mask
            True at real tokens.
        lengths
            Real tokens of each row, the rest being right padding; instead of a mask.

        Raises
        ------
        ValueError
            If mask and lengths are both given, ``"ragged"`` has no lengths, or a row
            has fewer real tokens than positions are asked for.
        """
        if mask is not None and lengths is not None:
            raise ValueError("mask must be None when lengths are given; got both.")
        if self.mode == "ragged":
            return self.output_transform(self._cut(hidden, lengths))
        real = self._real(hidden, mask, lengths)
        states = self._running(hidden, real)
        if self.l_output is not None:
            count = max(self.l_output, 1)
            states = pick_real(states, real, count, first=self.mode == "first")
        answer = self.output_transform(states)
        return answer[:, 0] if self.l_output == 0 else answer

    def _real(
        self, hidden: Tensor, mask: Tensor | None, lengths: Tensor | None
    ) -> Bool[Tensor, "batch length"]:
        if mask is not None and not self.published:
            return mask
        if mask is not None and self.mode == "pool":
            lengths = mask.sum(dim=1)
            lengths[lengths == 0] = mask.shape[1]
        if lengths is None:
            return real_everywhere(hidden)
        return torch.arange(hidden.shape[1], device=hidden.device) < lengths[:, None]

    def _running(self, hidden: Tensor, real: Tensor) -> Tensor:
        """Mean or sum over the real tokens up to each position."""
        if self.mode not in ("pool", "sum"):
            return hidden
        total = hidden.masked_fill(~real[..., None], 0.0).cumsum(dim=1)
        if self.mode == "sum":
            return total
        return total / real.cumsum(dim=1).clamp(min=1)[..., None]

    @staticmethod
    def _cut(hidden: Tensor, lengths: Tensor | None) -> Tensor:
        if lengths is None:
            raise ValueError("lengths must be given with mode='ragged'; got None.")
        return hidden[:, : int(lengths.max())]


class SequenceClassifier(nn.Module):
    """A language model, pooled, under a linear layer: one answer per sequence.

    Parameters
    ----------
    model
        The backbone, trained along unless frozen. Its language-model head is unused.
    n_classes
        Width of the answer.
    pool
        How real tokens become one vector.
    bias
        Of the linear layer, ``head``.
    published
        Pool as the published classifiers do: padding counts as a token, except that
        ``"last"`` is the token before the first padding (the last token if there is
        none or the row starts with it).

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> backbone = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> SequenceClassifier(backbone, 2)(torch.tensor([[7, 8, 9, 10]])).shape
    torch.Size([1, 2])
    """

    def __init__(
        self,
        model: HyenaLM,
        n_classes: int,
        *,
        pool: PoolMode = "mean",
        bias: bool = True,
        published: bool = False,
    ) -> None:
        super().__init__()
        self.model = model
        self.pool: PoolMode = pool
        self.published = published
        self.head = nn.Linear(model.config.d_model, n_classes, bias=bias)

    def forward(
        self,
        tokens: Int[Tensor, "batch length"],
        *,
        mask: Bool[Tensor, "batch length"] | None = None,
    ) -> Float[Tensor, "batch classes"]:
        """Return logits.

        ``mask`` is True at real tokens; if None, everywhere but at padding, token 4.
        With ``published`` it is not read. Pad right: a causal model sees what is left
        of a token.

        Raises
        ------
        ValueError
            If ``tokens`` exceed the context, or a row has no real token.
        """
        if self.published:
            states = self.model.hidden(tokens)
            real = _before_padding(tokens) if self.pool == "last" else None
        else:
            real = tokens != PAD_TOKEN if mask is None else mask
            states = self.model.hidden(tokens, mask=real)
        pooled = pool(states, self.pool, real)
        return self.head(pooled.to(self.head.weight.dtype))


def _before_padding(
    tokens: Int[Tensor, "batch length"],
) -> Bool[Tensor, "batch length"]:
    """Mark what is left of the first padding, or a whole row that starts with it."""
    before = (tokens == PAD_TOKEN).cumsum(dim=1) == 0
    return before | ~before[:, :1]
