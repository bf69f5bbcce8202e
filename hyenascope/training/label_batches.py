"""Labelled sequences as batches: mixed anew every epoch, alike in length."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Bool, Float32, Int64, Shaped
from torch import Tensor

from hyenascope.models.batching import TokenRow, padded
from hyenascope.sequence.tokenizer import reverse_complement_tokens
from hyenascope.training.learning_options import LearningOptions

_SORTED_TOGETHER = 32  # batches whose rows are sorted by length


@dataclass(frozen=True, eq=False)
class LabelledRows:
    """Tokens, what they should give, and how much each counts.

    Parameters
    ----------
    tokens
        A row per sequence, of any length.
    targets
        As `hyenascope.models.sequence_task.SequenceTask.losses` wants them.
    weights
        Of each sequence in the mean loss.
    """

    tokens: Sequence[TokenRow]
    targets: Shaped[np.ndarray, "rows *labels"]
    weights: Float32[np.ndarray, " rows"]

    def __len__(self) -> int:
        return len(self.tokens)

    @property
    def bases(self) -> int:
        """Bases of all rows."""
        return sum(map(len, self.tokens))

    def batches(self, options: LearningOptions, epoch: int) -> Iterator["LabelBatch"]:
        """Yield every row once, see `epoch_batches`."""
        return epoch_batches(
            self,
            options.batch_size,
            seed=options.seed,
            epoch=epoch,
            flip=options.reverse_complement,
        )


@dataclass(frozen=True, eq=False)
class LabelBatch:
    """Padded on the right; ``mask`` is True at real tokens."""

    tokens: Int64[Tensor, "batch length"]
    mask: Bool[Tensor, "batch length"]
    targets: Shaped[Tensor, "batch *labels"]
    weights: Float32[Tensor, " batch"]


def epoch_batches(
    rows: LabelledRows, batch_size: int, *, seed: int, epoch: int, flip: bool
) -> Iterator[LabelBatch]:
    """Yield every row once, in an order that depends on seed and epoch alone.

    Batches hold rows of similar length, so that little of them is padding. With
    ``flip`` a fair coin decides for every row which strand is read.

    Examples
    --------
    >>> tokens = [np.array([7, 8]), np.array([9, 10, 7]), np.array([8])]
    >>> rows = LabelledRows(tokens, np.array([0, 1, 1]), np.ones(3, np.float32))
    >>> batches = epoch_batches(rows, 2, seed=0, epoch=0, flip=False)
    >>> sorted(len(batch.targets) for batch in batches)
    [1, 2]
    """
    rng = np.random.default_rng([seed, 4, epoch])
    order = rng.permutation(len(rows))
    reverse = rng.random(len(rows)) < (0.5 if flip else 0.0)
    together = batch_size * _SORTED_TOGETHER
    batches: list[Int64[np.ndarray, " batch"]] = []
    for start in range(0, len(order), together):
        some = order[start : start + together]
        some = some[np.argsort([len(rows.tokens[i]) for i in some], kind="stable")]
        cuts = range(batch_size, len(some), batch_size)
        batches += np.split(some, list(cuts))
    for number in rng.permutation(len(batches)):
        yield _batch(rows, batches[number], reverse)


def _batch(
    rows: LabelledRows,
    picked: Int64[np.ndarray, " batch"],
    reverse: Bool[np.ndarray, " rows"],
) -> LabelBatch:
    tokens, mask = padded(
        [
            reverse_complement_tokens(rows.tokens[i]) if reverse[i] else rows.tokens[i]
            for i in picked
        ]
    )
    targets, weights = rows.targets[picked], rows.weights[picked]
    return LabelBatch(
        tokens, mask, torch.from_numpy(targets), torch.from_numpy(weights)
    )
