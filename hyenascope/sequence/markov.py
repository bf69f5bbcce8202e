"""An interpolated order-k Markov model of DNA: the baseline every score stands beside.

A small language model of DNA has to be read against what counting short words
already gives. This counts them, for every order up to k, and mixes each order
with the one below:

``p_k(b | c) = (n(cb) + a_k p_{k−1}(b | c')) / (n(c) + a_k)``

where ``n`` are counts in the training sequences, ``c'`` is the context ``c`` less its
leftmost base, and ``p_{−1}`` is uniform. This is Dirichlet smoothing with the lower
order as its mean (MacKay and Peto 1995, A hierarchical Dirichlet language model):
a context seen ``a_k`` times is trusted as much as the shorter one.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float32, Float64, Int, Int8, Int32

from hyenascope.sequence.tokenizer import BASE_TOKENS, tokenize

MAX_ORDER = 13

_N = 4  # the code of N and of every other ambiguous letter; bases are 0 to 3


@dataclass(frozen=True, eq=False)
class MarkovModel:
    """p(base | the k bases to its left), smoothed by every lower order.

    Make one with `MarkovModel.fit`. ``tables[j]`` holds log-probabilities of order
    ``j`` in nats; the row is the context read in base 4 (A 0, C 1, G 2, T 3, leftmost
    base first). The tables of order 12 take 360 MB, those of order 8 1.4 MB.

    Examples
    --------
    >>> model = MarkovModel.fit(["ACACACAC"], order=1, concentration=1e-9)
    >>> np.exp(model.log_probs("CACG")).round(3)
    array([0.25, 1.  , 1.  , 0.  ])
    """

    tables: tuple[Float32[np.ndarray, "_ 4"], ...]

    @property
    def order(self) -> int:
        """How many bases to the left are looked at."""
        return len(self.tables) - 1

    @classmethod
    def fit(
        cls,
        sequences: Iterable[str],
        order: int,
        *,
        both_strands: bool = True,
        concentration: float | None = None,
    ) -> "MarkovModel":
        """Count words and smooth them.

        Parameters
        ----------
        sequences
            DNA in either case. N and other ambiguity codes end a word.
        order
            Bases of context, 0 to 13. Memory grows as ``4 ** order``.
        both_strands
            Count each sequence and its reverse complement, so that a strand and the
            other have the same law.
        concentration
            ``a_k`` of the formula for every order, in bases. By default 100, and 50
            from order 11 on, where most contexts are seen less than a few times.

        Raises
        ------
        ValueError
            If ``order`` or ``concentration`` is out of range, or a sequence is not DNA.

        Examples
        --------
        >>> MarkovModel.fit(["GATTACA" * 20], order=2).tables[2].shape
        (16, 4)
        """
        if not 0 <= order <= MAX_ORDER:
            raise ValueError(f"order must be 0 to {MAX_ORDER}; got {order}.")
        if concentration is not None and not concentration > 0:
            raise ValueError(f"concentration must be positive; got {concentration}.")
        counts = _count_words(sequences, order, both_strands)
        below = np.full((1, 4), 0.25, np.float32)
        for k, table in enumerate(counts):
            _smooth(table, below, concentration or _concentration(k))
            below = table
        for table in counts:
            np.log(table, out=table)
        return cls(tuple(counts))

    def log_probs(self, seq: str) -> Float64[np.ndarray, " length"]:
        """Return log p of each base given the up to k bases to its left, in nats.

        Near the start, and after an N, the highest order whose context is complete
        is used. NaN where the base is itself N or another ambiguity code.

        Raises
        ------
        ValueError
            If ``seq`` holds anything but IUPAC letters of DNA.

        Examples
        --------
        >>> model = MarkovModel.fit(["ACGT"], order=2)
        >>> np.isnan(model.log_probs("ACNT"))
        array([False, False,  True, False])
        """
        codes = _encode(seq)
        words, run = _words(codes, self.order), _run_lengths(codes)
        result = np.full(len(codes), np.nan)
        order = np.minimum(run - 1, self.order)
        for k in np.unique(order[run > 0]):
            at = order == k
            result[at] = self.tables[k].reshape(-1)[words[at] & (4 ** (k + 1) - 1)]
        return result

    def log_likelihood(self, seq: str) -> float:
        """Return the sum of `log_probs` in nats, leaving out N.

        Examples
        --------
        >>> model = MarkovModel.fit(["ACGT"], order=0)
        >>> round(model.log_likelihood("ANA"), 4)  # 2 log 0.25
        -2.7726
        """
        return float(np.nansum(self.log_probs(seq)))

    def mean_nats(self, sequences: Iterable[str]) -> float:
        """Return −log p per base, N left out, over all sequences together.

        ``log 4`` = 1.386 is a uniform guess. NaN if there is no base at all.

        Examples
        --------
        >>> round(MarkovModel.fit(["ACGT"], order=0).mean_nats(["AC", "GT"]), 3)
        1.386
        """
        total, bases = 0.0, 0
        for seq in sequences:
            log_probs = self.log_probs(seq)
            total += float(np.nansum(log_probs))
            bases += int(np.count_nonzero(~np.isnan(log_probs)))
        return -total / bases if bases else float("nan")

    def log_ratio(self, left: str, ref: str, alt: str, right: str) -> float:
        """Return log p(alternate) − log p(reference) in its context, in nats.

        Counts the bases of the allele and the k bases after it, whose context it
        is. N in the flanks gives lower orders; N in an allele gives NaN.

        Parameters
        ----------
        left, right
            Bases before and after the allele on the same strand; k of each are used
            and fewer are allowed.
        ref, alt
            Alleles of any length; unequal lengths compare sums of unequal length.

        Examples
        --------
        >>> model = MarkovModel.fit(["ACACACAC" * 50], order=1)
        >>> model.log_ratio("CA", "C", "G", "AC") < 0
        True
        """
        left = left[max(len(left) - self.order, 0) :]
        right = right[: self.order]
        return self._allele(left, alt, right) - self._allele(left, ref, right)

    def _allele(self, left: str, allele: str, right: str) -> float:
        log_probs = self.log_probs(left + allele + right)[len(left) :]
        return float(log_probs[: len(allele)].sum()) + float(
            np.nansum(log_probs[len(allele) :])
        )


def _concentration(order: int) -> float:
    return 100.0 if order <= 10 else 50.0


def _smooth(
    table: Float32[np.ndarray, "contexts 4"],
    below: Float32[np.ndarray, "shorter 4"],
    concentration: float,
) -> None:
    """Turn counts into probabilities in place: at order 12 a copy is 268 MB."""
    seen = table.sum(1, keepdims=True)
    by_leftmost = table.reshape(-1, *below.shape)
    by_leftmost += np.float32(concentration) * below
    table /= seen + np.float32(concentration)


def _count_words(
    sequences: Iterable[str], order: int, both_strands: bool
) -> list[Float32[np.ndarray, "_ 4"]]:
    """Count the words of length 1 to ``order + 1``, by length.

    The longest words are counted; each shorter word is the tail of a longer one,
    unless it begins a sequence or follows an N. Float32 counts are exact to 2²⁴.
    """
    counts = [np.zeros(4 ** (k + 1), np.float32) for k in range(order + 1)]
    for seq in sequences:
        codes = _encode(seq)
        _count_one(counts, codes)
        if both_strands:
            _count_one(counts, np.where(codes == _N, codes, 3 - codes)[::-1])
    for k in range(order, 0, -1):
        counts[k - 1] += counts[k].reshape(4, -1).sum(0)
    return [table.reshape(-1, 4) for table in counts]


def _count_one(
    counts: list[Float32[np.ndarray, " _"]], codes: Int8[np.ndarray, " length"]
) -> None:
    order = len(counts) - 1
    words, run = _words(codes, order), _run_lengths(codes)
    for k, table in enumerate(counts):
        ends_here = run > order if k == order else run == k + 1
        found, times = np.unique(
            words[ends_here] & (4 ** (k + 1) - 1), return_counts=True
        )
        table[found] += times


def _encode(seq: str) -> Int8[np.ndarray, " length"]:
    return (tokenize(seq) - BASE_TOKENS[0]).astype(np.int8)


def _words(
    codes: Int8[np.ndarray, " length"], order: int
) -> Int32[np.ndarray, " length"]:
    """Read the ``order + 1`` bases that end at each position in base 4.

    What lies off the sequence, and N, is read as A: the caller asks `_run_lengths`
    how many of the digits are real.
    """
    bases = np.concatenate([np.zeros(order, np.int32), codes % _N])
    words = np.zeros(len(codes), np.int32)
    for i in range(order + 1):
        words <<= 2
        words += bases[i : i + len(codes)]
    return words


def _run_lengths(codes: Int8[np.ndarray, " length"]) -> Int[np.ndarray, " length"]:
    """How many bases without an N end at each position, this one included."""
    position = np.arange(len(codes), dtype=np.int32)
    last_n = np.maximum.accumulate(np.where(codes == _N, position, np.int32(-1)))
    return position - last_n
