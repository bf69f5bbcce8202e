"""Few-shot answers: demonstrations in the context, then the sequence in question.

A prompt reads ``sequence [SEP] letter [SEP] sequence [SEP] letter [SEP] query [SEP]``,
where a letter stands for a class, and the model's next token is its answer. So it is
published (Nguyen et al. 2023, arXiv 2306.15794, section 4.3, and the ``evals`` of its
code), with 2 to 128 demonstrations of every class, in an order of chance, drawn anew
for each query. A model that saw DNA alone has not learnt that a letter may stand for a
class: see `hyenascope.training.instruction_tune`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd
import torch
from jaxtyping import Int64

from hyenascope._typing import Strands, StrPath
from hyenascope.data.fasta import FastaReader
from hyenascope.data.labelled_sequences import LabelError, LabelledSequences
from hyenascope.data.labelled_sources import LabelledSource, Labels, collect_labelled
from hyenascope.data.sequences import SequenceSource, collect_sequences
from hyenascope.models.batching import BatchSize, TokenRow
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.label_tokens import LabelTokenModel, label_letters
from hyenascope.models.predict import check_strands
from hyenascope.models.sequence_model import mean_logits
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.sequence.dna import reverse_complement
from hyenascope.sequence.tokenizer import SEP_TOKEN, tokenize


def few_shot_prompt(
    demonstrations: Sequence[tuple[str, str]], query: str, *, separator: bool = True
) -> Int64[np.ndarray, " length"]:
    """Return the tokens of a prompt, after which the model names a letter.

    Parameters
    ----------
    demonstrations
        Sequences with the letter of their class, in the order of the prompt.
    query
        The sequence in question.
    separator
        Write ``[SEP]`` after every sequence and every letter, as published.

    Raises
    ------
    ValueError
        If something is no DNA.

    Examples
    --------
    >>> from hyenascope.sequence.tokenizer import VOCABULARY
    >>> row = few_shot_prompt([("ACC", "A"), ("GTT", "N")], "GG")
    >>> "".join(VOCABULARY[token] for token in row)
    'ACC[SEP]A[SEP]GTT[SEP]N[SEP]GG[SEP]'
    """
    texts = [text for pair in demonstrations for text in pair]
    end = [SEP_TOKEN] if separator else []
    parts = [np.append(tokenize(text), end) for text in (*texts, query)]
    return np.concatenate(parts).astype(np.int64)


@dataclass(frozen=True, eq=False)
class FewShot:
    """Labelled sequences to draw demonstrations from, and how they are written.

    Parameters
    ----------
    examples
        With classes; rows of all splits are drawn.
    shots
        Demonstrations of each class in a prompt.
    letters
        Of the classes, as in `hyenascope.models.label_tokens.label_letters`.
    separator
        As in `few_shot_prompt`.

    Raises
    ------
    ValueError
        If ``shots`` is negative, or the letters do not fit the classes.
    """

    examples: LabelledSequences
    shots: int = 2
    letters: str | None = None
    separator: bool = True

    def __post_init__(self) -> None:
        if self.shots < 0:
            raise ValueError(f"shots must be at least 0; got {self.shots}.")
        label_letters(self.task, self.letters)

    @property
    def task(self) -> SequenceTask:
        """The classes."""
        return SequenceTask(self.examples.task, self.examples.label_names)

    def model(self, backbone: HyenaLM) -> LabelTokenModel:
        """Return the backbone as a classifier of prompts."""
        return LabelTokenModel(backbone, self.task, letters=self.letters)

    def draw(self, query: str, generator: np.random.Generator) -> list[int]:
        """Return 0-based rows of demonstrations for a query, in an order of chance.

        The query itself is not among them, on either strand.

        Raises
        ------
        LabelError
            If a class has fewer rows than ``shots`` beside the query.
        """
        picked: list[int] = []
        for name, rows in self._rows.items():
            others = [row for row in rows if self._either[row] != _either(query)]
            if len(others) < self.shots:
                raise LabelError(
                    f"examples must hold {self.shots} of each class beside the query; "
                    f"got {len(others)} of {name!r}."
                )
            picked += generator.choice(others, self.shots, replace=False).tolist()
        return [picked[i] for i in generator.permutation(len(picked))]

    def prompt(
        self, rows: Sequence[int], query: str, *, reverse: bool = False
    ) -> TokenRow:
        """Return the tokens of a prompt with these rows.

        ``reverse`` writes the reverse complement of every sequence; the order and the
        letters stay.
        """
        letters = label_letters(self.task, self.letters)
        pairs = [
            (self.examples.sequences[row], letters[self.examples.labels[row]])
            for row in rows
        ]
        if reverse:
            pairs = [(reverse_complement(text), letter) for text, letter in pairs]
            query = reverse_complement(query)
        return few_shot_prompt(pairs, query, separator=self.separator)

    def check(self, rows: Sequence[TokenRow], model: HyenaLM) -> None:
        """Refuse prompts that the model's context does not hold.

        Raises
        ------
        ValueError
            If one is too long.
        """
        longest = max(len(row) for row in rows)
        if longest > model.config.l_max:
            raise ValueError(
                f"shots must leave prompts within the context of "
                f"{model.config.l_max:,} tokens; got {self.shots} of each of "
                f"{len(self.task.label_names)} classes, and a prompt of {longest:,}."
            )

    @cached_property
    def _either(self) -> list[str]:
        return [_either(text) for text in self.examples.sequences]

    @cached_property
    def _rows(self) -> dict[str, list[int]]:
        labels = self.examples.labels
        names = self.examples.label_names
        return {n: np.flatnonzero(labels == i).tolist() for i, n in enumerate(names)}


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
    probabilities among the classes. They carry whatever the model thinks of a letter
    as such, so that with an untuned model ranks say more than probabilities.

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
        As in `FewShot`; 0 shows no examples.
    draws
        Sets of demonstrations that each query is asked with.
    strands
        ``"reverse"`` turns queries and demonstrations alike.
    genome
        Where intervals of examples and queries are read from.
    generator
        Draws the demonstrations; seeded with 0 if None.
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
    turns = {"forward": [False], "reverse": [True]}.get(strands, [False, True])
    repeats = draws if shots else 1
    drawn = [
        (few.draw(text, generator), text)
        for text in named.texts
        for _ in range(repeats)
    ]
    prompts = [few.prompt(*each, reverse=turn) for each in drawn for turn in turns]
    few.check(prompts, model)
    found = mean_logits(
        few.model(model),
        prompts,
        "forward",
        batch_size=batch_size,
        device=device,
        progress=progress,
    )
    logits = found.reshape(len(named.texts), -1, few.task.outputs).mean(axis=1)
    return pd.DataFrame(
        few.task.predictions(torch.from_numpy(logits)).numpy(),
        index=list(named.names),
        columns=list(few.task.label_names),
    )


def shown_rows(data: LabelledSequences) -> LabelledSequences:
    """Return the rows that may be shown: of data with splits, those of ``train``."""
    return data.split("train") if len(data.split_names) > 1 else data


def _either(text: str) -> str:
    """Return a name that a sequence and its reverse complement share."""
    return min(text.upper(), reverse_complement(text).upper())
