"""The loop: windows in, gradients summed, weights moved, checkpoints kept.

Runs on Lightning Fabric, which knows devices, precision and processes; order of the
data, accumulation, skipping and resuming are decided here, so that they are exact.
Every step seeds its own dropout from its number: a run that goes on from a checkpoint
needs no state of any generator.
"""

import io
import math
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from lightning_fabric import Fabric
from lightning_fabric.strategies.fsdp import FSDPStrategy
from torch import Tensor, nn
from torch.utils.data import DataLoader

from hyenascope.models.hyena import HyenaLM
from hyenascope.training.memory import peak_memory
from hyenascope.training.moving_average import MovingAverage
from hyenascope.training.objectives import IGNORED, loss_sum
from hyenascope.training.optimizers import make_optimizer, rate_factor
from hyenascope.training.pretrain_options import PretrainOptions
from hyenascope.training.progress import StepReport
from hyenascope.training.step_batches import StepBatches
from hyenascope.training.step_seed import step_seed

_BAD_IN_A_ROW = 3


@dataclass
class Trainer:
    """A model, its optimiser and how far they have come.

    Parameters
    ----------
    fabric
        Launched.
    model
        Trained in place.
    options
        All that decides the numbers; ``micro_batch`` filled in.
    batches
        The steps of this device.
    workers
        Processes that read windows ahead; 0 reads them here.
    """

    fabric: Fabric
    model: HyenaLM
    options: PretrainOptions
    batches: StepBatches
    workers: int = 0
    step: int = 0
    bad_in_a_row: int = field(default=0, init=False)

    def __post_init__(self) -> None:
        optimizer = make_optimizer(self.model, self.options.preset, self.options.recipe)
        self.module, self.optimizer = self.fabric.setup(self.model, optimizer)
        decay = self.options.ema
        self.average = None if decay is None else MovingAverage(self.model, decay)

    @property
    def gave_up(self) -> bool:
        """Whether too many steps in a row had no finite loss and gradient."""
        return self.bad_in_a_row >= _BAD_IN_A_ROW

    @property
    def shared_out(self) -> bool:
        """Whether every device holds a part of the model only."""
        return isinstance(self.fabric.strategy, FSDPStrategy)

    def steps(self) -> Iterator[StepReport]:
        """Train from where the run is to its end, a report per step.

        Raises
        ------
        FloatingPointError
            If three steps in a row had no finite loss and gradient.
        """
        todo = range(self.step, self.options.steps)
        loader = DataLoader(
            self.batches,
            batch_size=None,
            sampler=todo,
            num_workers=self.workers,
            generator=torch.Generator(),  # it would draw from the caller's
        )
        self.module.train()
        began = time.perf_counter()
        for number, (inputs, targets) in zip(todo, loader, strict=True):
            report = self._step(number, inputs, targets, began)
            self.step = number + 1
            yield report
            if self.gave_up:
                raise FloatingPointError(
                    f"the loss must be finite; it was not in {_BAD_IN_A_ROW} steps in "
                    f"a row. {report.skipped}"
                )
            began = time.perf_counter()

    def _step(
        self, number: int, inputs: Tensor, targets: Tensor, began: float
    ) -> StepReport:
        rate = self._set_rate(number)
        self.optimizer.zero_grad(set_to_none=True)
        words = [self.options.seed, number, self.fabric.global_rank]
        with step_seed(words, self.fabric.device):
            try:
                loss = self._accumulate(number, inputs, targets)
            except torch.cuda.OutOfMemoryError as error:
                raise self._too_large(number) from error
        norm = float(self._clipped())
        skipped = ""
        if math.isfinite(loss) and math.isfinite(norm):
            self.optimizer.step()
            if self.average is not None:
                self.average.update(self.model)
            self.bad_in_a_row = 0
        else:
            self.optimizer.zero_grad(set_to_none=True)
            self.bad_in_a_row += 1
            skipped = self._explain(number, loss, norm, rate)
        return StepReport(
            step=number + 1,
            tokens=(number + 1) * self.options.tokens_per_step,
            length=self.batches.length(number),
            loss=loss,
            learning_rate=rate,
            gradient_norm=norm,
            seconds=time.perf_counter() - began,
            memory=peak_memory(self.fabric.device),
            skipped=skipped,
        )

    def _set_rate(self, number: int) -> float:
        recipe = self.options.recipe
        factor = rate_factor(number, self.options.steps, recipe)
        rate = recipe.learning_rate * factor
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        return rate

    def _accumulate(self, number: int, inputs: Tensor, targets: Tensor) -> float:
        """Sum gradients of the mean loss over all targets of all devices."""
        fabric = self.fabric
        count = max(1.0, sum_over_devices(fabric, float((targets != IGNORED).sum())))
        rows = self._rows(number)
        parts = list(zip(inputs.split(rows), targets.split(rows), strict=True))
        total = 0.0
        for place, (read, wanted) in enumerate(parts, start=1):
            last = place == len(parts)
            quiet = nullcontext() if last else fabric.no_backward_sync(self.module)
            with quiet:
                logits = self.module(fabric.to_device(read))
                loss = loss_sum(logits, fabric.to_device(wanted)) / count
                # DDP takes the mean over devices; the sum is what is wanted.
                fabric.backward(loss * fabric.world_size)
            total += float(loss.detach())
        return sum_over_devices(fabric, total)

    def _rows(self, number: int) -> int:
        """Return windows per pass: shorter windows come in larger batches."""
        assert self.options.micro_batch is not None
        whole = self.options.micro_batch * self.options.length
        return max(1, whole // self.batches.length(number))

    def _clipped(self) -> Tensor:
        norm = self.fabric.clip_gradients(
            self.module,
            self.optimizer,
            max_norm=self.options.clip,
            error_if_nonfinite=False,
        )
        assert norm is not None
        return norm

    def _too_large(self, number: int) -> MemoryError:
        return MemoryError(
            f"a pass of {self._rows(number)} windows of "
            f"{self.batches.length(number):,} bp must fit the "
            f"memory of {self.fabric.device}; it does not. Lower micro_batch or "
            "max_memory, or take gradient_checkpointing=True."
        )

    def _explain(self, number: int, loss: float, norm: float, rate: float) -> str:
        """Say what may be wrong with a step."""
        what = f"a loss of {loss:g} and a gradient norm of {norm:g}"
        broken = [n for n, p in self.model.named_parameters() if not _finite(p)]
        if broken:
            return f"{what}: {broken[0]} is no longer finite."
        where = self.batches.places(number)[0].region
        return (
            f"{what} at learning rate {rate:.2g}, first window {where}: the weights "
            "were left as they were. If it comes again, lower learning_rate, or take "
            "precision '32'."
        )

    @torch.no_grad()
    def validate(self, examples: Sequence[tuple[Tensor, Tensor]]) -> float:
        """Return the mean loss over held-out batches, in nats per target."""
        total, count = 0.0, 0
        self.module.eval()
        with self._averaged():
            for inputs, targets in examples:
                logits = self.module(self.fabric.to_device(inputs))
                loss = loss_sum(logits, self.fabric.to_device(targets))
                total += float(loss)
                count += int((targets != IGNORED).sum())
        self.module.train()
        return total / count if count else math.nan

    @contextmanager
    def _averaged(self) -> Iterator[None]:
        if self.average is None:
            yield
            return
        with self.average.used_by(self.model):
            yield

    def save(self, path: Path, more: dict[str, Any]) -> None:
        """Write all that a run needs to go on, and ``more``.

        Where each device holds a part of the model, all must call; else the main one.
        """
        state = {
            **more,
            "step": self.step,
            "bad_in_a_row": self.bad_in_a_row,
            "model": self.module,
            "optimizer": self.optimizer,
            "average": None if self.average is None else self.average.state(),
        }
        if self.shared_out:
            self.fabric.save(path, state)
            return
        # Not by Fabric: it would let the others wait for one whose disk is full.
        state["model"] = self.model.state_dict()
        state["optimizer"] = self.optimizer.state_dict()
        # Not straight to the file: torch would hide that the disk is full.
        buffer = io.BytesIO()
        torch.save(state, buffer)
        path.write_bytes(buffer.getbuffer())

    def restore(self, path: Path) -> None:
        """Go on from a checkpoint of `save`."""
        state = {"model": self.module, "optimizer": self.optimizer}
        rest = self.fabric.load(path, state, strict=False, weights_only=True)
        self.step, self.bad_in_a_row = rest["step"], rest["bad_in_a_row"]
        if self.average is not None:
            self.average.restore(rest["average"])


def sum_over_devices(fabric: Fabric, value: float) -> float:
    """Sum a number over the devices of a run."""
    if fabric.world_size == 1:
        return value
    wide = torch.tensor(value, dtype=torch.float64, device=fabric.device)
    summed = fabric.all_reduce(wide, reduce_op="sum")
    assert isinstance(summed, Tensor)
    return float(summed)


def _finite(parameter: nn.Parameter) -> bool:
    return bool(torch.isfinite(parameter).all())
