"""How surprised a model is by every base of text that it has not seen.

A contig is longer than a context, so it is read in windows that overlap by half.
The first window counts whole and of every later one the later half counts: each
base is judged once, with at least ``length / 2`` bases to its left. Probabilities
are renormalised over A, C, G, T. N is read and not judged, and neither is the first
base of a text, of which a causal model says nothing.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float64, Int64
from torch import Tensor
from tqdm.auto import tqdm

from hyenascope._device import borrow
from hyenascope.models.batching import BatchSize, map_batches
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.model_checks import require_causal
from hyenascope.models.predict import base_log_probs
from hyenascope.sequence.dna import validate_dna
from hyenascope.sequence.markov import MarkovModel
from hyenascope.sequence.tokenizer import BASE_TOKENS, tokenize

_TOKENS_AT_ONCE = 2**20  # read, judged and forgotten together


@dataclass(frozen=True)
class JudgedWindow:
    """A stretch of a text for the model to read.

    Parameters
    ----------
    text
        Index of the text.
    start, end
        0-based half-open, in the text.
    skip
        How many of its leading bases are read for context and not judged.
    """

    text: int
    start: int
    end: int
    skip: int = 0


def base_nats(
    model: HyenaLM | MarkovModel,
    sequences: Sequence[str],
    *,
    length: int | None = None,
    batch_size: BatchSize = "auto",
    device: str | torch.device | None = None,
    progress: bool = False,
) -> list[Float64[np.ndarray, " length"]]:
    """Return −log p(base | the bases before it) of every base, in nats.

    NaN where a base is not judged: N, and the first base of each text. A
    `MarkovModel` judges the first base too, and reads what its order lets it.

    Parameters
    ----------
    model
        Borrowed: used in eval mode on ``device`` and put back.
    sequences
        DNA texts of any length, in either case.
    length
        Bases per window; the model's context if None.
    batch_size
        Windows per pass; ``"auto"`` fits the memory at hand.
    device
        Where to run; CUDA if there is one.
    progress
        Show a bar.

    Raises
    ------
    ValueError
        If the model is two-sided, ``length`` is below 2 or above the model's
        ``l_max``, or a text is not DNA.
    TypeError
        If ``sequences`` is one text and not a list.

    Examples
    --------
    >>> markov = MarkovModel.fit(["ACGT" * 9], order=0)
    >>> base_nats(markov, ["ACNT"])[0].round(3)
    array([1.386, 1.386,   nan, 1.386])
    """
    check_texts(sequences)
    if isinstance(model, MarkovModel):
        return [-model.log_probs(text) for text in sequences]
    windows = _overlapping(sequences, window_length(model, length))
    found = [np.full(len(text), np.nan) for text in sequences]
    for window, nats in window_nats(
        model,
        sequences,
        windows,
        batch_size=batch_size,
        device=device,
        progress=progress,
    ):
        judged = slice(window.start + window.skip, window.end)
        found[window.text][judged] = nats[window.skip :]
    return found


def evaluate(
    model: HyenaLM | MarkovModel,
    sequences: Sequence[str],
    *,
    length: int | None = None,
    batch_size: BatchSize = "auto",
    device: str | torch.device | None = None,
    progress: bool = False,
) -> float:
    """Return the mean nats per base of text the model has not seen.

    The mean of `base_nats`, whose parameters and errors these are, without keeping
    them: ``log 4`` = 1.386 is a uniform guess, ``exp`` of it the perplexity. NaN if
    no base is judged.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> evaluate(model, ["ACGT" * 20], length=32) > 0
    True
    """
    check_texts(sequences)
    if isinstance(model, MarkovModel):
        return model.mean_nats(sequences)
    windows = _overlapping(sequences, window_length(model, length))
    total, bases = 0.0, 0
    for window, nats in window_nats(
        model,
        sequences,
        windows,
        batch_size=batch_size,
        device=device,
        progress=progress,
    ):
        judged = nats[window.skip :]
        total += float(np.nansum(judged))
        bases += int(np.count_nonzero(~np.isnan(judged)))
    return total / bases if bases else math.nan


def window_nats(
    model: HyenaLM,
    sequences: Sequence[str],
    windows: Sequence[JudgedWindow],
    *,
    batch_size: BatchSize = "auto",
    device: str | torch.device | None = None,
    progress: bool = False,
) -> Iterator[tuple[JudgedWindow, Float64[np.ndarray, " length"]]]:
    """Yield each window with −log p of its bases, all of them, in nats.

    The first base of a window, and N, are NaN. Windows come in the order they are
    given and are read some at a time: what is yielded need not be kept.

    Raises
    ------
    ValueError
        If the model is two-sided.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> [(_, nats)] = window_nats(model, ["ACGT"], [JudgedWindow(0, 1, 4)])
    >>> np.isnan(nats)
    array([ True, False, False])
    """
    require_causal(model)
    waiting = iter(windows)
    shown = tqdm(total=len(windows), disable=not progress, unit="window")
    with borrow(model, device) as place, shown:
        while batch := _next_windows(waiting, batch_size):
            rows = [tokenize(sequences[w.text][w.start : w.end]) for w in batch]
            found = map_batches(model, rows, _nats, batch_size=batch_size, device=place)
            yield from zip(batch, found, strict=True)
            shown.update(len(batch))


def window_length(model: HyenaLM, length: int | None) -> int:
    """Return the bases per window: ``length``, or the model's context if None.

    Raises
    ------
    ValueError
        If the model is two-sided, or ``length`` is below 2 or above ``l_max``.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> window_length(HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=8)), None)
    1024
    """
    require_causal(model)
    chosen = model.context_length if length is None else length
    if not 2 <= chosen <= model.config.l_max:
        raise ValueError(
            f"length must be 2 to {model.config.l_max} bp, the model's longest input; "
            f"got {chosen}."
        )
    return chosen


def check_texts(sequences: Sequence[str]) -> None:
    """Refuse, before any work, what is no list of DNA texts.

    Raises
    ------
    TypeError
        If it is one text: its letters would pass for texts of one base.
    ValueError
        If a text is not DNA, naming its first other letter.

    Examples
    --------
    >>> check_texts(["ACGT", "AC!T"])
    Traceback (most recent call last):
    ValueError: sequences[1]: seq must hold only ...; got '!' at index 2.
    """
    if isinstance(sequences, str):
        raise TypeError(
            f"sequences must be a list of DNA texts; got one text of "
            f"{len(sequences):,} bp."
        )
    for index, text in enumerate(sequences):
        try:
            validate_dna(text)
        except ValueError as err:
            raise ValueError(f"sequences[{index}]: {err}") from None


def _overlapping(sequences: Sequence[str], length: int) -> list[JudgedWindow]:
    """Cut windows that overlap by half and together judge every base once."""
    step = length // 2
    skip = length - step
    windows = []
    for index, text in enumerate(sequences):
        total = len(text)
        if total > 1:  # of a first base there is nothing to say
            windows.append(JudgedWindow(index, 0, min(length, total)))
        for start in range(step, total - skip, step):
            windows.append(JudgedWindow(index, start, min(start + length, total), skip))
    return windows


def _next_windows(
    waiting: Iterator[JudgedWindow], batch_size: BatchSize
) -> list[JudgedWindow]:
    """Take windows of about a million tokens, but a whole batch at least."""
    batch, tokens = [], 0
    least = 1 if batch_size == "auto" else max(1, batch_size)
    for window in waiting:
        batch.append(window)
        tokens += window.end - window.start
        if tokens >= _TOKENS_AT_ONCE and len(batch) % least == 0:
            break
    return batch


def _nats(
    model: HyenaLM, tokens: Int64[Tensor, "batch length"], mask: Tensor
) -> Float64[Tensor, "batch length"]:
    table = base_log_probs(model(tokens, mask=mask))
    target = tokens - BASE_TOKENS[0]
    known = (target >= 0) & (target < len(BASE_TOKENS))
    log_p = table.gather(-1, target.clamp(0, 3)[..., None])[..., 0]
    return torch.where(known, -log_p, math.nan)
