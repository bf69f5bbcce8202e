"""All that decides the numbers of a pretraining run."""

from dataclasses import asdict, dataclass, field, replace
from typing import Any

from hyenascope._choices import check_choice
from hyenascope.training.objectives import Objective
from hyenascope.training.optimizers import RECIPES, Preset, Recipe
from hyenascope.training.warmup import Stage
from hyenascope.training.windows import WindowRules


@dataclass(frozen=True)
class PretrainOptions:
    """How to train: with the same data, devices and threads, always the same weights.

    Parameters
    ----------
    steps
        Optimiser steps.
    batch_size
        Windows of ``length`` bases per step, over all devices: the global batch.
    length
        Bases per window.
    stages
        Sequence-length warm-up, see `hyenascope.training.warmup.length_stages`: windows
        of the lengths given, as many tokens per step as ``batch_size`` windows of
        ``length``. The last stage must have ``length``, all together ``steps``.
    objective
        ``"next_token"``, or ``"masked"`` for a two-sided model.
    preset
        ``"paper"`` or ``"modern"``: which parameters decay, and the default of every
        number below that is None, see `hyenascope.training.optimizers`.
    learning_rate, min_learning_rate
        Peak of the schedule, and its end as a fraction of the peak.
    warmup
        Fraction of the steps that ramp up linearly.
    weight_decay
        AdamW's decay, of the parameters that have any.
    betas
        AdamW's memories of the gradient and of its square.
    clip
        Largest norm of the gradient.
    micro_batch
        Windows per forward pass on one device; gradients add up to ``batch_size``.
        None takes what fits.
    append_sep
        End each window with ``[SEP]``, as the published checkpoints expect; the model
        then needs a context of ``length + 1`` tokens.
    ema
        Decay of a moving average of the weights, which is then what is evaluated and
        returned; None for the weights themselves.
    windows
        What becomes of N, lower case, strands and small genomes.
    seed
        Decides weights, windows, strands and dropout.

    Raises
    ------
    ValueError
        If a number is out of range, a word is unknown, or ``stages`` do not fit the
        rest.

    Examples
    --------
    >>> PretrainOptions(preset="paper").recipe.learning_rate
    0.0006
    """

    steps: int = 1000
    batch_size: int = 32
    length: int = 1024
    stages: tuple[Stage, ...] = ()
    objective: Objective = "next_token"
    preset: Preset = "modern"
    learning_rate: float | None = None
    min_learning_rate: float | None = None
    warmup: float | None = None
    weight_decay: float | None = None
    betas: tuple[float, float] | None = None
    clip: float = 1.0
    micro_batch: int | None = None
    append_sep: bool = False
    ema: float | None = None
    windows: WindowRules = field(default_factory=WindowRules)
    seed: int = 0

    def __post_init__(self) -> None:
        check_choice("objective", self.objective, Objective)
        check_choice("preset", self.preset, Preset)
        least = {"steps": 1, "batch_size": 1, "length": 2, "seed": 0}
        for name, bound in least.items():
            if (value := getattr(self, name)) < bound:
                raise ValueError(f"{name} must be at least {bound}; got {value}.")
        if self.micro_batch is not None and self.micro_batch < 1:
            raise ValueError(f"micro_batch must be at least 1; got {self.micro_batch}.")
        for name in ("learning_rate", "clip"):
            if (number := getattr(self, name)) is not None and not number > 0:
                raise ValueError(f"{name} must be positive; got {number}.")
        for name in ("min_learning_rate", "warmup", "ema"):
            share = getattr(self, name)
            if share is not None and not 0 <= share <= 1:
                raise ValueError(f"{name} must be from 0 to 1; got {share}.")
        if self.weight_decay is not None and not self.weight_decay >= 0:
            raise ValueError(
                f"weight_decay must be at least 0; got {self.weight_decay}."
            )
        if self.betas is not None and not all(0 <= beta < 1 for beta in self.betas):
            raise ValueError(f"betas must be from 0 to below 1; got {self.betas}.")
        self._check_stages()

    def _check_stages(self) -> None:
        if not self.stages:
            return
        steps = sum(stage.steps for stage in self.stages)
        last = self.stages[-1].length
        if (steps, last) != (self.steps, self.length):
            raise ValueError(
                f"stages must end at length={self.length:,} and have "
                f"{self.steps:,} steps together; got {last:,} and {steps:,}."
            )
        for stage in self.stages:
            if stage.length < 2 or self.tokens_per_step % stage.length:
                raise ValueError(
                    "stages must have lengths that divide the "
                    f"{self.tokens_per_step:,} tokens of a step; got {stage.length:,}."
                )

    @property
    def recipe(self) -> Recipe:
        """The optimiser's numbers: the preset's, but for those given."""
        given = {
            name: getattr(self, name)
            for name in asdict(RECIPES[self.preset])
            if getattr(self, name) is not None
        }
        return replace(RECIPES[self.preset], **given)

    @property
    def schedule(self) -> tuple[Stage, ...]:
        """Stages of the run, one if there is no warm-up."""
        return self.stages or (Stage(self.length, self.steps),)

    @property
    def tokens_per_step(self) -> int:
        """Bases that one step reads, over all devices."""
        return self.batch_size * self.length

    @property
    def tokens(self) -> int:
        """Bases that the whole run reads."""
        return self.steps * self.tokens_per_step

    def settings(self) -> dict[str, Any]:
        """Return everything as JSON values, the preset's numbers filled in.

        Examples
        --------
        >>> PretrainOptions(steps=5).settings()["weight_decay"]
        0.1
        """
        plain = {**asdict(self), **asdict(self.recipe)}
        plain["betas"] = list(plain["betas"])
        plain["stages"] = [asdict(stage) for stage in self.stages]
        return plain
