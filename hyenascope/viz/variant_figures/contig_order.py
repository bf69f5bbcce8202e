"""Contigs in the order people expect, laid end to end."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from jaxtyping import Float64, Int64

from hyenascope.data.contigs import ContigNames, contig_key

_LETTERS = {"X": 0, "Y": 1, "Z": 2, "W": 3, "MT": 4}
_ROMAN = {"I": 1, "V": 5, "X": 10, "L": 50}


def natural_order(names: Iterable[str]) -> list[str]:
    """Sort contigs: numbers by size, then X, Y, Z, W, M, then all others by name.

    Roman numerals count as numbers where a II stands among the names.

    Examples
    --------
    >>> natural_order(["chrM", "chr10", "chrX", "chr2", "chr1", "chrUn_7"])
    ['chr1', 'chr2', 'chr10', 'chrX', 'chrM', 'chrUn_7']
    >>> natural_order(["chrX", "chrIX", "chrV", "chrII"])
    ['chrII', 'chrV', 'chrIX', 'chrX']
    """
    known = list(dict.fromkeys(names))
    roman = "II" in {contig_key(name) for name in known}
    return sorted(known, key=lambda name: (*_rank(contig_key(name), roman), name))


def _rank(key: str, roman: bool) -> tuple[int, int, tuple[tuple[int, str], ...]]:
    if key.isdecimal():
        return 0, int(key), ()
    if roman and re.fullmatch("[IVXL]+", key):
        return 0, _number(key), ()
    if key in _LETTERS:
        return 1, _LETTERS[key], ()
    parts = re.findall(r"\d+|\D+", key)
    return 2, 0, tuple((int(p), "") if p.isdecimal() else (-1, p) for p in parts)


def _number(roman: str) -> int:
    values = [_ROMAN[letter] for letter in roman]
    following = [*values[1:], 0]
    pairs = zip(values, following, strict=True)
    return sum(-value if value < after else value for value, after in pairs)


@dataclass(frozen=True, eq=False)
class LaidOut:
    """Contigs end to end.

    Parameters
    ----------
    names
        In order.
    lengths
        Bases of each.
    gap
        Bases of empty paper after each.
    """

    names: tuple[str, ...]
    lengths: Int64[np.ndarray, " contigs"]
    gap: int

    @property
    def offsets(self) -> Int64[np.ndarray, " contigs"]:
        """Where each contig starts: what is added to a 1-based position."""
        ends = np.cumsum(self.lengths + self.gap)
        return np.asarray(ends - self.lengths - self.gap)

    @property
    def total(self) -> int:
        """Length of the axis, without a gap after the last contig."""
        return int(self.lengths.sum()) + self.gap * (len(self.names) - 1)

    @property
    def centres(self) -> Float64[np.ndarray, " contigs"]:
        """Where the name of each contig stands."""
        return self.offsets + (self.lengths + 1) / 2


def lay_out(
    chrom: "pd.Series[str]",
    pos: Int64[np.ndarray, " variants"],
    lengths: Mapping[str, int] | None,
) -> tuple[LaidOut, Int64[np.ndarray, " variants"]]:
    """Lay the contigs that hold variants end to end; return which holds each variant.

    Spellings of one contig (``chr1``, ``1``) are one. Without ``lengths`` a contig
    ends with its last variant.

    Raises
    ------
    ValueError
        If ``lengths`` has no such contig, or ends before a position.

    Examples
    --------
    >>> chrom, pos = pd.Series(["chr2", "chr1", "2"]), np.array([5, 10, 7])
    >>> layout, contig = lay_out(chrom, pos, None)
    >>> layout.names, layout.lengths, contig
    (('chr1', 'chr2'), array([10,  7]), array([1, 0, 1]))
    """
    spelled, names = pd.factorize(chrom)
    keys = [contig_key(str(name)) for name in names]
    first = {key: str(name) for key, name in reversed(list(zip(keys, names)))}  # noqa: B905
    order = natural_order(first.values())
    place = {contig_key(name): number for number, name in enumerate(order)}
    contig = np.array([place[key] for key in keys], dtype=np.int64)[spelled]
    ends = np.zeros(len(order), dtype=np.int64)
    np.maximum.at(ends, contig, pos)
    if lengths is not None:
        ends = _checked(order, ends, lengths)
    gap = int(ends.sum() * min(0.006, 0.1 / len(order)))
    return LaidOut(tuple(order), ends, gap), contig


def _checked(
    order: list[str], ends: Int64[np.ndarray, " contigs"], lengths: Mapping[str, int]
) -> Int64[np.ndarray, " contigs"]:
    known = ContigNames(lengths, source="lengths")
    found = np.array([lengths[known.resolve(name)] for name in order], dtype=np.int64)
    for name, length, end in zip(order, found, ends, strict=True):
        if end > length:
            raise ValueError(
                f"lengths must reach every position, of one assembly; got {name} of "
                f"{length:,} bp and a variant at {end:,}."
            )
    return found
