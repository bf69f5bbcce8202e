"""A variant in its window: reference and alternate text on each strand.

Windows lie on a fixed grid of the contig, so a variant's window depends on its
position alone and never on its neighbours in the file, and variants of one
grid cell share the reference pass. Each strand is read with its left edge and
its length held still: an insertion pushes bases out at the far edge, a deletion
pulls bases in.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Int64

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.data.variant import Variant
from hyenascope.sequence.tokenizer import reverse_complement_tokens, tokenize


@dataclass(frozen=True)
class AlleleReading:
    """One strand of one variant, as the model reads it.

    Parameters
    ----------
    reference, alternate
        Token ids, equally many.
    first
        Index of the first token that differs; the length if none does.
    removed, added
        Tokens that the change takes out of the reference and puts into the
        alternate, from ``first`` on.
    is_last
        Whether the contig ends where the reading does.
    """

    reference: Int64[np.ndarray, " length"]
    alternate: Int64[np.ndarray, " length"]
    first: int
    removed: int
    added: int
    is_last: bool

    @property
    def change(self) -> slice:
        """The longer of the two alleles, as a slice of either haplotype."""
        return slice(self.first, self.first + max(self.removed, self.added))

    @property
    def is_seen(self) -> bool:
        """Whether the whole change lies inside what is read."""
        return self.change.stop <= len(self.reference)

    @property
    def changed(self) -> int | None:
        """Tokens from ``first`` on that may differ; None for all of them."""
        return self.removed if self.removed == self.added else None

    @property
    def downstream(self) -> tuple[slice, slice]:
        """Bases after the change, paired by coordinate: reference, alternate."""
        after_ref, after_alt = self.first + self.removed, self.first + self.added
        count = max(0, len(self.reference) - max(after_ref, after_alt))
        return slice(after_ref, after_ref + count), slice(after_alt, after_alt + count)


def grid_window(
    variant: Variant, contig_length: int, *, context: int, stride: int
) -> Interval:
    """Return the window of ``variant``, 0-based half-open, inside its contig.

    Window starts are multiples of ``stride``; away from contig ends the first
    base of the variant lies in the middle ± ``stride / 2``. At contig ends the
    window is pushed inside, so it never holds padding; a contig shorter than
    ``context`` is the window.

    Examples
    --------
    >>> str(grid_window(Variant("I", 1000, "A", "G"), 9999, context=512, stride=128))
    'I:769-1,280'
    """
    centred = variant.start - context // 2 + stride // 2
    start = centred // stride * stride
    start = max(0, min(start, contig_length - context))
    return Interval(variant.chrom, start, min(start + context, contig_length))


def grid_stride(stride: int | None, context: int) -> int:
    """Return the step of the window grid, a quarter of the context by default.

    Raises
    ------
    ValueError
        If it is more than half the context, or less than 1.

    Examples
    --------
    >>> grid_stride(None, 512)
    128
    """
    if stride is None:
        return max(1, context // 4)
    if not 1 <= stride <= context // 2:
        raise ValueError(
            f"window_stride must be 1 to half the context, {context // 2}; "
            f"got {stride}."
        )
    return stride


@dataclass(frozen=True)
class StrandText:
    """A window on one strand, and the bases after it that deletions pull in.

    Parameters
    ----------
    window
        0-based half-open, forward.
    reverse
        Whether the reverse complement is read.
    tokens
        Token ids in reading order from the window's first base on; more than the
        window where the contig has them.
    is_last
        Whether the contig ends with the window.
    """

    window: Interval
    reverse: bool
    tokens: Int64[np.ndarray, " bases"]
    is_last: bool

    @property
    def reference(self) -> Int64[np.ndarray, " length"]:
        """The window's tokens."""
        return self.tokens[: self.window.length]

    def index(self, variant: Variant) -> int:
        """Return the index of the first token of REF in reading order."""
        if self.reverse:
            return self.window.end - variant.end
        return variant.start - self.window.start

    def read(self, variant: Variant) -> AlleleReading:
        """Read one variant, which must lie in the window and agree with it."""
        at, alt = self.index(variant), self.strand_tokens(variant.alt)
        after = self.tokens[at + len(variant.ref) :]
        changed = np.concatenate([self.tokens[:at], alt, after])
        # Near a contig's end a haplotype may run out of bases: keep what both have.
        both = min(len(changed), len(self.reference))
        reference, alternate = self.tokens[:both], changed[:both]
        differs = reference[at:] != alternate[at:]
        first = at + int(differs.argmax()) if differs.any() else both
        start, end, added = edit_of(variant)
        is_last = self.is_last or both < len(self.reference)
        return AlleleReading(
            reference, alternate, first, end - start, len(added), is_last
        )

    def strand_tokens(self, bases: str) -> Int64[np.ndarray, " alt"]:
        """Return forward bases, perhaps none, as this strand reads them."""
        tokens = tokenize(bases)
        return reverse_complement_tokens(tokens) if self.reverse else tokens


def strand_text(
    genome: FastaReader, window: Interval, *, reverse: bool, room: int
) -> StrandText:
    """Fetch a window and up to ``room`` bases after it in reading order."""
    start, end, size = window.start, window.end, genome.contigs[window.chrom]
    is_last = start == 0 if reverse else end == size
    if reverse:
        start = max(0, start - room)
    else:
        end = min(size, end + room)
    tokens = tokenize(genome.fetch_region(window.chrom, start, end))
    if reverse:
        tokens = reverse_complement_tokens(tokens)
    return StrandText(window, reverse, tokens, is_last)


def edit_of(variant: Variant) -> tuple[int, int, str]:
    """Return 0-based start and end of the bases that go, and those that come.

    Ends that REF and ALT share are trimmed, the right one first.

    Examples
    --------
    >>> edit_of(Variant("I", 7, "ACG", "ATG")), edit_of(Variant("I", 7, "A", "ATT"))
    ((7, 8, 'T'), (7, 7, 'TT'))
    """
    ref, alt, start = variant.ref, variant.alt, variant.start
    while ref and alt and ref[-1] == alt[-1]:
        ref, alt = ref[:-1], alt[:-1]
    while ref and alt and ref[0] == alt[0]:
        ref, alt, start = ref[1:], alt[1:], start + 1
    return start, start + len(ref), alt
