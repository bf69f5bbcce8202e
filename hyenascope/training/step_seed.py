"""Seed dropout from the number of a step, so that no state has to be kept."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch


@contextmanager
def step_seed(words: Sequence[int], device: torch.device) -> Iterator[None]:
    """Seed torch by some numbers, and leave the caller's random state as it was.

    Parameters
    ----------
    words
        Whole numbers from 0 that decide the state.
    device
        Whose generator is seeded beside the CPU's.

    Examples
    --------
    >>> with step_seed([1, 2], torch.device("cpu")):
    ...     one = torch.rand(1)
    >>> with step_seed([1, 2], torch.device("cpu")):
    ...     bool(torch.rand(1) == one)
    True
    """
    devices = [device] if device.type == "cuda" else []
    own = int(np.random.SeedSequence(words).generate_state(1, np.uint64)[0] >> 1)
    with torch.random.fork_rng(devices):
        # Not torch.manual_seed: it would seed every other device as well.
        torch.default_generator.manual_seed(own)
        if devices:
            with torch.cuda.device(device):
                torch.cuda.manual_seed(own)
        yield
