"""Windows of a genome, in an order that depends on a seed and on nothing else.

Every epoch cuts every stretch into windows of one length, beginning at a new random
offset, and reads them in a new random order: all bases are seen, none always at the
same place in its window (the published loader reads the first L bases of an interval
and never the rest). Window ``i`` of a run is the same whoever asks for it and whatever
was asked before, so any number of workers and devices sees one order, and a run that
was killed goes on where it was. Bases are read from disk when a window is asked for.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Literal

import numpy as np
from jaxtyping import Bool, Int64, UInt32

from hyenascope._choices import check_choice
from hyenascope.data.genome_survey import Runs
from hyenascope.sequence.tokenizer import (
    BASE_TOKENS,
    N_TOKEN,
    reverse_complement_tokens,
    tokenize,
)
from hyenascope.training.genome_data import Genome, GenomeData, Region
from hyenascope.training.leaks import shared_text

LowerCase = Literal["keep", "mask", "skip"]
UnknownBases = Literal["ignore", "target"]
Balance = Literal["bases", "genomes"]


@dataclass(frozen=True)
class WindowRules:
    """What becomes of soft-masked and unknown bases, strands and small genomes.

    Parameters
    ----------
    lower_case
        ``"keep"`` reads lower case as upper case. ``"mask"`` reads it too, but never
        asks the model to predict it. ``"skip"`` draws no window of which more than
        ``max_lower_case`` is lower case.
    max_lower_case
        A fraction of the window, for ``"skip"``.
    unknown
        N and other ambiguous letters are read as the token N. ``"ignore"`` never asks
        for them; ``"target"`` trains the model to predict N, as published.
    max_unknown
        No window is drawn of which a larger fraction is unknown.
    reverse_complement
        Read each window from a strand drawn by a fair coin.
    balance
        ``"bases"``: every stretch is cut end to end, so that all bases are read about
        equally often; one shorter than two windows gives one window per epoch.
        ``"genomes"``: windows come from every genome equally often, however small it
        is.
    """

    lower_case: LowerCase = "keep"
    max_lower_case: float = 0.5
    unknown: UnknownBases = "ignore"
    max_unknown: float = 0.1
    reverse_complement: bool = True
    balance: Balance = "bases"

    def __post_init__(self) -> None:
        check_choice("lower_case", self.lower_case, LowerCase)
        check_choice("unknown", self.unknown, UnknownBases)
        check_choice("balance", self.balance, Balance)
        for name in ("max_lower_case", "max_unknown"):
            if not 0 <= (share := getattr(self, name)) <= 1:
                raise ValueError(f"{name} must be from 0 to 1; got {share}.")


@dataclass(frozen=True)
class Place:
    """Where a window lies: 0-based half-open, and the strand it is read from."""

    region: Region
    reverse: bool
    epoch: int


@dataclass(frozen=True, eq=False)
class Window:
    """What the model reads, and which of it may be asked for.

    Parameters
    ----------
    tokens
        One per base.
    asked
        Whether a base may be a target.
    """

    tokens: Int64[np.ndarray, " length"]
    asked: Bool[np.ndarray, " length"]


class Windows:
    """The endless sequence of windows of some stretches.

    Stretches shorter than a window are widened to both sides, as published; one that
    would then reach into what is held out is left out.

    Parameters
    ----------
    data
        Genomes and their parts.
    length
        Bases per window.
    seed
        Decides offsets, order and strands.
    rules
        What becomes of N, lower case and strands.

    Raises
    ------
    ValueError
        If ``length`` is not positive or no window can be drawn; the message says what
        is in the way.

    Examples
    --------
    >>> from hyenascope.training.open_genomes import open_genomes
    >>> data = open_genomes({"I": "ACGT" * 25}, validation=0.0)
    >>> windows = Windows(data, 20, seed=1)
    >>> windows.per_epoch, len(windows[7].tokens)
    (4, 20)
    """

    def __init__(
        self,
        data: GenomeData,
        length: int,
        *,
        seed: int,
        rules: WindowRules | None = None,
    ) -> None:
        if length < 1:
            raise ValueError(f"length must be at least 1; got {length}.")
        rules = rules or WindowRules()
        self.data, self.length, self.rules = data, length, rules
        regions, self.dropped = _widened(data, length)
        groups = [regions]
        if rules.balance == "genomes":
            numbers = sorted({region.genome for region in data.train})
            groups = [[r for r in regions if r.genome == n] for n in numbers]
        self._streams = [
            _Stream(data, group, length, rules, (seed, number))
            for number, group in enumerate(groups)
        ]
        self._seed = seed
        self._refuse_empty()

    @property
    def per_epoch(self) -> int:
        """How many windows the first epoch has, of all genomes together."""
        return sum(stream.size(0) for stream in self._streams)

    def __getitem__(self, index: int) -> Window:
        """Read window ``index``, counted from 0 over all epochs."""
        place = self.place(index)
        region, rules = place.region, self.rules
        genome = self.data.genomes[region.genome]
        text = genome.texts.fetch_region(region.chrom, region.start, region.end)
        tokens = tokenize(text)
        asked = np.ones(len(tokens), bool)
        if rules.unknown == "ignore":
            asked = (tokens >= BASE_TOKENS[0]) & (tokens < N_TOKEN)
        if rules.lower_case == "mask":
            codes = np.frombuffer(text.encode(), np.uint8)
            asked &= codes < ord("a")
        if place.reverse:
            return Window(reverse_complement_tokens(tokens), asked[::-1].copy())
        return Window(tokens, asked)

    def place(self, index: int) -> Place:
        """Return where window ``index`` lies."""
        many = len(self._streams)
        if many == 1:
            return self._streams[0].place(index)
        # Every genome once per round, in an order of its own.
        rounds, turn = divmod(index, many)
        order = np.random.default_rng([self._seed, 2, rounds]).permutation(many)
        return self._streams[order[turn]].place(rounds)

    def _refuse_empty(self) -> None:
        empty = [n for n, stream in enumerate(self._streams) if not stream.size(0)]
        if not empty:
            return
        regions, where = self.data.train, ""
        if self.rules.balance == "genomes":
            each = sorted({region.genome for region in regions})
            lost = [each[n] for n in empty]
            regions = tuple(region for region in regions if region.genome in lost)
            names = ", ".join(self.data.genomes[number].name for number in lost)
            where = f" of {names}"
        longest = max(region.length for region in regions)
        unusable = sum(self._streams[n].unusable(0) for n in empty)
        raise ValueError(
            f"genomes must hold a window of {self.length:,} bp that can be drawn; got "
            f"{len(regions)} stretches{where}, the longest of {longest:,} bp, and "
            f"{unusable:,} windows with more than {self.rules.max_unknown:.0%} N or "
            "too much lower case."
        )


@dataclass(frozen=True, eq=False)
class _Epoch:
    """One way to cut stretches into windows, and an order of those to be read."""

    first: Int64[np.ndarray, " stretches"]  # number of a stretch's first window
    offsets: Int64[np.ndarray, " stretches"]
    order: UInt32[np.ndarray, " windows"]
    reverse: Bool[np.ndarray, " windows"]
    unusable: int


@dataclass(eq=False)
class _Stream:
    """Epochs of some stretches, one after the other."""

    data: GenomeData
    regions: list[Region]
    length: int
    rules: WindowRules
    seed: tuple[int, int]
    _ends: list[int] = field(default_factory=lambda: [0])  # of epochs, in windows

    def __post_init__(self) -> None:
        self._epoch = lru_cache(maxsize=2)(self._cut)

    def size(self, epoch: int) -> int:
        if not self.regions:
            return 0
        self._reach(epoch)
        return self._ends[epoch + 1] - self._ends[epoch]

    def _reach(self, epoch: int) -> None:
        while len(self._ends) <= epoch + 1:
            cut = self._epoch(len(self._ends) - 1)
            self._ends.append(self._ends[-1] + len(cut.order))

    def unusable(self, epoch: int) -> int:
        return self._epoch(epoch).unusable if self.regions else 0

    def place(self, index: int) -> Place:
        while self._ends[-1] <= index:
            self._reach(len(self._ends) - 1)
        epoch = bisect_right(self._ends, index) - 1
        index -= self._ends[epoch]
        cut = self._epoch(epoch)
        number = int(cut.order[index])
        stretch = int(np.searchsorted(cut.first, number, side="right")) - 1
        region = self.regions[stretch]
        start = region.start + int(cut.offsets[stretch])
        start += (number - int(cut.first[stretch])) * self.length
        window = Region(region.genome, region.chrom, start, start + self.length)
        return Place(window, bool(cut.reverse[index]), epoch)

    def _cut(self, epoch: int) -> _Epoch:
        rng = np.random.default_rng([*self.seed, 1, epoch])
        sizes = np.array([region.length for region in self.regions])
        room = np.minimum(sizes - self.length + 1, self.length)
        offsets = rng.integers(room)
        counts = (sizes - offsets) // self.length
        first = np.concatenate([[0], np.cumsum(counts)[:-1]])
        usable = [
            base + np.flatnonzero(self._usable(region, int(offset), int(count)))
            for region, offset, count, base in zip(
                self.regions, offsets, counts, first, strict=True
            )
        ]
        order = np.concatenate(usable).astype(np.uint32)
        rng.shuffle(order)
        flip = rng.random(len(order), dtype=np.float32) < 0.5
        reverse = flip & self.rules.reverse_complement
        unusable = int(counts.sum()) - len(order)
        return _Epoch(first, offsets, order, reverse, unusable)

    def _usable(
        self, region: Region, offset: int, count: int
    ) -> Bool[np.ndarray, " windows"]:
        starts = region.start + offset + self.length * np.arange(count)
        found = self.data.genomes[region.genome].survey
        usable = self._share(found.unknown[region.chrom], starts) <= (
            self.rules.max_unknown
        )
        if self.rules.lower_case == "skip":
            lower = self._share(found.soft[region.chrom], starts)
            usable &= lower <= self.rules.max_lower_case
        if self.rules.lower_case == "mask":
            usable &= self._share(found.soft[region.chrom], starts) < 1
        return usable

    def _share(self, runs: Runs, starts: np.ndarray) -> np.ndarray:
        return runs.covered(starts, starts + self.length) / self.length


def _widened(data: GenomeData, length: int) -> tuple[list[Region], int]:
    """Return stretches of at least ``length`` bases, and how many cannot be."""
    barred = _HeldOut(data.genomes, (*data.valid, *data.test))
    regions = []
    for region in data.train:
        if region.length >= length:
            regions.append(region)
            continue
        size = data.genomes[region.genome].survey.contigs[region.chrom]
        start = region.start - (length - region.length) // 2
        start = max(0, min(start, size - length))
        wide = Region(region.genome, region.chrom, start, start + length)
        if size >= length and not barred.touches(wide):
            regions.append(wide)
    return regions, len(data.train) - len(regions)


class _HeldOut:
    """Answers whether a stretch reaches into any of those held out.

    Also by another name: contigs of one text are one, as in `refuse_leaks`.
    """

    def __init__(self, genomes: Sequence[Genome], regions: Iterable[Region]) -> None:
        self._genomes = genomes
        by_text: dict[str, list[Region]] = {}
        for region in sorted(regions, key=lambda each: each.start):
            by_text.setdefault(shared_text(genomes, region), []).append(region)
        self._edges = {
            text: (
                np.array([region.start for region in found]),
                np.maximum.accumulate([region.end for region in found]),
            )
            for text, found in by_text.items()
        }

    def touches(self, region: Region) -> bool:
        text = shared_text(self._genomes, region)
        if text not in self._edges:
            return False
        starts, ends = self._edges[text]
        before = np.searchsorted(starts, region.end)
        return bool(before) and bool(ends[before - 1] > region.start)
