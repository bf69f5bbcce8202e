"""Run a model over token rows of many lengths, in batches that fit.

Rows are sorted by length and padded on the right, which a causal model never
sees; a two-sided model gets a mask.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, Literal

import numpy as np
import torch
from jaxtyping import Bool, Int64
from torch import Tensor, nn
from tqdm.auto import tqdm

from hyenascope._device import borrow
from hyenascope.models.hyena_config import HyenaConfig
from hyenascope.sequence.tokenizer import PAD_TOKEN

BatchSize = int | Literal["auto"]

TokenRow = Int64[np.ndarray, " _"]  # in a list every row has a length of its own

BatchFunction = Callable[[Any, Tensor, Tensor], Tensor | tuple[Tensor, ...]]
"""Model, tokens and mask (``batch length``) to one row of results per sequence."""

_TOKENS_PER_BATCH = 65_536  # on CPU, where the model cuts batches to the cache itself
_WIDTH = 256  # of models that do not say
_BYTES_PER_TOKEN = 80  # times d_model: measured peak of a forward pass, rounded up


def map_batches(
    model: nn.Module,
    rows: Sequence[TokenRow],
    function: BatchFunction,
    *,
    batch_size: BatchSize = "auto",
    device: str | torch.device | None = None,
    progress: bool = False,
    per_position: bool = True,
) -> list[Any]:
    """Apply ``function`` to token rows in length-sorted, right-padded batches.

    ``function`` gets the model back, in eval mode.

    Returns one array per row in the given order, or one tuple of arrays, padding
    and all, if ``function`` gives several tensors. With ``per_position`` the
    padding of an array is cut off again. If a GPU runs out of memory the batch is
    halved and tried again.

    Raises
    ------
    ValueError
        If ``batch_size`` is neither ``"auto"`` nor a positive integer.
    """
    if batch_size != "auto" and not (isinstance(batch_size, int) and batch_size > 0):
        raise ValueError(
            f"batch_size must be 'auto' or a positive integer; got {batch_size!r}."
        )
    order = sorted(range(len(rows)), key=lambda i: len(rows[i]))
    results: list[Any] = [None] * len(rows)
    bar = tqdm(total=len(rows), disable=not progress, unit="seq", leave=False)
    with borrow(model, device) as place, torch.inference_mode(), bar:
        for batch in _batches(order, rows, model, batch_size, place):
            values = _with_retry(model, [rows[i] for i in batch], function, place)
            for i, value in zip(batch, values, strict=True):
                cut = per_position and not isinstance(value, tuple)
                results[i] = value[: len(rows[i])] if cut else value
            bar.update(len(batch))
    return results


def _batches(
    order: list[int],
    rows: Sequence[TokenRow],
    model: nn.Module,
    batch_size: BatchSize,
    device: torch.device,
) -> Iterator[list[int]]:
    budget = _token_budget(model, device)
    batch: list[int] = []
    for i in order:
        full = len(batch) * len(rows[i]) + len(rows[i]) > budget
        if batch_size != "auto":
            full = len(batch) == batch_size
        if batch and full:
            yield batch
            batch = []
        batch.append(i)
    if batch:
        yield batch


def _token_budget(model: nn.Module, device: torch.device) -> int:
    if device.type != "cuda":
        return _TOKENS_PER_BATCH
    free, _ = torch.cuda.mem_get_info(device)
    config = getattr(model, "config", None)
    width = config.d_model if isinstance(config, HyenaConfig) else _WIDTH
    return max(1, free // 2 // (_BYTES_PER_TOKEN * width))


def _with_retry(
    model: nn.Module,
    rows: list[TokenRow],
    function: BatchFunction,
    device: torch.device,
) -> list[Any]:
    try:
        found = function(model, *(part.to(device) for part in padded(rows)))
        if isinstance(found, tuple):
            return list(zip(*(part.cpu().numpy() for part in found), strict=True))
        return list(found.cpu().numpy())
    except torch.OutOfMemoryError:
        if len(rows) == 1:
            raise
    torch.cuda.empty_cache()
    half = len(rows) // 2
    return [
        *_with_retry(model, rows[:half], function, device),
        *_with_retry(model, rows[half:], function, device),
    ]


def padded(
    rows: Sequence[TokenRow],
) -> tuple[Int64[Tensor, "batch length"], Bool[Tensor, "batch length"]]:
    """Return rows padded on the right to the longest, and where they are real.

    Examples
    --------
    >>> padded([np.array([7, 8]), np.array([9])])[1].tolist()
    [[True, True], [True, False]]
    """
    longest = max(len(row) for row in rows)
    tokens = np.full((len(rows), longest), PAD_TOKEN, dtype=np.int64)
    mask = np.zeros((len(rows), longest), dtype=bool)
    for i, row in enumerate(rows):
        tokens[i, : len(row)] = row
        mask[i, : len(row)] = True
    return torch.from_numpy(tokens), torch.from_numpy(mask)
