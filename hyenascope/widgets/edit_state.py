"""Haplotypes at one moment, and the JSON text that carries them to someone else.

The text holds no path, address or code: a contig's name, positions, bases and names.
What comes back is checked field by field, for it may come from anywhere.
"""

import json
from dataclasses import dataclass
from hashlib import sha256
from itertools import pairwise
from typing import Any

from hyenascope.data.interval import Interval
from hyenascope.sequence.dna import BASES
from hyenascope.widgets.text_edits import EditedText, TextEdit

MOST_HAPLOTYPES = 4
"""Haplotypes that can be compared."""

FORMAT, VERSION = "hyenascope edit history", 1
"""What a state calls itself."""

_LONGEST_NAME = 60
_FIELDS = {
    "format": str,
    "version": int,
    "chrom": str,
    "start": int,
    "end": int,
    "reference_sha256": str,
    "selected": int,
    "haplotypes": list,
}


@dataclass(frozen=True)
class Haplotype:
    """A name and its edits, in genome order and written as `text_edits` does."""

    name: str
    edits: tuple[TextEdit, ...] = ()


@dataclass(frozen=True)
class EditState:
    """The haplotypes there are, and which of them operations change."""

    haplotypes: tuple[Haplotype, ...] = (Haplotype("Haplotype 1"),)
    selected: int = 0


def write_state(state: EditState, reference: str, interval: Interval) -> str:
    """Return a state as JSON text, with a hash of the reference.

    Positions are 0-based and half-open.
    """
    fields = {
        "format": FORMAT,
        "version": VERSION,
        "chrom": interval.chrom,
        "start": interval.start,
        "end": interval.end,
        "reference_sha256": _digest(reference),
        "selected": state.selected,
        "haplotypes": [
            {"name": each.name, "edits": [list(edit) for edit in each.edits]}
            for each in state.haplotypes
        ],
    }
    return json.dumps(fields)


def read_state(text: str, reference: str, interval: Interval) -> EditState:
    """Return the state of JSON text, which must be of this reference and interval.

    Raises
    ------
    ValueError
        If the text is no state, is of another version, interval or reference, or
        holds what a state cannot.
    """
    fields = _fields(text)
    place = Interval(fields["chrom"], fields["start"], fields["end"])
    if place != Interval(interval.chrom, interval.start, interval.end):
        raise ValueError(f"state must be of {interval}; got one of {place}.")
    if fields["reference_sha256"] != _digest(reference):
        raise ValueError(
            f"state must be of the same reference; got one of other bases at {place}. "
            "Is it of another assembly?"
        )
    given = fields["haplotypes"]
    if not 1 <= len(given) <= MOST_HAPLOTYPES:
        raise ValueError(
            f"state must hold 1 to {MOST_HAPLOTYPES} haplotypes; got {len(given)}."
        )
    if not 0 <= fields["selected"] < len(given):
        raise ValueError(
            f"selected must be 0 to {len(given) - 1}; got {fields['selected']}."
        )
    found: list[Haplotype] = []
    for each in given:
        taken = [haplotype.name for haplotype in found]
        found.append(_haplotype(each, taken, reference, interval))
    return EditState(tuple(found), fields["selected"])


def checked_name(name: str, taken: list[str]) -> str:
    """Return a haplotype's name without space around it.

    Raises
    ------
    ValueError
        If it is empty, longer than 60 characters, more than a line, or taken.

    Examples
    --------
    >>> checked_name(" founder ", [])
    'founder'
    """
    short = name.strip()
    if not 1 <= len(short) <= _LONGEST_NAME or not short.isprintable():
        raise ValueError(
            f"name must be one line of 1 to {_LONGEST_NAME} characters; got {name!r}."
        )
    if short in taken:
        raise ValueError(f"name must not be taken; got {short!r}.")
    return short


def _fields(text: str) -> dict[str, Any]:
    """Return the top level, all fields there and of their type."""
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as err:
        raise ValueError(
            f"state must be JSON text; got {_short(text)}: {err}."
        ) from None
    if not isinstance(fields, dict) or fields.get("format") != FORMAT:
        raise ValueError(
            f'state must be JSON with "format": "{FORMAT}"; got {_short(text)}.'
        )
    if fields.get("version") != VERSION:
        raise ValueError(
            f"state must be of version {VERSION}; got {_short(fields.get('version'))}. "
            "Was it made by another version of hyenascope?"
        )
    for name, kind in _FIELDS.items():
        # True is an int to Python, and none here.
        if type(fields.get(name)) is not kind:
            raise ValueError(
                f"{name} of the state must be {kind.__name__}; "
                f"got {_short(fields.get(name))}."
            )
    return fields


def _haplotype(
    given: object, taken: list[str], reference: str, interval: Interval
) -> Haplotype:
    if (
        not isinstance(given, dict)
        or type(given.get("name")) is not str
        or type(given.get("edits")) is not list
    ):
        raise ValueError(
            f"haplotypes must have a name and a list of edits; got {_short(given)}."
        )
    edits = [_edit(each, interval) for each in given["edits"]]
    for before, after in pairwise(edits):
        if after < before or after.start < before.end or after[:2] == before[:2]:
            raise ValueError(
                "edits must be in genome order and not overlap; "
                f"got {list(before)} before {list(after)}."
            )
    text = EditedText.of(reference, interval.start, edits)
    return Haplotype(checked_name(given["name"], taken), text.edits())


def _edit(given: object, interval: Interval) -> TextEdit:
    is_edit = isinstance(given, list) and [type(x) for x in given] == [int, int, str]
    if not isinstance(given, list) or not is_edit:
        raise ValueError(f"edits must be [start, end, text]; got {_short(given)}.")
    edit = TextEdit(*given)
    if not interval.start <= edit.start <= edit.end <= interval.end:
        raise ValueError(f"edits must lie in {interval}; got {_short(given)}.")
    if not set(edit.text) <= set(BASES):
        raise ValueError(f"edits must bring only A, C, G and T; got {_short(given)}.")
    return edit


def _digest(reference: str) -> str:
    return sha256(reference.encode()).hexdigest()


def _short(value: object) -> str:
    """Show what came, in at most a line."""
    shown = repr(value)
    return shown if len(shown) <= 60 else f"{shown[:57]}..."
