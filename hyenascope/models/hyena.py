"""The HyenaDNA network, read from top to bottom.

Tokens become embeddings, pass ``n_layer`` pre-norm blocks (Hyena mixer, then a
two-layer MLP) on a float32 residual stream, and meet the embedding matrix
again as the tied head. The mixer of order 2 is ``x0 * (k ∗ (v * x1))`` with
``x0, x1, v`` projected from the input, smoothed by three taps, and ``k`` a
filter as long as the sequence, written by a small network that sees only the
position (Poli et al. 2023, arXiv 2302.10866; Nguyen et al. 2023, arXiv
2306.15794). Its numbers are in `hyena_config`, its long filter in `hyena_filter`.
Module names are those of the published checkpoints.

Without gradients the same steps walk through the batch, the length and the
channels in pieces that stay in cache.
"""

from collections.abc import Callable

import torch
from jaxtyping import Bool, Complex, Float, Int
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from hyenascope._device import keep_freed_memory
from hyenascope.models.hyena_config import HyenaConfig
from hyenascope.models.hyena_filter import HyenaFilter
from hyenascope.ops.fft_conv import spectral_conv
from hyenascope.ops.gated_conv import gated_conv
from hyenascope.ops.gelu import gelu_tanh
from hyenascope.ops.mlp import mlp
from hyenascope.ops.pieces import cache_pieces
from hyenascope.ops.projection import project_in, project_out
from hyenascope.ops.short_conv import short_conv

__all__ = [
    "Backbone",
    "Block",
    "Gelu",
    "HyenaConfig",
    "HyenaLM",
    "HyenaMixer",
    "Mlp",
    "Product",
    "Watch",
    "normed",
]

Watch = Callable[[int, slice, Tensor, Tensor], None]
"""Sees a long convolution: its index, its channels, what goes in, what comes out."""


class Product(nn.Module):
    """``a · b``: a gate, as a module of its own so that attribution can hook it."""

    def forward(
        self, a: Float[Tensor, "*axes"], b: Float[Tensor, "*axes"]
    ) -> Float[Tensor, "*axes"]:
        """Multiply element by element."""
        return a * b


class Gelu(nn.Module):
    """GELU in its tanh form, as a module of its own so that attribution can hook it."""

    def forward(
        self, x: Float[Tensor, "*rest channels"]
    ) -> Float[Tensor, "*rest channels"]:
        """Apply `hyenascope.ops.gelu.gelu_tanh`."""
        return gelu_tanh(x)


