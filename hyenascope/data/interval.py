"""A stretch of one contig, in 0-based half-open coordinates."""

import operator
import re
from dataclasses import dataclass, replace
from typing import Literal, cast

Strand = Literal["+", "-", "."]
"""Forward, reverse, or not stated."""

_OPPOSITE: dict[str, Strand] = {"+": "-", "-": "+", ".": "."}
_TEXT = re.compile(
    r"(?P<chrom>.+):(?P<first>-?\d[\d,]*)-(?P<last>-?\d[\d,]*)(:(?P<strand>[+.-]))?"
)


@dataclass(frozen=True, order=True)
class Interval:
    """A 0-based half-open stretch ``[start, end)`` of one contig.

    Sorting compares ``chrom`` as text (``chr10`` comes before ``chr2``), then
    ``start``, ``end`` and ``strand``.

    Parameters
    ----------
    chrom
        Contig name, without spaces.
    start
        0-based first base. May be negative: `FastaReader` pads what lies off a
        contig with N.
    end
        0-based position after the last base; ``end == start`` is an empty interval.
    strand
        ``"+"``, ``"-"`` or ``"."`` (not stated, read as forward).

    Raises
    ------
    ValueError
        If ``chrom`` is empty or holds white space, ``start`` exceeds ``end``, or
        ``strand`` is unknown.
    TypeError
        If ``start`` or ``end`` is not an integer.

    Examples
    --------
    >>> promoter = Interval("chr1", 1000, 2000, "+")
    >>> promoter.length
    1000
    >>> str(promoter)
    'chr1:1,001-2,000:+'
    """

    chrom: str
    start: int
    end: int
    strand: Strand = "."

    def __post_init__(self) -> None:
        if not self.chrom or re.search(r"\s", self.chrom):
            raise ValueError(
                f"chrom must be a name without white space; got {self.chrom!r}."
            )
        for name in ("start", "end"):
            object.__setattr__(self, name, _integer(name, getattr(self, name)))
        if self.start > self.end:
            raise ValueError(
                f"start must not exceed end; got start={self.start}, end={self.end}."
            )
        if self.strand not in _OPPOSITE:
            raise ValueError(f"strand must be '+', '-' or '.'; got {self.strand!r}.")

    @classmethod
    def parse(cls, text: str) -> "Interval":
        """Read 1-based inclusive text such as ``chr1:1,001-2,000:+``.

        Commas and spaces are ignored and the strand may be left out. Contig names
        may hold colons (``HLA-A*01:01:01:01:5-10``).

        Raises
        ------
        ValueError
            If the text does not have this form.

        Examples
        --------
        >>> Interval.parse("chr1:1,001-2,000:+")
        Interval(chrom='chr1', start=1000, end=2000, strand='+')
        """
        match = _TEXT.fullmatch("".join(text.split()))
        if match is None:
            raise ValueError(
                "interval must look like 'chr1:1,001-2,000' or 'chr1:1,001-2,000:+'"
                f" (1-based, inclusive); got {text!r}."
            )
        first, last = (int(match[part].replace(",", "")) for part in ("first", "last"))
        if first > last + 1:  # an empty interval reads 5-4
            raise ValueError(f"interval must not start after it ends; got {text!r}.")
        strand = cast(Strand, match["strand"] or ".")
        return cls(match["chrom"], first - 1, last, strand)

    def __str__(self) -> str:
        """Return the 1-based inclusive form that `parse` reads."""
        strand = "" if self.strand == "." else f":{self.strand}"
        return f"{self.chrom}:{self.start + 1:,}-{self.end:,}{strand}"

    @property
    def length(self) -> int:
        """Number of bases."""
        return self.end - self.start

    @property
    def center(self) -> int:
        """0-based middle base; of the two middle bases, the right one.

        Examples
        --------
        >>> Interval("chr1", 10, 13).center, Interval("chr1", 10, 14).center
        (11, 12)
        """
        return self.start + self.length // 2

    @property
    def is_reverse(self) -> bool:
        """Whether the interval reads the reverse strand."""
        return self.strand == "-"

    def shift(self, distance: int) -> "Interval":
        """Move by ``distance`` bases to larger coordinates, whatever the strand.

        Examples
        --------
        >>> Interval("chr1", 10, 20, "-").shift(-3)
        Interval(chrom='chr1', start=7, end=17, strand='-')
        """
        return replace(self, start=self.start + distance, end=self.end + distance)

    def resize(self, width: int) -> "Interval":
        """Return ``width`` bases about `center`.

        The new interval starts at ``center - width // 2``: it has the same centre,
        and of an even width one base more lies left of it than right. Resizing to
        the present length changes nothing.

        Raises
        ------
        ValueError
            If ``width`` is negative.

        Examples
        --------
        >>> Interval("chr1", 100, 101).resize(4)
        Interval(chrom='chr1', start=98, end=102, strand='.')
        """
        if width < 0:
            raise ValueError(f"width must not be negative; got {width}.")
        start = self.center - width // 2
        return replace(self, start=start, end=start + width)

    def overlaps(self, other: "Interval") -> bool:
        """Whether the two share a base; strands are not compared.

        Examples
        --------
        >>> Interval("chr1", 0, 5).overlaps(Interval("chr1", 5, 9))
        False
        """
        return self.chrom == other.chrom and (
            max(self.start, other.start) < min(self.end, other.end)
        )

    def contains(self, other: "Interval") -> bool:
        """Whether all of ``other`` lies inside; strands are not compared.

        Examples
        --------
        >>> Interval("chr1", 0, 5).contains(Interval("chr1", 3, 5))
        True
        """
        inside = self.start <= other.start and other.end <= self.end
        return self.chrom == other.chrom and inside

    def intersect(self, other: "Interval") -> "Interval | None":
        """Return the shared bases, or None where there are none.

        The strand is kept if both have the same, and is ``"."`` otherwise.

        Examples
        --------
        >>> Interval("chr1", 0, 5).intersect(Interval("chr1", 3, 9))
        Interval(chrom='chr1', start=3, end=5, strand='.')
        """
        if not self.overlaps(other):
            return None
        start, end = max(self.start, other.start), min(self.end, other.end)
        strand = self.strand if self.strand == other.strand else "."
        return Interval(self.chrom, start, end, strand)

    def reverse_strand(self) -> "Interval":
        """Return the same bases on the other strand; ``"."`` stays ``"."``.

        Examples
        --------
        >>> Interval("chr1", 0, 5, "+").reverse_strand().strand
        '-'
        """
        return replace(self, strand=_OPPOSITE[self.strand])


def _integer(name: str, value: object) -> int:
    """Return ``value`` as a plain int (numpy integers included), or refuse."""
    try:
        return operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        raise TypeError(f"{name} must be an integer; got {value!r}.") from None
