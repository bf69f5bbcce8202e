"""The HyenaDNA network: tokens in, logits out.

Tokens become embeddings, pass ``n_layer`` pre-norm blocks (`hyena_block`) on a float32
residual stream, and meet the embedding matrix again as the tied head (Nguyen et al.
2023, arXiv 2306.15794). Its numbers are in `hyena_config`. Module names are those of
the published checkpoints.

Without gradients the same steps walk through the batch in pieces that stay in cache.
"""

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hyenascope._device import keep_freed_memory
from hyenascope.models.hyena_block import Block, normed
from hyenascope.models.hyena_config import HyenaConfig
from hyenascope.ops.cache_pieces import cache_pieces

__all__ = ["Backbone", "HyenaConfig", "HyenaLM"]


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
