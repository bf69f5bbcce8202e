"""Time generation with the cache beside a full pass per base.

Run it with ``python -m tests.benchmarks.generation``.

Both sides draw 2,000 bases with the tiny-1k shape, in one process and in turns, so
that a busy machine slows both. The loop of full passes is timed at every 20th length,
from the 10th on, and each of these stands for 20 lengths; with 16 texts at once, at
every 100th. A length that is new makes new filter spectra, as it does in a real loop;
``spectra known`` leaves that out. The difference is that of the logits at the timed
lengths, beside the largest logit.
Nothing here passes or fails.
"""

import argparse
import os
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import torch

from hyenascope.models.decoding import Decoder
from hyenascope.models.generate import generate, next_base_probs
from hyenascope.models.hyena import HyenaConfig, HyenaLM

BASES = 2000
EVERY = {1: 20, 16: 100}  # texts at once: lengths that one timed pass stands for
TARGET = 10.0


@dataclass
class Clock:
    """Seconds spent inside, wall and CPU."""

    wall: float = 0.0
    cpu: float = 0.0
    _since: tuple[float, float] = field(default=(0.0, 0.0), repr=False)

    def __enter__(self) -> None:
        self._since = time.perf_counter(), time.process_time()

    def __exit__(self, *_: object) -> None:
        self.wall += time.perf_counter() - self._since[0]
        self.cpu += time.process_time() - self._since[1]


@dataclass
class Turns:
    """What the sides took, the cache over all bases, the loops over some."""

    cache: Clock = field(default_factory=Clock)
    loop: Clock = field(default_factory=Clock)
    known: Clock = field(default_factory=Clock)
    difference: float = 0.0
    largest: float = 0.0


def main() -> None:
    """Run the cases and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--bases", type=int, default=BASES)
    parser.add_argument("--samples", type=int, choices=EVERY, help="only this case")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    say(
        f"torch {torch.__version__}, {options.threads} threads, tiny-1k shape, "
        f"float32, {options.bases:,} bases after one"
    )
    for samples, every in EVERY.items():
        if options.samples in (None, samples):
            report(samples, every, options.bases)


def report(samples: int, every: int, bases: int) -> None:
    """Time one case and print it."""
    model = tiny(bases)
    take_turns(model, samples, min(bases, every), every)  # what is only slow once
    turns = take_turns(model, samples, bases, every)
    say(f"{samples} at once {'':14} {'wall s':>9} {'CPU s':>9} {'ratio':>7} {'CPU':>7}")
    row("with the cache", turns.cache, turns.cache, 1)
    row("full passes", turns.loop, turns.cache, every)
    row("full passes, spectra known", turns.known, turns.cache, every)
    whole = seconds(
        lambda: generate(model, "A", n=bases, samples=samples, device="cpu")
    )
    say(
        f"  generate() in {whole:.2f} s; largest difference {turns.difference:.1e} of "
        f"logits up to {turns.largest:.2f}; target {TARGET:.0f} for one; "
        f"load {os.getloadavg()[0]:.1f}"
    )


def take_turns(model: HyenaLM, samples: int, bases: int, every: int) -> Turns:
    """Draw with the cache, and run a full pass over the same text now and then."""
    turns = Turns()
    tokens = torch.full((samples, bases + 1), 7)
    with torch.inference_mode():
        with turns.cache:
            decoder = Decoder(model, [np.array([7])], room=bases)
            decoder.take(torch.zeros(samples, dtype=torch.int64))
        for i in range(1, bases + 1):
            with turns.cache:
                tokens[:, i] = drawn(decoder.logits)
                decoder.feed(tokens[:, i])
            if i % every == every // 2:
                text = tokens[:, : i + 1]
                with turns.loop:
                    drawn(model(text)[:, -1])
                with turns.known:
                    full = model(text)[:, -1]
                    drawn(full)
                difference = float((decoder.logits - full).abs().max())
                turns.difference = max(turns.difference, difference)
                turns.largest = max(turns.largest, float(full.abs().max()))
    return turns


def drawn(logits: torch.Tensor) -> torch.Tensor:
    """One base per row."""
    return 7 + torch.multinomial(next_base_probs(logits[:, 7:11]), 1)[:, 0]


def tiny(bases: int) -> HyenaLM:
    """Build the tiny-1k shape with a context that holds the text."""
    config = HyenaConfig(d_model=128, n_layer=2, d_inner=512, l_max=bases + 2)
    return HyenaLM(config, generator=torch.Generator().manual_seed(0)).eval()


def row(name: str, clock: Clock, beside: Clock, each: int) -> None:
    """Print what one side took for all bases."""
    wall, cpu = clock.wall * each, clock.cpu * each
    say(
        f"  {name:26} {wall:9.2f} {cpu:9.2f} {wall / beside.wall:7.1f} "
        f"{cpu / beside.cpu:7.1f}"
    )


def seconds(function: Callable[[], object]) -> float:
    """Wall time of one call."""
    clock = Clock()
    with clock:
        function()
    return clock.wall


def say(line: str) -> None:
    """Print at once."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
