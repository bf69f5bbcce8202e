"""The windows of one step on one device, whoever of many workers reads them."""

import logging
from functools import lru_cache

import numpy as np
import torch
from jaxtyping import Int64
from torch import Tensor
from torch.utils.data import Dataset

from hyenascope.training.genome_data import GenomeData
from hyenascope.training.objectives import Example, masked, next_token
from hyenascope.training.pretrain_options import PretrainOptions
from hyenascope.training.windows import Place, Windows

_LOGGER = logging.getLogger("hyenascope")


class StepBatches(Dataset[tuple[Tensor, Tensor]]):
    """What a device reads and should answer, by the number of the step.

    Rows are dealt out to the devices in turn, so that one process and many see the
    same rows in each step.

    Parameters
    ----------
    data
        Genomes and their parts.
    options
        Lengths, objective and seed.
    rank, world_size
        Which device this is, and of how many.

    Examples
    --------
    >>> from hyenascope.training.open_genomes import open_genomes
    >>> data = open_genomes({"I": "ACGT" * 100}, validation=0.0)
    >>> batches = StepBatches(data, PretrainOptions(batch_size=4, length=16))
    >>> inputs, targets = batches[0]
    >>> tuple(inputs.shape), tuple(targets.shape)
    ((4, 16), (4, 16))
    """

    def __init__(
        self,
        data: GenomeData,
        options: PretrainOptions,
        *,
        rank: int = 0,
        world_size: int = 1,
    ) -> None:
        self.data, self.options = data, options
        self.rank, self.world_size = rank, world_size
        self._at_length = lru_cache(maxsize=2)(self._windows)
        for stage in options.schedule:
            rows = options.tokens_per_step // stage.length
            if rows % world_size:
                raise ValueError(
                    f"batch_size must be a multiple of the {world_size} devices at "
                    f"every length; got {rows} windows of {stage.length:,} bp."
                )
        for stage in reversed(options.schedule):
            windows = self._at_length(stage.length)  # refuses what has no window
            if windows.dropped:
                _LOGGER.warning(
                    "%d of %d stretches are not read in windows of %d bp: too short.",
                    windows.dropped,
                    len(data.train),
                    stage.length,
                )

    def __len__(self) -> int:
        return self.options.steps

    def __getitem__(
        self, step: int
    ) -> tuple[Int64[Tensor, "batch length"], Int64[Tensor, "batch length"]]:
        """Return inputs and targets of a step, 0 for the first."""
        windows, numbers = self._numbers(step)
        examples = [self._example(windows, number) for number in numbers]
        inputs = np.stack([example.inputs for example in examples])
        targets = np.stack([example.targets for example in examples])
        return torch.from_numpy(inputs), torch.from_numpy(targets)

    @property
    def per_epoch(self) -> int:
        """How many windows the first epoch of the first stage has."""
        return self._at_length(self.options.schedule[0].length).per_epoch

    def length(self, step: int) -> int:
        """Return the bases per window of a step."""
        return self._stage(step)[0]

    def places(self, step: int) -> list[Place]:
        """Return where the windows of a step lie."""
        windows, numbers = self._numbers(step)
        return [windows.place(number) for number in numbers]

    def _numbers(self, step: int) -> tuple[Windows, range]:
        length, first = self._stage(step)
        rows = self.options.tokens_per_step // length
        start = (step - first) * rows
        mine = range(start + self.rank, start + rows, self.world_size)
        return self._at_length(length), mine

    def _stage(self, step: int) -> tuple[int, int]:
        """Return the length of a step, and the first step of its stage."""
        first = 0
        for stage in self.options.schedule:
            if step < first + stage.steps:
                return stage.length, first
            first += stage.steps
        raise IndexError(f"step must be below {self.options.steps}; got {step}.")

    def _windows(self, length: int) -> Windows:
        options = self.options
        seed = options.seed + length  # stages do not read the same offsets
        return Windows(self.data, length, seed=seed, rules=options.windows)

    def _example(self, windows: Windows, number: int) -> Example:
        if self.options.objective == "next_token":
            return next_token(windows[number], append_sep=self.options.append_sep)
        rng = np.random.default_rng([self.options.seed, windows.length, 3, number])
        return masked(windows[number], rng=rng)

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "_at_length": None}

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state)
        self._at_length = lru_cache(maxsize=2)(self._windows)
