"""Example variants of a synthetic genome, drawn evenly from its kinds of region."""

from collections.abc import Callable, Mapping
from itertools import cycle, islice

import numpy as np
from jaxtyping import Int

from hyenascope.data.genome_layout import REGIONS, Layout
from hyenascope.data.variant import Variant
from hyenascope.sequence.dna import BASES

Site = tuple[Variant, ...]
"""The alleles of one VCF record, all at one position."""

_SPACING = 12
_MARGIN = 30
_ATTEMPTS = 100


def draw_variants(
    sequences: Mapping[str, str],
    layouts: Mapping[str, Layout],
    *,
    count: int,
    generator: np.random.Generator,
) -> tuple[Site, ...]:
    """Return up to ``count`` sites in genome order, with IDs ``syn0001`` onwards.

    Six sites show the other kinds: a multi-allelic SNV in a promoter, an MNV and a
    one-base and a three-base deletion in coding sequence, and an insertion and a
    deletion in the background, all left-aligned. The rest are SNVs, an equal number
    from every kind of region that the genome has. No two lie within 12 bp, which in
    a small genome may leave fewer than asked for.

    Raises
    ------
    ValueError
        If ``count`` is negative.

    Examples
    --------
    >>> from hyenascope.data.genome_layout import draw_layout
    >>> from hyenascope.data.grammar import Grammar
    >>> generator = np.random.default_rng(0)
    >>> layouts = {"chrA": draw_layout(Grammar.default(), 100, generator)}
    >>> texts = {"chrA": "ACGT" * 25}
    >>> sites = draw_variants(texts, layouts, count=7, generator=generator)
    >>> sorted(allele.kind for site in sites for allele in site)
    ['deletion', 'insertion', 'snv']
    """
    if count < 0:
        raise ValueError(f"count must not be negative; got {count}.")
    sites = _Sites(sequences, layouts, generator)
    for region, make in _SPECIAL[:count]:
        sites.add(region, make)
    present = [region for region in REGIONS if len(sites.positions(region))]
    for region in islice(cycle(present), max(count - len(_SPECIAL), 0)):
        sites.add(region, _snv)
    return sites.named()


class _Sites:
    """Sites chosen so far; positions run over all contigs end to end."""

    def __init__(
        self,
        sequences: Mapping[str, str],
        layouts: Mapping[str, Layout],
        generator: np.random.Generator,
    ) -> None:
        self._sequences, self._generator = sequences, generator
        self._chroms = list(sequences)
        self._starts = np.cumsum([0, *map(len, sequences.values())])
        self._regions = np.concatenate([layouts[c].region for c in self._chroms])
        self._free = np.ones(len(self._regions), bool)
        for edge in self._starts:
            self._free[max(edge - _MARGIN, 0) : edge + _MARGIN] = False
        self._sites: list[tuple[int, Site]] = []

    def positions(self, region: str) -> Int[np.ndarray, " sites"]:
        return np.flatnonzero((self._regions == REGIONS.index(region)) & self._free)

    def add(self, region: str, make: "_Make") -> None:
        """Put one site made by ``make`` on a random free base of ``region``."""
        positions = self.positions(region)
        if not len(positions):
            return
        at = int(positions[int(self._generator.random() * len(positions))])
        rank = int(np.searchsorted(self._starts, at, side="right")) - 1
        chrom, start = self._chroms[rank], at - int(self._starts[rank])
        site = make(chrom, start, self._sequences[chrom], self._generator)
        self._sites.append((rank, site))
        self._free[max(at - _SPACING, 0) : at + _SPACING + 1] = False

    def named(self) -> tuple[Site, ...]:
        ordered = sorted(self._sites, key=lambda ranked: (ranked[0], ranked[1][0].pos))
        return tuple(
            tuple(
                Variant(allele.chrom, allele.pos, allele.ref, allele.alt, f"syn{i:04d}")
                for allele in site
            )
            for i, (_, site) in enumerate(ordered, start=1)
        )


_Make = Callable[[str, int, str, np.random.Generator], Site]


def _other_bases(ref: str, generator: np.random.Generator) -> list[str]:
    """Return the three other bases in random order."""
    others = [base for base in BASES if base != ref]
    return sorted(others, key=lambda _: generator.random())


def _snv(chrom: str, start: int, text: str, generator: np.random.Generator) -> Site:
    ref = text[start]
    return (Variant(chrom, start + 1, ref, _other_bases(ref, generator)[0]),)


def _two_alleles(
    chrom: str, start: int, text: str, generator: np.random.Generator
) -> Site:
    ref = text[start]
    alts = sorted(_other_bases(ref, generator)[:2])
    return tuple(Variant(chrom, start + 1, ref, alt) for alt in alts)


def _mnv(chrom: str, start: int, text: str, generator: np.random.Generator) -> Site:
    ref = text[start : start + 2]
    alt = "".join(_other_bases(base, generator)[0] for base in ref)
    return (Variant(chrom, start + 1, ref, alt),)


def _insertion(
    chrom: str, start: int, text: str, generator: np.random.Generator
) -> Site:
    inserted = "".join(BASES[int(generator.random() * 4)] for _ in range(4))
    longer = text[start - 1] + inserted
    return (_aligned(Variant(chrom, start, text[start - 1], longer), text),)


def _deletion(bases: int) -> _Make:
    def make(chrom: str, start: int, text: str, generator: np.random.Generator) -> Site:
        del generator  # nothing to choose
        ref = text[start - 1 : start + bases]
        return (_aligned(Variant(chrom, start, ref, ref[0]), text),)

    return make


def _aligned(variant: Variant, text: str) -> Variant:
    return variant.left_align(lambda _, start, end: text[start:end])


_SPECIAL: tuple[tuple[str, _Make], ...] = (
    ("promoter_B", _two_alleles),
    ("cds", _mnv),
    ("cds", _deletion(1)),
    ("cds", _deletion(3)),
    ("background", _insertion),
    ("background", _deletion(2)),
)
