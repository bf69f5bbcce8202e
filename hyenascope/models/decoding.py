"""Read one more token without reading the others again.

All of a causal Hyena model but its long convolutions looks at one position or at
the few that the short filter reaches. Of those, a `Decoder` keeps the last columns.
The long convolutions run in `hyenascope.models.online_conv`, which keeps the columns
of their inputs and what is known of their outputs. A prompt is read in one pass, and
FFTs of its length say what it means for the columns to come; nothing else of it is
kept. The numbers are those of a full pass, up to rounding.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int, Int64
from torch import Tensor, nn

from hyenascope.models.hyena import HyenaLM
from hyenascope.models.hyena_block import Block, normed
from hyenascope.models.incremental import cannot_increment, weight_of
from hyenascope.models.online_conv import OnlineConv, spill


class _OnlineShortConv:
    """The short filter, one column at a time; ``left`` are the columns before."""

    def __init__(
        self, conv: nn.Conv1d, left: Float[Tensor, "batch streams reach"]
    ) -> None:
        assert conv.bias is not None
        self._bias = conv.bias
        self._taps = conv.weight[:, 0].unbind(-1)  # newest last, like the columns
        self._left = list(left.unbind(-1))

    def step(self, u: Float[Tensor, "batch streams"]) -> Float[Tensor, "batch streams"]:
        columns = [*self._left, u]
        self._left = columns[1:]
        y = torch.addcmul(self._bias, u, self._taps[-1])
        for column, tap in zip(columns[:-1], self._taps[:-1], strict=True):
            y.addcmul_(column, tap)
        return y

    def take(self, rows: Int64[Tensor, " rows"]) -> None:
        self._left = [column[rows] for column in self._left]


class _Read(NamedTuple):
    """What a prompt leaves behind, for every block."""

    left: list[Tensor]  # "1 streams reach"
    past: list[list[Tensor]]  # "1 channels room", one per long convolution
    logits: Tensor  # "1 vocab"


class _Layer(NamedTuple):
    block: Block
    short: _OnlineShortConv
    longs: list[OnlineConv]


class Decoder:
    """Logits of the next token, one token after another, for rows that grow.

    Build and use it with the model in eval mode, as `hyenascope._device.borrow` puts
    it; there are no gradients. Hooks on blocks, mixers and gates are not called.

    Parameters
    ----------
    model
        A causal `HyenaLM`; see `hyenascope.models.incremental.cannot_increment`.
    prompts
        The rows' first tokens, read in one pass each. Lengths may differ, and 0 is
        one of them.
    room
        Tokens per row that can be fed.

    Attributes
    ----------
    logits : Float[Tensor, "batch vocab"]
        Of the token after the last, one row each. Zeros for a row without tokens,
        about whose first token the model says nothing.

    Raises
    ------
    ValueError
        If there is no prompt, prompt and room pass the context, or the model cannot
        be run token by token.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> config = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)
    >>> model = HyenaLM(config).eval()
    >>> decoder = Decoder(model, [np.array([7, 8, 9])], room=1)
    >>> logits = decoder.feed(torch.tensor([10]))
    >>> with torch.inference_mode():
    ...     full = model(torch.tensor([[7, 8, 9, 10]]))[:, -1]
    >>> torch.testing.assert_close(logits, full, atol=1e-5, rtol=0)
    """

    # With gradients a block would not show what goes into its convolutions.
    @torch.no_grad()
    def __init__(
        self,
        model: HyenaLM,
        prompts: Sequence[Int64[np.ndarray, " _"]],
        *,
        room: int,
    ) -> None:
        if (reason := cannot_increment(model)) is not None:
            raise ValueError(f"model must be causal Hyena blocks; got {reason}.")
        if not prompts:
            raise ValueError("prompts must hold at least one row; got none.")
        longest = max(map(len, prompts)) + room
        if room < 0 or longest > model.config.l_max:
            raise ValueError(
                f"room must be 0 or more and fit the context of {model.config.l_max} "
                f"tokens after the longest prompt; got {room}, {longest} in all."
            )
        self.model = model
        self._reach = model.config.short_filter_order - 1
        self._blocks = _blocks(model)
        self._taps = [
            [k.contiguous() for k in block.mixer.filter_fn.taps(longest)]
            for block in self._blocks
        ]
        reads = [self._read(prompt, room) for prompt in prompts]
        self._layers = [self._layer(depth, reads) for depth in range(len(self._taps))]
        self.logits = torch.cat([read.logits for read in reads])

    @torch.no_grad()
    def feed(self, tokens: Int[Tensor, " batch"]) -> Float[Tensor, "batch vocab"]:
        """Read one more token per row; return and keep the logits of the next.

        Raises
        ------
        ValueError
            If there is no room left.
        """
        stream = self._embed(tokens)
        for layer in self._layers:
            stream = self._advance(layer, stream)
        self.logits = self._head(stream)
        return self.logits

    def take(self, rows: Int64[Tensor, " rows"]) -> None:
        """Keep copies of these rows, in this order: several samples of one prompt."""
        self.logits = self.logits[rows]
        for layer in self._layers:
            layer.short.take(rows)
            for conv in layer.longs:
                conv.take(rows)

    def _advance(
        self, layer: _Layer, stream: Float[Tensor, "batch channels"]
    ) -> Float[Tensor, "batch channels"]:
        """Run one block over the newest column."""
        block, mixer = layer.block, layer.block.mixer
        smooth = layer.short.step(mixer.in_proj(normed(block.norm1, stream)))
        *gates, v = smooth.chunk(self.model.config.order + 1, dim=-1)
        for conv, gate in zip(layer.longs, reversed(gates[1:]), strict=True):
            v = conv.step(v * gate)
        stream = stream + mixer.out_proj(v * gates[0])
        return stream + block.mlp(normed(block.norm2, stream))

    def _read(self, prompt: Int64[np.ndarray, " length"], room: int) -> _Read:
        """Pass over a prompt."""
        tokens = torch.from_numpy(prompt).to(weight_of(self.model).device)
        stream = self._embed(tokens[None])
        left, past = [], []
        for block, taps in zip(self._blocks, self._taps, strict=True):
            left.append(self._tail(block, stream))
            past.append([k.new_zeros(1, len(k), room) for k in taps])
            if len(prompt):
                stream = block(stream, None, _spiller(past[-1], taps))
        if len(prompt):
            return _Read(left, past, self._head(stream[:, -1]))
        silent = stream.new_zeros(1, self.model.config.vocab_rows)
        return _Read(left, past, silent)

    def _layer(self, depth: int, reads: Sequence[_Read]) -> _Layer:
        """Set up one block for the rows of all prompts."""
        mixer = self._blocks[depth].mixer
        left = torch.cat([read.left[depth] for read in reads])
        longs = []
        for index, k in enumerate(self._taps[depth]):
            past = torch.cat([read.past[depth][index] for read in reads])
            longs.append(OnlineConv(past, k, skip=mixer.filter_fn.skip(index)))
        short = _OnlineShortConv(mixer.short_filter, left)
        return _Layer(self._blocks[depth], short, longs)

    def _tail(
        self, block: Block, stream: Float[Tensor, "1 length channels"]
    ) -> Float[Tensor, "1 streams reach"]:
        """Project the last columns, which the short filter will reach back to."""
        length = stream.shape[1]
        tail = block.project(stream[:, max(0, length - self._reach) :])
        # Before the first token the short filter reads zeros.
        return torch.nn.functional.pad(tail, (self._reach - tail.shape[-1], 0))

    def _head(
        self, stream: Float[Tensor, "batch channels"]
    ) -> Float[Tensor, "batch vocab"]:
        return self.model.head(normed(self.model.backbone.ln_f, stream[:, None]))[:, 0]

    def _embed(self, tokens: Tensor) -> Tensor:
        rows = self.model.backbone.embeddings.word_embeddings(tokens)
        return rows if rows.dtype == torch.float64 else rows.float()


def cache_bytes(model: HyenaLM, room: int) -> int:
    """Memory that a `Decoder` keeps per row, in bytes.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> cache_bytes(HyenaLM(HyenaConfig()), 1000)
    1030144
    """
    config = model.config
    columns = (config.order - 1) * room
    columns += (config.order + 1) * (config.short_filter_order - 1)
    numbers = config.n_layer * config.d_model * columns
    return numbers * max(4, weight_of(model).element_size())


def _blocks(model: HyenaLM) -> list[Block]:
    return [block for block in model.backbone.layers if isinstance(block, Block)]


def _spiller(
    pasts: list[Tensor], taps: list[Tensor]
) -> Callable[[int, slice, Tensor, Tensor], None]:
    def watch(index: int, channels: slice, u: Tensor, y: Tensor) -> None:
        del y
        room = pasts[index].shape[-1]
        pasts[index][:, channels] = spill(u, taps[index][channels], room)

    return watch
