"""The forward passes behind variant scores, shared wherever they can be.

A reference window is read once per strand for all the variants in it. An SNV's
conditional score needs no pass of its own: the reference pass already holds
log p of every base at its position.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64
from torch import Tensor
from tqdm.auto import tqdm

from hyenascope._device import borrow
from hyenascope._typing import Strands
from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.data.variant import Variant
from hyenascope.interpret.haplotype import Reading, read_forward, read_reverse
from hyenascope.interpret.scores import ScoreName
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.predict import BatchSize, base_log_probs, map_batches
from hyenascope.sequence.tokenizer import BASE_TOKENS

_VARIANTS_PER_BLOCK = 64

Sides = dict[str, tuple[float, float]]
"""Reference and alternate side of each score."""

_Key = tuple[str, bytes]


@dataclass(frozen=True)
class Job:
    """A variant that can be scored: its row in the table and its window."""

    row: int
    variant: Variant
    window: Interval


@dataclass(frozen=True)
class _Pass:
    """What one forward pass leaves behind, in nats."""

    table: Float64[np.ndarray, "length 4"]  # log p(base | left), row 0 NaN
    picked: Float64[np.ndarray, " length"]  # log p of the base that is there
    pooled: Float64[np.ndarray, " channels"]  # mean hidden state


def score_jobs(
    model: HyenaLM,
    genome: FastaReader,
    jobs: Sequence[Job],
    *,
    scores: Sequence[ScoreName],
    strands: Strands,
    batch_size: BatchSize,
    device: torch.device,
    progress: bool,
) -> Iterator[tuple[int, dict[str, Sides]]]:
    """Yield each job's row with its scores by strand, in genome order.

    Texts and passes are held for one block of windows at a time, so memory does
    not grow with the number of variants.
    """
    bar = tqdm(total=len(jobs), disable=not progress, unit="variant")
    with borrow(model, device), bar:
        for block in _blocks(jobs):
            readings = [_readings(genome, job, strands) for job in block]
            rows = _rows(block, readings, scores)
            passes = _run(model, rows, batch_size, device)
            for job, by_strand in zip(block, readings, strict=True):
                yield (
                    job.row,
                    {
                        strand: _score(reading, passes, strand, scores)
                        for strand, reading in by_strand.items()
                    },
                )
            bar.update(len(block))


def _blocks(jobs: Sequence[Job]) -> Iterator[list[Job]]:
    """Jobs in genome order, cut where a new window starts."""
    block: list[Job] = []
    for job in sorted(jobs, key=lambda job: (job.window, job.variant.pos)):
        if len(block) >= _VARIANTS_PER_BLOCK and job.window != block[-1].window:
            yield block
            block = []
        block.append(job)
    if block:
        yield block


def _readings(genome: FastaReader, job: Job, strands: Strands) -> dict[str, Reading]:
    readings = {}
    if strands != "reverse":
        readings["forward"] = read_forward(genome, job.variant, job.window)
    if strands != "forward":
        readings["reverse"] = read_reverse(genome, job.variant, job.window)
    return readings


def _rows(
    block: list[Job], readings: list[dict[str, Reading]], scores: Sequence[ScoreName]
) -> dict[_Key, np.ndarray]:
    """Distinct token rows that a block needs, each once."""
    rows: dict[_Key, np.ndarray] = {}
    for job, by_strand in zip(block, readings, strict=True):
        one_pass = list(scores) == ["conditional"] and job.variant.kind == "snv"
        for strand, reading in by_strand.items():
            rows[strand, reading.reference.tobytes()] = reading.reference
            if not one_pass:
                rows[strand, reading.alternate.tobytes()] = reading.alternate
    return rows


def _run(
    model: HyenaLM,
    rows: dict[_Key, np.ndarray],
    batch_size: BatchSize,
    device: torch.device,
) -> dict[_Key, _Pass]:
    found = map_batches(
        model, list(rows.values()), _one_pass, batch_size=batch_size, device=device
    )
    return {
        key: _Pass(table[: len(row)], picked[: len(row)], pooled)
        for (key, row), (table, picked, pooled) in zip(rows.items(), found, strict=True)
    }


def _one_pass(
    model: HyenaLM, tokens: Tensor, mask: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    hidden = model.hidden(tokens, mask=mask)
    table = base_log_probs(model.head(hidden))
    target = tokens - BASE_TOKENS[0]
    known = (target >= 0) & (target < len(BASE_TOKENS))
    picked = table.gather(-1, target.clamp(0, 3)[..., None])[..., 0]
    real = mask[..., None]
    pooled = torch.where(real, hidden.double(), 0.0).sum(1) / real.sum(1)
    return table, torch.where(known, picked, torch.nan), pooled


def _score(
    reading: Reading,
    passes: dict[_Key, _Pass],
    strand: str,
    scores: Sequence[ScoreName],
) -> dict[str, tuple[float, float]]:
    """Return the reference and alternate side of every score on one strand."""
    ref = passes[strand, reading.reference.tobytes()]
    alt = passes.get((strand, reading.alternate.tobytes()))
    change = slice(reading.first, reading.first + reading.changed)
    found: dict[str, tuple[float, float]] = {}
    if "conditional" in scores:
        found["conditional"] = _conditional(reading, ref, alt, change)
    if alt is None:
        return found
    rest = slice(reading.first, None)
    if reading.changed:
        found["likelihood"] = _total(ref.picked[rest]), _total(alt.picked[rest])
    else:
        found["likelihood"] = np.nan, np.nan
    found["embedding_l2"] = 0.0, float(np.linalg.norm(alt.pooled - ref.pooled))
    found["embedding_cosine"] = 0.0, _cosine_distance(ref.pooled, alt.pooled)
    return found


def _conditional(
    reading: Reading, ref: _Pass, alt: _Pass | None, change: slice
) -> tuple[float, float]:
    # The first base of a strand has no left context, so nothing to condition on.
    if not reading.changed or reading.first == 0:
        return np.nan, np.nan
    before = float(ref.picked[change].sum())
    if alt is not None:
        return before, float(alt.picked[change].sum())
    base = reading.alternate[reading.first] - BASE_TOKENS[0]
    return before, float(ref.table[reading.first, base])


def _total(picked: np.ndarray) -> float:
    # N is never a target; it is skipped on both haplotypes alike.
    return float(np.nansum(picked))


def _cosine_distance(a: np.ndarray, b: np.ndarray) -> float:
    return float(1.0 - a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
