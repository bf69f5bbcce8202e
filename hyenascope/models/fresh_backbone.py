"""A backbone of one's own to train, whatever one starts from."""

import copy

import torch

from hyenascope._typing import StrPath
from hyenascope.models.checkpoint import load_pretrained
from hyenascope.models.hyena import HyenaConfig, HyenaLM


def fresh_backbone(
    model: HyenaLM | HyenaConfig | StrPath, generator: torch.Generator
) -> HyenaLM:
    """Return a model on the CPU of which every weight may learn.

    Parameters
    ----------
    model
        A backbone, of which this is a copy; the name or path of one; or a
        configuration, to start from scratch.
    generator
        Source of the weights from scratch.

    Raises
    ------
    ValueError
        If there is no model of that name.

    Examples
    --------
    >>> config = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)
    >>> first = fresh_backbone(config, torch.Generator().manual_seed(0))
    >>> fresh_backbone(first, torch.Generator()) is first
    False
    """
    if isinstance(model, HyenaConfig):
        return HyenaLM(model, generator=generator)
    if isinstance(model, HyenaLM):
        backbone = copy.deepcopy(model).cpu()
    else:
        backbone = load_pretrained(model)
    return backbone.requires_grad_(True)
