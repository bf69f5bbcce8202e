"""A model beside what guessing and counting give, on text none of them has seen."""

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float64, Int8

from hyenascope.models.batching import BatchSize
from hyenascope.models.hyena import HyenaLM
from hyenascope.sequence.markov import MAX_ORDER, MarkovModel
from hyenascope.training.perplexity import base_nats, window_length
from hyenascope.training.region_classes import nats_by_class, soft_masked

_Labels = Mapping[str, Int8[np.ndarray, " _"]]


@dataclass(frozen=True, eq=False)
class HeldOutTable:
    """Nats per base of several models, all on the same bases.

    Parameters
    ----------
    nats
        One row per model, by name, the model itself last; column ``"all"``, and then
        one for each class of bases.
    bases
        How many bases were judged, per column.
    texts
        Name and length of each held-out text.
    length
        Bases per window that the model read.
    """

    nats: pd.DataFrame
    bases: pd.Series
    texts: Mapping[str, int]
    length: int

    @property
    def left_context(self) -> tuple[int, int]:
        """Fewest and most bases to the left of what is judged, past the first window.

        Examples
        --------
        >>> HeldOutTable(pd.DataFrame(), pd.Series(), {}, 1024).left_context
        (512, 1023)
        """
        return self.length - self.length // 2, self.length - 1


def held_out_table(
    model: HyenaLM,
    held_out: Mapping[str, str],
    training: Iterable[str],
    *,
    orders: Sequence[int] = range(1, 13),
    classes: _Labels | None = None,
    length: int | None = None,
    batch_size: BatchSize = "auto",
    device: str | torch.device | None = None,
    progress: bool = False,
) -> HeldOutTable:
    """Judge a uniform guess, Markov models and the model on held-out text.

    Every row judges the same bases: those of `base_nats`, neither N nor the first of
    a text. The Markov models count both strands of the training text, which is read
    once, a text at a time; of order 12 they take 360 MB.

    Parameters
    ----------
    model
        Borrowed: used in eval mode on ``device`` and put back.
    held_out
        Name to text. Where lower case occurs in any of them, columns
        ``"soft-masked"`` and ``"not masked"`` tell repeats from the rest.
    training
        The texts that the model was trained on; not read if ``orders`` is empty.
    orders
        Of the Markov models.
    classes
        Name to labels of every base, from
        `hyenascope.training.region_classes.region_classes`; adds a column for each
        class that occurs.
    length, batch_size, device, progress
        As in `hyenascope.training.perplexity.base_nats`.

    Raises
    ------
    ValueError
        As `base_nats`; and if an order is out of range, ``classes`` does not belong
        to ``held_out``, or no base can be judged.
    TypeError
        If ``training`` is one text and not several.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> texts = {"II": "ACGT" * 20}
    >>> found = held_out_table(model, texts, ["ACGT" * 50], orders=[0, 1])
    >>> found.nats["all"].round(2).index.tolist(), int(found.bases["all"])
    (['uniform', 'Markov, order 0', 'Markov, order 1', 'untitled'], 79)
    """
    _check(orders, training)
    labels = _labels(held_out, classes)
    length = window_length(model, length)
    texts = list(held_out.values())
    nats = base_nats(
        model,
        texts,
        length=length,
        batch_size=batch_size,
        device=device,
        progress=progress,
    )
    if not any((~np.isnan(values)).any() for values in nats):
        raise ValueError("held_out must hold bases to judge; got none.")
    masked = [soft_masked(text) for text in texts]
    cut = masked if any(mask.any() for mask in masked) else None
    tables = {
        name: nats_by_class(values, labels, masked=cut).set_index("class")
        for name, values in _rows(model, texts, nats, training, orders)
    }
    bases = tables[model.name]["bases"]
    if classes is None:
        bases = bases.drop("intergenic")  # the label that every base was given
    found = {name: table["nats"][bases.index] for name, table in tables.items()}
    sizes = {name: len(text) for name, text in held_out.items()}
    return HeldOutTable(pd.DataFrame(found).T, bases, sizes, length)


def _rows(
    model: HyenaLM,
    texts: Sequence[str],
    nats: list[Float64[np.ndarray, " _"]],
    training: Iterable[str],
    orders: Sequence[int],
) -> Iterator[tuple[str, list[Float64[np.ndarray, " _"]]]]:
    """Yield each model's name and nats, NaN wherever the last one's are."""
    yield "uniform", [np.where(np.isnan(x), np.nan, math.log(4)) for x in nats]
    if orders:
        longest = MarkovModel.fit(training, max(orders))
        for order in orders:
            # Of an interpolated model the lower orders are models themselves.
            markov = MarkovModel(longest.tables[: order + 1])
            found = base_nats(markov, texts)
            yield (
                f"Markov, order {order}",
                [np.where(np.isnan(x), x, y) for x, y in zip(nats, found, strict=True)],
            )
    yield model.name, nats


def _check(orders: Sequence[int], training: Iterable[str]) -> None:
    wrong = [order for order in orders if not 0 <= order <= MAX_ORDER]
    if wrong:
        raise ValueError(f"orders must be 0 to {MAX_ORDER}; got {wrong[0]}.")
    if isinstance(training, str):
        raise TypeError(
            f"training must be a list of DNA texts; got one of {len(training):,} bp."
        )


def _labels(
    held_out: Mapping[str, str], classes: _Labels | None
) -> list[Int8[np.ndarray, " _"]]:
    """Labels in the order of the texts; all one without an annotation."""
    if classes is None:
        return [np.zeros(len(text), np.int8) for text in held_out.values()]
    for name, text in held_out.items():
        size = None if name not in classes else len(classes[name])
        if size != len(text):
            raise ValueError(
                f"classes must have a label for each of the {len(text):,} bases of "
                f"{name}; got {'none' if size is None else f'{size:,}'}."
            )
    return [classes[name] for name in held_out]
