"""Few-shot answers: demonstrations in the context, then the sequence in question.

A prompt reads ``sequence [SEP] letter [SEP] sequence [SEP] letter [SEP] query [SEP]``,
where a letter stands for a class, and the model's next token is its answer. So it is
published (Nguyen et al. 2023, arXiv 2306.15794, section 4.3, and the ``evals`` of its
code), with 2 to 128 demonstrations of every class, in an order of chance, drawn anew
for each query, here from a seed and the query's own text. A model that saw DNA alone
has not learnt that a letter may stand for a class: see
`hyenascope.training.instruction_tune`.
"""

import hashlib
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd
import torch
from jaxtyping import Float64, Int32
from tqdm.auto import tqdm

from hyenascope._device import borrow
from hyenascope._typing import Strands, StrPath
from hyenascope.data.fasta import FastaReader
from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.data.labelled_sources import LabelledSource, Labels, collect_labelled
from hyenascope.data.sequences import SequenceSource, collect_sequences
from hyenascope.models.batching import BatchSize
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.label_model import mean_logits
from hyenascope.models.predict import check_strands
from hyenascope.training.few_shot_prompts import FewShot

_BLOCK_TOKENS = 4_000_000  # of prompts written at a time: 32 MB

Shown = Int32[np.ndarray, "_ _"]  # draws by demonstrations: rows of examples


def classify_few_shot(
    model: HyenaLM,
    examples: LabelledSource,
    queries: SequenceSource,
    *,
    shots: int = 2,
    draws: int = 5,
    letters: str | None = None,
    separator: bool = True,
    strands: Strands = "forward",
    labels: Labels | None = None,
    genome: FastaReader | StrPath | None = None,
    generator: np.random.Generator | None = None,
    batch_size: BatchSize = "auto",
    device: str | torch.device | None = None,
    progress: bool = False,
) -> pd.DataFrame:
    """Ask a model for the class of sequences, given examples in its context.

    Logits of the letters are averaged over draws and strands, then made
    probabilities among the classes. What is drawn for a query depends on the seed and
    on its own text, not on the other queries: they may come in any order, and in
    parts. Probabilities carry whatever the model thinks of a letter as such: with an
    untuned model their ranks say more than they do.

    Parameters
    ----------
    model
        Borrowed: a causal model, as it is or from
        `hyenascope.training.instruction_tune`.
    examples, labels
        As in `hyenascope.data.labelled_sources.collect_labelled`, with classes. Of
        data with splits, only the split ``train`` is shown.
    queries
        As in `hyenascope.data.sequences.collect_sequences`.
    shots, letters, separator
        As in `hyenascope.training.few_shot_prompts.FewShot`; 0 shows no examples.
    draws
        Sets of demonstrations that each query is asked with.
    strands
        ``"reverse"`` turns queries and demonstrations alike.
    genome
        Where intervals of examples and queries are read from.
    generator
        Gives the seed of `query_generator`, which draws the demonstrations; seeded
        with 0 if None.
    batch_size, device, progress
        As in `hyenascope.embed`.

    Returns
    -------
    DataFrame
        A row per query, a column of probabilities per class.

    Raises
    ------
    LabelError
        If labels cannot be used, or a class has too few examples.
    ValueError
        If a prompt does not fit the context, or an argument is out of range.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> examples = ["ACAC", "GTTT", "CACA", "TTTG"]
    >>> labels = ["ac", "gt", "ac", "gt"]
    >>> classify_few_shot(model, examples, "ACA", labels=labels, shots=1).shape
    (1, 2)
    """
    check_strands(strands)
    if draws < 1:
        raise ValueError(f"draws must be at least 1; got {draws}.")
    data = shown_rows(collect_labelled(examples, labels, genome=genome))
    few = FewShot(data, shots, letters, separator)
    named = collect_sequences(queries, genome=genome)
    generator = np.random.default_rng(0) if generator is None else generator
    seed = int(generator.integers(2**63))
    repeats = draws if shots else 1
    shown = [_drawn(few, text, repeats, seed) for text in named.texts]
    logits = _mean_answers(
        few, model, named.texts, shown, strands, batch_size, device, progress=progress
    )
    return pd.DataFrame(
        few.task.predictions(torch.from_numpy(logits)).numpy(),
        index=list(named.names),
        columns=list(few.task.label_names),
    )


def query_generator(seed: int, query: str) -> np.random.Generator:
    """Return what draws demonstrations for a query, whatever other queries there are.

    Upper and lower case are one.

    Examples
    --------
    >>> texts = ("AC", "ac", "GT")
    >>> one, same, other = (int(query_generator(7, t).integers(1000)) for t in texts)
    >>> one == same, one == other
    (True, False)
    """
    digest = hashlib.sha256(query.upper().encode()).digest()
    return np.random.default_rng([seed, int.from_bytes(digest[:16])])


def shown_rows(data: LabelledSequences) -> LabelledSequences:
    """Return the rows that may be shown: of data with splits, those of ``train``."""
    return data.split("train") if len(data.split_names) > 1 else data


def _drawn(few: FewShot, query: str, draws: int, seed: int) -> Shown:
    generator = query_generator(seed, query)
    return np.array([few.draw(query, generator) for _ in range(draws)], np.int32)


def _mean_answers(
    few: FewShot,
    model: HyenaLM,
    queries: Sequence[str],
    shown: Sequence[Shown],
    strands: Strands,
    batch_size: BatchSize,
    device: str | torch.device | None,
    *,
    progress: bool,
) -> Float64[np.ndarray, "sequences outputs"]:
    """Return logits, of prompts that are written a block of queries at a time."""
    turns = {"forward": [False], "reverse": [True]}.get(strands, [False, True])
    lengths = [
        [few.length(rows, text) for rows in drawn.tolist()]
        for text, drawn in zip(queries, shown, strict=True)
    ]
    few.check_length(max(map(max, lengths)), model)
    module, parts = few.model(model), []
    bar = tqdm(total=len(queries), disable=not progress, unit="seq", leave=False)
    with borrow(module, device) as place, bar:
        for block in _blocks([len(turns) * sum(each) for each in lengths]):
            prompts = [
                few.prompt(rows, queries[i], reverse=turn)
                for i in block
                for rows in shown[i].tolist()
                for turn in turns
            ]
            found = mean_logits(
                module, prompts, "forward", batch_size=batch_size, device=place
            )
            parts.append(found.reshape(len(block), -1, found.shape[1]).mean(axis=1))
            bar.update(len(block))
    return np.concatenate(parts)


def _blocks(tokens: Sequence[int]) -> Iterator[range]:
    """Yield neighbours whose prompts have few enough tokens together, or just one."""
    first, total = 0, 0
    for at, count in enumerate(tokens):
        if at > first and total + count > _BLOCK_TOKENS:
            yield range(first, at)
            first, total = at, 0
        total += count
    yield range(first, len(tokens))
