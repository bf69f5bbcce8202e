"""One look at all the bases of a genome: where N and lower case lie, and digests.

Whoever samples windows needs to know in advance which of them hold too little DNA, and
a checkpoint needs to know which text it was trained on. Both come from one pass that
holds a few million bases at a time.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
from jaxtyping import Bool, Int64
from tqdm.auto import tqdm

from hyenascope.sequence.dna import IUPAC

_PIECE = 4_000_000  # bases read at a time


@runtime_checkable
class Texts(Protocol):
    """What is surveyed: a `FastaReader` with ``keep_case``, or `TextGenome`."""

    contigs: dict[str, int]

    def fetch_region(self, chrom: str, start: int, end: int) -> str:
        """Return the bases of ``[start, end)``, 0-based."""
        ...


class TextGenome:
    """Contigs in memory, read as a `FastaReader` is.

    Parameters
    ----------
    texts
        Contig name to bases, in either case.

    Examples
    --------
    >>> TextGenome({"I": "ACGTac"}).fetch_region("I", 2, 6)
    'GTac'
    """

    contigs: dict[str, int]

    def __init__(self, texts: Mapping[str, str]) -> None:
        self._texts = dict(texts)
        self.contigs = {name: len(text) for name, text in self._texts.items()}

    def fetch_region(self, chrom: str, start: int, end: int) -> str:
        """Return the bases of ``[start, end)``, 0-based, inside the contig."""
        return self._texts[chrom][start:end]


@dataclass(frozen=True, eq=False)
class Runs:
    """Stretches of a contig, 0-based half-open, sorted and apart from each other.

    Examples
    --------
    >>> runs = Runs.of(np.array([True, True, False, True]))
    >>> runs.starts, runs.ends
    (array([0, 3]), array([2, 4]))
    """

    starts: Int64[np.ndarray, " runs"]
    ends: Int64[np.ndarray, " runs"]

    @classmethod
    def of(cls, inside: Bool[np.ndarray, " length"]) -> "Runs":
        """Find the stretches where ``inside`` is True."""
        edges = np.diff(inside.astype(np.int8), prepend=0, append=0)
        return cls(np.flatnonzero(edges == 1), np.flatnonzero(edges == -1))

    @classmethod
    def joined(cls, pieces: list[tuple[int, "Runs"]]) -> "Runs":
        """Put the runs of adjoining pieces together; each comes with its start."""
        starts = np.concatenate([at + runs.starts for at, runs in pieces])
        ends = np.concatenate([at + runs.ends for at, runs in pieces])
        apart = starts[1:] != ends[:-1]
        return cls(
            starts[np.append(True, apart)] if len(starts) else starts,
            ends[np.append(apart, True)] if len(ends) else ends,
        )

    @property
    def bases(self) -> int:
        """How many bases lie in a run."""
        return int((self.ends - self.starts).sum())

    def covered(
        self, starts: Int64[np.ndarray, " windows"], ends: Int64[np.ndarray, " windows"]
    ) -> Int64[np.ndarray, " windows"]:
        """Count how many bases of each window ``[start, end)`` lie in a run.

        Examples
        --------
        >>> runs = Runs(np.array([2, 8]), np.array([4, 10]))
        >>> runs.covered(np.array([0, 3]), np.array([9, 20]))
        array([3, 3])
        """
        return self._before(ends) - self._before(starts)

    def _before(
        self, places: Int64[np.ndarray, " windows"]
    ) -> Int64[np.ndarray, " windows"]:
        index = np.searchsorted(self.starts, places, side="right")
        last = np.maximum(index - 1, 0)
        if not len(self.starts):
            return np.zeros(len(places), np.int64)
        beyond = np.clip(self.ends[last] - places, 0, None)
        return np.where(index > 0, self._sizes[index] - beyond, 0)

    @cached_property
    def _sizes(self) -> Int64[np.ndarray, " before"]:
        return np.concatenate([[0], np.cumsum(self.ends - self.starts)])


@dataclass(frozen=True, eq=False)
class GenomeSurvey:
    """Where the bases of a genome are unknown or soft-masked.

    Parameters
    ----------
    contigs
        Length in bases of every contig.
    unknown
        By contig, runs of N and other letters that are not A, C, G, T.
    soft
        By contig, runs of lower case.
    digests
        By contig, SHA-256 of its upper-case text, in hexadecimal: the same for plain
        and bgzip, masked and unmasked copies of a genome.
    """

    contigs: dict[str, int]
    unknown: dict[str, Runs]
    soft: dict[str, Runs]
    digests: dict[str, str]

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the names and digests of all contigs, in hexadecimal."""
        lines = (f"{name}\t{digest}\n" for name, digest in self.digests.items())
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @property
    def soft_digest(self) -> str:
        """SHA-256 of where lower case lies, in hexadecimal."""
        digest = hashlib.sha256()
        for name, runs in self.soft.items():
            digest.update(f">{name}\n".encode())
            digest.update(np.stack([runs.starts, runs.ends]).astype("<i8").tobytes())
        return digest.hexdigest()