class HyenaMixer(nn.Module):
    """Gates around long convolutions: the Hyena operator.

    ``z = short(in_proj(x))`` splits into ``x0 … x_{order-1}, v``; then
    ``v ← k ∗ (v * x_i)`` for i from the last down to 1, and
    ``out_proj(v * x0)``.
    """

    def __init__(self, config: HyenaConfig) -> None:
        super().__init__()
        self.config = config
        d, streams, taps = config.d_model, config.order + 1, config.short_filter_order
        self.in_proj = nn.Linear(d, streams * d)
        self.out_proj = nn.Linear(d, d)
        self.short_filter = nn.Conv1d(
            streams * d, streams * d, taps, groups=streams * d, padding=taps - 1
        )
        self.filter_fn = HyenaFilter(config)
        self.gates = nn.ModuleList(Product() for _ in range(config.order))

    def forward(
        self,
        x: Float[Tensor, "batch length channels"],
        mask: Bool[Tensor, "batch length"] | None = None,
    ) -> Float[Tensor, "batch length channels"]:
        """Mix along the length; ``mask`` is True at real tokens."""
        return self.project_out(self.operate(self.project_in(x), mask))

    def project_in(
        self, x: Float[Tensor, "batch length channels"]
    ) -> Float[Tensor, "batch streams length"]:
        """Write every stream of every channel, channel first with no copy."""
        weight, bias = self.in_proj.weight, self.in_proj.bias
        if _own_gradients(self, x):
            return project_in(x, weight, bias)
        rows = weight.expand(x.shape[0], -1, -1)
        return torch.baddbmm(bias[:, None], rows, x.transpose(1, 2))

    def operate(
        self,
        projected: Float[Tensor, "batch streams length"],
        mask: Bool[Tensor, "batch length"] | None = None,
        watch: Watch | None = None,
    ) -> Float[Tensor, "batch channels length"]:
        """Everything between the projections.

        Without gradients the result takes the memory of ``x0`` in ``projected``.
        ``watch`` is shown every long convolution, channels a block at a time.
        """
        spectra = self.filter_fn.spectra(projected.shape[-1])
        masked = self._masked(projected, mask)
        streams = masked.unflatten(1, (-1, self.config.d_model))
        if _own_gradients(self, projected):
            return self._gated(streams, spectra, mask)
        if torch.is_grad_enabled():
            return self._gate(streams, spectra, slice(None), mask, watch)
        row_bytes = streams[:, :, 0].nbytes
        for block in cache_pieces(projected, self.config.d_model, row_bytes, least=16):
            streams[:, 0, block] = self._gate(streams, spectra, block, mask, watch)
        return streams[:, 0]

    def project_out(
        self, y: Float[Tensor, "batch channels length"]
    ) -> Float[Tensor, "batch length channels"]:
        """Leave the mixer, length first again."""
        if _own_gradients(self, y):
            return project_out(y, self.out_proj.weight, self.out_proj.bias)
        columns = self.out_proj.weight.T.expand(y.shape[0], -1, -1)
        return torch.baddbmm(self.out_proj.bias, y.transpose(1, 2), columns)

    def _gated(
        self, streams: Tensor, spectra: list[Tensor], mask: Tensor | None
    ) -> Float[Tensor, "batch channels length"]:
        """`_gate` for all channels, as one function with a gradient of its own."""
        taps, bias = self._short_taps(streams)
        skips = [self.filter_fn.skip(i) for i in range(len(spectra))]
        none = bias.new_zeros(bias.shape[-1])
        keep = None
        if mask is not None and self.config.bidirectional:
            keep = mask[:, None].to(streams.dtype)
        return gated_conv(
            streams,
            taps,
            bias,
            spectra,
            [none if skip is None else skip for skip in skips],
            lookahead=self._lookahead,
            keep=keep,
        )

    def _gate(
        self,
        streams: Tensor,
        spectra: list[Tensor],
        block: slice,
        mask: Tensor | None,
        watch: Watch | None,
    ) -> Float[Tensor, "batch channels length"]:
        """Smooth, gate and convolve the channels of ``block``."""
        *gates, v = self.smooth(streams, block)
        for index, gate in enumerate(reversed(gates[1:])):
            u = self._masked(self.gates[index](v, gate), mask)
            v = self.convolve(u, index, spectra[index], block)
            if watch is not None:
                watch(index, block, u, v)
        return self.gates[-1](v, gates[0])

    def convolve(
        self,
        u: Float[Tensor, "batch channels length"],
        index: int,
        spectrum: Complex[Tensor, "every frequencies"],
        block: slice,
    ) -> Float[Tensor, "batch channels length"]:
        """Run long convolution ``index`` over some channels, its skip included."""
        skip = self.filter_fn.skip(index)
        bias = None if skip is None else skip[block]
        return spectral_conv(u, spectrum[block], bias=bias)

    def smooth(
        self, streams: Float[Tensor, "batch parts channels length"], block: slice
    ) -> list[Float[Tensor, "batch channels length"]]:
        """Run the short filter over some channels of ``x0 … x_{order-1}, v``."""
        taps, bias = self._short_taps(streams)
        smooth = short_conv(
            streams[:, :, block].flatten(1, 2),
            taps[:, block].flatten(0, 1),
            bias[:, block].flatten(0, 1),
            lookahead=self._lookahead,
        )
        return list(smooth.chunk(streams.shape[1], dim=1))

    @property
    def _lookahead(self) -> int:
        centre: int = (self.config.short_filter_order - 1) // 2
        return centre if self.config.bidirectional else 0

    def _short_taps(self, streams: Tensor) -> tuple[Tensor, Tensor]:
        """Taps "parts channels taps" and bias of the short filter."""
        short, shape = self.short_filter, streams.shape[1:3]
        assert short.bias is not None
        taps = short.weight[:, 0].to(streams.dtype).unflatten(0, shape)
        return taps, short.bias.to(streams.dtype).unflatten(0, shape)

    def _masked(self, u: Tensor, mask: Tensor | None) -> Tensor:
        # A causal model never looks right, where the padding is.
        if mask is None or not self.config.bidirectional:
            return u
        return u * mask[:, None].to(u.dtype)


