"""Whether a network is as large as the weights for it, before it takes memory.

A ``config.json`` of a kilobyte can ask for a network of terabytes. The weights that
come with it say how large it may be.
"""

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor

from hyenascope.models.hyena_config import HyenaConfig

# So much more may be asked for than there is: what does not fit is listed by name.
_FEW, _SPARE_NUMBERS = 64, 2**24
_COMPUTED_BYTES = 2**30  # of positions; those of the largest published take 192 MB
_POSITIONS = (".pos_emb.z", ".pos_emb.t")
_LISTED = 10  # names of each kind in an error message


def check_size(config: HyenaConfig, tensors: Mapping[str, Tensor]) -> None:
    """Refuse a network that is far larger than the weights for it.

    What passes may still not fit them: see `check_fit`.

    Raises
    ------
    ValueError
        If it has more layers or gates than the weights can be of, more numbers, or
        positions that are not among them and would take more than a gibibyte.

    Examples
    --------
    >>> check_size(HyenaConfig(d_model=10**6), {})
    Traceback (most recent call last):
    ValueError: the network must have about the 0 numbers of these weights; got ...
    """
    stored = sum(each.numel() for each in tensors.values())
    widest = max((each.shape[0] for each in tensors.values() if each.ndim), default=0)
    counts = {"n_layer": len(tensors), "num_inner_mlps": len(tensors), "order": widest}
    for name, most in counts.items():
        if getattr(config, name) > max(_FEW, most):
            raise ValueError(
                f"{name} must be at most {max(_FEW, most):,} for these weights; got "
                f"{getattr(config, name):,} in config.json."
            )
    wanted = network_numbers(config)
    if wanted > stored + _SPARE_NUMBERS:
        raise ValueError(
            f"the network must have about the {stored:,} numbers of these weights; got "
            f"a config.json that asks for {wanted:,}."
        )
    known = sum(t.numel() for name, t in tensors.items() if name.endswith(_POSITIONS))
    positions = config.n_layer * config.l_max * (config.emb_dim + 1)
    if (positions - known) * torch.float32.itemsize > _COMPUTED_BYTES:
        raise ValueError(
            f"l_max must leave positions of at most {_COMPUTED_BYTES:,} bytes to be "
            f"computed; got {config.l_max:,} in config.json, and weights that hold "
            f"{known:,} of {positions:,} numbers."
        )


def network_numbers(config: HyenaConfig) -> int:
    """Count the weights of a network, decay rates among them and positions not.

    Examples
    --------
    >>> network_numbers(HyenaConfig())
    436352
    """
    d, width, streams = config.d_model, config.filter_order, config.order + 1
    channels = d * (config.order - 1)
    outputs = channels * (2 if config.bidirectional else 1)
    projections = streams * d * (d + 1) + d * (d + 1)
    short = streams * d * (config.short_filter_order + 1)
    inner = width * (config.emb_dim + 1) + config.num_inner_mlps * width * (width + 1)
    skip = channels if config.filter_skip else 0
    filters = inner + width + width * outputs + outputs + skip
    mlp = config.d_inner * (d + 1) + d * (config.d_inner + 1)
    layer = projections + short + filters + mlp + 4 * d  # and two norms
    return (
        -(-config.vocab_size // config.pad_vocab_size_multiple)
        * (config.pad_vocab_size_multiple * d)
        + config.n_layer * layer
        + 2 * d
    )


def check_fit(
    expected: Mapping[str, Tensor],
    stored: Mapping[str, Tensor],
    *,
    optional: tuple[str, ...] = (),
) -> None:
    """Refuse tensors that are not those of a network.

    Parameters
    ----------
    expected
        Of the network.
    stored
        Of the file.
    optional
        Ends of names that may be absent.

    Raises
    ------
    ValueError
        With what is missing, not known or of another shape, each by name.
    """
    missing = [n for n in expected if n not in stored and not n.endswith(optional)]
    extra = [n for n in stored if n not in expected]
    differing = [
        f"{name}: expected {tuple(target.shape)}, got {tuple(stored[name].shape)}"
        for name, target in expected.items()
        if name in stored and stored[name].shape != target.shape
    ]
    kinds = {"missing": missing, "not known": extra, "of another shape": differing}
    lines = [_listed(kind, names) for kind, names in kinds.items() if names]
    if lines:
        raise ValueError("\n".join(["weights must fit config.json; got", *lines]))


def _listed(kind: str, names: Iterable[str]) -> str:
    names = sorted(names)
    rest = [f"… and {len(names) - _LISTED} more"] if len(names) > _LISTED else []
    lines = [f"  {kind} ({len(names)}):", *names[:_LISTED], *rest]
    return "\n    ".join(lines)
