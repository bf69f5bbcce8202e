"""The small convolutional network that Genomic Benchmarks publishes beside its data.

Layers and widths are those of the repository of Grešová et al. 2023 (BMC Genomic Data
24:25; ML-Bioinfo-CEITEC/genomic_benchmarks, ``models/torch.py``), oddities included:
only the first convolution has a ReLU, and nothing stands between the two dense layers.
Where this one differs:

- It gives logits. The published one squashes the output of two classes, then takes a
  loss that squashes it once more, which keeps it from ever being sure.
- Its alphabet is that of the tokenizer here, padding among it; theirs is counted from
  the training sequences.
- A batch is padded to the length the network is made for, so that a row means the same
  in every batch. Theirs does so for the data sets of variable length only, and learns
  a vector for the padding, as this one does.
- Numbers and several labels can be learnt as well as classes.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn
from torch.nn import functional

from hyenascope.models.label_model import LabelModel
from hyenascope.models.sequence_input import SequenceInput
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.sequence.tokenizer import PAD_TOKEN, VOCABULARY

SHORTEST = 57
"""Bases of which one position is left after three convolutions and poolings."""

_EMBEDDING, _CHANNELS, _DENSE = 100, (16, 8, 4), 512
_TAPS, _POOL = 8, 2


class BenchmarkCNN(LabelModel):
    """Three convolutions and two dense layers over bases.

    `hyenascope.training.cnn_baseline.fit_cnn` trains one.

    Parameters
    ----------
    task
        What the outputs are.
    reading
        How sequences are read. ``longest`` is part of the network: every position has
        weights of its own in the dense layer. At least `SHORTEST`.
    generator
        Source of the random weights, which are drawn as torch draws them; torch's
        global one if None.

    Raises
    ------
    ValueError
        If fewer bases than `SHORTEST` are read.

    Examples
    --------
    >>> task = SequenceTask("binary", ("no", "yes"))
    >>> model = BenchmarkCNN(task, reading=SequenceInput(251))
    >>> sum(p.numel() for p in model.parameters())  # 4 × 25 flat features
    67589
    >>> model.predict(["ACGT" * 60, "AC"]).columns.tolist()
    ['no', 'yes']
    """

    def __init__(
        self,
        task: SequenceTask,
        *,
        reading: SequenceInput,
        generator: torch.Generator | None = None,
    ) -> None:
        if reading.longest < SHORTEST:
            raise ValueError(
                f"reading.longest must be at least {SHORTEST}, for three convolutions; "
                f"got {reading.longest}."
            )
        super().__init__(task, reading)
        with torch.random.fork_rng(devices=[], enabled=generator is not None):
            self._build()
        self._draw(generator)

    def _build(self) -> None:
        self.embeddings = nn.Embedding(len(VOCABULARY), _EMBEDDING)
        layers: list[nn.Module] = []
        before, left = _EMBEDDING, self.reading.longest
        for number, channels in enumerate(_CHANNELS):
            layers += [nn.Conv1d(before, channels, _TAPS), nn.BatchNorm1d(channels)]
            layers += [nn.ReLU()] if number == 0 else []
            layers += [nn.MaxPool1d(_POOL)]
            before, left = channels, (left - _TAPS + 1) // _POOL
        self.convolutions = nn.Sequential(*layers)
        self.dense = nn.Sequential(
            nn.Linear(before * left, _DENSE), nn.Linear(_DENSE, self.task.outputs)
        )

    @torch.no_grad()
    def _draw(self, generator: torch.Generator | None) -> None:
        """Draw as torch does: uniform within one over the root of the inputs."""
        nn.init.normal_(self.embeddings.weight, generator=generator)
        for layer in self.modules():
            if isinstance(layer, nn.Conv1d | nn.Linear):
                bound = layer.weight[0].numel() ** -0.5
                nn.init.uniform_(layer.weight, -bound, bound, generator=generator)
                assert layer.bias is not None
                nn.init.uniform_(layer.bias, -bound, bound, generator=generator)

    def forward(
        self,
        tokens: Int[Tensor, "batch length"],
        *,
        mask: Bool[Tensor, "batch length"] | None = None,
    ) -> Float[Tensor, "batch outputs"]:
        """Return logits, neither calibrated nor in the units of a regression.

        ``mask`` is True at real tokens; if None, everywhere but at padding. Pad on
        the right: the network knows positions.

        Raises
        ------
        ValueError
            If there are more tokens than are read.
        """
        missing = self.reading.longest - tokens.shape[1]
        if missing < 0:
            raise ValueError(
                f"tokens must be at most {self.reading.longest:,}, the length this "
                f"network is made for; got {tokens.shape[1]:,}."
            )
        if mask is not None:
            tokens = tokens.masked_fill(~mask, PAD_TOKEN)
        whole = functional.pad(tokens, (0, missing), value=PAD_TOKEN)
        found = self.convolutions(self.embeddings(whole).transpose(1, 2))
        return self.dense(found.flatten(1))
