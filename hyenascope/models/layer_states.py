"""Pooled states after several blocks, from one pass."""

from collections.abc import Iterator, Sequence

import torch
from jaxtyping import Bool, Float, Float32, Int
from torch import Tensor

from hyenascope._device import keep_freed_memory
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.hyena_block import normed
from hyenascope.models.pooling import PoolMode, pool
from hyenascope.ops.cache_pieces import cache_pieces


@torch.inference_mode()
def pooled_layers(
    model: HyenaLM,
    tokens: Int[Tensor, "batch length"],
    *,
    mask: Bool[Tensor, "batch length"],
    layers: Sequence[int],
    mode: PoolMode = "mean",
    pooled: Bool[Tensor, "batch length"] | None = None,
) -> Float32[Tensor, "batch layers channels"]:
    """Return what pooling `HyenaLM.hidden` gives for each of ``layers``.

    The states of one layer at a time are in memory, and blocks above the highest
    are not run.

    Parameters
    ----------
    model
        In eval mode, where the tokens are.
    tokens, mask
        Padded on the right; ``mask`` is True at real tokens.
    layers
        −1 the final norm; i the residual stream after i blocks.
    mode
        As in `hyenascope.models.pooling.pool`.
    pooled
        True at tokens that are pooled, one at least in each row; the others are only
        read. All real tokens if None.

    Raises
    ------
    ValueError
        If a layer is unknown or named twice, or there is none.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=2, d_inner=16, l_max=34)).eval()
    >>> tokens = torch.tensor([[7, 8, 9]])
    >>> pooled_layers(model, tokens, mask=tokens > 0, layers=(0, -1)).shape
    torch.Size([1, 2, 8])
    """
    check_layers(model, layers)
    keep_freed_memory()
    row_bytes = tokens.shape[1] * model.config.widest * 4
    kept = mask if pooled is None else mask & pooled
    done = []
    for rows in cache_pieces(tokens, len(tokens), row_bytes):
        found = {
            layer: pool(states.float(), mode, kept[rows])
            for layer, states in _states(model, tokens[rows], mask[rows], layers)
        }
        done.append(torch.stack([found[layer] for layer in layers], dim=1))
    return torch.cat(done)


def check_layers(model: HyenaLM, layers: Sequence[int]) -> None:
    """Refuse layers that a model does not have.

    Raises
    ------
    ValueError
        If a layer is unknown or named twice, or there is none.
    """
    deepest = model.config.n_layer
    known = all(-1 <= layer <= deepest for layer in layers)
    if not layers or not known or len(set(layers)) < len(layers):
        raise ValueError(
            f"layers must be different ones of -1 (final norm) and 0 … {deepest}; got "
            f"{tuple(layers)}."
        )


def _states(
    model: HyenaLM, tokens: Tensor, mask: Tensor, layers: Sequence[int]
) -> Iterator[tuple[int, Float[Tensor, "batch length channels"]]]:
    """Yield layers and their states, the lowest first."""
    backbone = model.backbone
    blocks = list(backbone.layers)
    stream = backbone.embeddings.word_embeddings(tokens)
    # As in `Backbone.forward`: the stream is wide whatever the weights are.
    stream = stream if stream.dtype == torch.float64 else stream.float()
    for depth in range(len(blocks) + 1):
        if depth in layers:
            yield depth, stream
        if -1 not in layers and depth == max(layers):
            return
        if depth < len(blocks):
            stream = blocks[depth](stream, mask)
    yield -1, normed(backbone.ln_f, stream)
