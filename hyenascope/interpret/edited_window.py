"""A window of a genome with edits in it, and which base of it is which.

Every base of the edited window takes the place of a reference base or is inserted;
a place whose base goes without another taking it is deleted. So numbers about the two
windows meet in the coordinates of the reference.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from jaxtyping import Bool, Int64

from hyenascope.data.interval import Interval
from hyenascope.interpret.edits import Edit
from hyenascope.sequence.dna import BASES, validate_dna
from hyenascope.sequence.tokenizer import reverse_complement_tokens, tokenize

Edits = tuple[Edit, ...]
"""Edits that do not overlap, in genome order."""


@dataclass(frozen=True)
class Surroundings:
    """Forward bases of a window and of what lies beside it.

    Parameters
    ----------
    window
        What the model reads, 0-based half-open.
    start
        0-based position of the first token, at or left of the window.
    tokens
        Forward; those right or left of the window are what a deletion pulls in.
    """

    window: Interval
    start: int
    tokens: Int64[np.ndarray, " bases"]


@dataclass(frozen=True)
class EditedStrand:
    """An edited window as one strand reads it.

    Parameters
    ----------
    tokens
        In reading order from the window's first base on; as many as the window has,
        or fewer where the contig has no more.
    place
        For each token the 0-based position whose place it takes; −1 if inserted.
    first
        Index of the first token that an edit can change; all before are the
        reference's.
    changed
        Tokens from ``first`` on that may differ; None for all of them.
    """

    tokens: Int64[np.ndarray, " length"]
    place: Int64[np.ndarray, " length"]
    first: int
    changed: int | None


def plain_edits(edits: Iterable[Edit], interval: Interval, text: str) -> Edits:
    """Return the same change as the least edits, in genome order and upper case.

    A replacement of equal length becomes one edit per base that differs. Others
    lose what old and new bases share, on the right first, as VCF's padding base.

    Parameters
    ----------
    edits
        In genome coordinates, 0-based.
    interval, text
        Where edits may lie, and its reference bases.

    Raises
    ------
    ValueError
        If an edit leaves the interval, brings anything but A, C, G and T, or
        overlaps another. Two insertions at one place have no order and overlap.

    Examples
    --------
    >>> place = Interval("I", 10, 16)
    >>> found = plain_edits([Edit(13, 15, "GC"), Edit(11, 12, "CTT")], place, "ACGTAC")
    >>> [(edit.start, edit.end, edit.text) for edit in found]
    [(12, 12, 'TT'), (13, 14, 'G'), (14, 15, 'C')]
    """
    found = sorted(part for edit in edits for part in _trimmed(edit, interval, text))
    for before, after in pairwise(found):
        same_gap = before.end == after.start == before.start == after.end
        if after.start < before.end or same_gap:
            raise ValueError(
                f"edits must not overlap; got {_show(before)} and {_show(after)}."
            )
    return tuple(found)


def edited_strand(around: Surroundings, edits: Edits, *, reverse: bool) -> EditedStrand:
    """Apply plain edits, which must lie in the window, and read one strand."""
    tokens, place = _applied(around, edits)
    window, size = around.window, around.window.length
    skipped = window.start - around.start
    first = min((edit.start for edit in edits), default=window.end) - window.start
    if reverse:
        tokens, place = reverse_complement_tokens(tokens), place[::-1]
        skipped = around.start + len(around.tokens) - window.end
        first = window.end - max((edit.end for edit in edits), default=window.start)
    moves = any(len(edit.text) != edit.end - edit.start for edit in edits)
    span = edits[-1].end - edits[0].start if edits else 0
    read = slice(skipped, skipped + size)
    return EditedStrand(tokens[read], place[read], first, None if moves else span)


def kept_bases(interval: Interval, edits: Edits) -> Bool[np.ndarray, " length"]:
    """Say of each reference base whether the edits leave it.

    Examples
    --------
    >>> kept_bases(Interval("I", 10, 14), (Edit(11, 12, "G"), Edit(13, 13, "A")))
    array([ True, False,  True,  True])
    """
    kept = np.ones(interval.length, dtype=bool)
    for edit in edits:
        kept[edit.start - interval.start : edit.end - interval.start] = False
    return kept


def _applied(
    around: Surroundings, edits: Edits
) -> tuple[Int64[np.ndarray, " edited"], Int64[np.ndarray, " edited"]]:
    """Return forward tokens with the edits, and the place of each."""
    places = np.arange(around.start, around.start + len(around.tokens))
    tokens, place, at = [], [], 0
    for edit in edits:
        start, stop = edit.start - around.start, edit.end - around.start
        new = tokenize(edit.text)
        instead = len(new) == stop - start
        tokens += [around.tokens[at:start], new]
        place += [
            places[at:start],
            places[start:stop] if instead else np.full(len(new), -1),
        ]
        at = stop
    tokens.append(around.tokens[at:])
    place.append(places[at:])
    return np.concatenate(tokens), np.concatenate(place)


def _trimmed(edit: Edit, interval: Interval, text: str) -> Iterator[Edit]:
    if not (interval.start <= edit.start and edit.end <= interval.end):
        raise ValueError(f"edits must lie in {interval}; got {_show(edit)}.")
    try:
        new = validate_dna(edit.text, alphabet=BASES).upper()
    except ValueError:
        raise ValueError(
            f"edits must bring only A, C, G and T; got {_show(edit)}."
        ) from None
    start, end = edit.start, edit.end
    old = text[start - interval.start : end - interval.start].upper()
    if len(old) == len(new):
        for i, (before, after) in enumerate(zip(old, new, strict=True)):
            if before != after:
                yield Edit(start + i, start + i + 1, after)
        return
    while old and new and old[-1] == new[-1]:
        old, new, end = old[:-1], new[:-1], end - 1
    while old and new and old[0] == new[0]:
        old, new, start = old[1:], new[1:], start + 1
    yield Edit(start, end, new)


def _show(edit: Edit) -> str:
    """Name an edit in 1-based positions, as a person sees them."""
    if edit.start == edit.end:
        return f"{edit.text} inserted after {edit.start:,}"
    where = f"{edit.start + 1:,}"
    where += f"-{edit.end:,}" if edit.end - edit.start > 1 else ""
    return f"{where} replaced by {edit.text!r}" if edit.text else f"{where} deleted"
