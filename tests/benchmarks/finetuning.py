"""Time an epoch of fine-tuning beside the published loop.

Run it with ``python -m tests.benchmarks.finetuning``. The published side pads every
sequence on the left to the longest of the data set, makes the filters at each call,
passes the whole batch at once and pools padding too (its configuration for Genomic
Benchmarks: batch 128, mean pooling); ours is the loop of `finetune`. Both train the
same weights with AdamW, in processes of their own that take turns; a row gives the
least time over the repetitions. Nothing here passes or fails.
"""

import argparse
import os
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from hyenascope._device import freed_memory_kept
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.sequence_model import SequenceModel
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.sequence.tokenizer import PAD_TOKEN
from hyenascope.training.finetune_options import FinetuneOptions
from hyenascope.training.label_batches import LabelledRows
from hyenascope.training.label_loop import LabelLoop
from hyenascope.training.label_validation import ValidationRows
from hyenascope.training.layer_rates import layer_groups
from hyenascope.training.optimizers import parameter_groups
from tests.benchmarks.published import published_hidden
from tests.benchmarks.sides import ask, say, side

TINY = HyenaConfig(l_max=1026, embed_dropout=0.0)
TASK = SequenceTask("binary", ("no", "yes"))
BATCH, ROWS = 128, 1024
LENGTHS = {
    "251 bp, as non-TATA promoters": (251, 251),
    "71 to 593 bp, as OCR": (71, 593),
}


def main() -> None:
    """Run both cases and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    say(f"torch {torch.__version__}, {options.threads} threads")
    for name, lengths in LENGTHS.items():
        with (
            side(_published, options.threads, lengths) as theirs,
            side(_ours, options.threads, lengths) as ours,
        ):
            turns = [
                [ask(one) for one in (theirs, ours)] for _ in range(options.repeats + 1)
            ]
        published, here = (min(times[1:]) for times in zip(*turns, strict=True))
        say(f"epoch of {ROWS:,} sequences of {name}, tiny-1k, batch {BATCH}")
        say(f"  published {published:7.1f} s\n  ours      {here:7.1f} s")
        say(
            f"  ratio {published / here:.2f} (target 1.5), "
            f"load {os.getloadavg()[0]:.1f}"
        )


def _rows(lengths: tuple[int, int], count: int) -> list[np.ndarray]:
    rng = np.random.default_rng(0)
    sizes = rng.integers(lengths[0], lengths[1] + 1, count)
    return [rng.integers(7, 11, size) for size in sizes]


def _published(lengths: tuple[int, int]) -> Callable[[], float]:
    model = HyenaLM(TINY, generator=torch.Generator().manual_seed(0)).train()
    head = nn.Linear(TINY.d_model, 2)
    groups: list[dict[str, Any]]
    groups = [*parameter_groups(model, 0.1), {"params": list(head.parameters())}]
    optimizer = torch.optim.AdamW(groups, lr=6e-4, weight_decay=0.1)
    tokens = torch.full((ROWS, lengths[1]), PAD_TOKEN)
    for row, own in zip(tokens, _rows(lengths, ROWS), strict=True):
        row[-len(own) :] = torch.from_numpy(own)
    labels = torch.arange(ROWS) % 2

    def epoch() -> float:
        began = time.perf_counter()
        for rows in torch.randperm(ROWS).split(BATCH):
            optimizer.zero_grad(set_to_none=True)
            pooled = published_hidden(model, tokens[rows]).mean(1)
            loss = functional.cross_entropy(head(pooled), labels[rows])
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        return time.perf_counter() - began

    return epoch


def _ours(lengths: tuple[int, int]) -> Callable[[], float]:
    generator = torch.Generator().manual_seed(0)
    model = SequenceModel(HyenaLM(TINY, generator=generator), TASK, generator=generator)
    options = FinetuneOptions(epochs=1, batch_size=BATCH, learning_rate=6e-4)
    weights = np.ones(ROWS, np.float32)
    train = LabelledRows(_rows(lengths, ROWS), np.arange(ROWS) % 2, weights)
    few = LabelledRows(_rows(lengths, 2), np.arange(2), weights[:2])
    ExitStack().enter_context(freed_memory_kept())  # as long as the process lives

    def epoch() -> float:
        loop = LabelLoop(
            model,
            TASK,
            train,
            ValidationRows(few, few.targets, TASK, model.answers),
            replace(options, patience=None),
            layer_groups(model, options),
            progress=False,
        )
        began = time.perf_counter()
        loop.run()
        return time.perf_counter() - began

    return epoch


if __name__ == "__main__":
    main()
