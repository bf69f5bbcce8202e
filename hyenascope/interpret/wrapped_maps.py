"""Maps of substitutions by wrapped models: whole windows, read again and again.

What `hyenascope.interpret.ism_passes` does for our own model incrementally, here for
any other, by its protocol alone.
"""

from collections.abc import Callable, Sequence
from typing import TypeVar

import numpy as np
from jaxtyping import Float64

from hyenascope.interpret.ism_passes import MapPlan, WindowShare
from hyenascope.interpret.model_output import ModelOutput
from hyenascope.interpret.strand_windows import StrandWindow
from hyenascope.models.wrappers.protocol import NoAnswerError, WrappedModel
from hyenascope.sequence.tokenizer import BASE_TOKENS, detokenize

_BASES = "ACGT"


def wrapped_conditional(
    model: WrappedModel, item: StrandWindow, plan: MapPlan
) -> Float64[np.ndarray, "places 4"]:
    """Return log p(base | what the model sees), forward order and letters, in nats."""
    if not plan.can_read(item.tokens):
        return np.full((item.places.length, 4), np.nan)
    places = [(item.first, item.stop)]
    (table,) = model.log_probs(detokenize(item.tokens), places=places)
    return _forward(table[item.first : item.stop], item)


def wrapped_mutants(
    model: WrappedModel,
    item: StrandWindow,
    plan: MapPlan,
    share: WindowShare,
    advance: Callable[[int], object],
) -> Float64[np.ndarray, "places 4"]:
    """Return alternate − reference of every substitution, forward order and letters.

    0 at the reference base, NaN where there is no score.
    """
    rows = np.full((item.places.length, 4), np.nan)
    if not plan.can_read(item.tokens):
        return rows
    text = detokenize(item.tokens)
    read = _output_reader(model, item, plan.output) if plan.output else None
    if read is None:
        read = _likelihood_reader(model, text, plan, share)
    batch: list[tuple[int, int, str]] = []
    reference: float | None = None

    def flush() -> None:
        nonlocal reference
        if not batch:
            return
        if reference is None and plan.output:
            (reference,) = read([(0, text)])
        asked = [(index, mutant) for index, _, mutant in batch]
        values = answers(read, asked, np.nan)
        for (index, base, _), value in zip(batch, values, strict=True):
            rows[index - item.first, base] = value - (reference or 0.0)
        advance(len(batch))
        batch.clear()

    for index in range(item.first, item.stop):
        if plan.reason(item.tokens, index):
            continue
        for base in range(4):
            if base + BASE_TOKENS[0] == item.tokens[index]:
                rows[index - item.first, base] = 0.0
                continue
            mutant = text[:index] + _BASES[base] + text[index + 1 :]
            batch.append((index, base, mutant))
            if len(batch) >= model.batch_size:
                flush()
    flush()
    return _forward(rows, item)


_Asked = TypeVar("_Asked")
_Answer = TypeVar("_Answer")
_Reader = Callable[[list[tuple[int, str]]], list[float]]


def answers(
    read: Callable[[list[_Asked]], Sequence[_Answer]],
    asked: list[_Asked],
    nothing: _Answer,
) -> Sequence[_Answer]:
    """Ask all at once; where the model fails one by one, ``nothing`` if unanswered."""
    try:
        return read(asked)
    except NoAnswerError:
        if len(asked) == 1:
            return [nothing]
        return [answers(read, [each], nothing)[0] for each in asked]


def _output_reader(
    model: WrappedModel, item: StrandWindow, output: ModelOutput
) -> _Reader:
    index = np.array([output.index(model, reverse=item.reverse)])
    middle = item.places.center

    def read(mutants: list[tuple[int, str]]) -> list[float]:
        found = model.predict([text for _, text in mutants])
        bins = output.bins(
            model, item.window, found.shape[1], middle=middle, reverse=item.reverse
        )
        return output.values(found, index, bins)[:, 0].tolist()

    return read


def _likelihood_reader(
    model: WrappedModel, text: str, plan: MapPlan, share: WindowShare
) -> _Reader:
    """Return what adds up changes of log p.

    ``"full"`` counts those before the mutated base too, which change if the model
    fills masks or its tokens follow from what comes after.
    """
    length = len(text)
    (table,) = model.log_probs(text)
    expected = picked_bases(table, text)

    def place(index: int) -> tuple[int, int]:
        return (0, length) if plan.span is None else (index, index + plan.span)

    def read(mutants: list[tuple[int, str]]) -> list[float]:
        places = [place(index) for index, _ in mutants]
        tables = model.log_probs([text for _, text in mutants], places=places)
        values = []
        for (start, stop), (index, mutant), found in zip(
            places, mutants, tables, strict=True
        ):
            change = (picked_bases(found, mutant) - expected)[start:stop]
            known = np.nan_to_num(change)  # beside N there is nothing to add
            values.append(known.sum() if np.isfinite(change[index - start]) else np.nan)
            if plan.span is not None:
                share.add_changes(known, plan.span)
        return values

    return read


def picked_bases(
    table: Float64[np.ndarray, "length 4"], text: str
) -> Float64[np.ndarray, " length"]:
    """Return log p of the bases that are there; NaN at N."""
    columns = np.array([_BASES.find(letter) for letter in text])
    picked = np.take_along_axis(table, columns.clip(0)[:, None], axis=1)[:, 0]
    return np.where(columns < 0, np.nan, picked)


def _forward(
    rows: Float64[np.ndarray, "places 4"], item: StrandWindow
) -> Float64[np.ndarray, "places 4"]:
    return rows[::-1, ::-1] if item.reverse else rows
