"""Embeddings as a table: a row per sequence or gene, a column per channel."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Literal

import anndata as ad
import numpy as np
import pandas as pd
import torch
from jaxtyping import Float32
from torch import Tensor
from tqdm.auto import tqdm

from hyenascope._device import borrow
from hyenascope._typing import Strands, StrPath
from hyenascope.data.fasta import FastaReader
from hyenascope.models.batching import BatchSize, TokenRow, map_batches
from hyenascope.models.chunks import chunk_starts, new_in_chunks
from hyenascope.models.embedding_rows import EmbeddingSource, embedding_rows
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.layer_states import check_layers, pooled_layers
from hyenascope.models.model_checks import require_model
from hyenascope.models.predict import check_strands
from hyenascope.models.state_layouts import checkpoint_hash
from hyenascope.sequence.tokenizer import reverse_complement_tokens, tokenize

EmbeddingPool = Literal["mean", "last", "max"]

_BASES_AT_ONCE = 2**21  # in memory as tokens, before they are batched


def embed_data(
    model: HyenaLM,
    sequences: EmbeddingSource,
    *,
    genome: FastaReader | StrPath | None = None,
    layers: Sequence[int] = (-1,),
    pool: EmbeddingPool = "mean",
    strands: Strands = "both",
    chunk: int | None = None,
    overlap: int = 0,
    batch_size: BatchSize = "auto",
    device: str | torch.device | None = None,
    progress: bool = False,
) -> ad.AnnData:
    """Return hidden states, pooled over each sequence, of one layer or several.

    What is longer than ``chunk`` is read in windows, each by itself, the last moved
    back to end with the sequence (`hyenascope.models.chunks`). The mean is that of
    all bases, each once, in the first window that has it: what a window shares with
    the one before is context to it. Of ``"max"`` the largest of all windows is taken,
    and of ``"last"`` the last window. A reverse strand is cut from its own start, so
    that ``strands="both"`` gives a sequence and its reverse complement the same
    numbers. All layers come of one pass.

    Parameters
    ----------
    model
        Borrowed: used in eval mode on ``device`` and put back. Of a fine-tuned model,
        its ``backbone``.
    sequences, genome
        As in `hyenascope.models.embedding_rows.embedding_rows`: DNA, FASTA, BED,
        intervals or a table, labelled sequences, genes or a GTF or GFF3.
    layers
        −1 the final norm; i the residual stream after i blocks, 0 the embedding.
    pool
        Mean or maximum over the bases, or the last one.
    strands
        ``"both"`` is the mean of the two strands' embeddings.
    chunk
        Longest window in bp; the model's context if None.
    overlap
        Bases that neighbouring windows share; so many are to the left of a base at
        least, but in the first window.
    batch_size
        Windows per pass; ``"auto"`` fits the memory at hand.
    device
        Where to run; CUDA if there is one.
    progress
        Show a bar.

    Returns
    -------
    AnnData
        ``.X`` the last of ``layers``, float32; ``.layers["layer -1"]`` and so on each
        of them. ``.obs`` has ``name``, ``length`` (bp), ``chunks``, and what is known
        of the rows: ``chrom start end strand`` (0-based half-open), ``split`` and
        labels, ``gene_id`` and ``biotype``, or the other columns of a table. ``.var``
        is indexed by the number of the channel. ``.uns["hyenascope"]`` says which
        model, data and options.

    Raises
    ------
    TypeError
        If ``model`` is no `HyenaLM`.
    ValueError
        If a sequence is empty or no DNA, or an option is out of range.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> data = embed_data(model, ["ACGT", "AC" * 40], layers=(0, -1))
    >>> data.shape, list(data.layers), data.obs["chunks"].tolist()
    ((2, 8), ['layer 0', 'layer -1'], [1, 3])
    """
    require_model(model)
    reading = _Reading.checked(model, tuple(layers), pool, strands, chunk, overlap)
    rows = embedding_rows(sequences, genome=genome)
    lengths = rows.obs["length"].tolist()
    sums = reading.empty(len(lengths))
    bar = tqdm(
        total=sum(lengths) * len(reading.sides),
        disable=not progress,
        unit="b",
        unit_scale=True,
        leave=False,
    )
    with borrow(model, device) as place, bar:
        for pieces in _batched(reading.pieces(rows.obs.index, rows.texts)):
            found = map_batches(
                model,
                [reading.marked(piece) for piece in pieces],
                reading.passed,
                batch_size=batch_size,
                device=place,
                per_position=False,
            )
            for piece, states in zip(pieces, found, strict=True):
                reading.add(sums, piece, states)
                bar.update(piece.new)
    obs = rows.obs.assign(chunks=[len(reading.starts(n)) for n in lengths])
    record = {**_record(model), **rows.record, **reading.record()}
    return _assembled(sums.mean(axis=0), layers, obs, record)


_Sums = Float32[np.ndarray, "strands sequences layers channels"]


@dataclass(frozen=True, eq=False)
class _Piece:
    """A window: its strand and row, its tokens, the bases new with it, their share."""

    side: int
    row: int
    tokens: TokenRow
    new: int
    share: float


@dataclass(frozen=True)
class _Reading:
    """What the caller asked for, checked."""

    layers: tuple[int, ...]
    pool: EmbeddingPool
    strands: Strands
    chunk: int
    overlap: int
    channels: int

    @classmethod
    def checked(
        cls,
        model: HyenaLM,
        layers: tuple[int, ...],
        pool: EmbeddingPool,
        strands: Strands,
        chunk: int | None,
        overlap: int,
    ) -> "_Reading":
        check_layers(model, layers)
        check_strands(strands)
        if pool not in ("mean", "last", "max"):
            raise ValueError(f"pool must be 'mean', 'last' or 'max'; got {pool!r}.")
        size = model.context_length if chunk is None else chunk
        if not 1 <= size <= model.config.l_max:
            raise ValueError(
                f"chunk must be 1 to {model.config.l_max:,} bp, the model's longest "
                f"input; got {size}."
            )
        reading = cls(layers, pool, strands, size, overlap, model.config.d_model)
        reading.starts(1)  # refuses a wrong overlap before anything is read
        return reading

    @property
    def sides(self) -> tuple[bool, ...]:
        """Whether each strand to be read is the reverse one."""
        turned = {"forward": (False,), "reverse": (True,)}
        return turned.get(self.strands, (False, True))

    def starts(self, length: int) -> np.ndarray:
        return chunk_starts(length, self.chunk, self.overlap)

    def empty(self, rows: int) -> _Sums:
        shape = (len(self.sides), rows, len(self.layers), self.channels)
        return np.full(shape, -np.inf if self.pool == "max" else 0.0, np.float32)

    def pieces(self, names: pd.Index, texts: Any) -> Iterator[_Piece]:  # noqa: ANN401
        """Yield the windows of every sequence on every strand, left to right."""
        for row, (name, text) in enumerate(zip(names, texts, strict=True)):
            forward = _tokens(name, text)
            for side, turned in enumerate(self.sides):
                tokens = reverse_complement_tokens(forward) if turned else forward
                yield from self._windows(side, row, tokens)

    def _windows(self, side: int, row: int, tokens: TokenRow) -> Iterator[_Piece]:
        length = len(tokens)
        starts = self.starts(length)
        counts = new_in_chunks(starts, length, self.chunk)
        for start, new in zip(starts.tolist(), counts.tolist(), strict=True):
            window = tokens[start : start + self.chunk]
            yield _Piece(side, row, window, new, new / length)

    def marked(self, piece: _Piece) -> TokenRow:
        """Return tokens, in a mean with those negative that an earlier window has.

        So the mark comes along when rows are sorted, cut to batches and padded.
        """
        old = len(piece.tokens) - piece.new
        if self.pool != "mean" or not old:
            return piece.tokens
        return np.concatenate([~piece.tokens[:old], piece.tokens[old:]])

    def passed(self, model: HyenaLM, tokens: Tensor, mask: Tensor) -> Tensor:
        new = tokens >= 0
        return pooled_layers(
            model,
            torch.where(new, tokens, ~tokens),
            mask=mask,
            layers=self.layers,
            mode=self.pool,
            pooled=new,
        )

    def add(
        self,
        sums: _Sums,
        piece: _Piece,
        states: Float32[np.ndarray, "layers channels"],
    ) -> None:
        """Put a window's states to those of its sequence."""
        so_far = sums[piece.side, piece.row]
        if self.pool == "mean":
            so_far += np.float32(piece.share) * states
        elif self.pool == "max":
            np.maximum(so_far, states, out=so_far)
        else:
            so_far[:] = states

    def record(self) -> dict[str, object]:
        return {
            "pool": self.pool,
            "layers": list(self.layers),
            "strands": self.strands,
            "chunk": self.chunk,
            "overlap": self.overlap,
        }


