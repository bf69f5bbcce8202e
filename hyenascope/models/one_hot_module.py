"""The model with one-hot DNA as its input, so that letters have gradients.

A token picks a row of the embedding matrix; here the rows of A, C, G and T are
mixed with the weights of a one-hot row. What a row lacks to a sum of one is the
share of N: a row of zeros *is* N, a proper one-hot row *is* its base, and the map
between them is linear, as methods that walk from a baseline to a sequence expect.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from hyenascope.models.hyena import HyenaLM
from hyenascope.sequence.tokenizer import BASE_TOKENS, N_TOKEN

Layout = Literal["length 4", "4 length"]


Readout = Callable[[Tensor, Tensor], Tensor]
"""Hidden states ``batch reach channels`` and the one-hot rows ``batch length 4`` that
they came from, to one answer per sequence, batch first."""


class OneHotLM(nn.Module):
    """A `HyenaLM` that reads one-hot rows, columns A, C, G, T.

    For real DNA its numbers are those of the model on tokens; a row of zeros is N.
    Other people's attribution tools can be pointed at it.

    Parameters
    ----------
    model
        Shared, not copied; its training flag decides about dropout.
    readout
        What to make of the hidden states; the logits if None. A module is
        registered, so that hooks and devices reach it.
    reach
        How many of the first positions the network reads; all if None. Of a causal
        model this leaves out what cannot matter, and gradients there are exactly
        zero rather than rounding noise of the FFT.
    layout
        ``"length 4"`` is the house's; ``"4 length"`` that of other tools.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)).eval()
    >>> rows = torch.eye(4)[None]  # A C G T
    >>> tokens = torch.tensor([[7, 8, 9, 10]])
    >>> torch.allclose(OneHotLM(model)(rows), model(tokens), atol=1e-6)
    True
    """

    def __init__(
        self,
        model: HyenaLM,
        readout: Readout | None = None,
        *,
        reach: int | None = None,
        layout: Layout = "length 4",
    ) -> None:
        super().__init__()
        if layout not in ("length 4", "4 length"):
            raise ValueError(
                f"layout must be 'length 4' or '4 length'; got {layout!r}."
            )
        self.model = model
        self.readout = readout
        self.reach = reach
        self.layout = layout

    def forward(self, rows: Float[Tensor, "batch a b"]) -> Float[Tensor, "batch *rest"]:
        """Return the readout's answer for each sequence.

        Raises
        ------
        ValueError
            If ``rows`` have no axis of 4 where ``layout`` puts it, or what is read
            of them is empty or longer than the model's ``l_max``.
        """
        last = rows if self.layout == "length 4" else rows.transpose(1, 2)
        if last.shape[-1] != 4:
            raise ValueError(
                f"rows must have axes 'batch {self.layout}'; got {tuple(rows.shape)}."
            )
        hidden = self.hidden(last[:, : self.reach])
        if self.readout is None:
            return self.model.head(hidden)
        return self.readout(hidden, last)

    def hidden(
        self, rows: Float[Tensor, "batch length 4"]
    ) -> Float[Tensor, "batch length channels"]:
        """Return the hidden states of `HyenaLM.hidden`, final norm included."""
        longest = self.model.config.l_max
        if not 1 <= rows.shape[1] <= longest:
            raise ValueError(
                f"rows must hold 1 to {longest} positions, the context; "
                f"got {rows.shape[1]}."
            )
        return self.model.backbone(self._embed(rows))

    def _embed(
        self, rows: Float[Tensor, "batch length 4"]
    ) -> Float[Tensor, "batch length channels"]:
        table = self.model.backbone.embeddings.word_embeddings.weight.to(rows.dtype)
        absent = 1 - rows.sum(dim=-1, keepdim=True)
        return rows @ table[BASE_TOKENS[0] : N_TOKEN] + absent * table[N_TOKEN]


@contextmanager
def frozen(module: nn.Module) -> Iterator[None]:
    """Take gradients of inputs alone: no parameter keeps activations alive.

    What required gradients before does so again when the block ends.
    """
    learning = [p for p in module.parameters() if p.requires_grad]
    try:
        for parameter in learning:
            parameter.requires_grad_(False)
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)


@contextmanager
def recomputed(model: HyenaLM, wanted: bool = True) -> Iterator[None]:
    """Store one residual stream per block and redo the block when going backward.

    Gradients are the same, to the bit. The flags of `HyenaConfig` do this while
    training; here the model is in eval mode, and gets its own blocks back when the
    block ends, also after an error.
    """
    blocks = model.backbone.layers
    try:
        if wanted:
            model.backbone.layers = nn.ModuleList(_Recomputed(b) for b in blocks)
        yield
    finally:
        model.backbone.layers = blocks


class _Recomputed(nn.Module):
    def __init__(self, block: nn.Module) -> None:
        super().__init__()
        self.block = block

    def forward(
        self,
        stream: Float[Tensor, "batch length channels"],
        mask: Bool[Tensor, "batch length"] | None = None,
    ) -> Float[Tensor, "batch length channels"]:
        if not torch.is_grad_enabled():
            return self.block(stream, mask)
        # Nothing is random in eval mode, so there is no random state to keep.
        redone: Tensor = checkpoint(
            self.block, stream, mask, use_reentrant=False, preserve_rng_state=False
        )
        return redone
