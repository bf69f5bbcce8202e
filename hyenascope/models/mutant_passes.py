"""Read mutants of one reference: incrementally where that is exact, else in full.

`choose_reader` tries the incremental engine on a few edits of the sequence at hand
and compares with full passes, so that a model that is changed in ways the engine
cannot know (hooks, replaced layers) gets slow answers and never wrong ones.
"""

import warnings
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from jaxtyping import Float, Float64, Int
from torch import Tensor

from hyenascope.models.hyena import HyenaLM
from hyenascope.models.incremental import (
    FEW,
    Mutant,
    ReferencePass,
    cannot_increment,
    picked,
    weight_of,
)
from hyenascope.models.predict import base_log_probs
from hyenascope.sequence.tokenizer import BASE_TOKENS, PAD_TOKEN

_CACHE_TOKENS = 2048  # of width 512: a batch of windows that stays in cache on CPU
_GPU_TOKENS = 2**18
_CHECK_LENGTH = 512  # a prefix is enough: the engine's steps are the same at any length
_CHECK_TOLERANCE = {torch.float32: 1e-4, torch.float64: 1e-9}  # of the largest |log p|


class FullPasses:
    """The interface of `ReferencePass`, one pass over the whole row per mutant.

    Slow, and right for any model whose `hidden` is right.

    Parameters and attributes are those of `ReferencePass`.
    """

    whole_rows = True

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
        del start, end
        self.model = model
        self.tokens = tokens
        self.window = window
        hidden = model.hidden(tokens[None])
        self.table = base_log_probs(model.head(hidden))[0]
        self.final = hidden[0] if keep_hidden else None

    def log_probs(self, mutants: Sequence[Mutant]) -> Float64[Tensor, "mutants _ 4"]:
        """Return log p(base | left) of mutants over their windows, in nats."""
        width = max(len(mutant.tokens) for mutant in mutants)
        tables = base_log_probs(self.model(self._rows(mutants)))
        padded = torch.nn.functional.pad(tables, (0, 0, 0, width), value=torch.nan)
        return torch.stack(
            [
                table[mutant.start : mutant.start + width]
                for table, mutant in zip(padded, mutants, strict=True)
            ]
        )

    def hidden_rows(
        self, mutants: Sequence[Mutant]
    ) -> Float[Tensor, "mutants length channels"]:
        """Return the hidden states of whole rows."""
        return self.model.hidden(self._rows(mutants))

    def _rows(self, mutants: Sequence[Mutant]) -> Tensor:
        rows = self.tokens.repeat(len(mutants), 1)
        for row, mutant in zip(rows, mutants, strict=True):
            end = mutant.start + len(mutant.tokens)
            row[mutant.start : end] = torch.from_numpy(mutant.tokens).to(row.device)
        return rows


Reader = type[ReferencePass] | type[FullPasses]
"""How mutants are read; both are made and used alike."""

READER_NAMES: dict[Reader, str] = {
    ReferencePass: "incremental",
    FullPasses: "full passes",
}


def choose_reader(model: HyenaLM, tokens: Int[Tensor, " length"]) -> Reader:
    """Return `ReferencePass` if it agrees with full passes on this model.

    Four edits of the first 512 tokens are read both ways. A model that cannot be
    read incrementally, or whose numbers differ by more than 1e-4 of the largest
    log-probability (1e-9 in float64), gets `FullPasses` and a warning that says so.
    Use it under `torch.inference_mode` with the model in eval mode.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> config = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)
    >>> with torch.inference_mode():
    ...     choose_reader(HyenaLM(config).eval(), torch.tensor([7, 8, 9])).__name__
    'ReferencePass'
    """
    reason = cannot_increment(model)
    if reason is None:
        error = incremental_error(model, tokens[:_CHECK_LENGTH])
        limit = _CHECK_TOLERANCE.get(weight_of(model).dtype, 1e-1)
        if error <= limit:
            return ReferencePass
        reason = f"a model on which the two differ by {error:.1e} of the largest log p"
    warnings.warn(
        f"mutants are read by full passes, which takes longer: got {reason}.",
        UserWarning,
        stacklevel=3,
    )
    return FullPasses


