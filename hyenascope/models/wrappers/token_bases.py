"""Tokens of other people's models and the bases that they stand for.

A tokenizer may cut DNA into letters, into k-mers side by side or overlapping, or into
pieces of any length (BPE). Whatever it does, every base must be found in a token: by
the offsets that a fast tokenizer gives, or by spelling the tokens.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from jaxtyping import Int64

_MARKERS = ("##", "▁", "Ġ")  # of WordPiece, SentencePiece and byte-level BPE
_SAMPLE = ("ACGTTGCAACGGTTCA" * 53)[:840]  # whole k-mers for every k up to 8


@runtime_checkable
class AnyTokenizer(Protocol):
    """What is used of a tokenizer of transformers."""

    all_special_ids: Sequence[int]
    unk_token_id: int | None
    mask_token_id: int | None

    def __len__(self) -> int: ...

    def __call__(self, text: str, **options: bool) -> Mapping[str, Any]:
        """Return token ids and, if asked, offsets."""

    def convert_ids_to_tokens(self, ids: list[int]) -> list[str]:
        """Return the words of tokens."""


@dataclass(frozen=True)
class TokenBases:
    """Token ids, and of each the bases ``[start, stop)``, 0-based.

    Special tokens cover none: start is stop.
    """

    ids: Int64[np.ndarray, " tokens"]
    start: Int64[np.ndarray, " tokens"]
    stop: Int64[np.ndarray, " tokens"]

    def covering(self, base: int) -> Int64[np.ndarray, " some"]:
        """Return the tokens that hold a base; several where tokens overlap."""
        return np.flatnonzero((self.start <= base) & (base < self.stop))

    def centre(self, base: int) -> int:
        """Return the token that holds a base most in its middle."""
        tokens = self.covering(base)
        middle = (self.start[tokens] + self.stop[tokens] - 1) / 2
        return int(tokens[np.argmin(np.abs(middle - base))])


class TokenMap:
    """Encode DNA with a Hugging Face tokenizer, and know the bases of each token.

    Parameters
    ----------
    tokenizer
        Fast or slow.
    prepare
        Makes of DNA what the tokenizer reads, such as k-mers with blanks between.

    Raises
    ------
    ValueError
        If its tokens cannot be mapped to bases.
    """

    def __init__(
        self, tokenizer: AnyTokenizer, *, prepare: Callable[[str], str] | None = None
    ) -> None:
        self.tokenizer = tokenizer
        self.prepare = prepare
        self.encode(_SAMPLE)  # better now than in the middle of a genome
        self.spelled = self._spell()
        # Several where a vocabulary has other tokens at the start of a text.
        self.by_text: dict[str, list[int]] = {}
        self._prefixes: dict[str, list[int]] = {}
        for i, text in enumerate(self.spelled):
            if text:
                self.by_text.setdefault(text, []).append(i)
            for length in range(1, len(text) + 1):
                self._prefixes.setdefault(text[:length], []).append(i)

    @property
    def spelled_words(self) -> list[str]:
        """The tokens that are DNA, upper case."""
        return list(self.by_text)

    @property
    def longest(self) -> int:
        """Most bases of a token."""
        return max(map(len, self.by_text))

    @property
    def reads_n(self) -> bool:
        """Whether bases can be told beside an N."""
        half = len(_SAMPLE) // 2
        try:
            self.encode(f"{_SAMPLE[:half]}N{_SAMPLE[half:]}")
        except ValueError:
            return False
        return True

    def starting(self, text: str) -> list[int]:
        """Return the ids of tokens that begin with ``text``."""
        return self._prefixes.get(text, [])

    def encode(self, text: str) -> TokenBases:
        """Return tokens and their bases, special tokens that are added included.

        Raises
        ------
        ValueError
            If tokens and bases do not fit each other.
        """
        read = text if self.prepare is None else self.prepare(text)
        fast = getattr(self.tokenizer, "is_fast", False) and self.prepare is None
        found = self.tokenizer(read, return_offsets_mapping=True) if fast else None
        if found is not None:
            ids = np.asarray(found["input_ids"], np.int64)
            start, stop = np.asarray(found["offset_mapping"], np.int64).reshape(-1, 2).T
            bases = TokenBases(ids, start.copy(), stop.copy())
            if _is_partition(bases, len(text)) and self._knows(bases, text):
                return bases
        ids = np.asarray(self.tokenizer(read)["input_ids"], np.int64)
        words = self.tokenizer.convert_ids_to_tokens(ids.tolist())
        special = set(self.tokenizer.all_special_ids)
        unknown = self.tokenizer.unk_token_id  # how some write N
        real = [int(i) not in special or int(i) == unknown for i in ids]
        pieces = [
            "N" if int(i) == unknown else _bare(word).upper()
            for i, word, kept in zip(ids, words, real, strict=True)
            if kept
        ]
        starts = _starts(pieces, text)
        if starts is None:
            raise ValueError(
                "tokenizer must map to bases: tokens side by side or overlapping that "
                f"spell the sequence; got {words[:6]} for {text[:24]!r}."
            )
        start, stop = np.zeros((2, len(ids)), np.int64)
        start[real] = starts
        stop[real] = np.array(starts) + [len(piece) for piece in pieces]
        return TokenBases(ids, start, stop)

    def _knows(self, bases: TokenBases, text: str) -> bool:
        """Whether no token that stands for anything covers more than N."""
        unknown = bases.ids == self.tokenizer.unk_token_id
        covered = zip(bases.start[unknown], bases.stop[unknown], strict=True)
        return all(set(text[start:stop]) <= {"N"} for start, stop in covered)

    def _spell(self) -> list[str]:
        """Return the DNA of every token id; empty for those that are none.

        Of a vocabulary that has both cases only the one that DNA is read in counts.
        """
        count = len(self.tokenizer)
        words = self.tokenizer.convert_ids_to_tokens(list(range(count)))
        seen = self.encode(_SAMPLE)
        first = int(seen.ids[np.argmax(seen.start < seen.stop)])
        lower = _bare(self.tokenizer.convert_ids_to_tokens([first])[0]).islower()
        right = str.islower if lower else str.isupper
        special = set(self.tokenizer.all_special_ids)
        found = []
        for i, word in enumerate(words):
            bare = _bare(word or "")
            is_dna = bool(bare) and set(bare.upper()) <= set("ACGT") and right(bare)
            found.append(bare.upper() if is_dna and i not in special else "")
        if not any(found):
            raise ValueError("tokenizer must have tokens of A, C, G and T; got none.")
        return found


def _bare(word: str) -> str:
    for marker in _MARKERS:
        word = word.removeprefix(marker)
    return word


def _is_partition(bases: TokenBases, length: int) -> bool:
    real = bases.start < bases.stop
    start, stop = bases.start[real], bases.stop[real]
    return bool(
        len(start)
        and start[0] == 0
        and stop[-1] == length
        and (start[1:] == stop[:-1]).all()
    )


def _starts(pieces: Sequence[str], text: str) -> list[int] | None:
    """Return where pieces begin, side by side or each a base further; None if not."""
    if "".join(pieces) == text:
        return [0, *np.cumsum([len(piece) for piece in pieces[:-1]]).tolist()]
    overlapping = all(text.startswith(piece, i) for i, piece in enumerate(pieces))
    if pieces and overlapping and len(pieces) - 1 + len(pieces[-1]) == len(text):
        return list(range(len(pieces)))
    return None
