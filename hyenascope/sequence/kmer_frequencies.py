"""How often each k-mer occurs in a sequence, alone or with its reverse complement."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float32, Float64, Int64

from hyenascope.sequence.dna import BASES
from hyenascope.sequence.tokenizer import BASE_TOKENS, N_TOKEN, tokenize

_LONGEST = 8  # 4**8 columns
_TOGETHER = 2_048  # sequences counted at a time: bounds the memory of the indices


def kmer_frequencies(
    texts: Sequence[str], k: Sequence[int], *, canonical: bool = False
) -> Float32[np.ndarray, "sequences kmers"]:
    """Return the share of each k-mer among those of a sequence.

    The columns of each length are those of `kmer_names` and sum to one, or are all 0
    where no k-mer of that length is without an ambiguous letter.

    Parameters
    ----------
    texts
        DNA.
    k
        Lengths, 1 to 8.
    canonical
        Count a k-mer as the alphabetically first of itself and its reverse complement.

    Raises
    ------
    ValueError
        If a length is out of range or a text is no DNA.

    Examples
    --------
    >>> kmer_frequencies(["AACNAC"], [2])[0, :4].round(2)  # AA AC AG AT
    array([0.33, 0.67, 0.  , 0.  ], dtype=float32)
    """
    if not k or min(k) < 1 or max(k) > _LONGEST:
        raise ValueError(f"k must be lengths from 1 to {_LONGEST}; got {tuple(k)}.")
    folds = [_fold(size) if canonical else np.arange(4**size) for size in k]
    ends = np.cumsum([fold.max() + 1 for fold in folds])
    found = np.zeros((len(texts), ends[-1]), np.float32)
    for start in range(0, len(texts), _TOGETHER):
        rows = slice(start, start + _TOGETHER)
        bases = _joined(texts[rows])
        for size, fold, end in zip(k, folds, ends, strict=True):
            width = fold.max() + 1
            found[rows, end - width : end] = _shares(*bases, size, fold)
    return found


def kmer_names(k: Sequence[int], *, canonical: bool = False) -> tuple[str, ...]:
    """Return the columns of `kmer_frequencies`, alphabetical within each length.

    Examples
    --------
    >>> kmer_names([1], canonical=True), len(kmer_names([2], canonical=True))
    (('A', 'C'), 10)
    """
    found = []
    for size in k:
        kept = np.arange(4**size)
        if canonical:
            kept = np.unique(_fold(size), return_index=True)[1]
        digits = kept[:, None] // 4 ** np.arange(size)[::-1] % 4
        found += ["".join(BASES[digit] for digit in row) for row in digits]
    return tuple(found)


def _joined(
    texts: Sequence[str],
) -> tuple[Int64[np.ndarray, " letters"], Int64[np.ndarray, " letters"], int]:
    """Return all texts as one, 0 to 3 and 4 after each, and whose letter each is."""
    gap = np.array([N_TOKEN])
    parts = [part for text in texts for part in (tokenize(text), gap)]
    bases = np.concatenate(parts) - BASE_TOKENS[0]
    owners = np.repeat(np.arange(len(texts)), [len(text) + 1 for text in texts])
    return bases, owners, len(texts)


def _shares(
    bases: Int64[np.ndarray, " letters"],
    owners: Int64[np.ndarray, " letters"],
    rows: int,
    size: int,
    fold: Int64[np.ndarray, " kmers"],
) -> Float64[np.ndarray, "rows columns"]:
    """Return the share of each k-mer of one length, by row."""
    count = max(0, len(bases) - size + 1)
    number, whole = np.zeros(count, np.int64), np.ones(count, bool)
    for shift in range(size):
        letter = bases[shift : shift + count]
        number = 4 * number + letter
        whole &= letter < len(BASES)
    width = int(fold.max()) + 1
    place = owners[:count][whole] * width + fold[number[whole]]
    counts = np.bincount(place, minlength=rows * width).reshape(rows, width)
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)


def _fold(size: int) -> Int64[np.ndarray, " kmers"]:
    """Return the column of each k-mer if it shares one with its reverse complement."""
    own = np.arange(4**size)
    digits = own[:, None] // 4 ** np.arange(size) % 4  # the last base first
    other = (3 - digits) @ 4 ** np.arange(size)[::-1]
    return np.unique(np.minimum(own, other), return_inverse=True)[1]