class Mlp(nn.Module):
    """Two linear layers around the tanh form of GELU."""

    def __init__(self, config: HyenaConfig) -> None:
        super().__init__()
        self.fc1 = nn.Linear(config.d_model, config.d_inner)
        self.fc2 = nn.Linear(config.d_inner, config.d_model)
        self.act = Gelu()

    def forward(
        self, x: Float[Tensor, "*rest channels"]
    ) -> Float[Tensor, "*rest channels"]:
        """Apply to every position alone."""
        into, out = self.fc1, self.fc2
        if type(into) is type(out) is nn.Linear and _own_gradients(self, x):
            return mlp(x, into.weight, into.bias, out.weight, out.bias)
        return out(self.act(into(x)))


class Block(nn.Module):
    """Pre-norm residual block: mixer, then MLP."""

    def __init__(self, config: HyenaConfig) -> None:
        super().__init__()
        self.config = config
        self.mixer = HyenaMixer(config)
        self.norm1 = nn.LayerNorm(config.d_model, eps=config.layer_norm_epsilon)
        self.mlp = Mlp(config)
        self.norm2 = nn.LayerNorm(config.d_model, eps=config.layer_norm_epsilon)
        self.dropout = nn.Dropout(config.resid_dropout)

    def forward(
        self,
        stream: Float[Tensor, "batch length channels"],
        mask: Bool[Tensor, "batch length"] | None = None,
        watch: Watch | None = None,
    ) -> Float[Tensor, "batch length channels"]:
        """Add the mixer's and the MLP's contribution to the residual stream.

        ``watch`` is shown the long convolutions of a pass without gradients.
        """
        if not torch.is_grad_enabled():
            gated = self.mixer.operate(self.project(stream), mask, watch)
            return self.finish(stream, gated)
        mixed = self._recompute(self.config.checkpoint_mixer, self._mix, stream, mask)
        stream = stream + self.dropout(mixed)
        fed = self._recompute(self.config.checkpoint_mlp, self._feed, stream)
        return stream + self.dropout(fed)

    def project(
        self, stream: Float[Tensor, "batch length channels"], *, margin: int = 0
    ) -> Float[Tensor, "batch streams columns"]:
        """Norm and project the stream, in pieces along the length.

        ``margin`` leaves that many columns free in front, for what lies left of it.
        """
        batch, length, _ = stream.shape
        weight = self.mixer.in_proj.weight
        projected = weight.new_empty(batch, weight.shape[0], margin + length)
        for piece in self._along(stream):
            to = slice(margin + piece.start, margin + piece.stop)
            part = normed(self.norm1, stream[:, piece])
            projected[..., to] = self.mixer.project_in(part)
        return projected

    def finish(
        self,
        stream: Float[Tensor, "batch length channels"],
        gated: Float[Tensor, "batch channels length"],
    ) -> Float[Tensor, "batch length channels"]:
        """All that follows the mixer's core, in pieces along the length."""
        out = torch.empty_like(stream)
        for piece in self._along(stream):
            mixed = self.mixer.project_out(gated[..., piece])
            part = stream[:, piece] + self.dropout(mixed)
            out[:, piece] = part + self.dropout(self._feed(part))
        return out

    def _along(self, stream: Tensor) -> list[slice]:
        batch, length, _ = stream.shape
        row_bytes = batch * self.config.widest * stream.element_size()
        return cache_pieces(stream, length, row_bytes)

    def _mix(self, stream: Tensor, mask: Tensor | None) -> Tensor:
        return self.mixer(normed(self.norm1, stream), mask)

    def _feed(self, stream: Tensor) -> Tensor:
        return self.mlp(normed(self.norm2, stream))

    def _recompute(
        self, wanted: bool, fn: Callable[..., Tensor], *args: Tensor | None
    ) -> Tensor:
        if wanted and self.training:
            recomputed: Tensor = checkpoint(fn, *args, use_reentrant=False)
            return recomputed
        return fn(*args)


