"""What all models of labels share: logits in, probabilities or numbers out."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float, Float64
from torch import Tensor, nn

from hyenascope._typing import Strands, StrPath
from hyenascope.data.fasta import FastaReader
from hyenascope.data.sequences import SequenceSource, collect_sequences
from hyenascope.models.batching import BatchSize, TokenRow, map_batches
from hyenascope.models.sequence_input import SequenceInput
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.sequence.tokenizer import reverse_complement_tokens


class LabelModel(nn.Module):
    """A network from tokens to logits, and what its logits mean.

    Whatever has a ``forward(tokens, *, mask)`` that gives ``batch outputs`` can be
    trained, calibrated, saved with its state and asked.

    Parameters
    ----------
    task
        What the outputs are.
    reading
        How sequences are read.

    Attributes
    ----------
    temperature, shift : Tensor
        Probabilities are those of ``logits / temperature + shift``, see
        `hyenascope.training.calibration`.
    centre, scale : Tensor
        Of a regression: an output is ``centre + scale * logit``.
    """

    temperature: Tensor
    shift: Tensor
    centre: Tensor
    scale: Tensor

    def __init__(self, task: SequenceTask, reading: SequenceInput) -> None:
        super().__init__()
        self.task = task
        self.reading = reading
        self.register_buffer("temperature", torch.ones(()))
        self.register_buffer("shift", torch.zeros(task.outputs))
        self.register_buffer("centre", torch.zeros(task.outputs))
        self.register_buffer("scale", torch.ones(task.outputs))

    def answers(
        self, logits: Float[Tensor, "batch outputs"]
    ) -> Float[Tensor, "batch labels"]:
        """Turn logits into calibrated probabilities, or numbers in their units."""
        if self.task.kind == "regression":
            return self.centre + self.scale * logits
        return self.task.predictions(logits / self.temperature + self.shift)

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
