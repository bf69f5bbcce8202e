"""Edits as records of a VCF, and records as edits."""

from collections.abc import Iterable, Sequence
from itertools import pairwise

from hyenascope.data.contigs import contig_key
from hyenascope.data.interval import Interval
from hyenascope.data.variant import Variant
from hyenascope.sequence.dna import BASES, is_dna
from hyenascope.widgets.text_edits import TextEdit, trimmed


def edits_of(
    variants: Iterable[Variant], reference: str, interval: Interval
) -> list[TextEdit]:
    """Return variants without their padding, in genome order.

    None is aligned anew: an insertion stays behind its padding base.

    Raises
    ------
    ValueError
        If one is symbolic, has letters other than A, C, G and T in ALT, lies on
        another contig or outside the interval, has a REF that is not the reference,
        or overlaps another.

    Examples
    --------
    >>> edits_of([Variant("1", 6, "CG", "C")], "ACGTA", Interval("chr1", 4, 9))
    [TextEdit(start=6, end=7, text='')]
    """
    found = sorted((_edit(each, reference, interval), each) for each in variants)
    for (before, first), (after, second) in pairwise(found):
        if after.start < before.end or after[:2] == before[:2]:
            raise ValueError(f"variants must not overlap; got {first} and {second}.")
    return [edit for edit, _ in found]


def variants_of(
    edits: Sequence[TextEdit], reference: str, interval: Interval
) -> list[Variant]:
    """Write edits, in genome order, as VCF does; no two records share a base.

    What only inserts or only deletes gets the reference base before it, or becomes
    one record with the edit that it touches. At the interval's first base it gets
    the base after it, as VCF has it at the start of a contig.

    Raises
    ------
    ValueError
        If no base is left to put beside a deletion.

    Examples
    --------
    >>> edits = [TextEdit(5, 6, "G"), TextEdit(6, 8, "")]
    >>> [str(variant) for variant in variants_of(edits, "ACGTA", Interval("I", 4, 9))]
    ['I:6:CGT>G']
    """
    records = (
        edit if edit.has_both else _padded(edit, reference, interval)
        for edit in _joined(edits, reference, interval)
    )
    return [
        Variant(
            interval.chrom,
            start + 1,
            reference[start - interval.start : end - interval.start],
            text,
        )
        for start, end, text in records
    ]


def _joined(
    edits: Sequence[TextEdit], reference: str, interval: Interval
) -> list[TextEdit]:
    """Make one edit of those that touch or would be padded with the same base."""
    found: list[TextEdit] = []
    for edit in edits:
        before = found[-1] if found else None
        if before is None or (before.has_both and edit.has_both):
            found.append(edit)
            continue
        # Only what begins the interval is padded on its right.
        right = before.start == interval.start and not (
            before.has_both or edit.has_both
        )
        if edit.start - before.end > right:
            found.append(edit)
            continue
        between = reference[before.end - interval.start : edit.start - interval.start]
        text = before.text + between + edit.text
        found[-1] = TextEdit(before.start, edit.end, text)
    return found


def _padded(edit: TextEdit, reference: str, interval: Interval) -> TextEdit:
    start, end, text = edit
    if start > interval.start:
        return TextEdit(start - 1, end, reference[start - 1 - interval.start] + text)
    if end == interval.end:
        raise ValueError(
            f"a haplotype must keep a base of {interval} to be written as VCF; got "
            "one without any."
        )
    return TextEdit(start, end + 1, text + reference[end - interval.start])


def _edit(variant: Variant, reference: str, interval: Interval) -> TextEdit:
    if variant.is_symbolic:
        raise ValueError(f"ALT must hold only A, C, G and T; got {variant}.")
    if contig_key(variant.chrom) != contig_key(interval.chrom):
        raise ValueError(f"variants must lie on {interval.chrom}; got {variant}.")
    if variant.start < interval.start or variant.end > interval.end:
        raise ValueError(f"variants must lie in {interval}; got {variant}.")
    first = variant.start - interval.start
    found = reference[first : first + len(variant.ref)]
    if found != variant.ref:
        raise ValueError(
            f"REF of {variant} must be the reference there, {found}; got "
            f"{variant.ref}. Is it of another assembly?"
        )
    edit = trimmed(variant.start, variant.ref, variant.alt, left_first=True)
    # Padding may be N, as it is in the reference.
    if not is_dna(edit.text, alphabet=BASES):
        raise ValueError(f"ALT must hold only A, C, G and T; got {variant}.")
    return edit
