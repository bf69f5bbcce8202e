"""A small run in a process of its own: ``python -m tests.training.small_run OUT``.

Prints a line per step, so that whoever watches can kill it at any of them.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np
import torch

from hyenascope.models.hyena import HyenaConfig
from hyenascope.training.hardware import Hardware
from hyenascope.training.pretrain import PretrainOptions, pretrain
from hyenascope.training.warmup import length_stages

STEPS = 24


class Telling:
    """A monitor that prints, and that leaves time to be killed."""

    stop_requested = False

    def __init__(self, pause: float) -> None:
        self.pause = pause

    def begin(self, plan, past) -> None:
        sys.stdout.write(f"begin {len(past)}\n")
        sys.stdout.flush()

    def step(self, report) -> None:
        sys.stdout.write(f"{report.step}\n")
        sys.stdout.flush()
        time.sleep(self.pause)

    def end(self, message: str) -> None:
        pass


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("out", type=Path)
    parser.add_argument("--devices", type=int, default=1)
    parser.add_argument("--dropout", type=float, default=0.1)
    parser.add_argument("--pause", type=float, default=0.0)
    options = parser.parse_args()
    torch.set_num_threads(1)
    bases = "".join(np.random.default_rng(0).choice(list("ACGT"), 3000))
    pretrain(
        HyenaConfig(
            d_model=16, n_layer=2, d_inner=32, l_max=66, embed_dropout=options.dropout
        ),
        {"I": bases[:2600] + "N" * 50 + bases[2600:]},
        options=PretrainOptions(
            steps=STEPS,
            batch_size=8,
            length=64,
            stages=length_stages(64, STEPS, start=16),
            micro_batch=2,
            ema=0.9,
        ),
        hardware=Hardware(device="cpu", devices=options.devices),
        validation=0.1,
        out=options.out,
        save_every=4,
        validate_every=7,
        monitor=Telling(options.pause),
        progress=False,
    )


if __name__ == "__main__":
    main()
