"""The window that an attribution reads, and a target bound to it."""

from dataclasses import dataclass

from torch import nn

from hyenascope.data.interval import Interval


@dataclass(frozen=True)
class Window:
    """The bases that a model reads, and from which side.

    ``interval`` is 0-based half-open; with ``reverse`` the model reads its reverse
    complement.
    """

    interval: Interval
    reverse: bool = False

    def span(self, region: Interval | None) -> tuple[int, int]:
        """Return start and end of a region as the model counts, from 0.

        Raises
        ------
        ValueError
            If the region is empty or not inside the window.

        Examples
        --------
        >>> window = Window(Interval("I", 100, 110), reverse=True)
        >>> window.span(Interval("I", 101, 103))
        (7, 9)
        """
        inside = self.interval if region is None else region
        if inside.length == 0 or not self.interval.contains(inside):
            raise ValueError(
                f"region must hold bases inside {self.interval}; got {inside}."
            )
        start, end = (x - self.interval.start for x in (inside.start, inside.end))
        length = self.interval.length
        return (length - end, length - start) if self.reverse else (start, end)


@dataclass(frozen=True)
class Reading:
    """A target over one window.

    ``readout`` makes the number of hidden states and one-hot rows; the model needs
    the first ``reach`` positions, and what lies behind the first ``extent`` has no
    influence at all.
    """

    readout: nn.Module
    reach: int
    extent: int
