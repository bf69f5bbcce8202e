"""The bases themselves."""

from dataclasses import dataclass, replace

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.sequence.dna import is_dna
from hyenascope.viz import bases
from hyenascope.viz.lane import Lane
from hyenascope.viz.text import shorten
from hyenascope.viz.view import NothingHereError, View

_MOST_BLOCKS = 8192


@dataclass(frozen=True)
class Sequence:
    """The bases: letters where they have room, colours to 8 kb, GC content beyond.

    Parameters
    ----------
    source
        A genome to read from, or one IUPAC letter per base, forward strand, either
        case.
    interval
        Where a text lies, 0-based half-open; by default it fills the figure. Give it
        for a browser or a page, which draw parts.

    Raises
    ------
    ValueError
        If the text is not DNA.

    Examples
    --------
    >>> from hyenascope.data.interval import Interval
    >>> lane = Sequence("acgt").draw(View(Interval("chr1", 0, 4)))
    >>> lane.letters[0].text
    'ACGT'
    """

    source: str | FastaReader
    interval: Interval | None = None

    def __post_init__(self) -> None:
        if isinstance(self.source, str) and not is_dna(self.source):
            got = shorten(self.source, 40)
            raise ValueError(f"source must be IUPAC bases; got {got!r}.")

    def draw(self, view: View) -> Lane:
        """Return the lane.

        Raises
        ------
        ValueError
            If the text is not as long as the figure's interval.
        """
        text, view = self._text(view)
        axis = {"range": [0, 1], "visible": False}
        if len(text) > _MOST_BLOCKS:
            blocks, note = bases.gc_blocks(text, view)
            return Lane("GC", 22, (blocks,), axis, note=note, complete=False)
        blocks = bases.base_blocks(text, view)
        letters = (bases.base_letters(text, view),)
        return Lane("sequence", 22, (blocks,), axis, letters=letters)

    def _text(self, view: View) -> tuple[str, View]:
        """Return the bases in sight, and the view of them alone."""
        shown = view.interval
        if isinstance(self.source, FastaReader):
            return self.source.fetch(shown).upper(), view
        where = shown if self.interval is None else self.interval
        if len(self.source) != where.length:
            raise ValueError(
                f"source must be as long as {where}, {where.length:,} bp; "
                f"got {len(self.source):,} bp."
            )
        start, end = max(where.start, shown.start), min(where.end, shown.end)
        if start >= end or not view.holds(where.chrom):
            raise NothingHereError(f"source must overlap {shown}; it spans {where}.")
        text = self.source[start - where.start : end - where.start].upper()
        pixels = max(1, round(view.pixels * len(text) / shown.length))
        part = replace(shown, start=start, end=end)
        return text, replace(view, interval=part, pixels=pixels)