class _Embeddings(nn.Module):
    def __init__(self, config: HyenaConfig) -> None:
        super().__init__()
        self.word_embeddings = nn.Embedding(config.vocab_rows, config.d_model)


class Backbone(nn.Module):
    """Embedding, blocks and the final norm."""

    def __init__(self, config: HyenaConfig) -> None:
        super().__init__()
        self.embeddings = _Embeddings(config)
        self.dropout = nn.Dropout(config.embed_dropout)
        self.layers = nn.ModuleList(Block(config) for _ in range(config.n_layer))
        self.ln_f = nn.LayerNorm(config.d_model, eps=config.layer_norm_epsilon)

    def forward(
        self,
        embedded: Float[Tensor, "batch length channels"],
        mask: Bool[Tensor, "batch length"] | None = None,
        *,
        layer: int = -1,
    ) -> Float[Tensor, "batch length channels"]:
        """Return the normed output, or the residual stream after ``layer`` blocks."""
        # The stream stays float32 even when the model is cast to half precision.
        wide = embedded if embedded.dtype == torch.float64 else embedded.float()
        stream = self.dropout(wide)
        depth = len(self.layers) if layer < 0 else layer
        for block in list(self.layers)[:depth]:
            stream = block(stream, mask)
        return normed(self.ln_f, stream) if layer < 0 else stream


