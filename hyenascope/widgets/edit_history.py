"""What a person did to a sequence: haplotypes, and the way back and forth.

An `EditHistory` never changes; each operation returns the next one. Positions are
those of the reference, 0-based and half-open, whatever has been edited, as on every
track. The rules (see `text_edits` for how edits are written):

- replacing a base twice keeps the last; by the reference's own base it is as before;
  a deleted base that is replaced comes back as the new one;
- text inserted where some is goes behind it (`set_insertion` puts it in its stead);
- deleting a stretch deletes what was inserted between its bases, not beside them;
- text inserted into a deleted stretch, or beside it, is what replaces the stretch;
- a variant takes the place of whatever was edited where it lies.

What changes nothing is no step, and looking at another haplotype is none either.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from hyenascope.data.interval import Interval
from hyenascope.data.variant import Variant
from hyenascope.sequence.dna import BASES, is_dna, validate_dna
from hyenascope.widgets.edit_state import (
    MOST_HAPLOTYPES,
    EditState,
    Haplotype,
    checked_name,
    read_state,
    write_state,
)
from hyenascope.widgets.text_edits import (
    EditedText,
    TextEdit,
    apply_edits,
    describe,
    reference_positions,
)
from hyenascope.widgets.variant_edits import edits_of, variants_of


@dataclass(frozen=True)
class EditHistory:
    """Haplotypes of a stretch of reference, with undo and redo.

    Parameters
    ----------
    reference
        Bases of the interval, forward strand; kept in upper case.
    interval
        0-based half-open.
    state
        What is there now.
    past, future
        States to go back to, the last one first to be undone; and those that were
        undone, the first one first to be redone.

    Raises
    ------
    ValueError
        If the reference has another length than the interval, or is no DNA.

    Examples
    --------
    >>> history = EditHistory("ACGTAC", Interval("chr1", 100, 106))
    >>> history = history.substitute(101, "T").delete(103, 105)
    >>> history.sequence(), history.listing()
    ('ATGC', ('chr1:102 C>T', 'chr1: del 104-105'))
    >>> history.undo().sequence(), history.undo().redo() == history
    ('ATGTAC', True)
    """

    reference: str
    interval: Interval
    state: EditState = field(default_factory=EditState)
    past: tuple[EditState, ...] = ()
    future: tuple[EditState, ...] = ()

    def __post_init__(self) -> None:
        if len(self.reference) != self.interval.length or not self.reference:
            raise ValueError(
                f"reference must have the {self.interval.length:,} bp of "
                f"{self.interval}, at least one; got {len(self.reference):,}."
            )
        object.__setattr__(self, "reference", validate_dna(self.reference).upper())

    # What there is.

    @property
    def haplotypes(self) -> tuple[Haplotype, ...]:
        """All haplotypes, one to four."""
        return self.state.haplotypes

    @property
    def selected(self) -> int:
        """Index of the haplotype that operations change."""
        return self.state.selected

    @property
    def edits(self) -> tuple[TextEdit, ...]:
        """Edits of the selected haplotype, in genome order."""
        return self.haplotypes[self.selected].edits

    @property
    def can_undo(self) -> bool:
        """Whether there is a step to take back."""
        return bool(self.past)

    @property
    def can_redo(self) -> bool:
        """Whether a step was taken back."""
        return bool(self.future)

    def sequence(self, index: int | None = None) -> str:
        """Return the text of a haplotype, by default of the selected one."""
        edits = self._haplotype(index).edits
        return apply_edits(self.reference, self.interval.start, edits)

    def positions(self, index: int | None = None) -> tuple[int | None, ...]:
        """Return for each base of `sequence` its reference position, 0-based.

        None for an inserted base.
        """
        return reference_positions(self.interval, self._haplotype(index).edits)

    def listing(self, index: int | None = None) -> tuple[str, ...]:
        """Return the edits in words, 1-based, one per entry of its ``edits``."""
        return tuple(
            describe(edit, self.reference, self.interval)
            for edit in self._haplotype(index).edits
        )

    def to_variants(self, index: int | None = None) -> list[Variant]:
        """Return the edits as VCF writes them, in genome order.

        Raises
        ------
        ValueError
            If a deletion leaves no base of the interval to stand beside it.
        """
        edits = self._haplotype(index).edits
        return variants_of(edits, self.reference, self.interval)

    # Edits of the selected haplotype.

    def substitute(self, position: int, base: str) -> "EditHistory":
        """Replace a base.

        Raises
        ------
        ValueError
            If the position is outside the interval, or ``base`` is not one of A, C,
            G and T.
        """
        if len(base) != 1 or base.upper() not in BASES:
            raise ValueError(f"base must be A, C, G or T; got {base!r}.")
        self._check(position, position + 1)
        text = self._text()
        text.bases[position] = base.upper()
        return self._edited(text)

    def insert(self, position: int, bases: str) -> "EditHistory":
        """Insert text before the base at ``position``, behind what is inserted there.

        ``position`` may be the interval's end.

        Raises
        ------
        ValueError
            If the position is outside the interval, or the text is empty or holds
            anything but A, C, G and T.
        """
        if not bases:
            raise ValueError("bases must hold at least one base; got ''.")
        self._check(position, position)
        text = self._text()
        text.gaps[position] = text.gaps.get(position, "") + _bases(bases)
        return self._edited(text)

    def set_insertion(self, position: int, bases: str) -> "EditHistory":
        """Put text in the stead of what is inserted before ``position``; "" is none.

        What replaces a deleted stretch is inserted before its first base.

        Raises
        ------
        ValueError
            As for `insert`, but for the empty text.
        """
        self._check(position, position)
        text = self._text()
        text.gaps[position] = _bases(bases)
        return self._edited(text)

    def delete(self, start: int, end: int) -> "EditHistory":
        """Delete the bases ``[start, end)`` and what was inserted between them.

        Raises
        ------
        ValueError
            If the stretch is empty or leaves the interval.
        """
        if start == end:
            raise ValueError(f"start must be below end; got {start} and {end}.")
        self._check(start, end)
        text = self._text()
        text.reset(start, end)
        text.bases.update(dict.fromkeys(range(start, end), ""))
        return self._edited(text)

    def restore(self, start: int, end: int) -> "EditHistory":
        """Take back every edit that has a base in ``[start, end)`` or lies inside.

        With ``start == end``, the insertion in that gap. So
        ``restore(edit.start, edit.end)`` takes back one edit.

        Raises
        ------
        ValueError
            If the stretch leaves the interval.
        """
        self._check(start, end)
        return self._with_edits(
            edit for edit in self.edits if not _touches(edit, start, end)
        )

    def clear(self) -> "EditHistory":
        """Take back every edit of the selected haplotype."""
        return self._with_edits(())

    def load(self, variants: Iterable[Variant]) -> "EditHistory":
        """Put variants, such as records of a VCF, into the selected haplotype.

        Where they lie is taken as it is written. All are loaded or none.

        Raises
        ------
        ValueError
            If one is symbolic, has letters other than A, C, G and T in ALT, lies on
            another contig or outside the interval, has a REF that is not the
            reference, or overlaps another.
        """
        found = edits_of(variants, self.reference, self.interval)
        text = self._text()
        for edit in found:
            text.reset(edit.start, edit.end)
            if edit.text and not edit.substitutes:
                text.gaps.pop(edit.start, None)
        for edit in found:
            text.put(edit)
        return self._edited(text)

    # Haplotypes.

    def select(self, index: int) -> "EditHistory":
        """Turn to another haplotype, which is no step and leaves redo as it is.

        Raises
        ------
        IndexError
            If there is none of this index.
        """
        self._haplotype(index)
        return replace(self, state=replace(self.state, selected=index))

    def add(self, name: str | None = None) -> "EditHistory":
        """Add a haplotype without edits, last, and select it.

        Raises
        ------
        ValueError
            If there are four, or the name is empty, too long or taken.
        """
        return self._added(name, ())

    def duplicate(self, name: str | None = None) -> "EditHistory":
        """Add a copy of the selected haplotype, last, and select it.

        Raises
        ------
        ValueError
            As for `add`.
        """
        return self._added(name, self.edits)

    def rename(self, name: str) -> "EditHistory":
        """Give the selected haplotype another name.

        Raises
        ------
        ValueError
            If the name is empty, too long or taken.
        """
        others = [
            haplotype.name
            for i, haplotype in enumerate(self.haplotypes)
            if i != self.selected
        ]
        return self._with(replace(self._haplotype(), name=checked_name(name, others)))

    def remove(self) -> "EditHistory":
        """Remove the selected haplotype and select the one before it.

        Raises
        ------
        ValueError
            If it is the only one.
        """
        if len(self.haplotypes) == 1:
            raise ValueError(
                "haplotypes must be two or more to remove one; got 1, clear it instead."
            )
        kept = list(self.haplotypes)
        del kept[self.selected]
        return self._step(EditState(tuple(kept), max(0, self.selected - 1)))

    # Back and forth.

    def undo(self) -> "EditHistory":
        """Take the last step back; nothing happens where there is none."""
        if not self.past:
            return self
        return replace(
            self,
            state=self.past[-1],
            past=self.past[:-1],
            future=(self.state, *self.future),
        )

    def redo(self) -> "EditHistory":
        """Take again the step that was last taken back, if nothing was done since."""
        if not self.future:
            return self
        return replace(
            self,
            state=self.future[0],
            past=(*self.past, self.state),
            future=self.future[1:],
        )

    # To share.

    def to_json(self) -> str:
        """Return the haplotypes, without the way to them, as JSON text.

        Positions are 0-based and half-open; the reference is there as a hash.
        """
        return write_state(self.state, self.reference, self.interval)

    @classmethod
    def from_json(cls, text: str, reference: str, interval: Interval) -> "EditHistory":
        """Read what `to_json` wrote, over the same reference; nothing to undo.

        Raises
        ------
        ValueError
            If the text is no such state, is of another version, interval or
            reference, or its edits overlap, leave the interval or bring anything but
            A, C, G and T.

        Examples
        --------
        >>> place = Interval("chr1", 100, 106)
        >>> history = EditHistory("ACGTAC", place).delete(101, 103)
        >>> text = history.to_json()
        >>> EditHistory.from_json(text, "ACGTAC", place).edits
        (TextEdit(start=101, end=103, text=''),)
        """
        empty = cls(reference, interval)
        return replace(empty, state=read_state(text, empty.reference, interval))

    # The work behind.

    def _haplotype(self, index: int | None = None) -> Haplotype:
        at = self.selected if index is None else index
        if not 0 <= at < len(self.haplotypes):
            raise IndexError(
                f"index must be 0 to {len(self.haplotypes) - 1}, of a haplotype; "
                f"got {at}."
            )
        return self.haplotypes[at]

    def _text(self) -> EditedText:
        return EditedText.of(self.reference, self.interval.start, self.edits)

    def _edited(self, text: EditedText) -> "EditHistory":
        return self._with_edits(text.edits())

    def _with_edits(self, edits: Iterable[TextEdit]) -> "EditHistory":
        return self._with(replace(self._haplotype(), edits=tuple(edits)))

    def _with(self, haplotype: Haplotype) -> "EditHistory":
        """Put another haplotype in the place of the selected one."""
        haplotypes = list(self.haplotypes)
        haplotypes[self.selected] = haplotype
        return self._step(replace(self.state, haplotypes=tuple(haplotypes)))

    def _step(self, state: EditState) -> "EditHistory":
        if state == self.state:
            return self
        past = (*self.past, self.state)
        return replace(self, state=state, past=past, future=())

    def _added(self, name: str | None, edits: tuple[TextEdit, ...]) -> "EditHistory":
        if len(self.haplotypes) == MOST_HAPLOTYPES:
            raise ValueError(
                f"haplotypes must be at most {MOST_HAPLOTYPES}; got one more."
            )
        taken = [haplotype.name for haplotype in self.haplotypes]
        free = (f"Haplotype {i}" for i in range(1, MOST_HAPLOTYPES + 1))
        given = next(n for n in free if n not in taken) if name is None else name
        new = Haplotype(checked_name(given, taken), edits)
        return self._step(EditState((*self.haplotypes, new), len(taken)))

    def _check(self, start: int, end: int) -> None:
        if not self.interval.start <= start <= end <= self.interval.end:
            raise ValueError(
                f"positions must lie in {self.interval}, 0-based {self.interval.start} "
                f"to {self.interval.end}; got {start} to {end}."
            )


def _touches(edit: TextEdit, start: int, end: int) -> bool:
    if start == end:
        return edit.start == edit.end == start
    return edit.start < end and edit.end > start


def _bases(text: str) -> str:
    if not is_dna(text, alphabet=BASES):
        raise ValueError(f"bases must be only A, C, G and T; got {text!r}.")
    return text.upper()
