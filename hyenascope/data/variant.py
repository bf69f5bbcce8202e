"""A change to a genome as VCF writes it: 1-based POS, REF and ALT."""

import operator
import re
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Literal

from hyenascope.data.interval import Interval
from hyenascope.sequence.dna import BASES, is_dna, reverse_complement

VariantKind = Literal["snv", "mnv", "insertion", "deletion", "indel", "symbolic"]

FetchBases = Callable[[str, int, int], str]
"""``fetch(chrom, start, end)``: bases of a 0-based half-open stretch, as text."""

# <DEL>, *, ., breakends with a mate (G]17:198982]) and without one (G. or .G).
_SYMBOLIC_ALT = re.compile(r"<[^<>\s]+>|\*|\.|\S*[\[\]]\S*|\.[A-Za-z]+|[A-Za-z]+\.")
_COLONS = re.compile(
    r"(?P<chrom>.+):(?P<pos>\d[\d,]*):(?P<ref>[A-Za-z.]+)[:>](?P<alt>\S+)"
)
_DASHES = re.compile(
    r"(?P<chrom>.+)-(?P<pos>\d[\d,]*)-(?P<ref>[A-Za-z.]+)-(?P<alt>\S+)"
)


@dataclass(frozen=True, order=True)
class Variant:
    """One alternate allele at a 1-based position of one contig, forward strand.

    Everything a VCF may hold can be represented, so that a reader can flag what
    cannot be scored: see `is_symbolic` and `has_ambiguous_bases`. Sorting compares
    ``chrom`` as text, then ``pos``, ``ref``, ``alt`` and ``id``.

    Parameters
    ----------
    chrom
        Contig name, without spaces.
    pos
        1-based position of the first base of ``ref``; 0 is VCF's left telomere.
    ref
        Reference bases, IUPAC, stored in upper case; ``"."`` if missing.
    alt
        Alternate bases, IUPAC, stored in upper case; or one of VCF's symbols:
        ``<DEL>``, ``*``, a breakend such as ``G]chr2:321681]``, ``"."`` if missing.
        Symbols keep their case.
    id
        Identifier, ``"."`` if there is none.

    Raises
    ------
    ValueError
        If ``chrom`` holds white space, ``pos`` is negative or an allele is none of
        the above.
    TypeError
        If ``pos`` is not an integer.

    Examples
    --------
    >>> variant = Variant("chr1", 7, "a", "g")
    >>> str(variant), variant.start, variant.end, variant.kind
    ('chr1:7:A>G', 6, 7, 'snv')
    """

    chrom: str
    pos: int
    ref: str
    alt: str
    id: str = "."

    def __post_init__(self) -> None:
        if not self.chrom or re.search(r"\s", self.chrom):
            raise ValueError(
                f"chrom must be a name without white space; got {self.chrom!r}."
            )
        try:
            object.__setattr__(self, "pos", operator.index(self.pos))
        except TypeError:
            raise TypeError(f"pos must be an integer; got {self.pos!r}.") from None
        if self.pos < 0:
            raise ValueError(
                f"pos must be 1-based, or 0 for a telomere; got {self.pos}."
            )
        object.__setattr__(self, "ref", _checked_ref(self.ref))
        object.__setattr__(self, "alt", _checked_alt(self.alt))

    @classmethod
    def parse(cls, text: str) -> "Variant":
        """Read ``chr1:7:A>G``, ``chr1:7:A:G`` or ``chr1-7-A-G``; POS is 1-based.

        Commas in the position and spaces around the text are ignored.

        Raises
        ------
        ValueError
            If the text has none of these forms.

        Examples
        --------
        >>> Variant.parse("chr20-1,000,912-g-GA")
        Variant(chrom='chr20', pos=1000912, ref='G', alt='GA', id='.')
        """
        match = _COLONS.fullmatch(text.strip()) or _DASHES.fullmatch(text.strip())
        if match is None:
            raise ValueError(
                "variant must look like 'chr1:7:A>G', 'chr1:7:A:G' or 'chr1-7-A-G'; "
                f"got {text!r}."
            )
        pos = int(match["pos"].replace(",", ""))
        return cls(match["chrom"], pos, match["ref"], match["alt"])

    def __str__(self) -> str:
        """Return ``chrom:pos:ref>alt``, the index of every variant table."""
        return f"{self.chrom}:{self.pos}:{self.ref}>{self.alt}"

    @property
    def start(self) -> int:
        """0-based first base of ``ref``."""
        return self.pos - 1

    @property
    def end(self) -> int:
        """0-based position after ``ref``; a symbol's INFO/END is not known here."""
        return self.start + len(self.ref)

    @property
    def interval(self) -> Interval:
        """The bases of ``ref``, 0-based half-open, no strand."""
        return Interval(self.chrom, self.start, self.end)

    @property
    def is_symbolic(self) -> bool:
        """Whether an allele is a symbol, a breakend or missing, not bases."""
        return not (is_dna(self.ref) and is_dna(self.alt))

    @property
    def has_ambiguous_bases(self) -> bool:
        """Whether an allele written in bases holds N or another IUPAC code."""
        alleles = [allele for allele in (self.ref, self.alt) if is_dna(allele)]
        return not is_dna("".join(alleles), alphabet=BASES)

    @property
    def kind(self) -> VariantKind:
        """What the change is, after VCF's padding bases are set aside.

        ``snv`` one base for one, as written; ``mnv`` equal lengths above one;
        ``insertion`` and ``deletion`` bases only gained or only lost; ``indel`` the
        other changes of length; ``symbolic`` as `is_symbolic`. Equal alleles count
        as ``snv`` or ``mnv``.

        Examples
        --------
        >>> [Variant("1", 7, "CA", alt).kind for alt in ("C", "CAA", "GGG", "<DEL>")]
        ['deletion', 'insertion', 'indel', 'symbolic']
        """
        if self.is_symbolic:
            return "symbolic"
        if len(self.ref) == len(self.alt):
            return "snv" if len(self.ref) == 1 else "mnv"
        ref, alt = _trim_right(self.ref, self.alt)
        shared = _shared_prefix(ref, alt)
        if shared == len(ref):
            return "insertion"
        return "deletion" if shared == len(alt) else "indel"

    def left_align(self, fetch: FetchBases) -> "Variant":
        """Return the leftmost, shortest way to write the same change.

        The normalisation of Tan, Abecasis and Kang 2015: trim shared bases on the
        right, extend left while an allele is empty, then trim shared bases on the
        left, keeping one in each allele. A change at the very start of a contig is
        anchored on the base after it. Symbolic variants and equal alleles are
        returned as they are.

        Parameters
        ----------
        fetch
            ``fetch(chrom, start, end)`` returning the reference bases of a 0-based
            half-open stretch.

        Raises
        ------
        ValueError
            If ``ref`` is not what the reference holds there.

        References
        ----------
        Tan A, Abecasis GR, Kang HM. Unified representation of genetic variants.
        Bioinformatics 31(13), 2015.

        Examples
        --------
        >>> genome = "GGGCACACACAGGG"
        >>> variant = Variant("chr1", 8, "CAC", "C")
        >>> str(variant.left_align(lambda chrom, start, end: genome[start:end]))
        'chr1:3:GCA>G'
        """
        if self.is_symbolic or self.ref == self.alt:
            return self
        self._check_ref(fetch(self.chrom, self.start, self.end))
        ref, alt = _trim_right(self.ref, self.alt)
        if not ref or not alt:
            return self._roll_left(ref, alt, fetch)
        shared = min(_shared_prefix(ref, alt), len(ref) - 1, len(alt) - 1)
        return replace(self, pos=self.pos + shared, ref=ref[shared:], alt=alt[shared:])

    def apply(self, sequence: str, start: int = 0) -> str:
        """Return ``sequence`` with ``ref`` replaced by ``alt``.

        Parameters
        ----------
        sequence
            Forward-strand bases; their case is kept.
        start
            0-based contig position of the first base of ``sequence``.

        Raises
        ------
        ValueError
            If the variant is symbolic, does not lie inside ``sequence``, or ``ref``
            is not found there; the message says what is.

        Examples
        --------
        >>> Variant("chr1", 7, "A", "AGG").apply("ccAcc", start=4)
        'ccAGGcc'
        """
        if self.is_symbolic:
            raise ValueError(f"variant must have bases as alleles; got {self}.")
        first, last = self.start - start, self.end - start
        if first < 0 or last > len(sequence):
            held = Interval(self.chrom, start, start + len(sequence))
            raise ValueError(f"{self} must lie inside the sequence; it spans {held}.")
        self._check_ref(sequence[first:last])
        return sequence[:first] + self.alt + sequence[last:]

    def _check_ref(self, found: str) -> None:
        if found.upper() != self.ref:
            raise ValueError(
                f"ref of {self} must be the reference at {self.interval}; "
                f"found {found.upper()!r}."
            )

    def _roll_left(self, ref: str, alt: str, fetch: FetchBases) -> "Variant":
        """Slide inserted or deleted bases left, then put one base before them."""
        moving, start, anchor = deque(ref or alt), self.start, ""
        for base in _bases_leftward(fetch, self.chrom, start):
            start -= 1
            if base != moving[-1]:
                anchor = base
                break
            moving.rotate(1)
        bases = "".join(moving)
        if anchor:
            longer, shorter = anchor + bases, anchor
        else:
            after = start + len(ref)
            shorter = fetch(self.chrom, after, after + 1).upper()
            longer = bases + shorter
        if not shorter:  # the whole contig goes: no base is left to anchor on
            return self
        ref, alt = (longer, shorter) if ref else (shorter, longer)
        return replace(self, pos=start + 1, ref=ref, alt=alt)


