"""The numbers that shape a HyenaDNA network."""

import math
from dataclasses import dataclass
from typing import Literal

_LEAST = {
    **dict.fromkeys(("d_model", "n_layer", "d_inner", "vocab_size", "l_max"), 1),
    **dict.fromkeys(("pad_vocab_size_multiple", "short_filter_order"), 1),
    **{"filter_order": 1, "num_inner_mlps": 0, "order": 2, "emb_dim": 3},
}


@dataclass(frozen=True)
class HyenaConfig:
    """Every number that shapes the network.

    Defaults are those of the published ``tiny-1k``. ``l_max`` is part of the
    weights: the filter's clock runs from 0 to 1 over ``l_max`` positions, so the
    same weights under another ``l_max`` are another model.

    Parameters
    ----------
    d_model, n_layer, d_inner
        Width, number of blocks, width of the MLP.
    vocab_size, pad_vocab_size_multiple
        Tokens; the embedding table is rounded up to the multiple (12 → 16).
    l_max
        Longest input in tokens.
    order
        Gates per mixer; ``order - 1`` long convolutions.
    short_filter_order
        Taps of the short convolution.
    emb_dim, filter_order, num_inner_mlps, activation_freq
        Of the filter network: position features (odd), width, inner layers,
        starting frequency of its sine.
    modulate, modulation_shift, fast_decay_pct, slow_decay_pct, decay_target
        Exponential window over the filter, ``exp(-t |δ|) + shift``.
    normalized
        Divide the filter by its L1 norm over channels.
    filter_skip
        Add ``D * u`` to each long convolution.
    filter_layout
        Order of filter channels when ``order > 2``: ``"order_first"`` (the
        released stand-alone model) or ``"channel_first"`` (its training code).
    bidirectional
        Two-sided filters and a centred short convolution.
    train_positions
        Position features are a parameter (published ``lr_pos_emb`` ≠ 0).
    embed_dropout, resid_dropout, layer_norm_epsilon
        As named.
    checkpoint_mixer, checkpoint_mlp
        Recompute in the backward pass instead of storing. Never changes keys.

    Raises
    ------
    ValueError
        If a value is out of its range; the message names it.

    Examples
    --------
    >>> HyenaConfig().context_length
    1024
    """

    d_model: int = 128
    n_layer: int = 2
    d_inner: int = 512
    vocab_size: int = 12
    pad_vocab_size_multiple: int = 8
    l_max: int = 1026
    order: int = 2
    short_filter_order: int = 3
    emb_dim: int = 5
    filter_order: int = 64
    num_inner_mlps: int = 2
    activation_freq: float = 10.0
    modulate: bool = True
    modulation_shift: float = 0.05
    fast_decay_pct: float = 0.3
    slow_decay_pct: float = 1.5
    decay_target: float = 0.01
    normalized: bool = False
    filter_skip: bool = True
    filter_layout: Literal["order_first", "channel_first"] = "order_first"
    bidirectional: bool = False
    train_positions: bool = False
    embed_dropout: float = 0.1
    resid_dropout: float = 0.0
    layer_norm_epsilon: float = 1e-5
    checkpoint_mixer: bool = False
    checkpoint_mlp: bool = False

    def __post_init__(self) -> None:
        for name, least in _LEAST.items():
            if getattr(self, name) < least:
                value = getattr(self, name)
                raise ValueError(f"{name} must be at least {least}; got {value}.")
        if self.emb_dim % 2 == 0:
            raise ValueError(f"emb_dim must be odd; got {self.emb_dim}.")
        for name in ("embed_dropout", "resid_dropout"):
            if not 0 <= getattr(self, name) <= 1:
                value = getattr(self, name)
                raise ValueError(f"{name} must be from 0 to 1; got {value}.")
        for name in ("decay_target", "fast_decay_pct", "slow_decay_pct"):
            if not getattr(self, name) > 0:
                value = getattr(self, name)
                raise ValueError(f"{name} must be above 0; got {value}.")
        if self.filter_layout not in ("order_first", "channel_first"):
            raise ValueError(
                "filter_layout must be 'order_first' or 'channel_first'; "
                f"got {self.filter_layout!r}."
            )

    @property
    def vocab_rows(self) -> int:
        """Rows of the embedding table: ``vocab_size`` rounded up."""
        multiple = self.pad_vocab_size_multiple
        return math.ceil(self.vocab_size / multiple) * multiple

    @property
    def widest(self) -> int:
        """Numbers per token in the widest activation."""
        return max(self.d_inner, (self.order + 1) * self.d_model)

    @property
    def context_length(self) -> int:
        """Bases that fit by convention: ``l_max`` less two special tokens."""
        return max(1, self.l_max - 2)
