"""What a verb must know of a model first: is it ours, and which way does it look."""

from contextlib import AbstractContextManager

import torch

from hyenascope._device import borrow
from hyenascope.models.model_checks import AnyModel, require_model
from hyenascope.models.wrappers.hyena_model import HyenaModel
from hyenascope.models.wrappers.protocol import WrappedModel


def native(model: AnyModel) -> AnyModel:
    """Unwrap our own model, which is read incrementally; leave others as they are.

    Raises
    ------
    TypeError
        If it is neither, such as a name or a network that nobody wrapped.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig, HyenaLM
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> native(HyenaModel(model)) is model
    True
    """
    if isinstance(model, HyenaModel):
        return model.model
    if not isinstance(model, WrappedModel):
        require_model(model)
    return model


def borrowed(
    model: AnyModel, device: str | torch.device | None
) -> AbstractContextManager[torch.device]:
    """Use a model of either kind in eval mode on ``device``, then put it back."""
    if isinstance(model, WrappedModel):
        return model.borrowed(device)
    return borrow(model, device)


def sees_left(model: AnyModel) -> bool:
    """Whether likelihoods are of a base given those before it alone."""
    return model.causal if isinstance(model, WrappedModel) else True
