"""How much memory and time a run will take, from a few passes before it starts."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from hyenascope.models.gradient_memory import GradientPlan, activation_bytes
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.sequence.tokenizer import BASE_TOKENS
from hyenascope.training.hardware import Hardware
from hyenascope.training.memory import plan_passes
from hyenascope.training.objectives import loss_sum
from hyenascope.training.optimizers import RECIPES, make_optimizer

_PASSES = 2


@dataclass(frozen=True)
class RunEstimate:
    """What a run needs, on one device.

    Parameters
    ----------
    parameters
        Trained numbers of the model.
    micro_batch
        Windows per pass.
    state_bytes
        Weights, their gradients and the optimiser's two moments.
    activation_bytes
        What a pass holds at its peak. On CUDA it is measured, else computed from the
        model's shape.
    seconds_per_step
        Measured.
    tokens_per_second
        Bases read per second.
    seconds
        Of the whole run.
    """

    parameters: int
    micro_batch: int
    state_bytes: int
    activation_bytes: int
    seconds_per_step: float
    tokens_per_second: float
    seconds: float

    @property
    def memory_bytes(self) -> int:
        """State and activations together."""
        return self.state_bytes + self.activation_bytes

    def __str__(self) -> str:
        hours = self.seconds / 3600
        return (
            f"{self.parameters:,} parameters, {self.micro_batch} windows per pass: "
            f"{self.memory_bytes / 2**30:.2f} GiB; {self.seconds_per_step:.3g} s per "
            f"step, {self.tokens_per_second:,.0f} bases per second, {hours:.2g} h"
        )


def estimate(
    model: HyenaConfig | HyenaLM,
    length: int,
    batch_size: int,
    *,
    steps: int = 1000,
    micro_batch: int | None = None,
    hardware: Hardware | None = None,
) -> RunEstimate:
    """Run a few passes on random bases and say what a run will take.

    Parameters
    ----------
    model
        The network's numbers, or a model; it is not changed.
    length
        Bases per window.
    batch_size
        Windows per step on this device.
    steps
        Of the run.
    micro_batch
        Windows per pass; what fits if None, as in `pretrain`.
    hardware
        Where it will run. Reading windows from disk is not part of the estimate, nor
        is the traffic among devices.

    Raises
    ------
    ValueError
        If a number is below 1, the window does not fit the model's context, or not
        even one window fits ``max_memory``.

    Examples
    --------
    >>> config = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)
    >>> found = estimate(config, 32, 4, steps=10)
    >>> found.parameters, found.seconds == 10 * found.seconds_per_step
    (10128, True)
    """
    for name, value in (("batch_size", batch_size), ("steps", steps)):
        if value < 1:
            raise ValueError(f"{name} must be at least 1; got {value}.")
    hardware = hardware or Hardware()
    config = model if isinstance(model, HyenaConfig) else model.config
    if not 1 <= length <= config.l_max:
        raise ValueError(
            f"length must be 1 to {config.l_max:,}, the model's l_max; got {length:,}."
        )
    plan = plan_passes(
        config, length, hardware, batch_size=batch_size, micro_batch=micro_batch
    )
    config = replace(
        config, checkpoint_mixer=plan.recompute, checkpoint_mlp=plan.recompute
    )
    probe = _Probe(config, length, plan, hardware)
    passes, rest = divmod(batch_size, probe.rows)
    per_pass, per_update = probe.times()
    per_step = (passes + rest / probe.rows) * per_pass + per_update
    return RunEstimate(
        parameters=probe.model.num_parameters(),
        micro_batch=probe.rows,
        state_bytes=4 * hardware.itemsize * probe.model.num_parameters(),
        activation_bytes=probe.peak(),
        seconds_per_step=per_step,
        tokens_per_second=batch_size * length / per_step,
        seconds=steps * per_step,
    )


class _Probe:
    """A model of its own that takes a few steps on random bases."""

    def __init__(
        self, config: HyenaConfig, length: int, plan: GradientPlan, hardware: Hardware
    ) -> None:
        self.rows, self.recompute = plan.batch, plan.recompute
        self.length, self.hardware = length, hardware
        self.place = hardware.place
        generator = torch.Generator().manual_seed(0)
        wide = torch.float64 if hardware.precision == "64" else torch.float32
        self.model = HyenaLM(config, generator=generator).to(self.place, wide).train()
        self.optimizer = make_optimizer(self.model, "modern", RECIPES["modern"])
        low, high = BASE_TOKENS[0], BASE_TOKENS[-1] + 1
        shape = (self.rows, length)
        tokens = torch.randint(low, high, shape, generator=generator)
        self.tokens = tokens.to(self.place)

    def times(self) -> tuple[float, float]:
        """Return seconds of a pass and of an update, the best of some."""
        self._pass()  # the first one finds plans and memory
        passes = [self._timed(self._pass) for _ in range(_PASSES)]
        updates = [self._timed(self.optimizer.step) for _ in range(_PASSES)]
        return min(passes), min(updates)

    def peak(self) -> int:
        """Return bytes that a pass holds beside weights and optimiser."""
        if self.place.type == "cuda":
            return self._measured()
        return self.rows * activation_bytes(
            self.model.config,
            self.length,
            recompute=self.recompute,
            itemsize=self.hardware.itemsize,
        )

    def _measured(self) -> int:
        self.optimizer.zero_grad(set_to_none=True)
        torch.cuda.reset_peak_memory_stats(self.place)
        before = torch.cuda.memory_allocated(self.place)
        self._pass()
        gradients = self.hardware.itemsize * self.model.num_parameters()
        peak = torch.cuda.max_memory_allocated(self.place)
        return max(0, peak - before - gradients)

    def _pass(self) -> None:
        self.optimizer.zero_grad(set_to_none=True)
        half = self.hardware.precision == "bf16"
        with torch.autocast(self.place.type, dtype=torch.bfloat16, enabled=half):
            logits = self.model(self.tokens)
        (loss_sum(logits, self.tokens) / self.tokens.numel()).backward()

    def _timed(self, act: Callable[[], object]) -> float:
        self._wait()
        began = time.perf_counter()
        act()
        self._wait()
        return time.perf_counter() - began

    def _wait(self) -> None:
        if self.place.type == "cuda":
            torch.cuda.synchronize(self.place)