def survey(genome: Texts, *, source: str, progress: bool = False) -> GenomeSurvey:
    """Read a genome once.

    Parameters
    ----------
    genome
        Contigs in either case.
    source
        What errors call it: a file name.
    progress
        Show a bar; a human genome takes minutes.

    Raises
    ------
    ValueError
        If a contig holds a letter that is not IUPAC's, naming place and letter.

    Examples
    --------
    >>> found = survey(TextGenome({"I": "ACNNgt"}), source="tiny")
    >>> found.unknown["I"].starts, found.soft["I"].ends
    (array([2]), array([6]))
    """
    unknown, soft, digests = {}, {}, {}
    total = sum(genome.contigs.values())
    with tqdm(
        total=total, unit="bp", unit_scale=True, disable=not progress, desc=source
    ) as bar:
        for name, size in genome.contigs.items():
            digest = hashlib.sha256()
            not_bases: list[tuple[int, Runs]] = []
            lower: list[tuple[int, Runs]] = []
            for start, codes in _pieces(genome, name, size):
                kinds = _KINDS[codes]
                _check(kinds, codes, f"{source}, {name}", start)
                not_bases.append((start, Runs.of((kinds & _UNKNOWN) > 0)))
                lower.append((start, Runs.of((kinds & _LOWER) > 0)))
                digest.update(_UPPER[codes].tobytes())
                bar.update(len(codes))
            unknown[name], soft[name] = Runs.joined(not_bases), Runs.joined(lower)
            digests[name] = digest.hexdigest()
    return GenomeSurvey(dict(genome.contigs), unknown, soft, digests)


def _pieces(genome: Texts, name: str, size: int) -> Iterator[tuple[int, np.ndarray]]:
    for start in range(0, max(size, 1), _PIECE):
        text = genome.fetch_region(name, start, min(size, start + _PIECE))
        yield start, np.frombuffer(text.encode("ascii", "replace"), np.uint8)


def _check(kinds: np.ndarray, codes: np.ndarray, where: str, start: int) -> None:
    wrong = kinds & _FOREIGN
    if wrong.any():
        index = int(np.argmax(wrong > 0))
        raise ValueError(
            f"{where} must hold only letters of DNA ({IUPAC}, either case); got "
            f"{chr(codes[index])!r} at position {start + index + 1:,} (1-based)."
        )


_UNKNOWN, _LOWER, _FOREIGN = 1, 2, 4


def _kinds() -> np.ndarray:
    kinds = np.full(256, _FOREIGN, np.uint8)
    for letter in IUPAC:
        unknown = 0 if letter in "ACGT" else _UNKNOWN
        kinds[ord(letter)] = unknown
        kinds[ord(letter.lower())] = unknown | _LOWER
    return kinds


_KINDS = _kinds()
_UPPER = np.arange(256, dtype=np.uint8)
_UPPER[ord("a") : ord("z") + 1] -= 32
