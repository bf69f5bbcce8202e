"""Saturation mutagenesis by reporter assay: what each base change did to an element.

The table is that of Kircher et al. 2019 (doi:10.1038/s41467-019-11526-w), in
``data/elements.tsv.gz`` of https://github.com/kircherlab/MPRA_SaturationMutagenesis:
tab-separated, ``Chrom Pos Ref Alt Barcodes DNA RNA Coefficient pValue Element
Release``, with 1-based ``Pos``, ``-`` as ``Alt`` of a deleted base, and every variant
once for each assembly.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from hyenascope._typing import StrPath
from hyenascope.data._label_rows import LabelRows, file_record
from hyenascope.data._table_rows import WHOLE
from hyenascope.data._tables import read_table
from hyenascope.data.interval import Interval
from hyenascope.data.labelled_sequences import LabelError, LabelledSequences
from hyenascope.sequence.dna import BASES

_COLUMNS = (
    "Chrom",
    "Pos",
    "Ref",
    "Alt",
    "Barcodes",
    "Coefficient",
    "Element",
    "Release",
)
_TARGET = "log2_effect"


@dataclass(frozen=True)
class MpraElement:
    """One tested element without any change.

    Parameters
    ----------
    name
        As in the table; elements tested in several cells have a name for each.
    interval
        First to last changed position, 0-based half-open, in the table's spelling.
    sequence
        Forward bases there, put together from ``Ref``; N where nothing was measured.
    """

    name: str
    interval: Interval
    sequence: str


def read_saturation_mpra(
    path: StrPath,
    *,
    release: str = "GRCh38",
    elements: Sequence[str] | None = None,
    min_barcodes: int = 0,
    name: str | None = None,
) -> LabelledSequences:
    """Read elements with one change each, and the log2 effect of the change.

    The target is ``Coefficient``: above 0, the changed element expresses more. There
    are no published splits: all rows are of split ``"all"``, and rows of one element
    share almost all of their bases, so hold out whole elements. What each change is
    compared with is in `saturation_mpra_elements`.

    Parameters
    ----------
    path
        The table, plain or gzip.
    release
        Assembly, as in column ``Release``.
    elements
        Names in column ``Element``; by default all.
    min_barcodes
        Leave out changes that fewer barcodes carry.
    name
        By default the name of the file.

    Returns
    -------
    LabelledSequences
        Ids read ``element:chrom:pos:ref>alt``, 1-based, with ``-`` for a deletion;
        intervals are those of the whole elements. How many rows had no position or
        too few barcodes is in the provenance.

    Raises
    ------
    LabelError
        If a column is missing, a value does not fit, one position has two reference
        bases, or nothing is left; with the 1-based line.
    """
    table = _read(path, release, elements)
    rows = LabelRows("regression", [_TARGET])
    few = 0
    for change in table.changes:
        if change.barcodes < min_barcodes:
            few += 1
            continue
        element = table.elements[change.element]
        at = change.pos - 1 - element.interval.start
        before, after = element.sequence[:at], element.sequence[at + 1 :]
        place = f"{element.interval.chrom}:{change.pos}:{change.ref}>{change.alt}"
        rows.add(
            WHOLE,
            before + change.alt.replace("-", "") + after,
            [change.effect],
            identifier=f"{element.name}:{place}",
            interval=element.interval,
        )
    record: dict[str, object] = {
        "format": "saturation MPRA",
        "files": [file_record(Path(path))],
        "release": release,
        "min_barcodes": min_barcodes,
        "rows_without_position": table.without_position,
        "rows_with_few_barcodes": few,
    }
    return rows.finish(name or Path(path).name.partition(".")[0], record)


def saturation_mpra_elements(
    path: StrPath, *, release: str = "GRCh38"
) -> dict[str, MpraElement]:
    """Return the unchanged elements of a table by name, sorted.

    Raises
    ------
    LabelError
        As `read_saturation_mpra`.
    """
    return dict(sorted(_read(path, release, None).elements.items()))


@dataclass(frozen=True)
class _Change:
    element: str
    pos: int
    ref: str
    alt: str
    barcodes: int
    effect: str


@dataclass
class _MpraTable:
    changes: list[_Change] = field(default_factory=list)
    elements: dict[str, MpraElement] = field(default_factory=dict)
    without_position: int = 0


def _read(path: StrPath, release: str, wanted: Sequence[str] | None) -> _MpraTable:
    table = read_table(path)
    at = [table.column("path", column) for column in _COLUMNS]
    found = _MpraTable()
    contigs: dict[str, str] = {}
    bases: dict[str, dict[int, str]] = {}
    releases, names = set(), set()

    def take(cells: Sequence[str]) -> None:
        chrom, pos, ref, alt, barcodes, effect, element, assembly = (
            cells[i].strip() for i in at
        )
        releases.add(assembly)
        names.add(element)
        if assembly != release or (wanted is not None and element not in wanted):
            return
        if pos in ("", "NA"):
            found.without_position += 1
            return
        change = _change(element, pos, ref, alt, barcodes, effect)
        known = bases.setdefault(element, {}).setdefault(change.pos, ref)
        if known != ref or contigs.setdefault(element, chrom) != chrom:
            raise LabelError(
                f"{element} must have one contig, and one Ref at each position; got "
                f"{chrom}:{pos} {ref}, and before it {contigs[element]} or {known}."
            )
        found.changes.append(change)

    table.each(take)
    _check_asked(release, releases, wanted, names)
    for element, letters in bases.items():
        interval = Interval(contigs[element], min(letters) - 1, max(letters))
        text = "".join(
            letters.get(i, "N") for i in range(interval.start + 1, interval.end + 1)
        )
        found.elements[element] = MpraElement(element, interval, text)
    return found


def _change(
    element: str, pos: str, ref: str, alt: str, barcodes: str, effect: str
) -> _Change:
    if len(ref) != 1 or ref not in BASES:
        raise LabelError(f"Ref must be one of A, C, G, T; got {ref!r}.")
    if len(alt) != 1 or alt not in f"{BASES}-" or alt == ref:
        raise LabelError(f"Alt must be another base or '-'; got {alt!r}.")
    for column, text in (("Pos", pos), ("Barcodes", barcodes)):
        if not (text.isascii() and text.isdecimal()):
            raise LabelError(f"{column} must be a whole number; got {text!r}.")
    try:
        float(effect)
    except ValueError:
        raise LabelError(f"Coefficient must be a number; got {effect!r}.") from None
    return _Change(element, int(pos), ref, alt, int(barcodes), effect)


def _check_asked(
    release: str, releases: set[str], wanted: Sequence[str] | None, names: set[str]
) -> None:
    if release not in releases:
        raise LabelError(
            f"release must be one of {', '.join(sorted(releases))}; got {release!r}."
        )
    unknown = sorted(set(wanted or ()) - names)
    if unknown:
        raise LabelError(
            f"elements must be of {', '.join(sorted(names))}; got {', '.join(unknown)}."
        )
