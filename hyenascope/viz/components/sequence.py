"""The bases themselves."""

from dataclasses import dataclass

from hyenascope.data.fasta import FastaReader
from hyenascope.sequence.dna import is_dna
from hyenascope.viz import bases
from hyenascope.viz.lane import Lane
from hyenascope.viz.text import shorten
from hyenascope.viz.view import View

_MOST_BLOCKS = 8192


@dataclass(frozen=True)
class Sequence:
    """The bases: letters where they have room, colours to 8 kb, GC content beyond.

    Parameters
    ----------
    source
        A genome to read from, or one IUPAC letter per base of the figure's interval,
        forward strand, either case.

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
        text = self._text(view)
        axis = {"range": [0, 1], "visible": False}
        if len(text) > _MOST_BLOCKS:
            blocks, note = bases.gc_blocks(text, view)
            return Lane("GC", 22, (blocks,), axis, note=note, complete=False)
        blocks = bases.base_blocks(text, view)
        letters = (bases.base_letters(text, view),)
        return Lane("sequence", 22, (blocks,), axis, letters=letters)

    def _text(self, view: View) -> str:
        length = view.interval.length
        if isinstance(self.source, FastaReader):
            return self.source.fetch(view.interval).upper()
        if len(self.source) != length:
            raise ValueError(
                f"source must be as long as {view.interval}, {length:,} bp; "
                f"got {len(self.source):,} bp."
            )
        return self.source.upper()
