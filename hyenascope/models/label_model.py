"""What all models of labels share: logits in, probabilities or numbers out."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float64
from torch import nn

from hyenascope._typing import Strands, StrPath
from hyenascope.data.fasta import FastaReader
from hyenascope.data.sequences import SequenceSource, collect_sequences
from hyenascope.models.batching import BatchSize, TokenRow, map_batches
from hyenascope.models.calibrated_model import CalibratedModel
from hyenascope.models.sequence_input import SequenceInput
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.sequence.tokenizer import reverse_complement_tokens


class LabelModel(CalibratedModel):
    """A network from tokens to logits, and what its logits mean.

    Whatever has a ``forward(tokens, *, mask)`` that gives ``batch outputs`` can be
    trained, calibrated, saved with its state and asked.

    Parameters
    ----------
    task
        What the outputs are.
    reading
        How sequences are read.
    """

    def __init__(self, task: SequenceTask, reading: SequenceInput) -> None:
        super().__init__(task)
        self.reading = reading

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
