"""One strand of a locus, kept ready to read haplotypes of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float64, Int64

from hyenascope.data.interval import Interval
from hyenascope.interpret.edited_window import (
    EditedStrand,
    Edits,
    Surroundings,
    edited_strand,
)
from hyenascope.models.hyena import HyenaLM
from hyenascope.models.incremental import (
    Mutant,
    ReferencePass,
    bytes_per_place,
    tokens_for,
)
from hyenascope.models.mutant_passes import FullPasses, Reader, batches

_ROOM = 256  # inserted bases that a reference pass has room for; more make a new one


@dataclass(frozen=True, eq=False)
class StrandChange:
    """log p of four bases on one strand, in nats, genome order and forward letters.

    Parameters
    ----------
    reference, alternate
        Per reference base; NaN where the haplotype has none or it is not read.
    inserted
        Per inserted base, in genome order; NaN where it is not read.
    """

    reference: Float64[np.ndarray, "length 4"]
    alternate: Float64[np.ndarray, "length 4"]
    inserted: Float64[np.ndarray, "inserted 4"]


class StrandPasses:
    """The reference of one strand, and haplotypes against it.

    Use it under `torch.inference_mode` with the model borrowed.

    Parameters
    ----------
    model
        A causal model.
    around
        The window that is read and what lies beside it.
    interval
        What is looked at, 0-based half-open, inside the window.
    reverse
        Whether the model reads the reverse complement.
    kind
        How haplotypes are read.

    Attributes
    ----------
    table : Float64[np.ndarray, "length 4"]
        log p of the reference over the interval, genome order and forward letters.
    """

    def __init__(
        self,
        model: HyenaLM,
        around: Surroundings,
        interval: Interval,
        *,
        reverse: bool,
        kind: Reader,
    ) -> None:
        self.model, self.around, self.interval = model, around, interval
        self.reverse, self._kind = reverse, kind
        window = around.window
        before = interval.start - window.start
        self._first = window.end - interval.end if reverse else before
        self._row = tokens_for(model, self.tokens(()))
        self._reader = self._reference(interval.length + _ROOM)
        stop = self._first + interval.length
        table = self._reader.table[self._first : stop].cpu().numpy()
        self.table = table[::-1, ::-1].copy() if reverse else table

    def tokens(self, edits: Edits) -> Int64[np.ndarray, " length"]:
        """Return a haplotype's window in reading order."""
        return edited_strand(self.around, edits, reverse=self.reverse).tokens

    def read(self, haplotypes: Sequence[Edits]) -> list[StrandChange]:
        """Return the numbers of some haplotypes, in as few batches as can be."""
        rows = [
            edited_strand(self.around, edits, reverse=self.reverse)
            for edits in haplotypes
        ]
        tables = self._run([self._mutant(row) for row in rows])
        return [
            self._paired(row, table, _inserted(edits))
            for row, table, edits in zip(rows, tables, haplotypes, strict=True)
        ]

    def _reference(self, window: int) -> ReferencePass | FullPasses:
        # An insertion after the last base starts one place after the interval.
        end = min(self._first + self.interval.length + 1, len(self._row))
        return self._kind(
            self.model, self._row, start=self._first, end=end, window=window
        )

    def _mutant(self, row: EditedStrand) -> Mutant | None:
        """Tokens from the first edit to the last that has a number."""
        wanted = np.flatnonzero(self._inside(row.place) | (row.place < 0))
        stop = int(wanted[-1]) + 1 if len(wanted) else 0
        if row.first >= stop:
            return None
        tokens = row.tokens[row.first : stop]
        changed = None if row.changed is None else min(row.changed, len(tokens))
        return Mutant(row.first, tokens, changed)

    def _run(
        self, mutants: Sequence[Mutant | None]
    ) -> list[Float64[np.ndarray, "window 4"]]:
        """Return log p over each mutant's tokens, reading order; none for None."""
        tables = [np.empty((0, 4)) for _ in mutants]
        some = [(i, mutant) for i, mutant in enumerate(mutants) if mutant is not None]
        # Alike lengths make a batch with little padding.
        some.sort(key=lambda item: len(item[1].tokens))
        if some and len(some[-1][1].tokens) > self._reader.window:
            self._reader = self._reference(2 * len(some[-1][1].tokens))
        indices = iter(some)
        for batch in batches(self._reader, [mutant for _, mutant in some]):
            found = self._reader.log_probs(batch).cpu().numpy()
            for table, mutant in zip(found, batch, strict=True):
                tables[next(indices)[0]] = table[: len(mutant.tokens)]
        return tables

    def _paired(
        self, row: EditedStrand, table: Float64[np.ndarray, "window 4"], inserted: int
    ) -> StrandChange:
        """Put a haplotype's numbers in the coordinates of the reference."""
        start = self.interval.start
        letters = table[:, ::-1] if self.reverse else table
        alternate = np.full((self.interval.length, 4), np.nan)
        before = row.place[: row.first]
        before = before[self._inside(before)] - start
        alternate[before] = self.table[before]
        place = row.place[row.first : row.first + len(table)]
        inside = self._inside(place)
        alternate[place[inside] - start] = letters[inside]
        added = np.full((inserted, 4), np.nan)
        read = letters[place < 0]
        added[: len(read)] = read
        return StrandChange(
            self.table, alternate, added[::-1] if self.reverse else added
        )

    def _inside(self, places: Int64[np.ndarray, " any"]) -> Bool[np.ndarray, " any"]:
        return (places >= self.interval.start) & (places < self.interval.end)


def check_memory(
    model: HyenaLM, interval: Interval, *, strands: int, max_memory: int
) -> None:
    """Refuse an interval whose reference passes would keep too much.

    Raises
    ------
    ValueError
        Saying how many bases fit.

    Examples
    --------
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> whole = Interval("I", 0, 900)
    >>> check_memory(HyenaLM(HyenaConfig()), whole, strands=2, max_memory=10**7)
    Traceback (most recent call last):
    ...
    ValueError: interval must have at most 313 bp, which fit max_memory of ...
    """
    each = strands * bytes_per_place(model)
    if each * (2 * interval.length + _ROOM) > max_memory:
        fits = max(0, (max_memory // each - _ROOM) // 2)
        raise ValueError(
            f"interval must have at most {fits:,} bp, which fit max_memory of "
            f"{max_memory:,} bytes; got {interval.length:,} bp."
        )


def _inserted(edits: Edits) -> int:
    """Count bases that take no reference base's place."""
    return sum(
        len(edit.text) for edit in edits if len(edit.text) != edit.end - edit.start
    )
