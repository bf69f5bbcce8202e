"""Time and memory from a thousand bases to a million, on this machine.

Run it with ``python -m tests.benchmarks.long_context``. Every row is a process of its
own: CPU and wall seconds of the second call after one of 1,000 bases, and the most
memory that the process held, Python and torch among it. ``--published`` runs the
published forward pass beside it, which at a million bases takes some 20 GB. The last
line fits how time grows with length. Nothing here passes or fails.
"""

import argparse
import math
import multiprocessing
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

import numpy as np
import torch

from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.predict import embed, log_probs
from tests.benchmarks.peak_memory import peak_memory
from tests.benchmarks.published import published_hidden
from tests.benchmarks.report import Row, say

LENGTHS = (1_000, 10_000, 32_768, 160_000, 450_000, 1_000_000)
SHAPES = {  # of the published models, all made long enough
    "tiny": HyenaConfig(d_model=128, n_layer=2, d_inner=512, l_max=2**20),
    "large": HyenaConfig(d_model=256, n_layer=8, d_inner=1024, l_max=2**20),
}


def _embed(model: HyenaLM, sequence: str) -> None:
    embed(model, [sequence], device="cpu")


def _log_probs(model: HyenaLM, sequence: str) -> None:
    log_probs(model, [sequence], device="cpu")


def _published(model: HyenaLM, sequence: str) -> None:
    tokens = torch.tensor([["ACGT".index(base) + 7 for base in sequence]])
    with torch.inference_mode():
        published_hidden(model, tokens)


ACTIONS: dict[str, Callable[[HyenaLM, str], None]] = {
    "embed": _embed,
    "log_probs": _log_probs,
    "published": _published,
}


@dataclass(frozen=True)
class Cost:
    """Seconds of wall and CPU, and the most memory in bytes."""

    wall: float
    cpu: float
    peak: int

    def __str__(self) -> str:
        return f"{self.cpu:,.0f} s of CPU, {self.peak / 1e9:.1f} GB"


def measure(action: str, shape: str, length: int, threads: int) -> Cost:
    """Run one pass in a process of its own."""
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_measure, action, shape, length, threads).result()


def _measure(action: str, shape: str, length: int, threads: int) -> Cost:
    torch.set_num_threads(threads)
    generator = torch.Generator().manual_seed(0)
    model = HyenaLM(SHAPES[shape], generator=generator).eval()
    letters = np.random.default_rng(0).choice(list("ACGT"), length)
    sequence = "".join(letters)
    ACTIONS[action](model, sequence[:1_000])
    wall, cpu = time.perf_counter(), time.process_time()
    ACTIONS[action](model, sequence)
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Cost(wall, cpu, peak_memory())


def exponent(lengths: Sequence[int], seconds: Sequence[float]) -> float:
    """Return b of the least-squares fit ``seconds = a length^b``."""
    slope, _ = np.polyfit([*map(math.log, lengths)], [*map(math.log, seconds)], 1)
    return float(slope)


def measured(threads: int, *, published: bool) -> list[Row]:
    """Measure what the table of speed says of long inputs."""
    rows, longest = [], LENGTHS[-1]
    theirs = None
    if published:
        theirs = measure("published", "large", longest, threads)
        say(f"published: {theirs}")
    for shape, action, most in (
        *(("large", action, 8) for action in ("embed", "log_probs")),
        *(("tiny", action, 3) for action in ("embed", "log_probs")),
    ):
        cost = measure(action, shape, longest, threads)
        say(f"{shape} {action}: {cost}")
        name = f"{shape}, {longest:,} bases, `{action}`"
        beside = (
            "not run" if theirs is None or shape != "large" else f"published {theirs}"
        )
        note = f"{cost.wall:,.0f} s wall"
        gb = cost.peak / 1e9
        if shape == "large":
            quicker = None if theirs is None else f"{theirs.cpu / cost.cpu:.2f} ×; "
            rows.append(
                Row(
                    f"{name}, CPU s",
                    beside,
                    f"{cost.cpu:,.0f} s",
                    cost.cpu,
                    "≤ 400",
                    (quicker or "") + note,
                )
            )
        rows.append(Row(f"{name}, peak GB", beside, f"{gb:.2f} GB", gb, f"≤ {most}"))
    for shape in SHAPES:
        costs = [measure("embed", shape, length, threads).cpu for length in LENGTHS]
        say(f"{shape}: CPU s {', '.join(f'{cost:.2f}' for cost in costs)}")
        rows.append(
            Row(
                f"{shape}, exponent of length from {LENGTHS[0]:,} to {longest:,} bases",
                "1 is linear",
                f"{costs[0]:.2f} to {costs[-1]:,.0f} s of CPU",
                exponent(LENGTHS, costs),
                "≤ 1.1",
            )
        )
    return rows


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shape", choices=SHAPES, action="append")
    parser.add_argument("--length", type=int, action="append")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--published", action="store_true", help="run that beside it")
    given = parser.parse_args()
    lengths = sorted(given.length or LENGTHS)
    say(f"torch {torch.__version__}, {given.threads} threads, one sequence, float32")
    say(f"{'shape':6} {'what':10} {'bases':>9} {'wall s':>8} {'CPU s':>8} {'GB':>8}")
    for shape in given.shape or SHAPES:
        for action in ACTIONS:
            if action == "published" and not given.published:
                continue
            costs = [measure(action, shape, n, given.threads) for n in lengths]
            for length, cost in zip(lengths, costs, strict=True):
                say(
                    f"{shape:6} {action:10} {length:9,} {cost.wall:8.2f} "
                    f"{cost.cpu:8.2f} {cost.peak / 1e9:8.2f}"
                )
            if len(lengths) > 2:
                b = exponent(lengths, [cost.cpu for cost in costs])
                say(f"{shape:6} {action:10} CPU seconds grow as length^{b:.2f}")


if __name__ == "__main__":
    main()