def _tokens(name: str, text: str) -> TokenRow:
    try:
        return tokenize(text)
    except ValueError as err:
        raise ValueError(f"sequence {name}: {err}") from None


def _batched(pieces: Iterator[_Piece]) -> Iterator[list[_Piece]]:
    """Gather windows as long as their tokens are small beside the model's work."""
    batch: list[_Piece] = []
    bases = 0
    for piece in pieces:
        batch.append(piece)
        bases += len(piece.tokens)
        if bases >= _BASES_AT_ONCE:
            yield batch
            batch, bases = [], 0
    if batch:
        yield batch


def _record(model: HyenaLM) -> dict[str, object]:
    return {
        "model": model.name,
        "checkpoint_hash": checkpoint_hash(model),
        "modulation_shift": model.config.modulation_shift,
        "version": version("hyenascope"),
    }


def _assembled(
    values: Float32[np.ndarray, "sequences layers channels"],
    layers: Sequence[int],
    obs: pd.DataFrame,
    record: dict[str, object],
) -> ad.AnnData:
    each = {f"layer {layer}": values[:, i].copy() for i, layer in enumerate(layers)}
    channels = pd.DataFrame(index=pd.Index(map(str, range(values.shape[-1]))))
    return ad.AnnData(
        values[:, -1].copy(), obs, channels, layers=each, uns={"hyenascope": record}
    )
