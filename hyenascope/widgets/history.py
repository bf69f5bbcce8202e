"""Where a reader has been: back and forward, as in a web browser."""

from hyenascope.data.interval import Interval


class History:
    """Places visited, and which of them is shown.

    Parameters
    ----------
    limit
        Most places kept; the oldest are forgotten first.

    Raises
    ------
    ValueError
        If ``limit`` is below 1.

    Examples
    --------
    >>> history = History()
    >>> history.visit(Interval("chr1", 0, 100))
    >>> history.visit(Interval("chr1", 500, 600))
    >>> str(history.back()), history.can_back, history.can_forward
    ('chr1:1-100', False, True)
    """

    def __init__(self, *, limit: int = 200) -> None:
        if limit < 1:
            raise ValueError(f"limit must be at least 1; got {limit}.")
        self._limit = limit
        self._places: list[Interval] = []
        self._at = -1

    def __len__(self) -> int:
        """Return how many places are kept."""
        return len(self._places)

    @property
    def places(self) -> tuple[Interval, ...]:
        """All places kept, oldest first."""
        return tuple(self._places)

    @property
    def current(self) -> Interval | None:
        """The place that is shown; None before the first visit."""
        return self._places[self._at] if self._places else None

    @property
    def can_back(self) -> bool:
        """Whether there is an earlier place."""
        return self._at > 0

    @property
    def can_forward(self) -> bool:
        """Whether `back` has left a place to return to."""
        return self._at < len(self._places) - 1

    def visit(self, place: Interval) -> None:
        """Go to a place; what lay ahead is forgotten.

        The place that is shown already, of either strand, is no new visit and
        forgets nothing.
        """
        if self._is_current(place):
            return
        self._places = [*self._places[: self._at + 1], place][-self._limit :]
        self._at = len(self._places) - 1

    def back(self) -> Interval | None:
        """Go to the place before; None, and nothing changes, where there is none."""
        return self._step(-1) if self.can_back else None

    def forward(self) -> Interval | None:
        """Undo one `back`; None, and nothing changes, where there is none."""
        return self._step(1) if self.can_forward else None

    def _step(self, by: int) -> Interval:
        self._at += by
        return self._places[self._at]

    def _is_current(self, place: Interval) -> bool:
        here = self.current
        if here is None:
            return False
        shown = (here.chrom, here.start, here.end)
        return shown == (place.chrom, place.start, place.end)
