"""Whole windows of many variants, read many at a time.

The way for models that the incremental engine does not know, and for windows with
so few variants that only many windows together fill a GPU.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float, Float64
from torch import Tensor

from hyenascope._typing import Strands
from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.data.variant import Variant
from hyenascope.interpret.haplotype import AlleleReading, strand_text
from hyenascope.interpret.score_formulas import (
    Pair,
    Sides,
    StatePool,
    can_be_judged,
    score_sides,
    state_pools,
    unknown_sides,
)
from hyenascope.interpret.scores import ScoreName
from hyenascope.models.batching import BatchSize, map_batches
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.incremental import picked
from hyenascope.models.predict import base_log_probs
from hyenascope.sequence.tokenizer import BASE_TOKENS

_Key = tuple[str, bytes]


@dataclass(frozen=True)
class Job:
    """A variant that can be scored: its row in the table and its window."""

    row: int
    variant: Variant
    window: Interval


@dataclass(frozen=True)
class PassPlan:
    """What is asked of every variant.

    Parameters
    ----------
    scores, strands
        As in `hyenascope.score_variants`.
    window
        Bases that the downstream score adds up.
    batch_size
        Mutants, or windows, per pass.
    max_memory
        Bytes that a reference pass may keep for its mutants.
    """

    scores: tuple[ScoreName, ...]
    strands: Strands
    window: int
    batch_size: BatchSize
    max_memory: int

    @property
    def sides(self) -> tuple[str, ...]:
        """Strands that are read."""
        return ("forward", "reverse") if self.strands == "both" else (self.strands,)

    @property
    def pools(self) -> frozenset[StatePool]:
        """Hidden states that are compared."""
        return state_pools(self.scores)

    def needs_mutant(self, variant: Variant) -> bool:
        """Whether the reference pass alone does not hold the scores."""
        return self.scores != ("conditional",) or variant.kind != "snv"


class FullWindows:
    """Score jobs from passes over whole windows, reference and alternate alike.

    Parameters
    ----------
    model
        Borrowed by the caller.
    genome
        Open reader.
    plan
        What is asked.
    device
        Where the model is.
    """

    def __init__(
        self,
        model: HyenaLM,
        genome: FastaReader,
        plan: PassPlan,
        device: torch.device,
    ) -> None:
        self.model = model
        self.genome = genome
        self.plan = plan
        self.device = device
        self._passes: dict[_Key, _Pass] = {}

    def score(self, block: Sequence[Job]) -> Iterator[tuple[int, dict[str, Sides]]]:
        """Yield each job's row with its scores by strand.

        A pass is kept as long as the next block needs it too.
        """
        readings = [self._readings(job) for job in block]
        rows = self._rows(block, readings)
        kept = {key: old for key, old in self._passes.items() if key in rows}
        new = {key: row for key, row in rows.items() if key not in kept}
        self._passes = kept | self._run_rows(new)
        for job, by_strand in zip(block, readings, strict=True):
            yield (
                job.row,
                {
                    strand: self._from_passes(strand, reading)
                    for strand, reading in by_strand.items()
                },
            )

    def _readings(self, job: Job) -> dict[str, AlleleReading]:
        return {
            strand: strand_text(
                self.genome,
                job.window,
                reverse=strand == "reverse",
                room=len(job.variant.ref),
            ).read(job.variant)
            for strand in self.plan.sides
        }

    def _rows(
        self, block: Sequence[Job], readings: list[dict[str, AlleleReading]]
    ) -> dict[_Key, np.ndarray]:
        """Distinct token rows that a block needs, each once."""
        rows: dict[_Key, np.ndarray] = {}
        for job, by_strand in zip(block, readings, strict=True):
            for strand, reading in by_strand.items():
                rows[_key(strand, reading.reference)] = reading.reference
                if self.plan.needs_mutant(job.variant):
                    rows[_key(strand, reading.alternate)] = reading.alternate
        return rows

    def _run_rows(self, rows: dict[_Key, np.ndarray]) -> "dict[_Key, _Pass]":
        pools = self.plan.pools

        def one_pass(
            model: HyenaLM, tokens: Tensor, mask: Tensor
        ) -> tuple[Tensor, ...]:
            hidden = model.hidden(tokens, mask=mask)
            table = base_log_probs(model.head(hidden))
            nothing = table.new_empty(len(tokens), 0)
            last = mask.sum(1, keepdim=True)[..., None] - 1
            return (
                table,
                picked(table, tokens),
                _mean(hidden, mask) if "mean" in pools else nothing,
                hidden.take_along_dim(last, 1)[:, 0] if "last" in pools else nothing,
                hidden if "variant" in pools else nothing,
            )

        found = map_batches(
            self.model,
            list(rows.values()),
            one_pass,
            batch_size=self.plan.batch_size,
            device=self.device,
        )
        return {
            key: _Pass(table[: len(row)], log_p[: len(row)], *states)
            for (key, row), (table, log_p, *states) in zip(
                rows.items(), found, strict=True
            )
        }

    def _from_passes(self, strand: str, reading: AlleleReading) -> Sides:
        scores = self.plan.scores
        if not can_be_judged(reading):
            return unknown_sides(scores)
        ref = self._passes[_key(strand, reading.reference)]
        alt = self._passes.get(_key(strand, reading.alternate))
        if alt is None:
            base = reading.alternate[reading.first] - BASE_TOKENS[0]
            log_p = float(ref.picked[reading.first])
            return {"conditional": (log_p, float(ref.table[reading.first, base]))}
        pair = _pair(reading, ref, alt, self.plan.pools)
        return score_sides(reading, pair, scores, self.plan.window)


@dataclass(frozen=True)
class _Pass:
    """What one full pass leaves behind, in nats; hidden states if asked for."""

    table: Float64[np.ndarray, "length 4"]  # log p(base | left), row 0 NaN
    picked: Float64[np.ndarray, " length"]  # log p of the base that is there
    mean: Float64[np.ndarray, " mean_channels"]
    last: Float[np.ndarray, " last_channels"]
    hidden: Float[np.ndarray, "..."]

    def state(self, pool: StatePool, first: int) -> Float64[np.ndarray, " channels"]:
        """Return one hidden state, in float64."""
        if pool == "variant":
            return self.hidden[first].astype(np.float64)
        return (self.mean if pool == "mean" else self.last).astype(np.float64)


def _key(strand: str, tokens: np.ndarray) -> _Key:
    return strand, tokens.astype(np.int8).tobytes()


def _mean(hidden: Tensor, mask: Tensor) -> Tensor:
    real = mask[..., None]
    return torch.where(real, hidden.double(), 0.0).sum(1) / real.sum(1)


def _pair(
    reading: AlleleReading, ref: _Pass, alt: _Pass, pools: frozenset[StatePool]
) -> Pair:
    first = reading.first
    before = ref.picked[:first]
    lacks = reading.removed != reading.added
    return Pair(
        ref.picked[first:],
        alt.picked[first:],
        float(np.nansum(before)),
        int((~np.isnan(before)).sum()),
        float(np.nanmean(ref.picked)) if lacks else 0.0,
        {pool: (ref.state(pool, first), alt.state(pool, first)) for pool in pools},
    )
