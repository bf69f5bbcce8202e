"""AdamW, which weights it decays, and how fast it learns when.

Two recipes. ``"paper"`` is the published one (Nguyen et al. 2023, arXiv 2306.15794,
appendix A.1, and the parameter groups of its code): everything decays, norms, biases
and embeddings among it, but the filter network. ``"modern"`` decays matrices only, has
a shorter memory of squared gradients and ends at a lower rate, as most language models
since do.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import nn

from hyenascope.models.hyena import HyenaLM

Preset = Literal["paper", "modern"]


@dataclass(frozen=True)
class Recipe:
    """Numbers of an optimiser.

    Parameters
    ----------
    learning_rate
        Peak.
    min_learning_rate
        Where the cosine ends, as a fraction of the peak.
    warmup
        Fraction of the steps that ramp up linearly.
    weight_decay
        Of the parameters that decay.
    betas
        Memories of the gradient and of its square.
    """

    learning_rate: float
    min_learning_rate: float
    warmup: float
    weight_decay: float
    betas: tuple[float, float]


RECIPES: dict[Preset, Recipe] = {
    "paper": Recipe(6e-4, 0.1, 0.01, 0.1, (0.9, 0.999)),
    "modern": Recipe(2e-3, 0.01, 0.02, 0.1, (0.9, 0.98)),
}


def make_optimizer(model: HyenaLM, preset: Preset, recipe: Recipe) -> torch.optim.AdamW:
    """Return AdamW over the groups of a preset.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> optimizer = make_optimizer(model, "modern", RECIPES["modern"])
    >>> [group["weight_decay"] for group in optimizer.param_groups]
    [0.1, 0.0]
    """
    return torch.optim.AdamW(
        parameter_groups(model, recipe.weight_decay, preset=preset),
        lr=recipe.learning_rate,
        betas=recipe.betas,
    )


def parameter_groups(
    model: nn.Module, weight_decay: float, *, preset: Preset = "paper"
) -> list[dict[str, object]]:
    """Split parameters into those that decay and those that do not.

    The linear layers of the filter network, its sine frequencies and, where trained,
    its position features never decay: the published code gives them a group with
    decay 0. With ``"modern"`` norms, biases, embeddings and the filter's skip weights
    do not decay either.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> groups = parameter_groups(HyenaLM(HyenaConfig()), 0.1)
    >>> [group["weight_decay"] for group in groups]
    [0.1, 0.0]
    """
    decayed: list[nn.Parameter] = []
    free: list[nn.Parameter] = []
    for name, parameter in model.named_parameters():
        of_filter = ".implicit_filter." in name or ".pos_emb." in name
        matrix = parameter.ndim >= 2 and "embeddings" not in name
        decays = not of_filter and (preset == "paper" or matrix)
        (decayed if decays else free).append(parameter)
    return [
        {"params": decayed, "weight_decay": weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]


def rate_factor(step: int, steps: int, recipe: Recipe) -> float:
    """Return the learning rate of a step (0 for the first) over its peak.

    A linear ramp, then half a cosine down to the floor.

    Examples
    --------
    >>> recipe = Recipe(1e-3, 0.1, 0.1, 0.1, (0.9, 0.999))
    >>> [round(rate_factor(step, 100, recipe), 3) for step in (0, 9, 55, 99)]
    [0.1, 1.0, 0.55, 0.1]
    """
    ramp = max(1, round(steps * recipe.warmup))
    if step < ramp:
        return (step + 1) / ramp
    done = min(1.0, (step - ramp) / max(1, steps - ramp))
    floor = recipe.min_learning_rate
    return floor + (1 - floor) * 0.5 * (1 + math.cos(math.pi * done))
