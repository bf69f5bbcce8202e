"""All that decides the numbers of a fine-tuning run on whole sequences."""

from dataclasses import dataclass
from typing import Literal

from hyenascope.models.sequence_input import TooLong
from hyenascope.models.sequence_model import Pooling
from hyenascope.training.learning_options import LearningOptions


@dataclass(frozen=True)
class FinetuneOptions(LearningOptions):
    """How to fine-tune: with the same data, device and threads, the same weights.

    Parameters
    ----------
    epochs, patience, select_by, batch_size, learning_rate, layer_decay, frozen
        As in `hyenascope.training.learning_options.LearningOptions`, and so are the
        next five.
    weight_decay, dropout, warmup, clip, seed
        ``dropout`` is of the pooled states.
    reverse_complement
        Read each sequence from a strand drawn by a fair coin, anew in every epoch.
    strands
        Which are averaged in prediction.
    pooling
        How the states of the bases become one vector, or ``"attention"``.
    class_weights
        ``"balanced"``: each class counts as much as every other in the loss; not for
        ``"multilabel"`` and ``"regression"``.
    longest, too_long
        Bases that are read at most, the context if None, and what becomes of longer
        sequences, see `hyenascope.models.sequence_model.SequenceInput`.

    Raises
    ------
    ValueError
        If a number is out of range.
    """

    pooling: Pooling = "mean"
    class_weights: Literal["balanced"] | None = None
    longest: int | None = None
    too_long: TooLong = "refuse"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.longest is not None and self.longest < 1:
            raise ValueError(f"longest must be at least 1; got {self.longest}.")
