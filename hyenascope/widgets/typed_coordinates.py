"""Numbers of a genome as people type them: grouped, with units, with any separator."""

import re
from dataclasses import dataclass

from hyenascope.data.variant import Variant

# 41196312, 41,196,312 or 41 196 312; 41.2 only before a unit. More digits than any
# genome has are no position.
_NUMBER = r"(?:\d{1,3}(?:[,'_ ]\d{3}){1,4}(?!\d)|\d{1,12}(?:\.\d{1,9})?)"
_UNIT = r"(?:\s?(?:[km]b?p?|bp?)(?![a-z]))"
_RANGE = re.compile(
    rf"(?P<first>-?\s?{_NUMBER}{_UNIT}?)\s*"
    rf"(?:-|\.\.+|:|to(?=\s)|\s)\s*(?P<last>{_NUMBER}{_UNIT}?)?",
    re.IGNORECASE,
)
_AROUND = re.compile(
    rf"(?P<pos>{_NUMBER}{_UNIT}?)\s*(?:±|\+/-|\+-)\s*(?P<margin>{_NUMBER}{_UNIT}?)",
    re.IGNORECASE,
)
_ALONE = re.compile(rf"-?\s?{_NUMBER}{_UNIT}?", re.IGNORECASE)
_WIDTH = re.compile(rf"{_NUMBER}{_UNIT}", re.IGNORECASE)
_PARTS = re.compile(r"(?P<digits>[-\d,'_ .]+?)\s*(?P<unit>[kmb]?)[bp]*", re.IGNORECASE)
_CHANGE = re.compile(
    r"(?P<chrom>\S+?)(?:\s*:\s*|\s+|-)(?:g\.)?(?P<pos>\d{1,3}(?:,\d{3})+|\d{1,12})"
    r"[:\s-]?\s*(?P<ref>[ACGTN]+)\s*[>:/\s-]\s*(?P<alt>[ACGTN]+|<\w+>|\*)",
    re.IGNORECASE,
)
_FACTORS = {"": 1, "b": 1, "k": 10**3, "m": 10**6}


@dataclass(frozen=True)
class Position:
    """A 1-based position, and how many bases to show on either side, if stated."""

    pos: int
    margin: int | None = None


@dataclass(frozen=True)
class Range:
    """First and last base, 1-based, as typed; ``last`` is None if it is left open."""

    first: int
    last: int | None


def read_coordinates(text: str) -> Position | Range | None:
    """Read what stands after the contig; None if it is something else.

    A unit after the last number holds for the first, too, if that has none.

    Examples
    --------
    >>> read_coordinates("41,196,312 - 41,277,500")
    Range(first=41196312, last=41277500)
    >>> read_coordinates("41.2-41.3 Mb"), read_coordinates("1000-")
    (Range(first=41200000, last=41300000), Range(first=1000, last=None))
    >>> read_coordinates("41 196 312"), read_coordinates("5000±50")
    (Position(pos=41196312, margin=None), Position(pos=5000, margin=50))
    >>> read_coordinates("BRCA1") is None
    True
    """
    if _ALONE.fullmatch(text):
        pos = _whole(text)
        return None if pos is None else Position(pos)
    around = _AROUND.fullmatch(text)
    if around is not None:
        pos, margin = _whole(around["pos"]), _whole(around["margin"])
        return None if pos is None or margin is None else Position(pos, margin)
    match = _RANGE.fullmatch(text)
    return None if match is None else _range(match["first"], match["last"])


def read_width(text: str) -> int | None:
    """Read a width in bases; None unless there is a unit.

    Examples
    --------
    >>> read_width("10 kb"), read_width("1.5Mb"), read_width("10")
    (10000, 1500000, None)
    """
    return _whole(text) if _WIDTH.fullmatch(text) else None


def read_change(text: str) -> Variant | None:
    """Read a variant in any usual spelling; None if it is something else.

    Examples
    --------
    >>> str(read_change("17-41,197,312-a-g")), str(read_change("chr17:g.7A>G"))
    ('17:41197312:A>G', 'chr17:7:A>G')
    """
    match = _CHANGE.fullmatch(text)
    if match is None:
        return None
    pos = int(match["pos"].replace(",", ""))
    return Variant(match["chrom"], pos, match["ref"], match["alt"])


def _range(first: str, last: str | None) -> Range | None:
    if last is None:
        start = _whole(first)
        return None if start is None else Range(start, None)
    unit = _unit(last)
    start = _whole(first, unit="" if _unit(first) else unit)
    end = _whole(last)
    return None if start is None or end is None else Range(start, end)


def _unit(text: str) -> str:
    match = _PARTS.fullmatch(text)
    return "" if match is None else match["unit"].lower()


def _whole(text: str, *, unit: str = "") -> int | None:
    """Return a number of bases, or None if it is none or not whole."""
    match = _PARTS.fullmatch(text)
    if match is None:
        return None
    factor = _FACTORS[match["unit"].lower() or unit]
    digits, _, decimals = re.sub(r"[,'_ ]", "", match["digits"]).partition(".")
    scale = 10 ** len(decimals)
    value, rest = divmod(int(digits + decimals) * factor, scale)
    return None if rest else value
