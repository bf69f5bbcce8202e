"""Time our forward pass beside the published one, and beside its products alone.

Run it with ``python -m tests.benchmarks.forward``.

Each side of each case lives in a process of its own (the allocator's state decides
half of the time), and they take turns, so that a busy machine slows all. A row gives
the least wall and CPU time over the repetitions, and the peak memory of the process.
The roof is the four matrix products of every block, in the pieces of our pass and in
the quicker of MKL and oneDNN, with nothing in between. Nothing here passes or fails.
"""

import argparse
import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import torch

from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.hyena_block import Block
from hyenascope.ops.cache_pieces import cut_to_cache
from hyenascope.ops.linear import linear
from tests.benchmarks.peak_memory import peak_memory
from tests.benchmarks.published import published_hidden
from tests.benchmarks.report import Row, say

TINY = HyenaConfig(d_model=128, n_layer=2, d_inner=512, l_max=1026)
TINY_256 = HyenaConfig(d_model=256, n_layer=2, d_inner=1024, l_max=1026)
SMALL_32K = HyenaConfig(d_model=256, n_layer=4, d_inner=1024, l_max=32770)
MEDIUM_160K = HyenaConfig(d_model=256, n_layer=8, d_inner=1024, l_max=160002)
BATCHES = (1, 2, 4, 8, 16, 32, 64)


@dataclass(frozen=True)
class Case:
    """One shape to time; several ``batches`` mean the best one per sequence."""

    name: str
    config: HyenaConfig
    length: int
    batches: tuple[int, ...]
    repeats: int
    target: float | None
    roof: bool = False  # timed too


CASES = (
    Case("tiny-1k, own best batch", TINY, 1024, BATCHES, 15, 1.5, roof=True),
    Case("tiny-1k, batch 64", TINY, 1024, (64,), 15, 2.5),
    Case("tiny-1k-d256, own best batch", TINY_256, 1024, BATCHES, 10, None, roof=True),
    Case("small-32k, 32 kb, batch 1", SMALL_32K, 32768, (1,), 5, 2.5),
    Case("medium-160k, 160 kb, batch 1", MEDIUM_160K, 160_000, (1,), 2, 2.5),
)


@dataclass(frozen=True)
class Cost:
    """Least seconds per sequence, wall and CPU, at some batch size."""

    batch: int
    wall: float
    cpu: float

    def __str__(self) -> str:
        return f"{self.wall * 1e3:,.1f} ms (batch {self.batch})"


def main() -> None:
    """Run the cases and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", default="", help="only cases whose name holds this")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    say(f"torch {torch.__version__}, {options.threads} threads, per sequence")
    measured([case for case in CASES if options.case in case.name], options.threads)


def measured(cases: Sequence[Case], threads: int) -> list[Row]:
    """Time the cases, print a line for each side, and return the rows."""
    say(f"{'case':30} {'side':10} batch {'wall ms':>9} {'CPU ms':>9} {'peak MB':>8}")
    return [row for case in cases for row in _rows(case, threads)]


def _rows(case: Case, threads: int) -> list[Row]:
    names = ["published", "ours", *(["products"] if case.roof else [])]
    with ExitStack() as stack:
        sides = [stack.enter_context(_side(name, case, threads)) for name in names]
        best = _alternate(case, sides)
        peaks = [_ask(side, None) for side in sides]
    for name, cost, peak in zip(names, best, peaks, strict=True):
        say(
            f"{case.name:30} {name:10} {cost.batch:5d} {cost.wall * 1e3:9.2f} "
            f"{cost.cpu * 1e3:9.2f} {peak:8.0f}"
        )
    theirs, ours = best[:2]
    wall, cpu = theirs.wall / ours.wall, theirs.cpu / ours.cpu
    load = f"load {os.getloadavg()[0]:.1f}"
    say(f"{'':30} ratio {wall:.2f} wall, {cpu:.2f} CPU; {load}")
    target = f"≥ {case.target}" if case.target else "none"
    note = f"{cpu:.2f} by CPU seconds; peak {peaks[0]:,.0f} → {peaks[1]:,.0f} MB"
    rows = [Row(case.name, f"published {theirs}", str(ours), wall, target, note)]
    if case.roof:
        share = best[2].wall / ours.wall
        say(f"{'':30} {share:.0%} of the time are the products' own")
        name = f"{case.name}: share of the products' roof"
        roof = f"products alone {best[2]}"
        target = "≥ 0.60" if case.target else "none"
        rows.append(Row(name, roof, str(ours), share, target))
    return rows


def _alternate(case: Case, sides: Sequence[Connection]) -> list[Cost]:
    """Let the sides take turns; keep each one's best batch size."""
    costs: list[list[Cost]] = [[] for _ in sides]
    for batch in case.batches:
        turns = [[_ask(side, batch) for side in sides] for _ in range(case.repeats)]
        for kept, side in zip(costs, zip(*turns, strict=True), strict=True):
            wall = min(wall for wall, _ in side) / batch
            kept.append(Cost(batch, wall, min(cpu for _, cpu in side) / batch))
    return [min(kept, key=lambda cost: cost.wall) for kept in costs]


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


def _ask(side: Connection, batch: int | None) -> Any:
    side.send(batch)
    return side.recv()


def _serve(pipe: Connection, name: str, case: Case, threads: int) -> None:
    """Answer a batch size with (wall, CPU) seconds and ``None`` with peak MB."""
    torch.set_num_threads(threads)
    model = HyenaLM(case.config, generator=torch.Generator().manual_seed(0)).eval()
    with torch.inference_mode():
        runs: dict[str, Callable[[torch.Tensor], object]] = {
            "published": lambda tokens: published_hidden(model, tokens),
            "ours": model.hidden,
            "products": _Products(model, case.length),
        }
        while True:
            try:
                batch = pipe.recv()
            except EOFError:
                return
            if batch is None:
                pipe.send(peak_memory() / 2**20)
                continue
            pipe.send(_timed(runs[name], torch.randint(7, 11, (batch, case.length))))


def _timed(
    run: Callable[[torch.Tensor], object], tokens: torch.Tensor
) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    run(tokens)
    return time.perf_counter() - wall, time.process_time() - cpu


class _Products:
    """The matrix products of every block, in pieces that stay in cache."""

    def __init__(self, model: HyenaLM, length: int) -> None:
        config = model.config
        self.piece = cut_to_cache(length, 4 * config.widest)
        shapes = [
            (layer.weight, torch.randn(self.piece, layer.in_features))
            for block in model.backbone.layers
            if isinstance(block, Block)
            for layer in (
                *(block.mixer.in_proj, block.mixer.out_proj),
                *(block.mlp.fc1, block.mlp.fc2),
            )
        ]
        made = [torch.empty(self.piece, len(weight)) for weight, _ in shapes]

        def mkl() -> None:
            for (weight, x), out in zip(shapes, made, strict=True):
                torch.mm(x, weight.T, out=out)

        def onednn() -> None:
            for weight, x in shapes:
                linear(x, weight)

        def least(way: Callable[[], None]) -> float:
            return min(_timed(lambda _: way(), torch.empty(0))[0] for _ in range(20))

        self.way = min((mkl, onednn), key=least)

    def __call__(self, tokens: torch.Tensor) -> None:
        for _ in range(-(-tokens.numel() // self.piece)):
            self.way()


if __name__ == "__main__":
    main()
