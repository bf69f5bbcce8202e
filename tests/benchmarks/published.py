"""The forward pass as published, written afresh: the baseline of the benchmark.

What the released stand-alone model does at each call, on our weights: the
filter network runs again, the transform length is twice the input, the short
convolution is `nn.Conv1d` on a transposed copy, the whole batch passes at once
and every temporary is a new allocation. Order 2, causal, eval mode.
"""

import torch
from torch import Tensor
from torch.nn import functional

from hyenascope.models.hyena import HyenaLM
from hyenascope.models.hyena_block import Block
from hyenascope.models.hyena_filter import HyenaFilter
from hyenascope.models.hyena_mixer import HyenaMixer


def published_hidden(model: HyenaLM, tokens: Tensor) -> Tensor:
    """Hidden states "batch length channels" after the final norm."""
    backbone = model.backbone
    hidden = backbone.embeddings.word_embeddings(tokens)
    residual = None
    for block in backbone.layers:
        assert isinstance(block, Block)
        hidden, residual = _block(block, hidden, residual)
    return backbone.ln_f((hidden + residual).float())


def _block(
    block: Block, hidden: Tensor, residual: Tensor | None
) -> tuple[Tensor, Tensor]:
    residual = (hidden if residual is None else hidden + residual).float()
    hidden = _operator(block.mixer, block.norm1(residual))
    residual = (hidden + residual).float()
    inner = block.mlp.fc1(block.norm2(residual))
    return block.mlp.fc2(functional.gelu(inner, approximate="tanh")), residual


def _operator(mixer: HyenaMixer, x: Tensor) -> Tensor:
    length = x.shape[1]
    projected = mixer.in_proj(x).transpose(1, 2)
    short = mixer.short_filter(projected)[..., :length]
    x0, x1, v = short.split(mixer.config.d_model, dim=1)
    skip = mixer.filter_fn.bias
    assert skip is not None
    y = _long_conv(v * x1, _filter(mixer.filter_fn, length).T, skip)
    return mixer.out_proj((y * x0).transpose(1, 2))


def _filter(filter_fn: HyenaFilter, length: int) -> Tensor:
    t, z = filter_fn.pos_emb.t[:, :length], filter_fn.pos_emb.z[:, :length]
    decay = torch.exp(-t * filter_fn.modulation.deltas.abs())
    h = filter_fn.implicit_filter(z) * (decay + filter_fn.modulation.shift)
    return h[0]


def _long_conv(u: Tensor, k: Tensor, skip: Tensor) -> Tensor:
    length = u.shape[-1]
    size = 2 * length
    k_f = torch.fft.rfft(k, n=size) / size
    u_f = torch.fft.rfft(u.to(k.dtype), n=size)
    y = torch.fft.irfft(u_f * k_f, n=size, norm="forward")[..., :length]
    return (y + u * skip[:, None]).to(u.dtype)
