"""Time a training step beside the published one, and what feeds and recomputes it.

Run it with ``python -m tests.benchmarks.training``. The two sides of a step live in
processes of their own and take turns, so that a busy machine slows both; a row gives
the least time over the repetitions. Nothing here passes or fails.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from hyenascope._device import freed_memory_kept
from hyenascope.models.gradient_memory import activation_bytes
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.training.hardware import Hardware
from hyenascope.training.memory import plan_passes
from hyenascope.training.open_genomes import open_genomes
from hyenascope.training.optimizers import parameter_groups
from hyenascope.training.pretrain import PretrainOptions
from hyenascope.training.step_batches import StepBatches
from hyenascope.training.trainer import Trainer
from tests.benchmarks.peak_memory import peak_memory
from tests.benchmarks.published import published_hidden
from tests.benchmarks.sides import ask, say, side

TINY = HyenaConfig(l_max=1026, embed_dropout=0.0)
SMALL_32K = HyenaConfig(
    d_model=256, n_layer=4, d_inner=1024, l_max=32_770, embed_dropout=0.0
)
BATCH, LENGTH = 32, 1024
MOST_MEMORY = 12 * 2**30  # of activations, in the part "speed"


def main() -> None:
    """Run the parts and print a table each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--part", choices=("step", "data", "memory", "speed"))
    options = parser.parse_args()
    say(f"torch {torch.__version__}, {options.threads} threads")
    parts: dict[str, Callable[[argparse.Namespace], None]] = {
        "step": _step,
        "data": _data,
        "memory": _memory,
        "speed": _speed,
    }
    for name, part in parts.items():
        if options.part in (None, name):
            part(options)


def _step(options: argparse.Namespace) -> None:
    """Forward, backward, clipping and AdamW at 1 kb × 32."""
    with side(_published, options.threads) as a, side(_ours, options.threads) as b:
        turns = [[ask(side) for side in (a, b)] for _ in range(options.repeats + 1)]
    published, ours = (min(times[1:]) for times in zip(*turns, strict=True))
    say(f"training step, tiny-1k, {LENGTH} bp × {BATCH}")
    for name, seconds in (("published", published), ("ours", ours)):
        rate = BATCH * LENGTH / seconds
        say(f"  {name:10} {seconds * 1e3:9.0f} ms  {rate:10,.0f} bases/s")
    say(f"  ratio {published / ours:.2f} (target 1.5); load {os.getloadavg()[0]:.1f}")


def _data(options: argparse.Namespace) -> None:
    """Reading the windows of a step from disk, as a share of the step."""
    torch.set_num_threads(options.threads)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "genome.fa"
        bases = np.random.default_rng(0).choice(
            np.frombuffer(b"ACGT", "u1"), 60_000_000
        )
        with path.open("wb") as file:
            file.write(b">chr1\n")
            file.writelines(row.tobytes() + b"\n" for row in bases.reshape(-1, 60))
        data = open_genomes(path, validation=0.0)
        batches = StepBatches(data, _options(steps=1000))
        batches[0]
        began = time.perf_counter()
        for i in range(1, 101):
            batches[i]
        reading = (time.perf_counter() - began) / 100
    step = _ours()
    step()
    stepping = min(step() for _ in range(options.repeats))
    say(f"reading {BATCH} windows of a 60 Mb FASTA: {reading * 1e3:.1f} ms a step,")
    say(f"  {reading / stepping:.2%} of a step of {stepping * 1e3:.0f} ms (target 5 %)")


def _memory(options: argparse.Namespace) -> None:
    """Peak of activations at 32 kb, kept and computed again."""
    peaks = {}
    for recompute in (False, True):
        with side(_passes, options.threads, recompute) as one:
            ask(one)
            peaks[recompute] = ask(one)
    config = f"{SMALL_32K.n_layer} layers, width {SMALL_32K.d_model}"
    say(f"activations of one window of 32,768 bp, {config}")
    for recompute, peak in peaks.items():
        name = "computed again" if recompute else "kept"
        said = activation_bytes(SMALL_32K, 32_768, recompute=recompute)
        say(f"  {name:15} {peak / 2**20:8.0f} MiB, planned {said / 2**20:,.0f}")
    say(f"  ratio {peaks[False] / peaks[True]:.2f} (target 3)")


