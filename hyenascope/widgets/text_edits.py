"""Edits of a text in the coordinates of its reference, one way to write each.

Every reference base is kept, replaced by one base, or deleted; every gap between two
holds inserted text, or none. Edits are those two facts written shortly:

- a base that is replaced is an edit of its own;
- neighbours that are deleted are one edit, with all text inserted between or beside
  them. It loses what old and new text share, on the right first, and is written base
  by base if they are equally long;
- other inserted text is an edit of the gap.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from hyenascope.data.interval import Interval


class TextEdit(NamedTuple):
    """The bases ``[start, end)`` give way to ``text``; 0-based, genome coordinates.

    `hyenascope.interpret.Edit` takes the same three.
    """

    start: int
    end: int
    text: str

    @property
    def substitutes(self) -> bool:
        """Whether each base is replaced by one."""
        return self.end - self.start == len(self.text)

    @property
    def has_both(self) -> bool:
        """Whether bases go and bases come, as in any record of a VCF."""
        return self.start < self.end and bool(self.text)


@dataclass
class EditedText:
    """What stands for each reference base and in each gap, where edited.

    Parameters
    ----------
    reference, start
        Upper-case text, and the 0-based position of its first base.
    bases
        Position to the base that is there, ``""`` if deleted.
    gaps
        Position to the text before its base.
    """

    reference: str
    start: int
    bases: dict[int, str] = field(default_factory=dict)
    gaps: dict[int, str] = field(default_factory=dict)

    @classmethod
    def of(cls, reference: str, start: int, edits: Iterable[TextEdit]) -> "EditedText":
        """Take edits that do not overlap apart."""
        text = cls(reference, start)
        for edit in edits:
            text.put(edit)
        return text

    def put(self, edit: TextEdit) -> None:
        """Make one edit of bases that are not edited; text goes behind other text."""
        if edit.substitutes:
            self.bases.update(zip(range(edit.start, edit.end), edit.text, strict=True))
            return
        self.bases.update(dict.fromkeys(range(edit.start, edit.end), ""))
        self.gaps[edit.start] = self.gaps.get(edit.start, "") + edit.text

    def reset(self, start: int, end: int) -> None:
        """Forget the bases of a stretch and the text strictly inside it."""
        for position in range(start, end):
            self.bases.pop(position, None)
            if position > start:
                self.gaps.pop(position, None)

    def edits(self) -> tuple[TextEdit, ...]:
        """Write the same text as the least edits, in genome order."""
        gaps = {at: text for at, text in self.gaps.items() if text}
        found: list[TextEdit] = []
        for start, end in _runs(at for at, base in self.bases.items() if not base):
            text = "".join(gaps.pop(at, "") for at in range(start, end + 1))
            found += self._short(start, end, text)
        found += [TextEdit(at, at, text) for at, text in gaps.items()]
        for at, base in self.bases.items():
            if base and base != self._at(at):
                found.append(TextEdit(at, at + 1, base))
        return tuple(sorted(found))

    def _short(self, start: int, end: int, new: str) -> Iterator[TextEdit]:
        """Yield a replacement without what its two sides share."""
        old = self.reference[start - self.start : end - self.start]
        if len(old) == len(new):
            for at, (before, after) in enumerate(zip(old, new, strict=True), start):
                if before != after:
                    yield TextEdit(at, at + 1, after)
            return
        yield trimmed(start, old, new)

    def _at(self, position: int) -> str:
        return self.reference[position - self.start]


def trimmed(start: int, old: str, new: str, *, left_first: bool = False) -> TextEdit:
    """Return the edit that turns ``old``, at ``start``, into ``new``, at its shortest.

    What they share is left out on the right first, as `hyenascope.score_variants`
    does; or on the left first, which leaves the padding base of a VCF where it is.

    Examples
    --------
    >>> trimmed(7, "ACG", "A"), trimmed(7, "AC", "ATC")
    (TextEdit(start=8, end=10, text=''), TextEdit(start=8, end=8, text='T'))
    >>> trimmed(7, "T", "TT"), trimmed(7, "T", "TT", left_first=True)
    (TextEdit(start=7, end=7, text='T'), TextEdit(start=8, end=8, text='T'))
    """
    for on_left in (left_first, not left_first):
        while old and new and old[0 if on_left else -1] == new[0 if on_left else -1]:
            cut = slice(1, None) if on_left else slice(None, -1)
            old, new, start = old[cut], new[cut], start + on_left
    return TextEdit(start, start + len(old), new)


def apply_edits(reference: str, start: int, edits: Sequence[TextEdit]) -> str:
    """Return a text with its edits, given in genome order.

    Examples
    --------
    >>> apply_edits("ACGT", 10, [TextEdit(11, 12, "T"), TextEdit(13, 13, "AA")])
    'ATGAAT'
    """
    pieces, at = [], start
    for edit in edits:
        pieces += [reference[at - start : edit.start - start], edit.text]
        at = edit.end
    return "".join([*pieces, reference[at - start :]])


def reference_positions(
    interval: Interval, edits: Sequence[TextEdit]
) -> tuple[int | None, ...]:
    """Return for each base of the edited text whose place it takes, 0-based.

    None for a base that is inserted.

    Examples
    --------
    >>> reference_positions(Interval("I", 5, 8), [TextEdit(6, 6, "GG")])
    (5, None, None, 6, 7)
    """
    places: list[int | None] = []
    at = interval.start
    for edit in edits:
        places += range(at, edit.start)
        if edit.substitutes:
            places += range(edit.start, edit.end)
        else:
            places += [None] * len(edit.text)
        at = edit.end
    places += range(at, interval.end)
    return tuple(places)


def describe(edit: TextEdit, reference: str, interval: Interval) -> str:
    """Say an edit in 1-based positions.

    Examples
    --------
    >>> place = Interval("chr1", 4, 9)
    >>> describe(TextEdit(5, 6, "G"), "ACGTA", place)
    'chr1:6 C>G'
    >>> describe(TextEdit(6, 8, ""), "ACGTA", place)
    'chr1: del 7-8'
    >>> describe(TextEdit(6, 6, "TT"), "ACGTA", place)
    'chr1: ins TT after 6'
    """
    if edit.start == edit.end:
        where = f"after {edit.start:,}" if edit.start else "before 1"
        return f"{interval.chrom}: ins {edit.text} {where}"
    first, last = f"{edit.start + 1:,}", f"{edit.end:,}"
    if edit.substitutes:
        old = reference[edit.start - interval.start : edit.end - interval.start]
        return f"{interval.chrom}:{first} {old}>{edit.text}"
    where = first if first == last else f"{first}-{last}"
    if not edit.text:
        return f"{interval.chrom}: del {where}"
    return f"{interval.chrom}: del {where} ins {edit.text}"


def _runs(positions: Iterable[int]) -> Iterator[tuple[int, int]]:
    """Yield start and end of stretches of neighbours."""
    first = last = None
    for position in sorted(positions):
        if last is not None and position == last + 1:
            last = position
            continue
        if first is not None and last is not None:
            yield first, last + 1
        first = last = position
    if first is not None and last is not None:
        yield first, last + 1
