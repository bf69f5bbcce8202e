"""One reference window on one strand, and the mutants that are read against it.

What `hyenascope.models.incremental` gives as tensors, here as the arrays that
scores are made of: log p of the bases that are there, and pooled hidden states.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor

from hyenascope.interpret.score_formulas import Pair, StatePool
from hyenascope.models.batching import BatchSize
from hyenascope.models.incremental import Mutant, ReferencePass, picked
from hyenascope.models.mutant_passes import FullPasses, batches
from hyenascope.models.predict import base_log_probs
from hyenascope.sequence.tokenizer import PAD_TOKEN

_States = Float64[np.ndarray, " channels"]


@dataclass(frozen=True)
class Alternate:
    """What one mutant leaves behind, from its start on.

    ``picked`` is log p of its bases in nats, NaN where there is none. ``states``
    are float64; the mean is kept as its difference from the reference's, which is
    more exact than the difference of two means.
    """

    picked: Float64[np.ndarray, " window"]
    states: dict[StatePool, _States]


class WindowReader:
    """Read mutants of one reference into arrays, in batches.

    Use it under `torch.inference_mode`.

    Parameters
    ----------
    reader
        The reference; made with ``keep_hidden`` if hidden states are asked for,
        and then a `ReferencePass`.
    """

    def __init__(self, reader: ReferencePass | FullPasses) -> None:
        self.reader = reader
        self.picked = picked(reader.table, reader.tokens).cpu().numpy()
        known = ~np.isnan(self.picked)
        self._sums = np.concatenate([[0.0], np.nancumsum(self.picked)])
        self._counts = np.concatenate([[0], np.cumsum(known)])
        self._means: dict[int, _States] = {}

    def per_base(self, length: int) -> float:
        """Return the mean log p of the first ``length`` bases, in nats."""
        return float(self._sums[length] / self._counts[length])

    def pair(
        self, start: int, length: int, alternate: Alternate, *, lacks: bool
    ) -> Pair:
        """Put a mutant beside the reference's first ``length`` tokens.

        ``lacks`` says that one of the two is shorter, so that the mean is needed.
        """
        width = len(alternate.picked)
        ref_states = self._reference_states(start, length, alternate.states)
        states = {
            pool: (ref, alternate.states[pool] + (ref if pool == "mean" else 0.0))
            for pool, ref in ref_states.items()
        }
        return Pair(
            self.picked[start : min(start + width, length)],
            alternate.picked,
            float(self._sums[start]),
            int(self._counts[start]),
            self.per_base(length) if lacks else 0.0,
            states,
        )

    def alternates(
        self,
        mutants: Iterable[Mutant],
        *,
        pools: frozenset[StatePool] = frozenset(),
        batch_size: BatchSize = "auto",
    ) -> Iterator[Alternate]:
        """Yield what each mutant leaves behind, in order.

        Hidden states at the last token and their mean are right only for mutants
        that reach the end of their haplotype.
        """
        for batch in _cut(self.reader, mutants, batch_size):
            yield from self._read(batch, pools)

    def _read(
        self, batch: list[Mutant], pools: frozenset[StatePool]
    ) -> Iterator[Alternate]:
        states = None
        if pools:
            assert isinstance(self.reader, ReferencePass)
            states = self.reader.hidden(batch)
            tables = base_log_probs(self.reader.model.head(states))
            # Nothing in the window stands left of its first base; the reference does.
            tables[:, 0] = self.reader.table[[mutant.start for mutant in batch]]
        else:
            tables = self.reader.log_probs(batch)
        rows = picked(tables, _padded(batch, tables)).cpu().numpy()
        for i, mutant in enumerate(batch):
            pooled = {} if states is None else self._pool(mutant, states[i], pools)
            yield Alternate(rows[i, : len(mutant.tokens)], pooled)

    def _pool(
        self, mutant: Mutant, states: Tensor, pools: frozenset[StatePool]
    ) -> dict[StatePool, _States]:
        assert self.reader.final is not None
        count = len(mutant.tokens)
        found: dict[StatePool, Tensor] = {}
        if "variant" in pools:
            found["variant"] = states[0]
        if "last" in pools:
            found["last"] = states[count - 1]
        if "mean" in pools:
            same = self.reader.final[mutant.start : mutant.start + count]
            difference = (states[:count].double() - same.double()).sum(0)
            found["mean"] = difference / (mutant.start + count)
        return {pool: _array(state) for pool, state in found.items()}

    def _reference_states(
        self, start: int, length: int, pools: Iterable[StatePool]
    ) -> dict[StatePool, _States]:
        final = self.reader.final
        found: dict[StatePool, _States] = {}
        for pool in pools:
            assert final is not None
            if pool == "mean":
                found[pool] = self._mean(length)
            else:
                found[pool] = _array(final[start if pool == "variant" else length - 1])
        return found

    def _mean(self, length: int) -> _States:
        """Return the mean state of the reference, which most mutants share."""
        if length not in self._means:
            assert self.reader.final is not None
            self._means[length] = _array(self.reader.final[:length].double().mean(0))
        return self._means[length]


def _cut(
    reader: ReferencePass | FullPasses,
    mutants: Iterable[Mutant],
    batch_size: BatchSize,
) -> Iterator[list[Mutant]]:
    if batch_size == "auto":
        yield from batches(reader, mutants)
        return
    rest = iter(mutants)
    while batch := list(islice(rest, batch_size)):
        yield batch


def _padded(batch: list[Mutant], tables: Tensor) -> Tensor:
    rows = np.full((len(batch), tables.shape[1]), PAD_TOKEN, dtype=np.int64)
    for row, mutant in zip(rows, batch, strict=True):
        row[: len(mutant.tokens)] = mutant.tokens
    return torch.from_numpy(rows).to(tables.device)


def _array(state: Tensor) -> _States:
    return state.double().cpu().numpy()
