"""What a verb must know of a model before it begins: whose it is, what it reads."""

from torch import nn

from hyenascope.models.hyena import HyenaLM
from hyenascope.models.wrappers.protocol import WrappedModel

AnyModel = HyenaLM | WrappedModel
"""Our own model, or any other behind the protocol."""

_LONGEST_DEFAULT_CONTEXT = 16_384


def require_model(model: object) -> None:
    """Refuse what is no model, such as a name.

    Raises
    ------
    TypeError
        If it is no `HyenaLM`.
    """
    if isinstance(model, WrappedModel):
        raise TypeError(
            f"model must be a HyenaLM for this; got {model!r}. Variant scores, "
            "substitution and dependency maps, attributions and LocusBrowser take it; "
            "it has log_probs, embed and predict of its own."
        )
    if isinstance(model, nn.Module) and not isinstance(model, HyenaLM):
        raise TypeError(
            f"model must be a HyenaLM; got {type(model).__name__}. Variant scores, "
            "substitution maps and attributions take other networks once they are "
            "wrapped, such as by OneHotModel(module, context_length=…)."
        )
    if not isinstance(model, HyenaLM):
        raise TypeError(
            f"model must be a HyenaLM; got {model!r}. load_pretrained finds names."
        )


def require_causal(model: HyenaLM) -> None:
    """Refuse a two-sided model.

    Raises
    ------
    ValueError
        If the model sees both sides, and so the base it would predict.
    TypeError
        If it is no `HyenaLM`, such as a name.
    """
    require_model(model)
    if model.config.bidirectional:
        raise ValueError(
            "model must be causal to give likelihoods; got a two-sided one, which "
            "sees the base it would predict."
        )


def longest_input(model: AnyModel) -> int:
    """Return the most bases that a model can read at once.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> longest_input(HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=8, l_max=34)))
    34
    """
    if isinstance(model, WrappedModel):
        return model.context_length
    return model.config.l_max


def window_context(model: AnyModel, context: int | None) -> int:
    """Return the window in bases that a locus is read with.

    The model's own context, at most 16,384, if ``context`` is None; of a wrapped model
    that reads one length alone, or gives no likelihoods but predictions, all of it.

    Raises
    ------
    ValueError
        If ``context`` is below 4 or above what the model reads.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> window_context(HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=8)), None)
    1024
    """
    fixed = isinstance(model, WrappedModel) and model.fixed_length
    if context is None:
        own = model.context_length
        predicts = isinstance(model, WrappedModel) and "log_probs" not in model.offers
        whole = fixed or predicts  # what an output is depends on how much is read
        return own if whole else min(own, _LONGEST_DEFAULT_CONTEXT)
    if fixed and context != model.context_length:
        raise ValueError(
            f"context must be {model.context_length} bp, all that {model.name} reads; "
            f"got {context}."
        )
    longest = longest_input(model)
    if not 4 <= context <= longest:
        raise ValueError(
            f"context must be 4 to {longest} bp, the model's longest input; "
            f"got {context}."
        )
    return context


def weight_versions(model: AnyModel) -> tuple[int, ...]:
    """Say how often each weight was changed in place, by training or loading.

    What was computed under other versions is about another model.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> before = weight_versions(model)
    >>> _ = model.load_state_dict(model.state_dict())
    >>> weight_versions(model) == before
    False
    """
    if isinstance(model, WrappedModel):
        return model.weight_versions
    return tuple(parameter._version for parameter in model.parameters())
