"""One token per base, with the ids of every published HyenaDNA checkpoint.

``tokenize`` is for scoring: fast, no special tokens, forgiving of case and strict
about everything that is not DNA. ``Tokenizer`` is for fidelity: it returns what the
published tokenizer returns, oddities included (lower case is ``[UNK]``).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Int, Int64

from hyenascope.sequence.dna import AMBIGUITY_CODES, BASES, validate_dna

VOCABULARY = (
    *("[CLS]", "[SEP]", "[BOS]", "[MASK]", "[PAD]", "[RESERVED]", "[UNK]"),
    *("A", "C", "G", "T", "N"),
)
"""The text of each token id, 0 to 11."""

CLS_TOKEN, SEP_TOKEN, BOS_TOKEN, MASK_TOKEN, PAD_TOKEN, RESERVED_TOKEN, UNK_TOKEN = (
    range(7)
)
BASE_TOKENS = (7, 8, 9, 10)
"""Ids of A, C, G, T."""

N_TOKEN = 11

SpecialTokens = Literal["none", "sep", "cls_sep"]
"""What surrounds the bases: nothing, ``bases [SEP]``, or ``[CLS] bases [SEP]``."""

Padding = Literal["none", "longest", "max_length"]

# RESERVED is not among them: the published tokenizer keeps it when it skips the rest.
_SKIPPED = (CLS_TOKEN, SEP_TOKEN, BOS_TOKEN, MASK_TOKEN, PAD_TOKEN, UNK_TOKEN)


def _byte_table(letters: str, tokens: Sequence[int], other: int) -> np.ndarray:
    table = np.full(256, other, dtype=np.int64)
    table[np.frombuffer(letters.encode(), np.uint8)] = tokens
    return table


_INVALID = -1
_SCORING_LETTERS = BASES + AMBIGUITY_CODES
_SCORING_TOKENS = (*BASE_TOKENS, *[N_TOKEN] * len(AMBIGUITY_CODES))
_SCORING = _byte_table(
    _SCORING_LETTERS + _SCORING_LETTERS.lower(), 2 * _SCORING_TOKENS, _INVALID
)
_PUBLISHED = _byte_table(BASES + "N", (*BASE_TOKENS, N_TOKEN), UNK_TOKEN)
_LETTERS = np.frombuffer(f"{BASES}N".encode(), np.uint8)
_COMPLEMENT = np.array([*range(7), *reversed(BASE_TOKENS), N_TOKEN], np.int64)


def _codes(text: str) -> np.ndarray:
    """One byte per character; what is not ASCII becomes ``?``, never a base."""
    return np.frombuffer(text.encode("ascii", "replace"), np.uint8)


def tokenize(seq: str) -> Int64[np.ndarray, " length"]:
    """Return one token id per base, without special tokens.

    A7 C8 G9 T10 in either case; N and every other IUPAC code are N, 11.

    Raises
    ------
    ValueError
        If ``seq`` holds anything else (U counts as anything else), naming the first
        such character and its 0-based index.

    Examples
    --------
    >>> tokenize("ACgtNR")
    array([ 7,  8,  9, 10, 11, 11])
    """
    tokens = _SCORING[_codes(seq)]
    if tokens.min(initial=0) == _INVALID:
        validate_dna(seq)
    return tokens


def detokenize(tokens: Int[np.ndarray, " length"]) -> str:
    """Return the text of base and N tokens, upper case: `tokenize` undone.

    Raises
    ------
    ValueError
        If a token is not one of 7 to 11, naming the first and its 0-based index.

    Examples
    --------
    >>> detokenize(np.array([7, 8, 9, 10, 11]))
    'ACGTN'
    """
    wrong = (tokens < BASE_TOKENS[0]) | (tokens > N_TOKEN)
    if wrong.any():
        index = int(np.argmax(wrong))
        raise ValueError(
            f"tokens must be 7 to 11 (A, C, G, T, N); got {tokens[index]} at index "
            f"{index}."
        )
    return _LETTERS[tokens - BASE_TOKENS[0]].tobytes().decode()


def complement_tokens(
    tokens: Int[np.ndarray, "*batch length"],
) -> Int64[np.ndarray, "*batch length"]:
    """Swap A with T and C with G; N and special tokens stay.

    Raises
    ------
    ValueError
        If a token is not one of 0 to 11.

    Examples
    --------
    >>> complement_tokens(np.array([7, 8, 11, 4]))
    array([10,  9, 11,  4])
    """
    _check_ids(tokens)
    return _COMPLEMENT[tokens]


def reverse_complement_tokens(
    tokens: Int[np.ndarray, "*batch length"],
) -> Int64[np.ndarray, "*batch length"]:
    """Read the other strand: complement, then reverse the last axis.

    The whole row is reversed, so that padding on the right ends up on the left. The
    result is contiguous, as torch wants it.

    Raises
    ------
    ValueError
        If a token is not one of 0 to 11.

    Examples
    --------
    >>> detokenize(reverse_complement_tokens(tokenize("AACGN")))
    'NCGTT'
    """
    # Not ascontiguousarray: it lets a row of one keep its stride of −1.
    return complement_tokens(tokens)[..., ::-1].copy()


@dataclass(frozen=True, eq=False)
class Encoding:
    """What the published tokenizer returns: for one text, or a batch, one per row.

    Parameters
    ----------
    input_ids
        Token ids, ``length`` or ``batch length``.
    attention_mask
        1 for text and special tokens, 0 for padding; no HyenaDNA model reads it.
    token_type_ids
        0 for the first text, 1 for the second of a pair. With ``"sep"`` these are
        one longer than ``input_ids``, because the published code counts a ``[CLS]``
        that it does not write.
    """

    input_ids: Int64[np.ndarray, "*batch length"]
    attention_mask: Int64[np.ndarray, "*batch length"]
    token_type_ids: Int64[np.ndarray, "*batch types"]


@dataclass(frozen=True)
class Tokenizer:
    """The published character tokenizer, case-sensitive: A, C, G, T, N or ``[UNK]``.

    Lower case, U, IUPAC codes, gaps and white space are ``[UNK]``, and the name of a
    special token in a text is read character by character.

    Parameters
    ----------
    special_tokens
        ``"none"``; ``"sep"``, as pretraining and the ``-hf`` tokenizers do; or
        ``"cls_sep"``, as the published stand-alone model does.
    max_length
        Tokens that truncation and padding aim at unless a call says otherwise.
    padding_side
        Where ``[PAD]`` goes. The published default, left, changes what a model says
        about every base, because no mask exists; pad right unless you reproduce it.

    Examples
    --------
    >>> Tokenizer("cls_sep").encode("ACGTNa")
    array([ 0,  7,  8,  9, 10, 11,  6,  1])
    """

    special_tokens: SpecialTokens = "none"
    max_length: int | None = None
    padding_side: Literal["left", "right"] = "left"

    def __call__(
        self,
        text: str,
        *,
        padding: Padding = "none",
        truncate: bool = False,
        max_length: int | None = None,
    ) -> Encoding:
        """Encode one text; arguments are those of `batch`.

        As published, a text without any token is not padded when it comes alone.

        Examples
        --------
        >>> encoding = Tokenizer("sep")("ACGT", padding="max_length", max_length=6)
        >>> encoding.input_ids
        array([ 4,  7,  8,  9, 10,  1])
        """
        rows = self.batch(
            [text],
            padding=padding if len(self.encode(text)) else "none",
            truncate=truncate,
            max_length=max_length,
        )
        return Encoding(
            rows.input_ids[0], rows.attention_mask[0], rows.token_type_ids[0]
        )

    def batch(
        self,
        texts: Sequence[str],
        *,
        padding: Padding = "longest",
        truncate: bool = False,
        max_length: int | None = None,
    ) -> Encoding:
        """Encode texts as rows of one length.

        Parameters
        ----------
        texts
            At least one text.
        padding
            Fill with ``[PAD]`` up to the longest row, up to ``max_length``, or not.
        truncate
            Cut the right end of texts so that rows fit ``max_length``; special
            tokens are kept. As published, a text of which no base would be left is
            not cut at all.
        max_length
            In tokens; the tokenizer's own if None.

        Raises
        ------
        ValueError
            If ``texts`` is empty, a needed ``max_length`` is missing, or rows end up
            with different lengths.

        Examples
        --------
        >>> Tokenizer(padding_side="right").batch(["ACGT", "A"]).input_ids
        array([[ 7,  8,  9, 10],
               [ 7,  4,  4,  4]])
        """
        if not texts:
            raise ValueError("texts must hold at least one text; got none.")
        limit = self._limit(max_length) if truncate else None
        rows = [self._row(text, limit) for text in texts]
        if padding == "max_length":
            width = self._limit(max_length)
        else:
            width = max(map(len, rows)) if padding == "longest" else 0
        rows = [self._pad(row, width) for row in rows]
        lengths = {len(row) for row in rows}
        if len(lengths) > 1:
            raise ValueError(
                "texts must give rows of one length unless padded and truncated; "
                f"got lengths {sorted(lengths)}."
            )
        ids = np.stack(rows)
        types = np.zeros((len(ids), ids.shape[1] + self._phantom), np.int64)
        return Encoding(ids, (ids != PAD_TOKEN).astype(np.int64), types)

    def encode(self, text: str) -> Int64[np.ndarray, " length"]:
        """Return the token ids of one text, neither padded nor truncated.

        Examples
        --------
        >>> Tokenizer("sep").encode("ACGT")
        array([ 7,  8,  9, 10,  1])
        """
        return self._row(text, None)

    def encode_pair(self, first: str, second: str) -> Encoding:
        """Encode two texts in a row, ``[SEP]`` after each if special tokens are on.

        Examples
        --------
        >>> pair = Tokenizer("cls_sep").encode_pair("A", "GT")
        >>> pair.input_ids, pair.token_type_ids
        (array([ 0,  7,  1,  9, 10,  1]), array([0, 0, 0, 1, 1, 1]))
        """
        head = self.encode(first)
        tail = np.concatenate([_PUBLISHED[_codes(second)], self._suffix])
        ids = np.concatenate([head, tail])
        kind_of_tail = min(len(self._suffix), 1)  # bare texts are not told apart
        types = np.repeat([0, kind_of_tail], [len(head) + self._phantom, len(tail)])
        return Encoding(ids, np.ones_like(ids), types)

    def special_tokens_mask(self, text: str) -> Int64[np.ndarray, " length"]:
        """Return 1 where `encode` adds a special token, 0 where it reads the text.

        Examples
        --------
        >>> Tokenizer("cls_sep").special_tokens_mask("ACn")
        array([1, 0, 0, 0, 1])
        """
        mask = np.ones_like(self.encode(text))
        mask[len(self._prefix) :][: len(text)] = 0
        return mask

    def decode(
        self,
        ids: Sequence[int] | Int[np.ndarray, " length"],
        *,
        skip_special: bool = False,
    ) -> str:
        """Return the text of token ids, special tokens by their bracketed names.

        Parameters
        ----------
        ids
            Token ids, 0 to 11.
        skip_special
            Leave out special tokens, ``[UNK]`` among them; ``[RESERVED]`` stays, as
            in the published tokenizer.

        Raises
        ------
        KeyError
            If an id has no text.

        Examples
        --------
        >>> (
        ...     Tokenizer().decode([0, 7, 6, 1]),
        ...     Tokenizer().decode([7, 1], skip_special=True),
        ... )
        ('[CLS]A[UNK][SEP]', 'A')
        """
        names = dict(enumerate(VOCABULARY))
        unknown = [int(i) for i in ids if int(i) not in names]
        if unknown:
            raise KeyError(f"ids must be 0 to {len(names) - 1}; got {unknown[0]}.")
        return "".join(
            names[int(i)] for i in ids if not (skip_special and int(i) in _SKIPPED)
        )

    def training_item(
        self, text: str, *, max_length: int | None = None, replace_n: bool = False
    ) -> tuple[Int64[np.ndarray, " length"], Int64[np.ndarray, " length"]]:
        """Return ``(data, target)`` of one pretraining step, ``max_length - 1`` each.

        The text is cut and padded to ``max_length`` tokens; ``data`` is all but the
        last, ``target`` all but the first. With ``"sep"`` the last target is
        ``[SEP]``, the published ``add_eos``.

        Parameters
        ----------
        text
            Upper-case bases.
        max_length
            In tokens; the tokenizer's own if None.
        replace_n
            Write ``[PAD]`` in place of N, so that one ignored index drops both from
            the loss.

        Examples
        --------
        >>> Tokenizer("sep").training_item("ACGT", max_length=6, replace_n=True)
        (array([ 4,  7,  8,  9, 10]), array([ 7,  8,  9, 10,  1]))
        """
        ids = self(
            text, padding="max_length", truncate=True, max_length=max_length
        ).input_ids
        if replace_n:
            ids = np.where(ids == N_TOKEN, PAD_TOKEN, ids)
        return ids[:-1], ids[1:]

    @property
    def _prefix(self) -> Int64[np.ndarray, " tokens"]:
        return np.full(int(self.special_tokens == "cls_sep"), CLS_TOKEN, np.int64)

    @property
    def _suffix(self) -> Int64[np.ndarray, " tokens"]:
        return np.full(int(self.special_tokens != "none"), SEP_TOKEN, np.int64)

    @property
    def _phantom(self) -> int:
        """Token types too many, for the ``[CLS]`` counted and not written."""
        return int(self.special_tokens == "sep")

    def _limit(self, max_length: int | None) -> int:
        limit = self.max_length if max_length is None else max_length
        if limit is None:
            raise ValueError(
                "max_length must be given to truncate or to pad to it; got None."
            )
        return limit

    def _row(self, text: str, limit: int | None) -> Int64[np.ndarray, " length"]:
        """Token ids of ``text``, cut on the right if they exceed ``limit``."""
        bases = _PUBLISHED[_codes(text)]
        special = len(self._prefix) + len(self._suffix)
        if limit is not None and 0 < limit - special < len(bases):
            bases = bases[: limit - special]
        return np.concatenate([self._prefix, bases, self._suffix])

    def _pad(
        self, row: Int64[np.ndarray, " length"], width: int
    ) -> Int64[np.ndarray, " padded"]:
        missing = np.full(max(width - len(row), 0), PAD_TOKEN, np.int64)
        left = self.padding_side == "left"
        return np.concatenate([missing, row] if left else [row, missing])


def _check_ids(tokens: Int[np.ndarray, "*batch length"]) -> None:
    wrong = tokens[(tokens < 0) | (tokens >= len(VOCABULARY))]
    if wrong.size:
        raise ValueError(
            f"tokens must be 0 to {len(VOCABULARY) - 1}; got {int(wrong[0])}."
        )
