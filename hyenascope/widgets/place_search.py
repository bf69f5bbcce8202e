"""What people type to go somewhere: coordinates, genes, variants, contigs.

Positions are 1-based and inclusive, as people write them; what comes back is 0-based
half-open. What cannot be found is refused in words for a reader, not for a caller.
"""

import difflib
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import pandas as pd

from hyenascope.data.annotation import AnnotationError
from hyenascope.data.contigs import ContigNames, UnknownContigError, contig_key
from hyenascope.data.gene_index import GeneIndex, GenePlace
from hyenascope.data.interval import Interval
from hyenascope.widgets.typed_coordinates import (
    Position,
    Range,
    read_change,
    read_coordinates,
    read_width,
)

_LEAST = 20  # bases that a place is widened to
_DEFAULT_WIDTH = 200  # about a position, where there is no window to take it from
_WIDEST_AROUND = 100_000  # a position in a whole chromosome would not be seen
_MOST_CHOICES = 50

_DASHES = dict.fromkeys(map(ord, "‐‑‒–—―−﹘﹣－"), "-")
_RS = re.compile(r"rs\d+", re.IGNORECASE)
_STRAND = re.compile(r"(?<=\d):[+.-]$")


class PlaceError(ValueError):
    """A query that leads nowhere; the text says why, to whoever typed it."""


class Choice(NamedTuple):
    """One place that a query may mean: what to call it, and where to go."""

    label: str
    interval: Interval


@dataclass(frozen=True)
class Found:
    """Where a query leads.

    Parameters
    ----------
    choices
        One, or several where a name has several places; intervals are 0-based
        half-open, without strand, on the genome's contigs.
    message
        What was done to the query, to be told to the reader; ``""`` if nothing.
    mark
        What was asked for inside the first choice: a base, a gene, a variant; None
        where it is the choice itself.
    """

    choices: tuple[Choice, ...]
    message: str = ""
    mark: Interval | None = None

    @property
    def interval(self) -> Interval | None:
        """The place, if there is only one."""
        return self.choices[0].interval if len(self.choices) == 1 else None


def find_place(
    query: str,
    *,
    contigs: Mapping[str, int],
    genes: GeneIndex | None = None,
    variants: pd.DataFrame | None = None,
    current: Interval | None = None,
) -> Found:
    """Return where a query leads.

    Understood are ``chr17:41,196,312-41,277,500`` (also with spaces, any dash, ``..``
    or ``to``, without ``chr``, in ``kb`` or ``Mb``, or open at the end),
    ``chr17:41196312``, ``chr17:41196312±500`` and ``chr17``; numbers alone on the
    contig that is shown; a width such as ``10 kb``; names and identifiers of genes
    and transcripts; ``chr17:41197312:A>G`` and its other spellings; identifiers of
    the variants that are loaded. A contig ``17`` wins over position 17.

    Parameters
    ----------
    query
        1-based inclusive, as people type.
    contigs
        Length of every contig of the genome.
    genes
        Knows names; None if no annotation is loaded. Coordinates never wait for it.
    variants
        One row per variant with ``chrom``, ``pos`` (1-based), ``ref``, ``alt`` and
        perhaps ``id``; None if none are loaded.
    current
        The window that is shown, 0-based half-open. A position gets a window of the
        same width, at most 100,000 bp; without it 200 bp.

    Returns
    -------
    Found
        At least one choice, of 20 bp or more where the contig has them.

    Raises
    ------
    PlaceError
        If the query is empty, nothing has that name (the message offers some that
        look alike), or the place lies off its contig.

    Examples
    --------
    >>> found = find_place("17: 1,001 – 900", contigs={"chr17": 2000})
    >>> str(found.interval), found.message
    ('chr17:900-1,001', 'Start and end were swapped.')
    """
    text = _plain(query)
    if not text:
        raise PlaceError(
            "Type a place such as chr17:41,196,312-41,277,500, a gene or a variant."
        )
    search = _Search(text, contigs, genes, variants, current)
    ways = (
        search.as_contig,
        search.as_change,
        search.as_width,
        search.as_coordinates,
        search.as_rs_number,
        search.as_gene,
        search.as_variant,
    )
    for way in ways:
        found = way()
        if found is not None:
            return found
    raise PlaceError(search.refusal())


