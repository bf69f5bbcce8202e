"""Recompute what a mutation changes, and nothing else.

A causal network gives the same numbers left of a mutation at p, and its long
convolution is linear. So one pass over the reference keeps, per layer and only
where mutants will start, the input ``u`` and output ``y`` of every long
convolution and the columns left of it that the short filter reaches. A mutant
then needs the tokens ``[p, p + W)`` alone:

    y' = y[p : p + W] + causal_conv(u' − u[p : p + W], k[: W])

and everything else is point-wise. The result equals the full pass at those
positions, whatever the length of the sequence: u is the same left of p, so the
difference has no other terms. It is also more accurate than subtracting two full
passes, because what lies before p cannot change by rounding of the FFT.

Substitutions, insertions, deletions and haplotypes are all "other tokens from p
on". For the first block a mutant of a few bases is cheaper still: ``u' − u`` is
zero past the last changed token and the reach of the short filter, and a few
shifted filters take the place of the FFT.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from jaxtyping import Float, Float64, Int, Int64
from torch import Tensor

from hyenascope.models.hyena import HyenaLM
from hyenascope.models.hyena_block import Block, normed
from hyenascope.models.hyena_filter import Spectrum
from hyenascope.models.predict import base_log_probs
from hyenascope.ops.cache_pieces import cache_pieces
from hyenascope.sequence.tokenizer import BASE_TOKENS, N_TOKEN, PAD_TOKEN

FEW = 8
"""Changed tokens up to which the first block adds shifted filters, with no FFT."""

_WIDTH_STEP = 64  # widths are rounded up to it, so that spectra are reused


@dataclass(frozen=True)
class Mutant:
    """A haplotype that differs from the reference from ``start`` on.

    Parameters
    ----------
    start
        Token position, 0-based, of the first difference. A start before the first
        difference gives the same numbers at more cost.
    tokens
        The haplotype's tokens from ``start`` on, as many as are to be read.
    changed
        Tokens from ``start`` on that may differ from the reference at the same
        position; all of them if None, as after an insertion or deletion.
    """

    start: int
    tokens: Int64[np.ndarray, " window"]
    changed: int | None = None

    @property
    def reach(self) -> int:
        """Tokens that may differ."""
        return len(self.tokens) if self.changed is None else self.changed


@dataclass
class _Layer:
    """What one block leaves behind, columns counted from the first kept place."""

    left: Tensor  # "streams places": projections left of every start
    inputs: list[Tensor]  # "channels places", one per long convolution
    outputs: list[Tensor]
    gates: list[Tensor] = field(default_factory=list)  # of the first block only


class ReferencePass:
    """One pass over a reference, kept where mutants will start.

    Build and use it under `torch.inference_mode` with the model in eval mode, as
    `hyenascope._device.borrow` puts it.

    Parameters
    ----------
    model
        A causal `HyenaLM`; see `can_increment`.
    tokens
        The reference, one row.
    start, end
        Token positions, 0-based half-open, at which mutants may start.
    window
        Tokens of the longest mutant.
    keep_hidden
        Keep the final hidden states of the whole row, for `hidden_rows`.

    Attributes
    ----------
    table : Float64[Tensor, "length 4"]
        log p(base | left) of the reference in nats; row 0 is NaN.
    final : Float[Tensor, "length channels"] or None
        Its hidden states, with ``keep_hidden``.
    whole_rows : bool
        False: a mutant costs no more than its own tokens.

    Raises
    ------
    ValueError
        If the places do not lie in the row, the row begins with padding, the window
        is empty, or the model cannot be run incrementally.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> config = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)
    >>> model = HyenaLM(config).eval()
    >>> tokens = torch.tensor([7, 8, 9, 10, 7, 8])
    >>> with torch.inference_mode():
    ...     reference = ReferencePass(model, tokens, start=1, end=4, window=2)
    ...     hidden = reference.hidden([Mutant(2, np.array([7, 10]), changed=1)])
    >>> hidden.shape
    torch.Size([1, 2, 8])
    """

    whole_rows = False

    def __init__(
        self,
        model: HyenaLM,
        tokens: Int[Tensor, " length"],
        *,
        start: int,
        end: int,
        window: int,
        keep_hidden: bool = False,
    ) -> None:
        if not 0 <= start < end <= len(tokens):
            raise ValueError(
                f"start and end must hold places of the {len(tokens)} tokens; "
                f"got {start} and {end}."
            )
        if window < 1:
            raise ValueError(f"window must be at least 1; got {window}.")
        if int(tokens[0]) == PAD_TOKEN:
            # Nothing masks padding: a model reads it like any other token.
            raise ValueError(
                "tokens must be padded on the right, if at all; got [PAD] on the left."
            )
        if (reason := cannot_increment(model)) is not None:
            raise ValueError(f"model must be causal Hyena blocks; got {reason}.")
        self.model = model
        self.tokens = tokens
        self.start, self.end = start, end
        self.window = min(window, len(tokens) - start)
        self._reach = model.config.short_filter_order - 1
        self._layers: list[_Layer] = []
        self._taps = next(self._blocks()).mixer.filter_fn.taps(self.window)
        self._spectra: dict[int, list[Sequence[Spectrum]]] = {}
        hidden = self._run()
        self.table = base_log_probs(model.head(hidden))[0]
        self.final = hidden[0] if keep_hidden else None

    def hidden(
        self, mutants: Sequence[Mutant]
    ) -> Float[Tensor, "mutants window channels"]:
        """Return the normed hidden states of mutants over their windows.

        Row i, column t is the state at position ``start + t`` of mutant i. Shorter
        mutants are padded on the right, where their states mean nothing.

        Raises
        ------
        ValueError
            If a mutant starts outside the kept places, is longer than the window or
        runs past the end of the row.
        """
        starts, tokens, reach = self._gather(mutants)
        width = tokens.shape[1]
        stream = self._embed(tokens)
        for depth, block in enumerate(self._blocks()):
            sparse = depth == 0 and reach <= FEW and reach + self._reach < width
            advance = self._advance_few if sparse else self._advance
            stream = advance(depth, block, stream, starts, reach)
        return normed(self.model.backbone.ln_f, stream)

    def log_probs(self, mutants: Sequence[Mutant]) -> Float64[Tensor, "mutants _ 4"]:
        """Return log p(base | left) of mutants over their windows, in nats.

        Row i, column t is about position ``start + t``; column 0 is the
        reference's, for what stands left of it is the same.
        """
        first = self.table[[mutant.start for mutant in mutants], None]
        later = base_log_probs(self.model.head(self.hidden(mutants)))[:, 1:]
        return torch.cat([first, later], dim=1)

    def hidden_rows(
        self, mutants: Sequence[Mutant]
    ) -> Float[Tensor, "mutants length channels"]:
        """Return the hidden states of whole rows; mutants must reach the end.

        Raises
        ------
        ValueError
            If the pass was made without ``keep_hidden`` or a mutant stops early.
        """
        if self.final is None:
            raise ValueError("keep_hidden must be True to read whole rows; got False.")
        for mutant in mutants:
            if mutant.start + len(mutant.tokens) != len(self.tokens):
                raise ValueError(
                    f"a mutant must reach the end of the row, {len(self.tokens)}; "
                    f"got {mutant.start + len(mutant.tokens)}."
                )
        rows = self.final.repeat(len(mutants), 1, 1)
        for row, mutant, states in zip(
            rows, mutants, self.hidden(mutants), strict=True
        ):
            row[mutant.start :] = states[: len(mutant.tokens)]
        return rows

    def _run(self) -> Tensor:
        """Pass over the reference; keep what `_Layer` needs."""
        stream = self._embed(self.tokens[None])
        for depth, block in enumerate(self._blocks()):
            layer = self._blank_layer(block, stream)
            stream = block(stream, None, self._recorder(layer))
            if depth == 0:
                layer.gates = self._first_gates(block, self._embed(self.tokens[None]))
            self._layers.append(layer)
        return normed(self.model.backbone.ln_f, stream)

    def _blocks(self) -> Iterator[Block]:
        for block in self.model.backbone.layers:
            assert isinstance(block, Block)
            yield block

    def _embed(self, tokens: Tensor) -> Tensor:
        rows = self.model.backbone.embeddings.word_embeddings(tokens)
        return rows if rows.dtype == torch.float64 else rows.float()

    @property
    def _kept(self) -> int:
        """Columns that windows may touch, from ``start`` on, row end or not."""
        return self.end - 1 - self.start + self.window

    def _blank_layer(self, block: Block, stream: Tensor) -> _Layer:
        """Project what lies left of the starts; leave room for the rest."""
        config, weight = self.model.config, block.mixer.in_proj.weight
        left = slice(max(0, self.start - self._reach), self.end - 1)
        projected = block.project(stream[:, left])[0]
        # Before the first token the short filter reads zeros.
        missing = self._reach + self.end - 1 - self.start - projected.shape[1]
        blank = [
            weight.new_zeros(config.d_model, self._kept)
            for _ in range(2 * (config.order - 1))
        ]
        return _Layer(
            torch.nn.functional.pad(projected, (missing, 0)),
            blank[: config.order - 1],
            blank[config.order - 1 :],
        )

    def _recorder(self, layer: _Layer) -> Callable[[int, slice, Tensor, Tensor], None]:
        end = min(len(self.tokens), self.start + self._kept)
        source, to = slice(self.start, end), slice(0, end - self.start)

        def record(index: int, channels: slice, u: Tensor, y: Tensor) -> None:
            layer.inputs[index][channels, to] = u[0, :, source]
            layer.outputs[index][channels, to] = y[0, :, source]

        return record

    def _first_gates(self, block: Block, stream: Tensor) -> list[Tensor]:
        """Gates of the first block that a mutant of few bases reads unchanged."""
        end = min(len(self.tokens), self.start + self._kept)
        first = max(0, self.start - self._reach)
        streams = block.project(stream[:, first:end]).unflatten(
            1, (-1, self.model.config.d_model)
        )
        gates = block.mixer.smooth(streams)[: self.model.config.order - 1]
        pad = (0, self._kept - (end - self.start))
        return [
            torch.nn.functional.pad(gate[0, :, self.start - first :], pad)
            for gate in gates
        ]

    def _gather(self, mutants: Sequence[Mutant]) -> tuple[list[int], Tensor, int]:
        """Return starts from the first kept place, padded tokens, the longest reach."""
        for mutant in mutants:
            if not self.start <= mutant.start < self.end:
                raise ValueError(
                    f"a mutant must start at {self.start} to {self.end - 1}; "
                    f"got {mutant.start}."
                )
            most = min(self.window, len(self.tokens) - mutant.start)
            if not 1 <= len(mutant.tokens) <= most:
                raise ValueError(
                    f"a mutant at {mutant.start} must have 1 to {most} tokens; "
                    f"got {len(mutant.tokens)}."
                )
        width = max(len(mutant.tokens) for mutant in mutants)
        width = min(self.window, -(-width // _WIDTH_STEP) * _WIDTH_STEP)
        rows = np.full((len(mutants), width), PAD_TOKEN, dtype=np.int64)
        for row, mutant in zip(rows, mutants, strict=True):
            row[: len(mutant.tokens)] = mutant.tokens
        starts = [mutant.start - self.start for mutant in mutants]
        tokens = torch.from_numpy(rows).to(self.tokens.device)
        return starts, tokens, max(mutant.reach for mutant in mutants)

    def _advance(
        self, depth: int, block: Block, stream: Tensor, starts: list[int], reach: int
    ) -> Tensor:
        """Run one block over every window, by FFT of the difference."""
        del reach
        layer, width, margin = self._layers[depth], stream.shape[1], self._reach
        projected = block.project(stream, margin=margin)
        for row, start in zip(projected, starts, strict=True):
            row[:, :margin] = layer.left[:, start : start + margin]
        streams = projected.unflatten(1, (-1, self.model.config.d_model))
        spectra = self._spectra_of(width)[depth]
        gated = projected.new_empty(len(stream), self.model.config.d_model, width)
        row_bytes = streams[:, :, 0].nbytes
        for channels in cache_pieces(gated, gated.shape[1], row_bytes, least=16):
            parts = block.mixer.smooth(streams[:, :, channels], channels)
            *gates, v = [part[..., margin:] for part in parts]
            for index, gate in enumerate(reversed(gates[1:])):
                u = v * gate
                _add(u, layer.inputs[index][channels], starts, -1)
                v = block.mixer.convolve(u, index, spectra[index], channels)
                _add(v, layer.outputs[index][channels], starts, 1)
            gated[:, channels] = v.mul_(gates[0])
        return block.finish(stream, gated)

    def _advance_few(
        self, depth: int, block: Block, stream: Tensor, starts: list[int], reach: int
    ) -> Tensor:
        """Run the first block for mutants of a few bases, by shifted filters."""
        layer, width, margin = self._layers[depth], stream.shape[1], self._reach
        near = reach + margin  # columns whose gates and input may differ
        projected = block.project(stream[:, :near], margin=margin)
        for row, start in zip(projected, starts, strict=True):
            row[:, :margin] = layer.left[:, start : start + margin]
        streams = projected.unflatten(1, (-1, self.model.config.d_model))
        parts = block.mixer.smooth(streams)
        *gates, v = [part[..., margin:] for part in parts]
        u = v * gates[-1]
        _add(u, layer.inputs[0], starts, -1)
        y = _windows(layer.outputs[0], starts, width)
        for lag in range(near):
            y[..., lag:].addcmul_(u[..., lag, None], self._taps[0][:, : width - lag])
        skip = block.mixer.filter_fn.skip(0)
        if skip is not None:
            y[..., :near].addcmul_(u, skip[:, None])
        for index in range(1, self.model.config.order - 1):
            gate = self._patched(layer.gates[-index], gates[-1 - index], starts, width)
            y = gate.mul_(y)
            _add(y, layer.inputs[index], starts, -1)
            y = block.mixer.convolve(
                y, index, self._spectra_of(width)[depth][index], slice(None)
            )
            _add(y, layer.outputs[index], starts, 1)
        gated = self._patched(layer.gates[0], gates[0], starts, width).mul_(y)
        return block.finish(stream, gated)

    def _patched(
        self, kept: Tensor, new: Tensor, starts: list[int], width: int
    ) -> Tensor:
        """Copy a gate of the reference with its first columns replaced."""
        gate = _windows(kept, starts, width)
        gate[..., : new.shape[-1]] = new
        return gate

    def _spectra_of(self, width: int) -> list[Sequence[Spectrum]]:
        """Spectra of every block for windows of ``width``, read once."""
        if width not in self._spectra:
            self._spectra[width] = [
                block.mixer.filter_fn.spectra(width) for block in self._blocks()
            ]
        return self._spectra[width]


def cannot_increment(model: HyenaLM) -> str | None:
    """Say why a model needs full passes, or return None if it does not.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> small = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)
    >>> cannot_increment(HyenaLM(small)) is None
    True
    """
    if model.config.bidirectional:
        return "a two-sided model, which sees a mutation from both sides"
    kind = type(model)
    if kind.hidden is not HyenaLM.hidden or kind.forward is not HyenaLM.forward:
        return f"a {kind.__name__} with a forward pass of its own"
    return None


def bytes_per_place(model: HyenaLM) -> int:
    """Memory that a `ReferencePass` keeps per position, in bytes.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> bytes_per_place(HyenaLM(HyenaConfig()))
    5664
    """
    config = model.config
    per_block = (config.order + 1) + 2 * (config.order - 1)
    numbers = config.d_model * (config.n_layer * per_block + config.order - 1)
    return numbers * weight_of(model).element_size() + 4 * 8


def tokens_for(
    model: HyenaLM, tokens: Int64[np.ndarray, " length"]
) -> Int64[Tensor, " length"]:
    """Put a row of tokens where the model is."""
    return torch.from_numpy(tokens).to(weight_of(model).device)


def picked(
    table: Float64[Tensor, "*rest 4"], tokens: Int[Tensor, "*rest"]
) -> Float64[Tensor, "*rest"]:
    """Return log p of the bases that are there; NaN where a token is no base.

    Examples
    --------
    >>> table = torch.tensor([[0.1, 0.2, 0.3, 0.4]]).double().log()
    >>> picked(table, torch.tensor([10])).exp()
    tensor([0.4000], dtype=torch.float64)
    """
    target = tokens - BASE_TOKENS[0]
    known = (target >= 0) & (target < N_TOKEN - BASE_TOKENS[0])
    found = table.gather(-1, target.clamp(0, 3)[..., None])[..., 0]
    return torch.where(known, found, torch.nan)


def weight_of(model: HyenaLM) -> Tensor:
    """Return the embedding matrix: its device and dtype are the model's."""
    return model.backbone.embeddings.word_embeddings.weight


def _windows(kept: Tensor, starts: list[int], width: int) -> Tensor:
    """Copy one window of "channels places" per start: "batch channels width"."""
    return torch.stack([kept[:, start : start + width] for start in starts])


def _add(x: Tensor, kept: Tensor, starts: list[int], sign: int) -> None:
    """Add or subtract the window of each row's start, in place."""
    for row, start in zip(x, starts, strict=True):
        row.add_(kept[:, start : start + row.shape[-1]], alpha=sign)
