"""Windows over a stretch of a contig, of which only the middle is kept."""

from collections.abc import Iterator
from dataclasses import dataclass

from hyenascope.data.interval import Interval


@dataclass(frozen=True)
class TrackTile:
    """A window and the part of it that is kept, both 0-based half-open.

    Parameters
    ----------
    window
        What is read.
    core
        What is kept of the answer; inside the window, and bins fit it.
    """

    window: Interval
    core: Interval


def track_tiles(
    interval: Interval, size: int, *, window: int, margin: int, bin_size: int = 1
) -> Iterator[TrackTile]:
    """Cut an interval into cores that touch, each in a window that reaches further.

    Bins count from the start of the interval, in every window.

    Parameters
    ----------
    interval
        Inside its contig.
    size
        Of the contig in bp.
    window
        Bases read at a time, a multiple of ``bin_size``.
    margin
        Bases on either side of a core that are read, where the contig has them; a
        multiple of ``bin_size`` below half the window.
    bin_size
        Bases per answer.

    Raises
    ------
    ValueError
        If ``margin`` leaves no core, or bins do not fit it.

    Examples
    --------
    >>> for tile in track_tiles(Interval("c", 0, 10), 12, window=8, margin=2):
    ...     print(tile.window, tile.core)
    c:1-6 c:1-4
    c:3-10 c:5-8
    c:7-12 c:9-10
    """
    step = window - 2 * margin
    if margin < 0 or step < 1 or margin % bin_size or step % bin_size:
        raise ValueError(
            f"margin must be a multiple of {bin_size} bp from 0 to less than half the "
            f"window of {window:,} bp; got {margin:,}."
        )
    leftmost = interval.start % bin_size
    for start in range(interval.start, interval.end, step):
        end = min(start + step, interval.end)
        first, last = max(start - margin, leftmost), min(end + margin, size)
        yield TrackTile(
            Interval(interval.chrom, first, last), Interval(interval.chrom, start, end)
        )