@dataclass(frozen=True, eq=False)
class _Search:
    """A query and what it may refer to; each way gives None if it is not meant."""

    text: str
    contigs: Mapping[str, int]
    genes: GeneIndex | None
    variants: pd.DataFrame | None
    current: Interval | None

    def as_contig(self) -> Found | None:
        chrom = self._resolved(self.text)
        if chrom is None:
            return None
        if self.contigs[chrom] == 0:
            raise PlaceError(f"{chrom} has no bases.")
        whole = Interval(chrom, 0, self.contigs[chrom])
        return Found((Choice(str(whole), whole),))

    def as_change(self) -> Found | None:
        change = read_change(self.text)
        if change is None:
            return None
        chrom = self._contig(change.chrom)
        self._check_inside(chrom, change.pos, change.pos)
        mark = Interval(chrom, change.start, min(change.end, self.contigs[chrom]))
        label = f"{chrom}:{change.pos:,} {change.ref}>{change.alt}"
        choice = Choice(label, self._around(mark))
        message = ""
        if self.variants is not None and not self._is_loaded(
            chrom, change.pos, change.ref, change.alt
        ):
            message = "This variant is not among those that are loaded."
        return Found((choice,), message, mark)

    def as_width(self) -> Found | None:
        width = read_width(self.text)
        if width is None:
            return None
        if self.current is None:
            raise PlaceError(f"{self.text} is a width; say where, as in chr17:1,000.")
        chrom = self._contig(self.current.chrom)
        shown = Interval(chrom, self.current.start, self.current.end)
        place = self._pushed_inside(shown, width)
        return Found((Choice(str(place), place),))

    def as_coordinates(self) -> Found | None:
        for chrom, separator, rest in _splits(self.text):
            where = read_coordinates(rest)
            if where is None:
                continue
            known = self._resolved(chrom) if chrom else self._shown_contig()
            if known is not None:
                return self._placed(known, where)
            if separator == ":" and not re.search(r"[\s:]", chrom):
                self._contig(chrom)  # refuses: nothing but a contig is written so
        return None

    def as_rs_number(self) -> Found | None:
        if _RS.fullmatch(self.text) is None:
            return None
        found = self.as_variant()
        if found is not None:
            return found
        if self.genes is not None and self._gene_places():
            return None
        if self.variants is None:
            raise PlaceError(
                f"{self.text} cannot be looked up: no variants are loaded."
            )
        raise PlaceError(f"{self.text} is not among the variants that are loaded.")

    def as_gene(self) -> Found | None:
        places = self._gene_places()
        if not places:
            return None
        choices, marks, why = [], [], ""
        for place in places:
            chrom = self._resolved(place.interval.chrom)
            size = 0 if chrom is None else self.contigs[chrom]
            if chrom is None or place.interval.end > size:
                why = why or _elsewhere(place, chrom, size)
                continue
            mark = Interval(chrom, place.interval.start, place.interval.end)
            margin = max(_LEAST, mark.length // 20)
            view = self._pushed_inside(mark, mark.length + 2 * margin)
            choices.append(Choice(_gene_label(place, mark), view))
            marks.append(mark)
        if not choices:
            raise PlaceError(why)
        return _several(choices, marks, self.text)

    def as_variant(self) -> Found | None:
        rows = self._rows_of_id()
        choices, marks = [], []
        for (name, pos), group in rows.groupby(["chrom", "pos"], sort=False):
            chrom, start = self._resolved(str(name)), int(float(str(pos))) - 1
            if chrom is None or not 0 <= start < self.contigs[chrom]:
                continue
            alleles = ", ".join(f"{ref}>{alt}" for ref, alt in _alleles(group))
            mark = Interval(chrom, start, start + 1)
            label = f"{self.text} {chrom}:{mark.end:,} {alleles}"
            choices.append(Choice(label, self._around(mark)))
            marks.append(mark)
        if not choices and len(rows):
            raise PlaceError(f"{self.text} lies on no contig of this genome.")
        return _several(choices, marks, self.text) if choices else None

    def refusal(self) -> str:
        """Say that nothing has this name, and what looks like it."""
        shown = self.text if len(self.text) <= 40 else f"{self.text[:39]}…"
        close = difflib.get_close_matches(self.text, list(self.contigs), n=2)
        if self.genes is not None:
            close = [*self.genes.nearest(self.text), *close]
        if close:
            return f"Nothing is called {shown}. Did you mean {_listed(close)}?"
        if self.genes is None:
            return (
                f"Nothing is called {shown}: no genes are loaded. "
                "Places look like chr17:41,196,312-41,277,500."
            )
        return f"Nothing is called {shown}, and no gene has a name like it."

    def _placed(self, chrom: str, where: Position | Range) -> Found:
        if isinstance(where, Position):
            self._check_inside(chrom, where.pos, where.pos)
            mark = Interval(chrom, where.pos - 1, where.pos)
            if where.margin is not None:
                view = self._pushed_inside(mark, 2 * where.margin + 1)
            else:
                view = self._around(mark)
            return Found((Choice(f"{chrom}:{where.pos:,}", view),), "", mark)
        size = self.contigs[chrom]
        first, last = where.first, size if where.last is None else where.last
        messages = []
        if first > last and where.last is not None:
            first, last = last, first
            messages.append("Start and end were swapped.")
        self._check_inside(chrom, first, last)
        if first < 1:
            messages.append("Positions begin at 1.")
        if last > size:
            messages.append(f"{chrom} ends at {size:,}.")
        return self._shown(
            Interval(chrom, max(0, first - 1), min(last, size)), messages
        )

    def _shown(self, place: Interval, messages: list[str]) -> Found:
        """Widen what is too narrow to look at."""
        view, mark = place, None
        if place.length < _LEAST and place.length < self.contigs[place.chrom]:
            view, mark = self._pushed_inside(place, _LEAST), place
            messages.append(f"{place.length} bp, shown in {view.length} bp.")
        return Found((Choice(str(place), view),), " ".join(messages), mark)

    def _check_inside(self, chrom: str, first: int, last: int) -> None:
        size = self.contigs[chrom]
        if last < 1:
            raise PlaceError(f"Positions of {chrom} begin at 1; {last:,} is before it.")
        if first > size:
            raise PlaceError(f"{chrom} has {size:,} bp; {first:,} lies beyond its end.")

    def _around(self, mark: Interval) -> Interval:
        width = _DEFAULT_WIDTH if self.current is None else self.current.length
        return self._pushed_inside(mark, max(min(width, _WIDEST_AROUND), mark.length))

    def _pushed_inside(self, place: Interval, width: int) -> Interval:
        """Give a place another width, moved where it would leave the contig."""
        size = self.contigs[place.chrom]
        width = min(max(width, _LEAST), size)
        start = max(0, min(place.center - width // 2, size - width))
        return Interval(place.chrom, start, start + width)

    def _shown_contig(self) -> str:
        if self.current is not None:
            return self._contig(self.current.chrom)
        if len(self.contigs) == 1:
            return next(iter(self.contigs))
        raise PlaceError(f"Say on which contig, as in chr17:{self.text}.")

    def _resolved(self, name: str) -> str | None:
        if name in self.contigs:
            return name
        key = contig_key(name)
        fitting = [contig for contig in self.contigs if contig_key(contig) == key]
        return fitting[0] if len(fitting) == 1 else None

    def _contig(self, name: str) -> str:
        found = self._resolved(name)
        if found is not None:
            return found
        try:
            return ContigNames(self.contigs, source="This genome").resolve(name)
        except UnknownContigError as error:
            raise PlaceError(str(error)) from None

    def _gene_places(self) -> tuple[GenePlace, ...]:
        if self.genes is None:
            return ()
        try:
            return self.genes.find(self.text)
        except AnnotationError as error:
            raise PlaceError(f"The annotation cannot be read: {error}") from error

    def _rows_of_id(self) -> pd.DataFrame:
        frame = self.variants
        if frame is None or "id" not in frame.columns:
            return pd.DataFrame({"chrom": [], "pos": []})
        key, ids = self.text.casefold(), frame["id"].astype(str).str.casefold()
        several = ids.str.contains(";", regex=False)
        listed = ids[several].str.split(";").map(lambda names: key in names)
        return frame[(ids == key) | listed.reindex(ids.index, fill_value=False)]

    def _is_loaded(self, chrom: str, pos: int, ref: str, alt: str) -> bool:
        assert self.variants is not None
        there = self.variants[self.variants["pos"] == pos]
        names = (self._resolved(str(name)) == chrom for name in there["chrom"])
        pairs = ((r.upper(), a.upper()) for r, a in _alleles(there))
        return any(
            same and pair == (ref, alt) for same, pair in zip(names, pairs, strict=True)
        )


def _plain(query: str) -> str:
    """One kind of dash, space and digit; the strand of an interval is left out."""
    text = unicodedata.normalize("NFKC", query).translate(_DASHES)
    return _STRAND.sub("", " ".join(text.split()).strip("\"'`,; "))


def _splits(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield what may be contig, separator and rest; a range wins over 17-2000."""
    for separator in (":", " ", "", "-"):
        if not separator:
            yield "", "", text
            continue
        for match in re.finditer(rf"\s*{separator}\s*", text):
            if match.start() > 0:
                yield text[: match.start()], separator, text[match.end() :]


def _alleles(frame: pd.DataFrame) -> Iterator[tuple[str, str]]:
    return zip(frame["ref"].astype(str), frame["alt"].astype(str), strict=True)


def _gene_label(place: GenePlace, mark: Interval) -> str:
    exact = place.transcript_id or place.gene_id
    called = place.name if exact == place.name else f"{place.name} ({exact})"
    strand = {"+": ", forward strand", "-": ", reverse strand"}
    return f"{called} {mark}{strand.get(place.interval.strand, '')}"


def _elsewhere(place: GenePlace, chrom: str | None, size: int) -> str:
    where = f"{place.name} lies at {place.interval} in the annotation"
    if chrom is None:
        return f"{where}; this genome has no such contig."
    return (
        f"{where}, but {chrom} has {size:,} bp here. "
        "Is the annotation of another assembly?"
    )


def _several(choices: list[Choice], marks: list[Interval], name: str) -> Found:
    message = f"{len(choices)} places are called {name}." if len(choices) > 1 else ""
    return Found(tuple(choices[:_MOST_CHOICES]), message, marks[0])


def _listed(names: list[str]) -> str:
    *first, last = dict.fromkeys(names)
    return f"{', '.join(first)} or {last}" if first else last
