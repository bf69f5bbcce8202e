"""All that decides the numbers of a run on labels, whatever the labels are of."""

from dataclasses import dataclass
from typing import Literal

from hyenascope._typing import Strands
from hyenascope.training.label_metrics import Metric

Frozen = Literal["nothing", "backbone"] | int


@dataclass(frozen=True)
class LearningOptions:
    """What fine-tuning on sequences and on tracks have in common.

    Parameters
    ----------
    epochs
        At most.
    patience
        Epochs without a better validation score after which to stop; None never
        stops early. The weights of the best epoch are returned in any case.
    select_by
        What is best on the validation rows: ``"loss"`` (least), or the most of a
        metric of `hyenascope.training.label_metrics`.
    batch_size
        Sequences or windows per step.
    learning_rate
        Peak, of the readout; it ramps up over ``warmup`` of the steps, then falls as
        half a cosine to a hundredth.
    layer_decay
        Each block learns at this fraction of the rate of the block above it.
    frozen
        ``"nothing"``, the whole ``"backbone"``, or the embedding and that many of the
        lowest blocks.
    weight_decay
        AdamW's, of matrices outside the filter network.
    dropout
        Of what the readout gets.
    warmup
        Fraction of all steps.
    clip
        Largest norm of the gradient.
    reverse_complement
        Read each row from a strand drawn by a fair coin, anew in every epoch.
    strands
        Which are read.
    seed
        Decides the readout, the split-off validation rows, order, strands, dropout.

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    epochs: int = 20
    patience: int | None = 5
    select_by: Metric | Literal["loss"] = "loss"
    batch_size: int = 32
    learning_rate: float = 1e-3
    layer_decay: float = 1.0
    frozen: Frozen = "nothing"
    weight_decay: float = 0.1
    dropout: float = 0.1
    warmup: float = 0.05
    clip: float = 1.0
    reverse_complement: bool = True
    strands: Strands = "both"
    seed: int = 0

    def __post_init__(self) -> None:
        least = {"epochs": 1, "batch_size": 1, "seed": 0}
        for name, bound in least.items():
            if (value := getattr(self, name)) < bound:
                raise ValueError(f"{name} must be at least {bound}; got {value}.")
        if self.patience is not None and self.patience < 1:
            raise ValueError(f"patience must be at least 1; got {self.patience}.")
        for name in ("learning_rate", "clip", "layer_decay"):
            if not (number := getattr(self, name)) > 0:
                raise ValueError(f"{name} must be positive; got {number}.")
        for name in ("dropout", "warmup", "weight_decay"):
            if not 0 <= (share := getattr(self, name)) <= 1:
                raise ValueError(f"{name} must be from 0 to 1; got {share}.")
        named = self.frozen in ("nothing", "backbone")
        blocks = isinstance(self.frozen, int) and not isinstance(self.frozen, bool)
        if not named and not (blocks and int(self.frozen) >= 0):
            raise ValueError(
                "frozen must be 'nothing', 'backbone' or a number of blocks; got "
                f"{self.frozen!r}."
            )
