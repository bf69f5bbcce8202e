"""Windows of a genome as a strand reads them, and the places in them to mutate.

Windows lie on a grid of the contig, so what is read around a base depends on its
position and the options, never on the interval that was asked for. On either strand
a place has at least ``room`` bases to read from itself on, and as much as the
context allows before it: half of what ``room`` leaves over, or more.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Int64

from hyenascope._typing import Strands
from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.sequence.tokenizer import reverse_complement_tokens, tokenize


@dataclass(frozen=True)
class StrandWindow:
    """One window on one strand.

    Parameters
    ----------
    window, places
        0-based half-open, forward; ``places`` lie inside ``window``.
    reverse
        Whether the model reads the reverse complement.
    tokens
        Token ids in reading order.
    """

    window: Interval
    places: Interval
    reverse: bool
    tokens: Int64[np.ndarray, " length"]

    @property
    def first(self) -> int:
        """Index of the first place in reading order."""
        if self.reverse:
            return self.window.end - self.places.end
        return self.places.start - self.window.start

    @property
    def stop(self) -> int:
        """Index after the last place in reading order."""
        return self.first + self.places.length

    def index(self, position: int) -> int:
        """Return the index in reading order of a 0-based genome position."""
        if self.reverse:
            return self.window.end - 1 - position
        return position - self.window.start


def strand_windows(
    genome: FastaReader,
    interval: Interval,
    *,
    context: int,
    room: int,
    strands: Strands,
) -> Iterator[StrandWindow]:
    """Yield windows whose places cover ``interval`` once per strand.

    Parameters
    ----------
    genome
        Reader that knows the contig by this name.
    interval
        0-based half-open, inside its contig.
    context
        Bases per window; a contig that is shorter is the window.
    room
        Bases from a place on, itself included, that the window must hold; less
        only where the contig ends.
    strands
        ``"both"`` yields the forward strand first.
    """
    size = genome.contigs[interval.chrom]
    for reverse in (False, True):
        if strands != "both" and reverse != (strands == "reverse"):
            continue
        for window, places in _merged(interval, size, context, room, reverse=reverse):
            tokens = tokenize(genome.fetch(window))
            if reverse:
                tokens = reverse_complement_tokens(tokens)
            yield StrandWindow(window, places, reverse, tokens)


def centred_windows(
    genome: FastaReader, interval: Interval, *, context: int, strands: Strands
) -> Iterator[StrandWindow]:
    """Yield one window per strand with ``interval`` in its middle.

    At contig ends the window is pushed inside; ``interval`` must fit ``context``.
    """
    size = genome.contigs[interval.chrom]
    start = max(0, min(interval.center - context // 2, size - context))
    window = Interval(interval.chrom, start, min(start + context, size))
    text = tokenize(genome.fetch(window))
    if strands != "reverse":
        yield StrandWindow(window, interval, False, text)
    if strands != "forward":
        yield StrandWindow(window, interval, True, reverse_complement_tokens(text))


def _merged(
    interval: Interval, size: int, context: int, room: int, *, reverse: bool
) -> Iterator[tuple[Interval, Interval]]:
    """Window and places of every grid cell; neighbours in one window are one."""
    last: tuple[Interval, Interval] | None = None
    for window, places in _cells(interval, size, context, room, reverse=reverse):
        if last is not None and last[0] == window:
            last = (window, replace(last[1], end=places.end))
            continue
        if last is not None:
            yield last
        last = (window, places)
    if last is not None:
        yield last


def _cells(
    interval: Interval, size: int, context: int, room: int, *, reverse: bool
) -> Iterator[tuple[Interval, Interval]]:
    step = max(1, (context - room) // 2)
    for cell in range(interval.start // step, -(-interval.end // step)):
        start, end = cell * step, (cell + 1) * step
        left = start - room + 1 if reverse else end + room - 1 - context
        left = max(0, min(left, size - context))
        window = Interval(interval.chrom, left, min(left + context, size))
        places = Interval(
            interval.chrom, max(start, interval.start), min(end, interval.end)
        )
        yield window, places