def _speed(options: argparse.Namespace) -> None:
    """Bases per second of the tiny model by length."""
    torch.set_num_threads(options.threads)
    say("bases per second of a pass and back, tiny model (2 layers, width 128)")
    hardware = Hardware(device="cpu", max_memory=MOST_MEMORY)
    for length in (1024, 32_768, 160_000, 1_000_000):
        config = replace(TINY, l_max=length + 2)
        try:
            plan = plan_passes(config, length, hardware, batch_size=16)
        except ValueError as error:
            say(f"  {length:>9,} bp: {error}")
            continue
        model = HyenaLM(_computed_again(config, plan.recompute)).train()
        tokens = torch.randint(7, 11, (plan.batch, length))
        seconds = min(_timed(lambda: _back(model, tokens)) for _ in range(2))  # noqa: B023
        again = ", blocks computed again" if plan.recompute else ""
        rate = tokens.numel() / seconds
        say(f"  {length:>9,} bp × {plan.batch:<3} {rate:10,.0f}{again}")


def _options(steps: int) -> PretrainOptions:
    return PretrainOptions(steps=steps, batch_size=BATCH, length=LENGTH, preset="paper")


def _published() -> Callable[[], float]:
    """The published step: the whole batch at once, filters made at each call."""
    model = HyenaLM(TINY, generator=torch.Generator().manual_seed(0)).train()
    optimizer = torch.optim.AdamW(parameter_groups(model, 0.1), lr=6e-4)

    def step() -> float:
        tokens = torch.randint(7, 11, (BATCH, LENGTH))
        began = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        logits = model.lm_head(published_hidden(model, tokens))
        loss = functional.cross_entropy(
            logits[:, :-1].flatten(0, 1), tokens[:, 1:].flatten()
        )
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return time.perf_counter() - began

    return step


def _ours() -> Callable[[], float]:
    """Our step, as `pretrain` takes it."""
    hardware = Hardware(device="cpu")
    plan = plan_passes(TINY, LENGTH, hardware, batch_size=BATCH)
    options = replace(_options(steps=10_000), micro_batch=plan.batch)
    bases = "".join(np.random.default_rng(0).choice(list("ACGT"), 400_000))
    batches = StepBatches(open_genomes({"I": bases}, validation=0.0), options)
    model = HyenaLM(TINY, generator=torch.Generator().manual_seed(0))
    steps = Trainer(hardware.launch(), model, options, batches).steps()
    ExitStack().enter_context(freed_memory_kept())  # as long as the process lives
    return lambda: next(steps).seconds


def _computed_again(config: HyenaConfig, recompute: bool) -> HyenaConfig:
    """Tell blocks to compute their activations again on the way back."""
    return replace(config, checkpoint_mixer=recompute, checkpoint_mlp=recompute)


def _passes(recompute: bool) -> Callable[[], float]:
    """Bytes that a pass adds to the process at its peak."""
    model = HyenaLM(_computed_again(SMALL_32K, recompute)).train()
    tokens = torch.randint(7, 11, (1, 32_768))
    _back(model, tokens[:, :256])
    before = peak_memory()

    def peak() -> float:
        _back(model, tokens)
        return float(peak_memory() - before)

    return peak


def _back(model: HyenaLM, tokens: torch.Tensor) -> None:
    model.zero_grad(set_to_none=True)
    logits = model(tokens)
    functional.cross_entropy(logits.flatten(0, 1), tokens.flatten()).backward()


def _timed(act: Callable[[], None]) -> float:
    began = time.perf_counter()
    act()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
