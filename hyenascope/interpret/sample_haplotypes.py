"""From genotypes to the distinct haplotypes of each window, and who carries them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from hyenascope.data.fasta import FastaReader
from hyenascope.data.genotypes import Genotype, GenotypedRecord
from hyenascope.data.interval import Interval
from hyenascope.data.variant import Variant
from hyenascope.interpret.haplotype import edit_of, grid_window
from hyenascope.interpret.joint_reading import overlapping
from hyenascope.interpret.variant_checks import CheckedVariant, check_variant
from hyenascope.sequence.dna import BASES

Variants = tuple[Variant, ...]


@dataclass
class Haplotype:
    """Variants of one window on one chromosome copy, and its carriers.

    Parameters
    ----------
    window
        What is read around them, 0-based half-open; None if they lie nowhere.
    variants
        In genome order.
    carriers
        ``sample:1`` and ``sample:2`` for the copies of a phased call, ``sample:?``
        for one of them, it is not known which.
    status, reason
        ``"ok"``, or why it cannot be scored.
    """

    window: Interval | None
    variants: Variants
    carriers: list[str] = field(default_factory=list)
    status: str = "ok"
    reason: str = ""

    @property
    def ok(self) -> bool:
        """Whether it can be scored."""
        return self.status == "ok"

    def silent(self, strand: str) -> None:
        """Note that a strand has no number: the mean then rests on the other."""
        note = f"{strand}: nothing is read before a change, or it is cut off"
        self.reason = f"{self.reason}; {note}" if self.reason else note


@dataclass(frozen=True)
class _Call:
    """What each copy of one sample carries at one record; None is the reference."""

    copies: tuple[Variant | None, ...]
    phase: str  # calls of one phase are phased with each other

    @property
    def is_het(self) -> bool:
        return len(set(self.copies)) > 1


class HaplotypeTable:
    """Collect calls, window by window, and put haplotypes together.

    Parameters
    ----------
    genome
        Open reader.
    context, stride
        Of the window grid that `hyenascope.score_variants` uses.
    max_ambiguous
        Largest fraction of N and IUPAC codes in a window.
    """

    def __init__(
        self, genome: FastaReader, *, context: int, stride: int, max_ambiguous: float
    ) -> None:
        self.genome = genome
        self.context = context
        self.stride = stride
        self.max_ambiguous = max_ambiguous
        self._checked: dict[Variant, CheckedVariant] = {}
        self._calls: dict[Interval | None, dict[str, list[_Call]]] = {}

    def add(self, record: GenotypedRecord) -> None:
        """Keep what samples carry; missing alleles count as the reference."""
        for genotype in record.genotypes:
            copies = tuple(self._carried(record, allele) for allele in genotype.alleles)
            carried = [variant for variant in copies if variant is not None]
            if not carried:
                continue
            samples = self._calls.setdefault(self._window(carried), {})
            calls = samples.setdefault(genotype.sample, [])
            calls.append(_Call(copies, _phase(genotype, len(calls))))

    def haplotypes(self) -> Iterator[list[Haplotype]]:
        """Yield the distinct haplotypes of each window, in genome order."""
        nowhere = self._calls.get(None, {})
        for window in sorted(place for place in self._calls if place is not None):
            yield self._distinct(window, self._calls[window])
        if nowhere:
            yield self._distinct(None, nowhere)

    def _carried(self, record: GenotypedRecord, allele: int | None) -> Variant | None:
        if not allele:
            return None
        variant = replace(record.variants[allele - 1], id=".")
        # A deletion of another record takes this place: nothing to add to it.
        if variant.alt == "*":
            return None
        item = self._check(variant)
        return replace(variant, chrom=item.variant.chrom) if item.ok else variant

    def _check(self, variant: Variant) -> CheckedVariant:
        if variant not in self._checked:
            longest = max(1, self.context // 4)
            found = check_variant(variant, self.genome, longest_allele=longest)
            self._checked[variant] = found
        return self._checked[variant]

    def _window(self, carried: Sequence[Variant]) -> Interval | None:
        found = [self._check(variant) for variant in carried]
        placed = [
            item.variant
            for item in found
            if item.status not in ("unknown_contig", "off_contig")
        ]
        if not placed:
            return None
        first = min(placed)
        size = self.genome.contigs[first.chrom]
        return grid_window(first, size, context=self.context, stride=self.stride)

    def _distinct(
        self, window: Interval | None, samples: dict[str, list[_Call]]
    ) -> list[Haplotype]:
        found: dict[tuple[Variants, bool], Haplotype] = {}
        for sample, calls in samples.items():
            phased = len({call.phase for call in calls if call.is_het}) < 2
            for label, variants in _copies(sample, calls, phased=phased):
                if not variants:
                    continue
                key = variants, phased
                if key not in found:
                    found[key] = self._judged(window, variants, phased=phased)
                found[key].carriers.append(label)
        return list(found.values())

    def _judged(
        self, window: Interval | None, variants: Variants, *, phased: bool
    ) -> Haplotype:
        bad = next((v for v in variants if not self._check(v).ok), None)
        if bad is not None:
            item = self._check(bad)
            reason = f"{bad}: {item.reason}"
            return Haplotype(window, variants, [], item.status, reason)
        if not phased:
            reason = (
                "which copy its heterozygous variants are on is not known; these are "
                "all of them"
            )
            return Haplotype(window, variants, [], "unphased", reason)
        if (pair := overlapping(variants)) is not None:
            reason = f"{pair[0]} and {pair[1]} cannot be on one copy"
            return Haplotype(window, variants, [], "overlapping", reason)
        assert window is not None
        return Haplotype(window, variants, [], *self._ambiguity(window))

    def _ambiguity(self, window: Interval) -> tuple[str, str]:
        text = self.genome.fetch(window)
        known = sum(text.count(base) for base in BASES)
        if len(text) - known <= self.max_ambiguous * len(text):
            return "ok", ""
        return "ambiguous_window", (
            f"at most {self.max_ambiguous:.0%} of the window may be N or IUPAC codes; "
            f"got {len(text) - known:,} of {len(text):,} bp"
        )


def _phase(genotype: Genotype, number: int) -> str:
    """Name a phase; an unphased call is in one of its own."""
    return f"|{genotype.phase_set}" if genotype.phased else f"/{number}"


def _copies(
    sample: str, calls: Sequence[_Call], *, phased: bool
) -> Iterator[tuple[str, Variants]]:
    """Yield each copy's label and variants; all at once if the phase is unknown."""
    if not phased:
        every = (variant for call in calls for variant in call.copies)
        yield f"{sample}:?", _ordered(every)
        return
    known = all(call.phase.startswith("|") for call in calls if call.is_het)
    for copy in range(max(len(call.copies) for call in calls)):
        on_it = (call.copies[copy] for call in calls if copy < len(call.copies))
        yield f"{sample}:{copy + 1 if known else '?'}", _ordered(on_it)


def _ordered(variants: Iterable[Variant | None]) -> Variants:
    found = {variant for variant in variants if variant is not None}
    symbolic = [variant for variant in found if variant.is_symbolic]
    written = [variant for variant in found if not variant.is_symbolic]
    return (*sorted(written, key=edit_of), *sorted(symbolic))
