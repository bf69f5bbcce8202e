"""Where a component draws: which stretch, how wide, in which colours."""

from dataclasses import dataclass

from hyenascope.data.contigs import contig_key
from hyenascope.data.interval import Interval
from hyenascope.viz.style import LIGHT, Theme


class NothingHereError(ValueError):
    """A component's data lie elsewhere: a figure refuses, a browser says so."""


@dataclass(frozen=True)
class View:
    """Where a component draws.

    Parameters
    ----------
    interval
        What the x axis shows, 0-based half-open.
    slot
        1 for the top lane, 2 for the next; names the axes of the lane.
    max_points
        Most points of one signal.
    pixels
        Width to plan label sizes for; a window that turns out wider only adds room.
    theme
        The colours to draw in.
    whole
        Whether all that is drawn is shown; a browser shows a part at a time.
    """

    interval: Interval
    slot: int = 1
    max_points: int = 4000
    pixels: int = 640
    theme: Theme = LIGHT
    whole: bool = True

    @property
    def yaxis(self) -> str:
        """Name of the lane's y axis in traces and shapes."""
        return "y" if self.slot == 1 else f"y{self.slot}"

    @property
    def coloraxis(self) -> str:
        """Name of the lane's colour axis."""
        return f"coloraxis{self.slot}"

    @property
    def left(self) -> float:
        """Left edge of the axis: base ``p`` (1-based) fills ``p - 0.5`` to ``p + 0.5``.

        Examples
        --------
        >>> view = View(Interval("chr1", 0, 10))
        >>> view.left, view.right
        (0.5, 10.5)
        """
        return self.interval.start + 0.5

    @property
    def right(self) -> float:
        """Right edge of the axis."""
        return self.interval.end + 0.5

    @property
    def bases_per_pixel(self) -> float:
        """How many bases one planned pixel covers."""
        return self.interval.length / self.pixels

    def holds(self, chrom: str) -> bool:
        """Whether ``chrom`` is the contig shown, under any of its usual spellings.

        Examples
        --------
        >>> View(Interval("chr20", 0, 10)).holds("20")
        True
        """
        return contig_key(chrom) == contig_key(self.interval.chrom)

    def clip(self, start: int, end: int) -> tuple[float, float]:
        """Cut 0-based half-open ``start``, ``end`` to the view, as axis edges.

        Examples
        --------
        >>> View(Interval("chr1", 0, 10)).clip(-5, 4)
        (0.5, 4.5)
        """
        return max(start + 0.5, self.left), min(end + 0.5, self.right)


def require_contig(argument: str, chroms: set[str], view: View) -> None:
    """Refuse data that all lie on other contigs than the figure.

    Raises
    ------
    NothingHereError
        If ``chroms`` holds names, and none of the contig shown.

    Examples
    --------
    >>> require_contig("genes", {"20"}, View(Interval("chr20", 0, 10)))
    """
    if chroms and not any(view.holds(chrom) for chrom in chroms):
        names = sorted(chroms)
        got = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
        raise NothingHereError(
            f"{argument} must lie on {view.interval.chrom}, the contig of the figure; "
            f"got {got}."
        )
