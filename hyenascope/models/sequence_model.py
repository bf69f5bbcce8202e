"""A backbone with a head: from sequences to classes, labels or numbers.

`hyenascope.training.finetune.finetune` trains one. Tokens are the bases alone: no
special token is added, and padding never counts.
"""

from typing import Literal, get_args

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.label_model import LabelModel
from hyenascope.models.pooling import AttentionPool, PoolMode, pool
from hyenascope.models.sequence_input import SequenceInput
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.sequence.tokenizer import (
    PAD_TOKEN,
)

Pooling = PoolMode | Literal["attention"]


class Readout(nn.Module):
    """Pool the states of real tokens, then map them linearly.

    Parameters
    ----------
    d_model, outputs
        Widths of the states and of the answer.
    pooling
        A mode of `hyenascope.models.pooling.pool`, or ``"attention"``.
    dropout
        Of the pooled states, in training.
    """

    def __init__(
        self, d_model: int, outputs: int, *, pooling: Pooling, dropout: float = 0.0
    ) -> None:
        super().__init__()
        modes = (*get_args(PoolMode), "attention")
        if pooling not in modes:
            raise ValueError(
                f"pooling must be one of {', '.join(modes)}; got {pooling!r}."
            )
        self.pooling: Pooling = pooling
        self.attention = AttentionPool(d_model) if pooling == "attention" else None
        self.dropout = nn.Dropout(dropout)
        self.linear = nn.Linear(d_model, outputs)

    def forward(
        self,
        hidden: Float[Tensor, "batch length channels"],
        mask: Bool[Tensor, "batch length"] | None = None,
    ) -> Float[Tensor, "batch outputs"]:
        """Return logits; ``mask`` is True at real tokens."""
        if self.attention is not None:
            pooled = self.attention(hidden, mask)
        else:
            assert self.pooling != "attention"
            pooled = pool(hidden, self.pooling, mask)
        return self.linear(self.dropout(pooled).to(self.linear.weight.dtype))


class SequenceModel(LabelModel):
    """A language model, a readout, and what its numbers mean.

    Parameters
    ----------
    backbone
        Trained along unless frozen; its language-model head is unused.
    task
        What the outputs are.
    pooling, dropout
        Of the `Readout`.
    reading
        How sequences are read; up to the context, both strands, if None.
    generator
        Source of the readout's random weights; torch's global one if None.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> backbone = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> model = SequenceModel(backbone, SequenceTask("binary", ("no", "yes")))
    >>> model.predict(["ACGT", "AC"]).columns.tolist()
    ['no', 'yes']
    """

    def __init__(
        self,
        backbone: HyenaLM,
        task: SequenceTask,
        *,
        pooling: Pooling = "mean",
        dropout: float = 0.0,
        reading: SequenceInput | None = None,
        generator: torch.Generator | None = None,
    ) -> None:
        reading = reading or SequenceInput(backbone.context_length)
        if reading.longest > backbone.config.l_max:
            raise ValueError(
                f"reading.longest must fit l_max={backbone.config.l_max:,}; got "
                f"{reading.longest:,}."
            )
        super().__init__(task, reading)
        self.backbone = backbone
        with torch.random.fork_rng(devices=[], enabled=generator is not None):
            self.readout = Readout(
                backbone.config.d_model,
                task.outputs,
                pooling=pooling,
                dropout=dropout,
            )
        self._draw(generator)

    @property
    def config(self) -> HyenaConfig:
        """The backbone's numbers."""
        return self.backbone.config

    @torch.no_grad()
    def _draw(self, generator: torch.Generator | None) -> None:
        """Draw the readout as the backbone's linear layers are: N(0, 0.02)."""
        nn.init.normal_(self.readout.linear.weight, std=0.02, generator=generator)
        nn.init.zeros_(self.readout.linear.bias)
        if self.readout.attention is not None:
            look = self.readout.attention.look
            nn.init.normal_(look.weight, std=0.02, generator=generator)
            nn.init.zeros_(look.bias)

    def forward(
        self,
        tokens: Int[Tensor, "batch length"],
        *,
        mask: Bool[Tensor, "batch length"] | None = None,
    ) -> Float[Tensor, "batch outputs"]:
        """Return logits, neither calibrated nor in the units of a regression.

        ``mask`` is True at real tokens; if None, everywhere but at padding. Pad on
        the right: a causal model sees what is left of a token.
        """
        real = tokens != PAD_TOKEN if mask is None else mask
        return self.readout(self.backbone.hidden(tokens, mask=real), real)