def batches(
    reader: ReferencePass | FullPasses,
    mutants: Iterable[Mutant],
    *,
    whole_rows: bool = False,
) -> Iterator[list[Mutant]]:
    """Cut mutants into batches that stay in cache, or fill a GPU.

    The order is kept; sort by start and length beforehand, so that windows of one
    batch are alike. With ``whole_rows``, as `ReferencePass.hidden_rows` gives them, a
    mutant counts as long as the reference.
    """
    whole_rows = whole_rows or reader.whole_rows
    model, weight = reader.model, weight_of(reader.model)
    budget = _CACHE_TOKENS * 512 * 4 // (model.config.widest * weight.element_size())
    if weight.is_cuda:
        budget = _GPU_TOKENS * 512 // model.config.widest
    batch: list[Mutant] = []
    width = 0
    for mutant in mutants:
        own = len(reader.tokens) if whole_rows else len(mutant.tokens)
        width = max(width, own)
        if batch and width * (len(batch) + 1) > budget:
            yield batch
            batch, width = [], own
        batch.append(mutant)
    if batch:
        yield batch


def log_prob_changes(
    reader: ReferencePass | FullPasses, mutants: Sequence[Mutant]
) -> Float64[Tensor, "mutants _"]:
    """Return log p of each mutant's bases − log p of the reference's, in nats.

    Row i, column t compares position ``start + t`` of the two; 0 where either has no
    base there (N, or past the mutant's end) or nothing is read before it. NaN is what
    the model itself gives.
    """
    tables = reader.log_probs(mutants)
    width = tables.shape[1]
    rows = np.full((2, len(mutants), width), PAD_TOKEN, dtype=np.int64)
    tokens = reader.tokens.cpu().numpy()
    for i, mutant in enumerate(mutants):
        count = len(mutant.tokens)
        rows[0, i, :count] = mutant.tokens
        rows[1, i, :count] = tokens[mutant.start : mutant.start + count]
    alternate, reference = torch.from_numpy(rows).to(tables.device)
    padded = torch.nn.functional.pad(reader.table, (0, 0, 0, width))
    expected = torch.stack([padded[m.start : m.start + width] for m in mutants])
    bases = alternate.new_tensor(BASE_TOKENS)
    compared = torch.isin(alternate, bases) & torch.isin(reference, bases)
    unread = torch.tensor([mutant.start == 0 for mutant in mutants])
    compared[unread.to(compared.device), 0] = False
    changes = picked(tables, alternate) - picked(expected, reference)
    return torch.where(compared, changes, 0.0)


def incremental_error(model: HyenaLM, tokens: Int[Tensor, " length"]) -> float:
    """Return the largest difference of a few mutants, incremental and in full.

    In units of the largest |log p|; infinite if either is not finite.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> config = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)
    >>> with torch.inference_mode():
    ...     incremental_error(HyenaLM(config).eval(), torch.arange(7, 11)) < 1e-5
    True
    """
    length = len(tokens)
    fast = ReferencePass(model, tokens, start=0, end=length, window=length)
    slow = FullPasses(model, tokens, start=0, end=length, window=length)
    worst = 0.0
    for mutant in _check_mutants(tokens):
        count = len(mutant.tokens)
        # Row 0 of a sequence has no left context, and so no number.
        first = 1 if mutant.start == 0 else 0
        a = fast.log_probs([mutant])[0, first:count]
        b = slow.log_probs([mutant])[0, first:count]
        if not a.numel():
            continue
        if not bool(a.isfinite().all() and b.isfinite().all()):
            return float("inf")
        worst = max(worst, float((a - b).abs().max() / b.abs().max()))
    return worst


def _check_mutants(tokens: Tensor) -> list[Mutant]:
    """Substitute the first, middle and last token; change all from the middle on."""
    row = tokens.cpu().numpy()
    length = len(row)
    found = []
    for start, changed in ((0, 1), (length // 2, 1), (length - 1, 1), (length // 2, 0)):
        new = row[start:].copy()
        stop = changed or len(new)
        new[:stop] = BASE_TOKENS[0] + (new[:stop] - BASE_TOKENS[0] + 1) % 4
        few = changed if changed and changed <= FEW else None
        found.append(Mutant(start, new.astype(np.int64), few))
    return found
