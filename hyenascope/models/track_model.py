"""A backbone with a head at every base: numbers along a stretch of DNA.

A causal model knows at a base only what lies left of it. By default both strands are
read and the head gets, for each base, the state of either: together they have seen the
whole window.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Bool, Float, Float64, Int, Int64
from torch import Tensor, nn
from torch.nn import functional

from hyenascope._typing import Strands
from hyenascope.data.sequences import SequenceSource, collect_sequences
from hyenascope.models.batching import BatchSize, TokenRow, map_batches
from hyenascope.models.calibrated_model import CalibratedModel
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.predict import check_strands
from hyenascope.models.sequence_input import SequenceInput
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.sequence.tokenizer import PAD_TOKEN, VOCABULARY, complement_tokens


class TrackReadout(nn.Module):
    """Average the states within bins, then two linear layers around a GELU.

    Parameters
    ----------
    width, d_model, outputs
        Of what comes in, of the layer between, and of the answer.
    bin_size
        Bases per answer.
    dropout
        Of what comes in, in training.
    """

    def __init__(
        self, width: int, d_model: int, outputs: int, *, bin_size: int, dropout: float
    ) -> None:
        super().__init__()
        self.bin_size = bin_size
        self.dropout = nn.Dropout(dropout)
        self.inner = nn.Linear(width, d_model)
        self.linear = nn.Linear(d_model, outputs)

    def forward(
        self,
        states: Float[Tensor, "batch length width"],
        real: Bool[Tensor, "batch length"],
    ) -> Float[Tensor, "batch bins outputs"]:
        """Return logits; of a bin without a real base they mean nothing."""
        means = _bin_means(states, real, self.bin_size)
        inner = self.inner(self.dropout(means).to(self.inner.weight.dtype))
        return self.linear(functional.gelu(inner))


class TrackModel(CalibratedModel):
    """A language model with a head at every base, and what its numbers mean.

    `hyenascope.training.finetune_tracks.finetune_tracks` trains one.

    Parameters
    ----------
    backbone
        Trained along unless frozen; its language-model head is unused.
    task
        What the numbers of a base are: ``"multiclass"``, ``"multilabel"`` or
        ``"regression"``. Yes or no is ``"multilabel"`` with one label.
    window
        Bases that are read at a time; the context if None.
    bin_size
        Bases that share an answer; divides the window.
    strands
        Whose states the head gets: ``"both"`` side by side, or one.
    dropout
        Of the states, in training.
    units
        Of the numbers of a regression.
    generator
        Source of the head's random weights; torch's global one if None.

    Raises
    ------
    ValueError
        If the task is ``"binary"``, or window and bins do not fit the model or one
        another.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> backbone = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> model = TrackModel(backbone, SequenceTask("multilabel", ("coding",)))
    >>> [track.shape for track in model.predict(["ACGTA", "ACG"])]
    [(5, 1), (3, 1)]
    """

    def __init__(
        self,
        backbone: HyenaLM,
        task: SequenceTask,
        *,
        window: int | None = None,
        bin_size: int = 1,
        strands: Strands = "both",
        dropout: float = 0.0,
        units: str = "",
        generator: torch.Generator | None = None,
    ) -> None:
        if task.kind == "binary":
            raise ValueError(
                "task must be 'multiclass', 'multilabel' or 'regression'; got "
                "'binary'. Yes or no at a base is 'multilabel' with one label."
            )
        check_strands(strands)
        super().__init__(task)
        self.backbone = backbone
        self.strands: Strands = strands
        self.units = units if task.kind == "regression" else "probability"
        self.window = backbone.context_length if window is None else window
        _check_window(self.window, bin_size, backbone)
        width = backbone.config.d_model * (2 if strands == "both" else 1)
        with torch.random.fork_rng(devices=[], enabled=generator is not None):
            self.readout = TrackReadout(
                width,
                backbone.config.d_model,
                task.outputs,
                bin_size=bin_size,
                dropout=dropout,
            )
        self._draw(generator)

    @property
    def config(self) -> HyenaConfig:
        """The backbone's numbers."""
        return self.backbone.config

    @property
    def bin_size(self) -> int:
        """Bases that share an answer."""
        return self.readout.bin_size

    @torch.no_grad()
    def _draw(self, generator: torch.Generator | None) -> None:
        for linear in (self.readout.inner, self.readout.linear):
            nn.init.xavier_uniform_(linear.weight, generator=generator)
            nn.init.zeros_(linear.bias)

    def forward(
        self,
        tokens: Int[Tensor, "batch length"],
        *,
        mask: Bool[Tensor, "batch length"] | None = None,
    ) -> Float[Tensor, "batch bins outputs"]:
        """Return logits, neither calibrated nor in the units of a regression.

        Bins count from the left. ``mask`` is True at real tokens, and padding is on
        the right; if None, it is whatever is ``[PAD]``.
        """
        real = tokens != PAD_TOKEN if mask is None else mask
        return self.readout(self._states(tokens, real), real)

    def _states(self, tokens: Tensor, real: Tensor) -> Tensor:
        if self.strands == "forward":
            return self.backbone.hidden(tokens, mask=real)
        there = _mirror(real)
        turned = _complement(tokens).gather(1, there)
        if self.strands == "reverse":
            return _along(self.backbone.hidden(turned, mask=real), there)
        rows = torch.cat([tokens, turned])
        states = self.backbone.hidden(rows, mask=torch.cat([real, real]))
        forward, backward = states.unflatten(0, (2, -1))
        return torch.cat([forward, _along(backward, there)], dim=2)

    def logits(
        self,
        rows: Sequence[TokenRow],
        *,
        batch_size: BatchSize = "auto",
        device: str | torch.device | None = None,
        progress: bool = False,
    ) -> list[Float64[np.ndarray, "_ outputs"]]:
        """Return the logits of token rows, one array per row with a line per bin."""
        found = map_batches(
            self,
            rows,
            lambda model, tokens, mask: model(tokens, mask=mask).double(),
            batch_size=batch_size,
            device=device,
            progress=progress,
            per_position=False,
        )
        bins = [-(-len(row) // self.bin_size) for row in rows]
        return [each[:count] for each, count in zip(found, bins, strict=True)]

    def predict(
        self,
        sequences: SequenceSource,
        *,
        batch_size: BatchSize = "auto",
        device: str | torch.device | None = None,
        progress: bool = False,
    ) -> list[Float64[np.ndarray, "_ labels"]]:
        """Return an array per sequence: a line per bin and a column per label.

        Calibrated probabilities, or the numbers of a regression in their units. For a
        stretch of a genome `hyenascope.models.predict_track.predict_track` lets every
        base see what lies around it.

        Parameters
        ----------
        sequences
            As in `hyenascope.data.sequences.collect_sequences`.
        batch_size, device, progress
            As in `hyenascope.embed`.

        Raises
        ------
        ValueError
            If a sequence is empty, no DNA, or longer than the window.
        """
        named = collect_sequences(sequences)
        rows = SequenceInput(self.window).rows(named.names, named.texts)
        found = self.logits(
            rows, batch_size=batch_size, device=device, progress=progress
        )
        return [self.numbers(logits) for logits in found]

    @torch.no_grad()
    def numbers(
        self, logits: Float64[np.ndarray, "bins outputs"]
    ) -> Float64[np.ndarray, "bins labels"]:
        """Turn logits into what the task calls answers."""
        return (
            self.answers(torch.from_numpy(logits).to(self.scale))
            .double()
            .numpy(force=True)
        )


def _check_window(window: int, bin_size: int, backbone: HyenaLM) -> None:
    if not 1 <= window <= backbone.config.l_max:
        raise ValueError(
            f"window must be 1 to {backbone.config.l_max:,} bp; got {window:,}."
        )
    if bin_size < 1 or window % bin_size:
        raise ValueError(
            f"bin_size must divide the window of {window:,} bp; got {bin_size}."
        )


def _bin_means(
    states: Float[Tensor, "batch length width"],
    real: Bool[Tensor, "batch length"],
    bin_size: int,
) -> Float[Tensor, "batch bins width"]:
    """Mean over the real bases of each bin, of which the last may be short."""
    if bin_size == 1:
        return states
    short = -states.shape[1] % bin_size
    known = functional.pad(real, (0, short)).unflatten(1, (-1, bin_size))
    masked = states.masked_fill(~real[..., None], 0.0)
    sums = functional.pad(masked, (0, 0, 0, short)).unflatten(1, (-1, bin_size)).sum(2)
    return sums / known.sum(2).clamp(min=1)[..., None]


def _mirror(real: Bool[Tensor, "batch length"]) -> Int64[Tensor, "batch length"]:
    """Where each real token is on the other strand; padding stays where it is."""
    here = torch.arange(real.shape[1], device=real.device)
    return torch.where(real, real.sum(dim=1, keepdim=True) - 1 - here, here)


def _along(
    states: Float[Tensor, "batch length channels"], there: Int64[Tensor, "batch length"]
) -> Float[Tensor, "batch length channels"]:
    rows = torch.arange(states.shape[0], device=states.device)[:, None]
    return states[rows, there]


def _complement(tokens: Int[Tensor, "batch length"]) -> Int64[Tensor, "batch length"]:
    table = torch.from_numpy(complement_tokens(np.arange(len(VOCABULARY))))
    return table.to(tokens.device)[tokens]
