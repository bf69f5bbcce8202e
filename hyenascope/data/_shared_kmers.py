"""Which sequence of one set shares most k-mers with each sequence of another.

A k-mer and its reverse complement are one (the smaller code of the two), each counts
once per sequence, and those that hold anything but A, C, G or T count not at all. All
pairs that reach the threshold are found, none by chance: to share s of its n k-mers
with a sequence, a query must share at least one of any n − s + 1 of them with it, and
the rarest name the fewest candidates. What they name is then counted in full.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64, UInt64

_CODES = np.full(256, 4, dtype=np.uint8)
for _code, _letter in enumerate(b"ACGT"):
    _CODES[_letter] = _code
_LETTERS = 1 << 22  # letters in one go: about 100 MB at the peak
_PAIRS = 1 << 22  # candidate pairs in one go
_RARE = (
    32  # k-mers of no more sequences always name candidates: more of them, fewer pairs
)
LONGEST = 20
"""With the number of a sequence behind it, a k-mer must fit 64 bits."""

Numbers = Int64[np.ndarray, "_"]
Codes = UInt64[np.ndarray, "_"]
Flags = Bool[np.ndarray, "_"]


@dataclass(frozen=True)
class BestMatches:
    """Of each query, the sequence that shares most of its k-mers.

    Parameters
    ----------
    rows
        Number of that sequence, the first of several; −1 where none reaches the
        threshold.
    shares
        Share of the query's k-mers that it holds, 0 where none does.
    """

    rows: Int64[np.ndarray, " sequences"]
    shares: Float64[np.ndarray, " sequences"]


def best_matches(
    queries: Sequence[str], references: Sequence[str], *, k: int, least: float
) -> BestMatches:
    """Find for every query the reference that holds most of its k-mers.

    Parameters
    ----------
    queries, references
        DNA in upper case.
    k
        Length of a k-mer, at most `LONGEST`.
    least
        Share of a query's k-mers that must be found in one reference, above 0.

    Examples
    --------
    >>> found = best_matches(["AACGTC", "GACGTT"], ["TTTTTT", "AACGTT"], k=4, least=0.5)
    >>> found.rows.tolist(), found.shares.tolist()
    ([1, 1], [0.66..., 0.66...])
    """
    bits = max(1, len(references).bit_length())
    postings = _entries(references, k, bits, code_first=True)
    codes = postings >> np.uint64(bits)
    starts = (
        np.flatnonzero(np.r_[True, codes[1:] != codes[:-1]]) if len(codes) else codes
    )
    index = _Index(
        postings, codes[starts.astype(np.int64)], starts.astype(np.int64), bits
    )
    rows = np.full(len(queries), -1, dtype=np.int64)
    shares = np.zeros(len(queries))
    entries = _entries(queries, k, 2 * k, code_first=False)
    owners = (entries >> np.uint64(2 * k)).astype(np.int64)
    kmers = entries & np.uint64((1 << 2 * k) - 1)
    for chosen, row, share in _matched(owners, kmers, index, least):
        rows[chosen], shares[chosen] = row, share
    return BestMatches(rows, shares)


@dataclass(frozen=True)
class _Index:
    """Sorted (k-mer, sequence) entries, and where each k-mer begins."""

    postings: Codes
    codes: Codes
    starts: Numbers
    bits: int

    def spans(self, kmers: Codes) -> tuple[Numbers, Numbers]:
        """Return where the entries of each k-mer begin, and how many there are."""
        if not len(self.codes):
            return np.zeros(len(kmers), np.int64), np.zeros(len(kmers), np.int64)
        at = _places(self.codes, kmers)
        ends = np.r_[self.starts[1:], len(self.postings)]
        sizes = np.where(self.codes[at] == kmers, ends[at] - self.starts[at], 0)
        return self.starts[at], sizes

    def has(self, kmers: Codes, rows: Numbers) -> Flags:
        """Whether the sequences hold the k-mers."""
        wanted = (kmers << np.uint64(self.bits)) | rows.astype(np.uint64)
        at = _places(self.postings, wanted)
        return self.postings[at] == wanted


def _places(entries: Codes, wanted: Codes) -> Numbers:
    """Return where each wanted code is in sorted entries, if it is there at all."""
    order = np.argsort(wanted)  # in order, the search stays in the cache
    found = np.empty(len(wanted), dtype=np.int64)
    found[order] = np.searchsorted(entries, wanted[order])
    return np.minimum(found, len(entries) - 1)


def _matched(
    owners: Numbers, kmers: Codes, index: _Index, least: float
) -> Iterator[tuple[Numbers, Numbers, Float64[np.ndarray, "_"]]]:
    """Yield queries, their best reference and its share, some queries at a time."""
    starts, sizes = index.spans(kmers)
    order = np.lexsort((sizes, owners))
    kmers, starts, sizes = kmers[order], starts[order], sizes[order]
    queries, first, counts = np.unique(owners, return_index=True, return_counts=True)
    needed = np.maximum(1, np.ceil(least * counts - 1e-9).astype(np.int64))
    rank = np.arange(len(owners)) - np.repeat(first, counts)
    rare = np.add.reduceat(sizes <= _RARE, first) if len(first) else first
    naming = np.maximum(counts - needed + 1, rare)
    names = rank < np.repeat(naming, counts)
    work = np.add.reduceat(np.where(names, sizes, 0), first) if len(first) else first
    for begin, end in _batches(work):
        span = slice(first[begin], first[end - 1] + counts[end - 1])
        owner = np.repeat(np.arange(end - begin), counts[begin:end])
        ask, rows = _expand(owner, names[span], starts[span], sizes[span], index)
        pairs, hits = np.unique((ask << index.bits) | rows, return_counts=True)
        ask, rows = pairs >> index.bits, pairs & ((1 << index.bits) - 1)
        # The k-mers that name nothing could all be shared, and no more than those.
        enough = hits + (counts - naming)[begin:end][ask] >= needed[begin:end][ask]
        ask, rows, hits = ask[enough], rows[enough], hits[enough]
        hits = hits + _unnamed(
            ask + begin, rows, kmers, first + naming, first + counts, index
        )
        keep = hits >= needed[begin:end][ask]
        ask, rows, hits = ask[keep], rows[keep], hits[keep]
        best = np.lexsort((rows, -hits, ask))
        ask, top = np.unique(ask[best], return_index=True)
        chosen = best[top]
        at = ask + begin
        yield queries[at], rows[chosen], hits[chosen] / counts[at]


def _batches(work: Numbers) -> Iterator[tuple[int, int]]:
    """Split queries so that each batch has a bounded number of pairs, or one query."""
    begin = 0
    total = np.cumsum(work)
    while begin < len(work):
        before = total[begin - 1] if begin else 0
        end = int(np.searchsorted(total, before + _PAIRS, side="right"))
        end = max(end, begin + 1)
        yield begin, end
        begin = end


def _expand(
    owner: Numbers,
    names: Flags,
    starts: Numbers,
    sizes: Numbers,
    index: _Index,
) -> tuple[Numbers, Numbers]:
    """Return a pair of query and reference for each entry of the naming k-mers."""
    owner, starts, sizes = owner[names], starts[names], sizes[names]
    rows = index.postings[_ranges(starts, sizes)] & np.uint64((1 << index.bits) - 1)
    return np.repeat(owner, sizes), rows.astype(np.int64)


def _unnamed(
    ask: Numbers,
    rows: Numbers,
    kmers: Codes,
    begin: Numbers,
    end: Numbers,
    index: _Index,
) -> Numbers:
    """Count, of each pair, the shared k-mers among those that named nothing."""
    counted = np.zeros(len(ask), dtype=np.int64)
    sizes = (end - begin)[ask]
    for low, high in _batches(sizes):
        size = sizes[low:high]
        at = _ranges(begin[ask[low:high]], size)
        shared = index.has(kmers[at], np.repeat(rows[low:high], size))
        pair = np.repeat(np.arange(high - low), size)
        counted[low:high] = np.bincount(pair[shared], minlength=high - low)
    return counted


def _ranges(starts: Numbers, sizes: Numbers) -> Numbers:
    """Return the numbers from each start on, as many as its size, one after another."""
    shift = np.repeat(starts - np.cumsum(sizes) + sizes, sizes)
    return np.arange(int(sizes.sum())) + shift


def _entries(texts: Sequence[str], k: int, bits: int, *, code_first: bool) -> Codes:
    """Return each different k-mer of each sequence, joined to its number, sorted."""
    found = [np.empty(0, dtype=np.uint64)]
    begin = 0
    while begin < len(texts):
        end, letters = begin, 0
        while end < len(texts) and (end == begin or letters < _LETTERS):
            letters += len(texts[end]) + 1
            end += 1
        rows, codes = _kmers(texts[begin:end], k)
        rows = rows + np.uint64(begin)
        joined = (codes << np.uint64(bits)) | rows
        if not code_first:
            joined = (rows << np.uint64(bits)) | codes
        found.append(joined)
        begin = end
    joined = np.concatenate(found)
    joined.sort()  # np.unique hashes whole numbers, ten times slower on these
    return joined[np.r_[True, joined[1:] != joined[:-1]]] if len(joined) else joined


def _kmers(texts: Sequence[str], k: int) -> tuple[Codes, Codes]:
    """Return the sequence and canonical code of every k-mer of A, C, G and T."""
    letters = _CODES[np.frombuffer("\n".join(texts).encode(), dtype=np.uint8)]
    count = len(letters) - k + 1
    if count < 1:
        return np.empty(0, np.uint64), np.empty(0, np.uint64)
    ambiguous = np.r_[0, np.cumsum(letters > 3)]
    known = ambiguous[k:] == ambiguous[:-k]
    codes = np.minimum(*_both_strands((letters & 3).astype(np.uint64), k))
    lengths = np.array([len(text) + 1 for text in texts])
    rows = np.repeat(np.arange(len(texts), dtype=np.uint64), lengths)[:count]
    return rows[known], codes[known]


def _both_strands(letters: Codes, k: int) -> tuple[Codes, Codes]:
    """Return the code of every k-mer and of its reverse complement.

    Two neighbours of length n make one of length 2 n, so that few passes are needed.
    """
    forward, reverse, size = letters, np.uint64(3) - letters, 1
    for bit in f"{k:b}"[1:]:
        shift = np.uint64(2 * size)
        forward = (forward[:-size] << shift) | forward[size:]
        reverse = reverse[:-size] | (reverse[size:] << shift)
        size *= 2
        if bit == "1":
            shift = np.uint64(2 * size)
            forward = (forward[:-1] << np.uint64(2)) | letters[size:]
            reverse = reverse[:-1] | ((np.uint64(3) - letters[size:]) << shift)
            size += 1
    return forward, reverse
