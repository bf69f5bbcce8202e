"""The HyenaDNA network: tokens in, logits out.

Tokens become embeddings, pass ``n_layer`` pre-norm blocks (`hyena_block`) on a float32
residual stream, and meet the embedding matrix again as the tied head (Nguyen et al.
2023, arXiv 2306.15794). Its numbers are in `hyena_config`. Module names are those of
the published checkpoints.

Without gradients the same steps walk through the batch in pieces that stay in cache.
"""

from contextlib import nullcontext

import torch
from jaxtyping import Bool, Float, Int
from torch import Tensor, nn

from hyenascope._device import freed_memory_kept, keep_freed_memory
from hyenascope.models.forward_plan import (
    ForwardPlan,
    Surroundings,
    fitting_plan,
    forward_plan,
    kept_spectra,
    memory_bytes,
)
from hyenascope.models.hyena_block import Block, normed
from hyenascope.models.hyena_config import HyenaConfig
from hyenascope.models.hyena_filter import HyenaFilter
from hyenascope.models.hyena_mixer import HyenaMixer
from hyenascope.models.watched import watched
from hyenascope.ops.cache_pieces import cache_pieces
from hyenascope.ops.fft_conv import Backend, check_backend, triton_kernels
from hyenascope.ops.hand_tuned import hand_tuned
from hyenascope.ops.workspace import Workspace

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
        in_place: bool = False,
        plan: ForwardPlan | None = None,
    ) -> Float[Tensor, "batch length channels"]:
        """Return the normed output, or the residual stream after ``layer`` blocks.

        ``in_place`` lets a pass without gradients write over ``embedded``; ``plan``
        says in which pieces it goes.
        """
        # The stream stays float32 even when the model is cast to half precision.
        wide = embedded if embedded.dtype == torch.float64 else embedded.float()
        stream = self.dropout(wide)
        depth = len(self.layers) if layer < 0 else layer
        workspace, alone = Workspace(), hand_tuned()
        ours = in_place and alone
        for block in list(self.layers)[:depth]:
            if isinstance(block, Block) and block.is_plain and ours:
                stream = block.step(stream, mask, workspace, plan)
            else:
                stream = block(stream, mask)
                ours = alone and isinstance(block, Block) and block.is_plain
        del workspace
        if layer >= 0:
            return stream
        return self._norm_in_place(stream) if ours else normed(self.ln_f, stream)

    def _norm_in_place(self, stream: Tensor) -> Tensor:
        """Norm a stream that nobody else holds, in pieces that stay in cache."""
        pieces = cache_pieces(stream, stream.shape[1], stream[:, :1].nbytes)
        narrow = self.ln_f.weight.dtype != stream.dtype
        plain = type(self.ln_f) is nn.LayerNorm and not watched(self.ln_f)
        if narrow or not plain or len(pieces) == 1:
            return normed(self.ln_f, stream)
        for piece in pieces:
            stream[:, piece] = self.ln_f(stream[:, piece])
        return stream


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

    _max_memory: int | None = None
    _backend: Backend = "auto"

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
        if not torch.compiler.is_compiling():
            keep_freed_memory()
        embedded = self.backbone.embeddings.word_embeddings
        if not hand_tuned():
            return self.backbone(embedded(tokens), mask, layer=layer)
        batch, length = tokens.shape
        around = self._around(self.max_memory)
        plan = fitting_plan(self.config, batch, length, around)
        # Filters that are made anew come in many large pieces.
        long = not (plan.keeps_spectra or tokens.is_cuda)
        with freed_memory_kept() if long else nullcontext():
            return self._in_turns(tokens, mask, layer, plan)

    def _in_turns(
        self, tokens: Tensor, mask: Tensor | None, layer: int, plan: ForwardPlan
    ) -> Tensor:
        """Run as many rows at once as planned."""
        batch = tokens.shape[0]
        if batch <= plan.rows:
            return self._pass(tokens, mask, layer, plan)
        every = None
        for at in range(0, batch, plan.rows):
            rows = slice(at, at + plan.rows)
            part = None if mask is None else mask[rows]
            room = None if every is None else every[rows]
            done = self._pass(tokens[rows], part, layer, plan, room)
            if every is None:
                every = done.new_empty(batch, *done.shape[1:])
            if room is None or done.data_ptr() != room.data_ptr():
                every[rows] = done
        assert every is not None
        return every

    def plan(
        self, length: int, batch: int = 1, *, max_memory: int | str | None = None
    ) -> ForwardPlan:
        """Say how a pass without gradients would run, and the memory that it takes.

        Parameters
        ----------
        length, batch
            Tokens per sequence, and sequences.
        max_memory
            Limit to plan for, as `max_memory`; that of the model if None.

        Returns
        -------
        ForwardPlan
            ``print`` it; ``fits`` is whether it keeps to the limit.

        Raises
        ------
        ValueError
            If ``length`` does not fit the context, ``batch`` is below 1 or
            ``max_memory`` cannot be read.

        Examples
        --------
        >>> model = HyenaLM(HyenaConfig(l_max=2**20))
        >>> model.plan(1_000_000).groups
        2
        >>> model.plan(1_000_000, max_memory="1 GB").fits
        False
        """
        if not 1 <= length <= self.config.l_max:
            raise ValueError(f"length must be 1 to {self.config.l_max}; got {length}.")
        if batch < 1:
            raise ValueError(f"batch must be at least 1; got {batch}.")
        limit = self.max_memory if max_memory is None else memory_bytes(max_memory)
        return forward_plan(self.config, batch, length, self._around(limit))

    @property
    def max_memory(self) -> int | None:
        """Bytes that a pass without gradients may take beside the weights.

        Set it to a number of bytes, or such as ``"8 GB"``; None, as it is at first,
        means no limit on a CPU, and what is free on a GPU. Within it the pass goes
        through the batch and the channels in smaller pieces; where the smallest do not
        fit, ValueError says so before the work. Layers that someone looks at, by a
        hook or in a reference pass of mutagenesis, and a model under `torch.compile`
        take what they need.

        Examples
        --------
        >>> model = HyenaLM(HyenaConfig())
        >>> model.max_memory = "2 GB"
        >>> model.max_memory
        2000000000
        """
        return self._max_memory

    @max_memory.setter
    def max_memory(self, limit: int | str | None) -> None:
        self._max_memory = most = memory_bytes(limit)
        for module in self.modules():
            if isinstance(module, HyenaFilter):
                module.kept_bytes = kept_spectra(most)
                module.keeps_one = most is not None
                module._spectra.clear()

    @property
    def backend(self) -> Backend:
        """What runs the long convolutions: ``"auto"``, ``"torch"`` or ``"triton"``.

        ``"triton"`` is gates and convolution in one kernel each way, in three above
        4,096 tokens, on a GPU, for causal models of order 2. PyTorch's transforms run
        for other models and above 2²⁰ tokens, under `torch.compile`, where someone
        looks on, where memory is so short that channels go in groups, and where a
        kernel does not compile. ``"auto"`` is PyTorch's: no kernel has run on a GPU
        yet. In them two sequences of a batch share a transform, so that rounding
        follows the larger one, and NaN in one is NaN in the other.

        For short passes on a GPU, ``torch.compile(model, mode="reduce-overhead")``
        should replay all launches as a CUDA graph; that has not been run either.

        Raises
        ------
        ValueError
            If set to anything else.
        ImportError
            If set to ``"triton"`` without Triton.

        Examples
        --------
        >>> model = HyenaLM(HyenaConfig())
        >>> model.backend = "cuda"
        Traceback (most recent call last):
            ...
        ValueError: backend must be 'auto', 'torch' or 'triton'; got 'cuda'.
        """
        return self._backend

    @backend.setter
    def backend(self, backend: str) -> None:
        known = check_backend(backend)
        if known == "triton":
            triton_kernels()
        self._backend = known
        for module in self.modules():
            if isinstance(module, HyenaMixer):
                module.backend = known

    def _around(self, limit: int | None) -> Surroundings:
        filters = (x for x in self.modules() if isinstance(x, HyenaFilter))
        kept = sum(each.bytes_in_use for each in filters)
        weight = self.backbone.embeddings.word_embeddings.weight
        return Surroundings.of(weight, limit=limit, kept=kept)

    def _pass(
        self,
        tokens: Tensor,
        mask: Tensor | None,
        layer: int,
        plan: ForwardPlan,
        room: Tensor | None = None,
    ) -> Tensor:
        """Run the blocks over some rows, in ``room`` if that can be."""
        embedded, backbone = self.backbone.embeddings.word_embeddings, self.backbone
        seen = (embedded, backbone, backbone.dropout)
        in_place = type(embedded) is nn.Embedding and not any(map(watched, seen))
        if room is not None and in_place and self._nobody_holds(room, tokens):
            flat = room.view(-1, room.shape[-1])
            torch.index_select(embedded.weight, 0, tokens.reshape(-1), out=flat)
            states = room
        else:
            states = embedded(tokens)
        return backbone(states, mask, layer=layer, in_place=in_place, plan=plan)

    def _nobody_holds(self, room: Tensor, tokens: Tensor) -> bool:
        """Whether a stream may lie where the result will: no hook keeps it."""
        backbone = self.backbone
        weight, norm = backbone.embeddings.word_embeddings.weight, backbone.ln_f
        fits = room.dtype == weight.dtype
        fits &= room.shape == (*tokens.shape, weight.shape[1])
        plain = all(isinstance(x, Block) and x.is_plain for x in backbone.layers)
        plain &= type(norm) is nn.LayerNorm and not watched(norm)
        return fits and plain

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
