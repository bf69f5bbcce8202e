"""A backbone with a head: from sequences to classes, labels or numbers.

`hyenascope.training.finetune.finetune` trains one. Tokens are the bases alone: no
special token is added, and padding never counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
import pandas as pd
import torch
from jaxtyping import Bool, Float, Float64, Int
from torch import Tensor, nn

from hyenascope._typing import Strands, StrPath
from hyenascope.data.fasta import FastaReader
from hyenascope.data.sequences import SequenceSource, collect_sequences
from hyenascope.models.batching import BatchSize, TokenRow, map_batches
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.pooling import AttentionPool, PoolMode, pool
from hyenascope.models.predict import check_strands
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.sequence.tokenizer import (
    PAD_TOKEN,
    reverse_complement_tokens,
    tokenize,
)

Pooling = PoolMode | Literal["attention"]
TooLong = Literal["refuse", "centre", "start", "end"]


@dataclass(frozen=True)
class SequenceInput:
    """How a sequence is read.

    Parameters
    ----------
    longest
        Bases that are read at most.
    too_long
        What becomes of a longer sequence: it is refused, or its ``"centre"``,
        ``"start"`` or ``"end"`` is read.
    strands
        ``"both"`` averages the logits of a sequence and its reverse complement.
    """

    longest: int
    too_long: TooLong = "refuse"
    strands: Strands = "both"

    def __post_init__(self) -> None:
        if self.longest < 1:
            raise ValueError(f"longest must be at least 1; got {self.longest}.")
        if self.too_long not in ("refuse", "centre", "start", "end"):
            raise ValueError(
                "too_long must be 'refuse', 'centre', 'start' or 'end'; got "
                f"{self.too_long!r}."
            )
        check_strands(self.strands)

    def rows(self, names: Sequence[str], texts: Sequence[str]) -> list[TokenRow]:
        """Tokenize sequences.

        Raises
        ------
        ValueError
            If one is empty, no DNA, or too long to be read.
        """
        return [self._row(n, t) for n, t in zip(names, texts, strict=True)]

    def _row(self, name: str, text: str) -> TokenRow:
        if not text:
            raise ValueError(f"sequences must hold bases; got none in {name}.")
        spare = len(text) - self.longest
        if spare > 0 and self.too_long == "refuse":
            raise ValueError(
                f"sequences must have at most {self.longest:,} bp; got {len(text):,} "
                f"in {name}. Give too_long='centre' to read its middle."
            )
        skipped = {"centre": spare // 2, "end": spare}.get(self.too_long, 0)
        first = max(skipped, 0)
        return tokenize(text[first : first + self.longest])


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


class SequenceModel(nn.Module):
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

    Attributes
    ----------
    temperature : Tensor
        Logits of classes are divided by it, see
        `hyenascope.training.calibration.fit_temperature`.
    centre, scale : Tensor
        Of a regression: an output is ``centre + scale * logit``.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> backbone = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> model = SequenceModel(backbone, SequenceTask("binary", ("no", "yes")))
    >>> model.predict(["ACGT", "AC"]).columns.tolist()
    ['no', 'yes']
    """

    temperature: Tensor
    centre: Tensor
    scale: Tensor

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
        super().__init__()
        reading = reading or SequenceInput(backbone.context_length)
        if reading.longest > backbone.config.l_max:
            raise ValueError(
                f"reading.longest must fit l_max={backbone.config.l_max:,}; got "
                f"{reading.longest:,}."
            )
        self.backbone = backbone
        self.task = task
        self.reading = reading
        with torch.random.fork_rng(devices=[], enabled=generator is not None):
            self.readout = Readout(
                backbone.config.d_model,
                task.outputs,
                pooling=pooling,
                dropout=dropout,
            )
        self._draw(generator)
        self.register_buffer("temperature", torch.ones(()))
        self.register_buffer("centre", torch.zeros(task.outputs))
        self.register_buffer("scale", torch.ones(task.outputs))

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

    def answers(
        self, logits: Float[Tensor, "batch outputs"]
    ) -> Float[Tensor, "batch labels"]:
        """Turn logits into calibrated probabilities, or numbers in their units."""
        if self.task.kind == "regression":
            return self.centre + self.scale * logits
        return self.task.predictions(logits / self.temperature)

    def logits(
        self,
        rows: Sequence[TokenRow],
        *,
        batch_size: BatchSize = "auto",
        device: str | torch.device | None = None,
        progress: bool = False,
    ) -> Float64[np.ndarray, "sequences outputs"]:
        """Return the logits of token rows, averaged over the strands to be read."""
        return mean_logits(
            self,
            rows,
            self.reading.strands,
            batch_size=batch_size,
            device=device,
            progress=progress,
        )

    def predict(
        self,
        sequences: SequenceSource,
        *,
        genome: FastaReader | StrPath | None = None,
        batch_size: BatchSize = "auto",
        device: str | torch.device | None = None,
        progress: bool = False,
    ) -> pd.DataFrame:
        """Return a row per sequence and a column per label.

        Calibrated probabilities, or the numbers of a regression in their units.

        Parameters
        ----------
        sequences, genome
            As in `hyenascope.data.sequences.collect_sequences`.
        batch_size, device, progress
            As in `hyenascope.embed`.

        Raises
        ------
        ValueError
            If a sequence is empty, no DNA, or too long to be read.
        """
        named = collect_sequences(sequences, genome=genome)
        logits = self.logits(
            self.reading.rows(named.names, named.texts),
            batch_size=batch_size,
            device=device,
            progress=progress,
        )
        with torch.no_grad():
            answers = self.answers(torch.from_numpy(logits).to(self.temperature))
        return pd.DataFrame(
            answers.double().cpu().numpy(),
            index=list(named.names),
            columns=list(self.task.label_names),
        )


def mean_logits(
    model: nn.Module,
    rows: Sequence[TokenRow],
    strands: Strands,
    *,
    batch_size: BatchSize = "auto",
    device: str | torch.device | None = None,
    progress: bool = False,
) -> Float64[np.ndarray, "sequences outputs"]:
    """Return what a module makes of token rows, averaged over strands.

    Parameters
    ----------
    model
        Called with tokens ``batch length`` and ``mask``; gives ``batch outputs``.
    rows
        One per sequence.
    strands
        Which to read.
    batch_size, device, progress
        As in `hyenascope.embed`.
    """
    turned = {"forward": [False], "reverse": [True]}.get(strands, [False, True])
    passes = [
        map_batches(
            model,
            [reverse_complement_tokens(r) for r in rows] if reverse else rows,
            lambda model, tokens, mask: model(tokens, mask=mask).double(),
            batch_size=batch_size,
            device=device,
            progress=progress,
            per_position=False,
        )
        for reverse in turned
    ]
    return np.mean([np.stack(found) for found in passes], axis=0)
