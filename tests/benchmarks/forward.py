"""Time our forward pass beside the published one.

Run it with ``python -m tests.benchmarks.forward``.

Each side of each case lives in a process of its own (the allocator's state
decides half of the time), and the two take turns, so that a busy machine slows
both. A row gives the least wall and CPU time over the repetitions, and the peak
memory of the process. Nothing here passes or fails.
"""

import argparse
import multiprocessing
import os
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection

import torch

from hyenascope.models.hyena import HyenaConfig, HyenaLM
from tests.benchmarks.published import published_hidden

TINY = HyenaConfig(d_model=128, n_layer=2, d_inner=512, l_max=1026)
TINY_256 = HyenaConfig(d_model=256, n_layer=2, d_inner=1024, l_max=1026)
SMALL_32K = HyenaConfig(d_model=256, n_layer=4, d_inner=1024, l_max=32770)
BATCHES = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Case:
    """One shape to time; several ``batches`` mean the best one per sequence."""

    name: str
    config: HyenaConfig
    length: int
    batches: tuple[int, ...]
    repeats: int
    target: float


CASES = (
    Case("tiny-1k, own best batch", TINY, 1024, BATCHES, 4, 1.15),
    Case("tiny-1k, batch 64", TINY, 1024, (64,), 6, 2.3),
    Case("tiny-1k-d256, own best batch", TINY_256, 1024, BATCHES, 4, 1.15),
    Case("small-32k, 32 kb, batch 1", SMALL_32K, 32768, (1,), 5, 1.8),
)


@dataclass(frozen=True)
class Cost:
    """Least seconds per sequence, wall and CPU, at some batch size."""

    batch: int
    wall: float
    cpu: float


def main() -> None:
    """Run the cases and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", default="", help="only cases whose name holds this")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    _say(f"torch {torch.__version__}, {options.threads} threads, per sequence")
    _say(f"{'case':30} {'side':10} batch {'wall ms':>9} {'CPU ms':>9} {'peak MB':>8}")
    for case in CASES:
        if options.case in case.name:
            _report(case, options.threads)


def _report(case: Case, threads: int) -> None:
    with _side("published", case, threads) as a, _side("ours", case, threads) as b:
        best_a, best_b = _alternate(case, a, b)
        peaks = [_ask(a, None), _ask(b, None)]
    for side, best, peak in zip(
        ("published", "ours"), (best_a, best_b), peaks, strict=True
    ):
        _say(
            f"{case.name:30} {side:10} {best.batch:5d} {best.wall * 1e3:9.2f} "
            f"{best.cpu * 1e3:9.2f} {peak:8.0f}"
        )
    _say(
        f"{'':30} ratio {best_a.wall / best_b.wall:.2f} wall, "
        f"{best_a.cpu / best_b.cpu:.2f} CPU (target {case.target}); "
        f"load {os.getloadavg()[0]:.1f}"
    )


def _alternate(case: Case, a: Connection, b: Connection) -> tuple[Cost, Cost]:
    """Let the two sides take turns; keep each one's best batch size."""
    costs: tuple[list[Cost], list[Cost]] = ([], [])
    for batch in case.batches:
        turns = [[_ask(side, batch) for side in (a, b)] for _ in range(case.repeats)]
        for kept, side in zip(costs, zip(*turns, strict=True), strict=True):
            wall = min(wall for wall, _ in side) / batch
            kept.append(Cost(batch, wall, min(cpu for _, cpu in side) / batch))
    best = [min(kept, key=lambda cost: cost.wall) for kept in costs]
    return best[0], best[1]


@contextmanager
def _side(name: str, case: Case, threads: int) -> Iterator[Connection]:
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=_serve, args=(there, name, case, threads))
    process.start()
    try:
        yield here
    finally:
        here.close()
        process.join()


def _ask(side: Connection, batch: int | None):
    side.send(batch)
    return side.recv()


def _serve(pipe: Connection, name: str, case: Case, threads: int) -> None:
    """Answer a batch size with (wall, CPU) seconds and ``None`` with peak MB."""
    torch.set_num_threads(threads)
    model = HyenaLM(case.config, generator=torch.Generator().manual_seed(0)).eval()
    forward = published_hidden if name == "published" else HyenaLM.hidden
    warm: set[int] = set()
    with torch.inference_mode():
        while True:
            try:
                batch = pipe.recv()
            except EOFError:
                return
            if batch is None:
                pipe.send(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
                continue
            tokens = torch.randint(7, 11, (batch, case.length))
            if batch not in warm:
                forward(model, tokens)
                warm.add(batch)
            wall, cpu = time.perf_counter(), time.process_time()
            forward(model, tokens)
            pipe.send((time.perf_counter() - wall, time.process_time() - cpu))


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
