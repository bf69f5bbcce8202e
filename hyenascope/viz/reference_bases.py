"""Which base of the genome stands under a track."""

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.sequence.dna import is_dna
from hyenascope.viz.text import shorten


def check_bases(sequence: str | FastaReader | None, interval: Interval) -> None:
    """Refuse text that cannot be the bases of a track's interval.

    Raises
    ------
    ValueError
        If it is no DNA or has another length.

    Examples
    --------
    >>> check_bases("ACG", Interval("chr1", 0, 4))
    Traceback (most recent call last):
    ValueError: sequence must be as long as track_data, 4 bp; got 3 bp.
    """
    if not isinstance(sequence, str):
        return
    if not is_dna(sequence):
        got = shorten(sequence, 40)
        raise ValueError(f"sequence must be IUPAC bases; got {got!r}.")
    if len(sequence) != interval.length:
        raise ValueError(
            f"sequence must be as long as track_data, {interval.length:,} bp; "
            f"got {len(sequence):,} bp."
        )


def reference_bases(
    sequence: str | FastaReader | None, interval: Interval, start: int, length: int
) -> str | None:
    """Return upper-case forward bases, or None if nothing says them.

    Parameters
    ----------
    sequence
        A genome, or the bases of ``interval``.
    interval
        Of the whole track, 0-based half-open.
    start
        0-based position of the first base wanted, inside ``interval``.
    length
        How many.

    Raises
    ------
    ValueError
        If the genome has no such contig.

    Examples
    --------
    >>> reference_bases("gattaca", Interval("chr1", 10, 17), 12, 3)
    'TTA'
    """
    if sequence is None:
        return None
    if isinstance(sequence, str):
        first = start - interval.start
        return sequence[first : first + length].upper()
    return sequence.fetch_region(interval.chrom, start, start + length).upper()
