"""A block of the HyenaDNA network: the Hyena mixer, then a two-layer MLP.

The same steps run in three ways. Without gradients they walk through the length and
the channels in pieces that stay in cache. In a step of training on CPU they are
functions of `hyenascope.ops` with gradients of their own, the mixer's core and the MLP
in such pieces too. Otherwise, or where a layer is not ours any more, the layers are
called, so that hooks see and attribution explains them.
"""

from collections.abc import Callable
from itertools import product

import torch
from jaxtyping import Bool, Float
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from hyenascope.models.elementwise import Gelu, Product
from hyenascope.models.forward_plan import ForwardPlan, Surroundings, forward_plan
from hyenascope.models.hyena_config import HyenaConfig
from hyenascope.models.hyena_mixer import HyenaMixer, Watch
from hyenascope.models.watched import own_gradients, untouched, watched
from hyenascope.ops.cache_pieces import cache_pieces
from hyenascope.ops.hand_tuned import hand_tuned
from hyenascope.ops.linear import linear, linear_gelu
from hyenascope.ops.mlp import mlp
from hyenascope.ops.workspace import Workspace


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
        if own_gradients(x, self, into, self.act, out):
            return mlp(x, into.weight, into.bias, out.weight, out.bias)
        if hand_tuned() and all(map(untouched, (into, self.act, out))):
            inner = linear_gelu(x, into.weight, into.bias)
            return linear(inner, out.weight, out.bias)
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
        if hand_tuned():
            return self.finish(stream, self.gate(stream, mask, watch))
        mixed = self._recompute(self.config.checkpoint_mixer, self._mix, stream, mask)
        stream = stream + self.dropout(mixed)
        fed = self._recompute(self.config.checkpoint_mlp, self._feed, stream)
        return stream + self.dropout(fed)

    def step(
        self,
        stream: Float[Tensor, "batch length channels"],
        mask: Bool[Tensor, "batch length"] | None,
        workspace: Workspace,
        plan: ForwardPlan | None = None,
    ) -> Float[Tensor, "batch length channels"]:
        """Do what `forward` does without gradients, in the memory of ``stream``.

        Only where `is_plain`: a hook could hold on to what is written over here.
        """
        if self.mixer.enters_in_pieces(stream):
            gated = self._gate_in_pieces(stream, workspace, plan)
        else:
            gated = self.gate(stream, mask, workspace=workspace, plan=plan)
        return self.finish(stream, gated, out=stream)

    @property
    def is_plain(self) -> bool:
        """Whether the block and all in it are of our classes, and nobody looks on."""
        kinds: set[type[nn.Module]] = {Block, HyenaMixer, Mlp, Product, Gelu}
        kinds |= {nn.ModuleList, nn.Conv1d, nn.Linear, nn.LayerNorm, nn.Dropout}
        every = [self, self.norm1, self.norm2, self.dropout, *self.mlp.modules()]
        mixer = self.mixer
        every += [mixer, mixer.in_proj, mixer.out_proj, mixer.short_filter]
        every += [mixer.gates, *mixer.gates]  # the filter sees nothing of the stream
        return not any(type(x) not in kinds or watched(x) for x in every)

    def gate(
        self,
        stream: Float[Tensor, "batch length channels"],
        mask: Bool[Tensor, "batch length"] | None = None,
        watch: Watch | None = None,
        workspace: Workspace | None = None,
        plan: ForwardPlan | None = None,
    ) -> Float[Tensor, "batch channels length"]:
        """Norm, project and run the mixer's core.

        In groups of channels where the projection of all would be large, or as
        ``plan`` says. Each group norms the stream again, which is little beside its
        share of the products.
        """
        mixer, groups = self.mixer, self._groups(stream, plan)
        workspace = workspace or Workspace()
        if len(groups) == 1 or type(mixer) is not HyenaMixer:
            projected = self.project(stream, workspace=workspace)
            return mixer.operate(projected, mask, watch)
        spectra = mixer.filter_fn.spectra(stream.shape[1])
        weight = self.norm1.weight
        gated = workspace.empty("gated", stream.mT.shape, like=weight)
        for channels in groups:
            projected = self.project(stream, channels=channels, workspace=workspace)
            projected = mixer.masked(projected, mask)
            streams = projected.unflatten(1, (self.config.order + 1, -1))
            gated[:, channels] = mixer.gate_in_place(
                streams, channels, spectra, mask, watch
            )
        return gated

    def _gate_in_pieces(
        self, stream: Tensor, workspace: Workspace, plan: ForwardPlan | None
    ) -> Float[Tensor, "batch channels length"]:
        """`gate` of a plain causal block, that never holds the projections whole."""
        spectra = self.mixer.filter_fn.spectra(stream.shape[1])

        def some(channels: slice) -> Tensor:
            entered = self._enter(stream, channels, workspace)
            return self.mixer.convolve_in_place(entered, channels, spectra)

        groups = self._groups(stream, plan)
        if len(groups) == 1:
            return some(groups[0])
        like = self.norm1.weight
        gated = workspace.empty("gated", stream.mT.shape, like=like)
        for channels in groups:
            gated[:, channels] = some(channels)
        return gated

    def _enter(
        self, stream: Tensor, channels: slice, workspace: Workspace
    ) -> Float[Tensor, "batch order some length"]:
        """`HyenaMixer.enter` of the whole length."""
        batch, length, _ = stream.shape
        shape = (batch, self.config.order, channels.stop - channels.start, length)
        entered = workspace.empty("entered", shape, like=self.norm1.weight)
        reach = self.config.short_filter_order - 1
        for rows, piece in self._pieces(stream, lead=reach):
            part = stream[rows, max(0, piece.start - reach) : piece.stop]
            to = entered[rows, ..., piece]
            self.mixer.enter(normed(self.norm1, part), to, channels)
        return entered

    def _groups(self, stream: Tensor, plan: ForwardPlan | None) -> list[slice]:
        """Channels whose projections are made at once."""
        if plan is None:
            around = Surroundings.of(self.norm1.weight)
            plan = forward_plan(self.config, *stream.shape[:2], around)
        d = self.config.d_model
        step = -(-d // plan.groups)
        return [slice(at, min(at + step, d)) for at in range(0, d, step)]

    def project(
        self,
        stream: Float[Tensor, "batch length channels"],
        *,
        margin: int = 0,
        channels: slice = slice(None),
        workspace: Workspace | None = None,
    ) -> Float[Tensor, "batch streams columns"]:
        """Norm and project the stream, in pieces that stay in cache.

        ``margin`` leaves that many columns free in front, for what lies left of it.
        """
        batch, length, _ = stream.shape
        d = len(range(self.config.d_model)[channels])
        width = (self.config.order + 1) * d
        pieces = self._pieces(stream)
        if len(pieces) == 1 and margin == 0:
            return self.mixer.project_in(normed(self.norm1, stream), channels)
        workspace = workspace or Workspace()
        shape = (batch, width, margin + length)
        projected = workspace.empty("projected", shape, like=self.norm1.weight)
        for rows, piece in pieces:
            to = slice(margin + piece.start, margin + piece.stop)
            part = normed(self.norm1, stream[rows, piece])
            projected[rows, :, to] = self.mixer.project_in(part, channels)
        return projected

    def finish(
        self,
        stream: Float[Tensor, "batch length channels"],
        gated: Float[Tensor, "batch channels length"],
        out: Float[Tensor, "batch length channels"] | None = None,
    ) -> Float[Tensor, "batch length channels"]:
        """All that follows the mixer's core, in pieces that stay in cache.

        ``out`` may be ``stream`` itself.
        """
        out = torch.empty_like(stream) if out is None else out
        for rows, piece in self._pieces(stream):
            mixed = self.mixer.project_out(gated[rows, :, piece])
            part = stream[rows, piece] + self.dropout(mixed)
            torch.add(part, self.dropout(self._feed(part)), out=out[rows, piece])
        return out

    def _pieces(self, stream: Tensor, *, lead: int = 0) -> list[tuple[slice, slice]]:
        """Sequences and positions that stay in cache together, whole ones if they do.

        Channel-first steps are the quicker the more neighbours lie next to one another.
        """
        batch, length, _ = stream.shape
        number = self.config.widest * stream.element_size()
        rows = cache_pieces(stream, batch, length * number)
        along = cache_pieces(stream, length, number, lead=lead)
        return list(product(rows, along))

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


def normed(
    norm: nn.LayerNorm, stream: Float[Tensor, "*rest channels"]
) -> Float[Tensor, "*rest channels"]:
    """Norm the stream in the dtype of the weights; the stream itself stays wide."""
    return norm(stream.to(norm.weight.dtype))
