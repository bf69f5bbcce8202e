"""What a few-shot prompt is: demonstrations with letters, then the query.

A prompt reads ``sequence [SEP] letter [SEP] sequence [SEP] letter [SEP] query [SEP]``,
where a letter stands for a class, and the model's next token is its answer; see
`hyenascope.training.few_shot` for where that comes from.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from jaxtyping import Int64

from hyenascope.data.labelled_sequences import LabelError, LabelledSequences
from hyenascope.models.batching import TokenRow
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.label_tokens import LabelTokenModel, label_letters
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.sequence.dna import either_strand, reverse_complement
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
        same = self._twins.get(either_strand(query), [])
        for name, rows in self._rows.items():
            others = rows[~np.isin(rows, same)] if same else rows
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

    def length(self, rows: Sequence[int], query: str) -> int:
        """Return the tokens that a prompt with these rows has, without writing it."""
        end = 1 if self.separator else 0
        shown = sum(len(self.examples.sequences[row]) + 1 + 2 * end for row in rows)
        return shown + len(query) + end

    def check(self, rows: Sequence[TokenRow], model: HyenaLM) -> None:
        """Refuse prompts that the model's context does not hold.

        Raises
        ------
        ValueError
            If one is too long.
        """
        self.check_length(max(len(row) for row in rows), model)

    def check_length(self, longest: int, model: HyenaLM) -> None:
        """Refuse a longest prompt, in tokens, that the context does not hold.

        Raises
        ------
        ValueError
            If it is too long.
        """
        if longest > model.config.l_max:
            raise ValueError(
                f"shots must leave prompts within the context of "
                f"{model.config.l_max:,} tokens; got {self.shots} of each of "
                f"{len(self.task.label_names)} classes, and a prompt of {longest:,}."
            )

    @cached_property
    def _twins(self) -> dict[str, list[int]]:
        """Rows of each sequence, whichever strand they write."""
        found: dict[str, list[int]] = {}
        for row, text in enumerate(self.examples.sequences):
            found.setdefault(either_strand(text), []).append(row)
        return found

    @cached_property
    def _rows(self) -> dict[str, Int64[np.ndarray, " rows"]]:
        labels = self.examples.labels
        names = self.examples.label_names
        return {name: np.flatnonzero(labels == i) for i, name in enumerate(names)}