class HyenaLM(nn.Module):
    """HyenaDNA language model: tokens in, logits of the next token out.

    Parameters
    ----------
    config
        The network's numbers.
    generator
        Source of the random initial weights; torch's global one if absent.

    Attributes
    ----------
    name : str
        What results call this model; a loader sets it.

    Examples
    --------
    >>> model = HyenaLM(HyenaConfig(d_model=16, n_layer=1, d_inner=32, l_max=34))
    >>> model(torch.tensor([[7, 8, 9, 10]])).shape  # A C G T
    torch.Size([1, 4, 16])
    """

    def __init__(
        self, config: HyenaConfig, *, generator: torch.Generator | None = None
    ) -> None:
        super().__init__()
        self.config = config
        self.name = "untitled"
        # torch's layers draw weights as they are made; ours come from the generator.
        with torch.random.fork_rng(devices=[], enabled=generator is not None):
            self.backbone = Backbone(config)
            self.lm_head = nn.Linear(config.d_model, config.vocab_rows, bias=False)
        self.lm_head.weight = self.backbone.embeddings.word_embeddings.weight
        self._initialize(generator)

    def forward(
        self,
        tokens: Int[Tensor, "batch length"],
        *,
        mask: Bool[Tensor, "batch length"] | None = None,
    ) -> Float[Tensor, "batch length vocab"]:
        """Return logits; row i of the output scores token i + 1.

        Logits span the padded vocabulary (16 rows for 12 tokens; ids 12–15 were
        never trained). ``mask`` is True at real tokens; only a two-sided model
        needs it, a causal one never sees right padding.

        Raises
        ------
        ValueError
            If ``tokens`` are longer than ``l_max``.
        """
        return self.head(self.hidden(tokens, mask=mask))

    def hidden(
        self,
        tokens: Int[Tensor, "batch length"],
        *,
        mask: Bool[Tensor, "batch length"] | None = None,
        layer: int = -1,
    ) -> Float[Tensor, "batch length channels"]:
        """Return hidden states, ``d_model`` numbers per token.

        ``layer=-1`` is the output of the final norm; ``layer=i`` the residual
        stream after i blocks, 0 being the embedding.
        """
        self._check(tokens, layer)
        keep_freed_memory()
        embedded = self.backbone.embeddings.word_embeddings
        if torch.is_grad_enabled():
            return self.backbone(embedded(tokens), mask, layer=layer)
        batch, length = tokens.shape
        row_bytes = length * self.config.widest * embedded.weight.element_size()
        done = []
        for rows in cache_pieces(tokens, max(1, batch), row_bytes):
            part = None if mask is None else mask[rows]
            done.append(self.backbone(embedded(tokens[rows]), part, layer=layer))
        return done[0] if len(done) == 1 else torch.cat(done)

    def head(
        self, hidden: Float[Tensor, "batch length channels"]
    ) -> Float[Tensor, "batch length vocab"]:
        """Logits of normed hidden states, through the tied embedding."""
        return self.lm_head(hidden.to(self.lm_head.weight.dtype))

    @property
    def context_length(self) -> int:
        """Bases that fit the context by convention, ``l_max - 2``."""
        return self.config.context_length

    def num_parameters(self) -> int:
        """Count trainable numbers, the tied matrix once.

        Examples
        --------
        >>> HyenaLM(HyenaConfig()).num_parameters()
        436096
        """
        return sum(p.numel() for p in self.parameters())

    def _check(self, tokens: Tensor, layer: int) -> None:
        if tokens.shape[1] == 0:
            raise ValueError("tokens must hold at least one token per row; got 0.")
        if tokens.shape[1] > self.config.l_max:
            raise ValueError(
                f"tokens must fit the context of {self.config.l_max} tokens; "
                f"got {tokens.shape[1]}."
            )
        if not -1 <= layer <= self.config.n_layer:
            raise ValueError(
                f"layer must be -1 (final norm) or 0 … {self.config.n_layer}; "
                f"got {layer}."
            )

    @torch.no_grad()
    def _initialize(self, generator: torch.Generator | None) -> None:
        """Draw weights as published: N(0, 0.02), residual outputs scaled down."""
        for name, p in self.named_parameters():
            leaf = name.rsplit(".", 2)[-2:]
            if leaf == ["short_filter", "weight"] or leaf == ["short_filter", "bias"]:
                bound = self.config.short_filter_order**-0.5
                p.uniform_(-bound, bound, generator=generator)
            elif leaf == ["filter_fn", "bias"]:
                p.normal_(generator=generator)
            elif leaf[-1] == "weight" and p.ndim == 2:
                residual = leaf[0] in ("out_proj", "fc2")
                scale = (2 * self.config.n_layer) ** -0.5 if residual else 1.0
                p.normal_(0.0, 0.02 * scale, generator=generator)
            elif leaf[-1] == "bias":
                p.zero_()


def _own_gradients(module: nn.Module, x: Tensor) -> bool:
    """Whether functions with a gradient of their own may stand in for the layers.

    In a step of training on CPU. Elsewhere, in half precision, or where a hook wants
    to see what is in between, torch follows every operation.
    """
    wide = x.dtype in (torch.float32, torch.float64)
    training = module.training and torch.is_grad_enabled()
    if not (training and wide and x.device.type == "cpu"):
        return False
    return not torch.is_autocast_enabled("cpu") and all(map(_plain, module.modules()))


def _plain(layer: nn.Module) -> bool:
    return not (
        layer._forward_pre_hooks
        or layer._forward_hooks
        or layer._backward_pre_hooks
        or layer._backward_hooks
    )


def normed(
    norm: nn.LayerNorm, stream: Float[Tensor, "*rest channels"]
) -> Float[Tensor, "*rest channels"]:
    """Norm the stream in the dtype of the weights; the stream itself stays wide."""
    return norm(stream.to(norm.weight.dtype))
