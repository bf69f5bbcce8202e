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
from hyenascope.models.batching import BatchSize, map_batches
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.predict import base_log_probs
from hyenascope.sequence.tokenizer import BASE_TOKENS

_BASES_PER_BLOCK = 65_536  # of window: what bounds the memory of a block
_UNKNOWN = (np.nan, np.nan)

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
    pooled: Float64[np.ndarray, " channels"]  # mean hidden state, if asked for


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

    Passes are held for one block of some windows' worth of bases, so their memory
    does not grow with the number of variants. A reference pass is kept as long as
    the next block has variants in the same window.
    """
    passes: dict[_Key, _Pass] = {}
    bar = tqdm(total=len(jobs), disable=not progress, unit="variant")
    with borrow(model, device), bar:
        for block in _blocks(jobs):
            readings = [_readings(genome, job, strands) for job in block]
            rows = _rows(block, readings, scores)
            passes = {key: kept for key, kept in passes.items() if key in rows}
            new = {key: row for key, row in rows.items() if key not in passes}
            passes |= _run(model, new, scores, batch_size, device)
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
    """Jobs in genome order, some windows' worth of bases at a time."""
    block: list[Job] = []
    for job in sorted(jobs, key=lambda job: (job.window, job.variant.pos)):
        if block and len(block) * job.window.length >= _BASES_PER_BLOCK:
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
            rows[_key(strand, reading.reference)] = reading.reference
            if not one_pass:
                rows[_key(strand, reading.alternate)] = reading.alternate
    return rows


def _key(strand: str, tokens: np.ndarray) -> _Key:
    return strand, tokens.astype(np.int8).tobytes()


def _run(
    model: HyenaLM,
    rows: dict[_Key, np.ndarray],
    scores: Sequence[ScoreName],
    batch_size: BatchSize,
    device: torch.device,
) -> dict[_Key, _Pass]:
    embeds = any(name.startswith("embedding") for name in scores)

    def one_pass(
        model: HyenaLM, tokens: Tensor, mask: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        hidden = model.hidden(tokens, mask=mask)
        table = base_log_probs(model.head(hidden))
        target = tokens - BASE_TOKENS[0]
        known = (target >= 0) & (target < len(BASE_TOKENS))
        picked = table.gather(-1, target.clamp(0, 3)[..., None])[..., 0]
        # Without an embedding score the mean over the window is not worth its time.
        pooled = _mean(hidden, mask) if embeds else table.new_empty(len(tokens), 0)
        return table, torch.where(known, picked, torch.nan), pooled

    found = map_batches(
        model, list(rows.values()), one_pass, batch_size=batch_size, device=device
    )
    return {
        key: _Pass(table[: len(row)], picked[: len(row)], pooled)
        for (key, row), (table, picked, pooled) in zip(rows.items(), found, strict=True)
    }


def _mean(hidden: Tensor, mask: Tensor) -> Tensor:
    real = mask[..., None]
    return torch.where(real, hidden.double(), 0.0).sum(1) / real.sum(1)


def _score(
    reading: Reading,
    passes: dict[_Key, _Pass],
    strand: str,
    scores: Sequence[ScoreName],
) -> Sides:
    """Return the reference and alternate side of every score on one strand."""
    # The first base of a strand has no left context; a change that is cut off by
    # the contig's end cannot be judged at all.
    if not reading.is_seen or reading.first == 0:
        return dict.fromkeys(scores, _UNKNOWN)
    ref = passes[_key(strand, reading.reference)]
    alt = passes.get(_key(strand, reading.alternate))
    if alt is None:
        return {"conditional": _from_one_pass(reading, ref)}
    found: Sides = {
        "conditional": _conditional(reading, ref, alt),
        "likelihood": _likelihood(reading, ref, alt),
        "embedding_l2": (0.0, float(np.linalg.norm(alt.pooled - ref.pooled))),
        "embedding_cosine": (0.0, _cosine_distance(ref.pooled, alt.pooled)),
    }
    return {name: found[name] for name in scores}


def _from_one_pass(reading: Reading, ref: _Pass) -> tuple[float, float]:
    base = reading.alternate[reading.first] - BASE_TOKENS[0]
    return float(ref.picked[reading.first]), float(ref.table[reading.first, base])


def _conditional(reading: Reading, ref: _Pass, alt: _Pass) -> tuple[float, float]:
    """Add log p over the change; N in it gives NaN."""
    change = reading.change
    return float(ref.picked[change].sum()), float(alt.picked[change].sum())


def _likelihood(reading: Reading, ref: _Pass, alt: _Pass) -> tuple[float, float]:
    """Add log p over the alleles and over what follows, paired by coordinate.

    The shorter allele gets the reference window's mean log p for each base that it
    lacks: being long or short is not evidence.
    """
    first, removed, added = reading.first, reading.removed, reading.added
    tail_ref, tail_alt = (
        side.picked[part]
        for side, part in zip((ref, alt), reading.downstream, strict=True)
    )
    known = ~np.isnan(tail_ref) & ~np.isnan(tail_alt)
    per_base = float(np.nanmean(ref.picked)) if removed != added else 0.0
    before = ref.picked[first : first + removed].sum() + tail_ref[known].sum()
    after = alt.picked[first : first + added].sum() + tail_alt[known].sum()
    return (
        float(before) + max(0, added - removed) * per_base,
        float(after) + max(0, removed - added) * per_base,
    )


def _cosine_distance(a: np.ndarray, b: np.ndarray) -> float:
    if not a.size:
        return np.nan
    cosine = a @ b / (np.linalg.norm(a) * np.linalg.norm(b))
    return float(max(0.0, 1.0 - cosine))