def all_snvs(interval: Interval, sequence: str) -> Iterator[Variant]:
    """Yield the three single-base changes of each A, C, G, T, in genome order.

    Other letters (N, IUPAC codes) are passed over. Alleles are on the forward
    strand and alternates come in the order A, C, G, T.

    Parameters
    ----------
    interval
        0-based half-open; one with strand ``"-"`` means that ``sequence`` is
        reverse-complemented, as `FastaReader.fetch` returns it.
    sequence
        The bases of ``interval``, in either case.

    Raises
    ------
    ValueError
        If ``sequence`` is not as long as ``interval``.

    Examples
    --------
    >>> [str(variant) for variant in all_snvs(Interval("chr1", 6, 8), "An")]
    ['chr1:7:A>C', 'chr1:7:A>G', 'chr1:7:A>T']
    """
    if len(sequence) != interval.length:
        raise ValueError(
            f"sequence must be as long as {interval}, {interval.length} bp; "
            f"got {len(sequence)} bp."
        )
    forward = reverse_complement(sequence) if interval.is_reverse else sequence
    return (
        Variant(interval.chrom, interval.start + offset + 1, ref, alt)
        for offset, ref in enumerate(forward.upper())
        if ref in BASES
        for alt in BASES
        if alt != ref
    )


def _checked_ref(ref: str) -> str:
    if ref == "." or (ref and is_dna(ref)):
        return ref.upper()
    raise ValueError(f"ref must be IUPAC bases, or '.' if missing; got {ref!r}.")


def _checked_alt(alt: str) -> str:
    if alt and is_dna(alt):
        return alt.upper()
    if _SYMBOLIC_ALT.fullmatch(alt):
        return alt
    raise ValueError(
        "alt must be IUPAC bases or a VCF symbol ('<DEL>', '*', a breakend, or '.' "
        f"if missing); got {alt!r}."
    )


def _shared_prefix(ref: str, alt: str) -> int:
    pairs = enumerate(zip(ref, alt, strict=False))
    return next((i for i, (a, b) in pairs if a != b), min(len(ref), len(alt)))


def _trim_right(ref: str, alt: str) -> tuple[str, str]:
    shared = _shared_prefix(ref[::-1], alt[::-1])
    return ref[: len(ref) - shared], alt[: len(alt) - shared]


def _bases_leftward(fetch: FetchBases, chrom: str, start: int) -> Iterator[str]:
    """Yield the bases before 0-based ``start``, nearest first, to the contig start."""
    stride = 32
    while start > 0:
        begin = max(0, start - stride)
        yield from reversed(fetch(chrom, begin, start).upper())
        start, stride = begin, 2 * stride
