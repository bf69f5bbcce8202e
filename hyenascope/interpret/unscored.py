"""Places that have no number, and why: the record that results carry."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

NOT_A_BASE = "the reference is not A, C, G or T"
NO_LETTER = "N is read with it, and the model has no letter for N"
NOTHING_BEFORE = "no base is read before it"
NOT_FINITE = "the model gives no finite number"


class NothingScoredError(ValueError):
    """A stretch in which no place has a number; ``rows`` are runs with reasons."""

    def __init__(self, message: str, rows: Sequence[Mapping[str, object]]) -> None:
        super().__init__(message)
        self.rows = tuple(rows)


def contig_ends(distance: int) -> str:
    """Say that the contig ends too near.

    Examples
    --------
    >>> contig_ends(30)
    'the contig ends less than 30 bp further on'
    """
    return f"the contig ends less than {distance:,} bp further on"


@dataclass
class UnscoredRuns:
    """Runs of places without a number: strand, 0-based start and end, reason.

    Examples
    --------
    >>> runs = UnscoredRuns()
    >>> runs.note("forward", 7, NOT_A_BASE)
    >>> runs.note("forward", 8, NOT_A_BASE)
    >>> runs.rows[0]["start"], runs.rows[0]["end"]
    (7, 9)
    """

    rows: list[dict[str, object]] = field(default_factory=list)

    def note(self, strand: str, position: int, reason: str) -> None:
        """Lengthen the last run, or begin another."""
        if self.rows:
            last = self.rows[-1]
            known = (last["strand"], last["end"], last["reason"])
            if known == (strand, position, reason):
                last["end"] = position + 1
                return
        run = {"strand": strand, "start": position, "end": position + 1}
        self.rows.append({**run, "reason": reason})

    @property
    def first_reason(self) -> str:
        """The reason of the first run."""
        return str(self.rows[0]["reason"]) if self.rows else NOT_FINITE
