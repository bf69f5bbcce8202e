"""VCF and BCF as header lines and record lines, whole or by region.

htslib alone will not do for text: on a damaged bgzip block it stops as if the file
had ended, it cannot say which line is wrong, reads an empty POS as 0, and refuses
blank lines and plain gzip. Five columns are all that scoring needs, so text is read
as text; BCF, tabix and csi go through pysam.
"""

import logging
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pysam

from hyenascope._typing import StrPath
from hyenascope.data._text_lines import (
    check_file,
    is_bgzip,
    numbered_lines,
    plain_head,
)
from hyenascope.data.contigs import ContigFilter, ContigNames
from hyenascope.data.interval import Interval
from hyenascope.data.variant import Variant

_LOGGER = logging.getLogger("hyenascope")

COLUMNS = ["#CHROM", "POS", "ID", "REF", "ALT", "QUAL", "FILTER", "INFO"]

_WHOLE_CONTIG = 2**40  # past the end of any contig
_POS_DIGITS = 18  # what a 64-bit integer holds
_CONTIG_ID = re.compile(r"##contig=<(?:[^\"]*,)?ID=([^,>]+)")
_INFO_END = re.compile(r"(?:^|;)END=(\d+)")


class VcfError(ValueError):
    """A variant file that cannot be read as what it claims to be."""


@contextmanager
def quiet_htslib() -> Iterator[None]:
    """Keep htslib from printing to stderr; its errors arrive as exceptions."""
    before = pysam.set_verbosity(0)
    try:
        yield
    finally:
        pysam.set_verbosity(before)


class VcfLines:
    """One VCF or BCF file: its header, checked at birth, and its record lines.

    Parameters
    ----------
    path
        VCF, plain, gzip or bgzip, or BCF; what it is shows in its first bytes.
    errors
        What becomes of bytes that are not UTF-8; ``"surrogateescape"`` lets them be
        written back as they were.

    Raises
    ------
    VcfError
        If the file is missing, empty, cut, or has no header.
    """

    def __init__(self, path: StrPath, *, errors: str = "replace") -> None:
        self.path = Path(path)
        self._errors = errors
        check_file(self.path, VcfError)
        self.is_bcf = _is_bcf(self.path)
        self.meta, self.columns = self._bcf_header() if self.is_bcf else self._header()

    @property
    def contigs(self) -> list[str]:
        """Names declared by ``##contig`` lines, in order."""
        matches = map(_CONTIG_ID.match, self.meta)
        return [match[1] for match in matches if match]

    def records(
        self, region: Interval | str | None = None
    ) -> Iterator[tuple[int | None, str]]:
        """Yield ``(1-based line number, record line)``; no number by index or BCF.

        Raises
        ------
        VcfError
            If a line has not as many columns as the header, or data are damaged.
        """
        where = None if region is None else parse_region(region)
        if self.is_bcf:
            yield from self._bcf_records(where)
        elif where is None:
            yield from self._numbered()
        elif (index := self._index((".tbi", ".csi"), where)) is not None:
            yield from self._tabix_records(where, index)
        else:
            yield from self._scanned(self._numbered(), where)

    def variants(self, number: int | None, line: str) -> list[Variant]:
        """Return one variant per alternate of a record that `records` gave.

        Raises
        ------
        VcfError
            If POS or an allele is not what VCF allows.
        """
        chrom, pos, identifier, ref, alts, _ = line.split("\t", 5)
        position = self._checked_pos(pos, number, line)
        try:
            return [
                Variant(chrom, position, ref, alt, identifier or ".")
                for alt in alts.split(",")
            ]
        except ValueError as err:
            raise VcfError(f"{self.place(number, line)}: {err}") from err

    def place(self, number: int | None, line: str) -> str:
        """Say where a record stands, for messages: file and line, or file and POS."""
        if number is not None:
            return f"{self.path}, line {number}"
        return f"{self.path}, record {':'.join(line.split(chr(9), 2)[:2])}"

    def _header(self) -> tuple[list[str], list[str]]:
        meta: list[str] = []
        for number, raw in self._lines():
            line = raw.rstrip("\n")
            if line.startswith("##"):
                meta.append(line)
            elif line.startswith("#"):
                return meta, self._checked_columns(number, line)
            elif line.strip():
                raise VcfError(self._headerless(number, line, has_meta=bool(meta)))
        raise VcfError(f"{self.path} has no '#CHROM' line and no records.")

    def _checked_columns(self, number: int, line: str) -> list[str]:
        columns = line.split("\t")
        if columns[:8] == COLUMNS:
            return columns
        if line.split()[:8] == COLUMNS:
            raise VcfError(
                f"{self.path}, line {number}: columns must be separated by tabs; "
                "got spaces."
            )
        raise VcfError(
            f"{self.path}, line {number}: the column line must start with "
            f"{' '.join(COLUMNS)}, separated by tabs; got {line[:80]!r}."
        )

    def _headerless(self, number: int, line: str, *, has_meta: bool) -> str:
        cells = line.split("\t")
        if len(cells) >= 5 and cells[1].isdecimal():
            missing = "'#CHROM\\tPOS\\tID\\tREF\\tALT\\tQUAL\\tFILTER\\tINFO'"
            if not has_meta:
                missing = f"'##fileformat=VCFv4.3' and {missing}"
            return (
                f"{self.path} has no header: records start at line {number}. Add "
                f"{missing} above them, and '.' for columns that are not there."
            )
        return f"{self.path} is no VCF: line {number} is {line[:60]!r}."

    def _lines(self) -> Iterator[tuple[int, str]]:
        return numbered_lines(self.path, VcfError, errors=self._errors)

    def _numbered(self) -> Iterator[tuple[int | None, str]]:
        for number, raw in self._lines():
            if raw.startswith("#") or not raw.strip():
                continue
            line = raw.rstrip("\n")
            yield number, self._checked_width(number, line)
            if raw == line:
                _LOGGER.warning(
                    "%s: the last line has no line end; if the file was cut there, "
                    "the records after it are missing.",
                    self.path,
                )

    def _checked_width(self, number: int | None, line: str) -> str:
        cells = line.count("\t") + 1
        if cells != len(self.columns):
            raise VcfError(
                f"{self.place(number, line)}: a record must have "
                f"{len(self.columns)} columns, as the header has; got {cells}: "
                f"{line[:60]!r}."
            )
        return line

    def _index(self, suffixes: tuple[str, ...], where: Interval) -> Path | None:
        """Return an index that may be trusted, or say why all records are read."""
        if not is_bgzip(self.path):
            why = "it is not bgzip-compressed and indexed"
        else:
            paths = [self.path.with_name(self.path.name + end) for end in suffixes]
            found = [path for path in paths if path.exists()]
            made = self.path.stat().st_mtime_ns
            fresh = [path for path in found if path.stat().st_mtime_ns >= made]
            if fresh:
                return fresh[0]
            why = "its index is older than the file" if found else "it has no index"
        _LOGGER.warning("%s: %s; reading all of it for %s.", self.path, why, where)
        return None

    def _tabix_records(
        self, where: Interval, index: Path
    ) -> Iterator[tuple[int | None, str]]:
        with self._damage(), self._open_tabix(index) as tabix:
            chrom = self._find(where, tabix.contigs)
            if chrom is not None:
                start, stop = max(0, where.start), _stop(where)
                for _, line in _unnumbered(tabix.fetch(chrom, start, stop)):
                    yield None, self._checked_width(None, line)

    def _open_tabix(self, index: Path) -> pysam.TabixFile:
        with quiet_htslib():
            return pysam.TabixFile(str(self.path), index=str(index), encoding="utf-8")

    def _scanned(
        self, records: Iterator[tuple[int | None, str]], where: Interval
    ) -> Iterator[tuple[int | None, str]]:
        wanted = ContigFilter(where.chrom, source=str(self.path))
        for number, line in records:
            chrom = line[: line.index("\t")]
            if wanted(chrom) and self._touches(number, line, where):
                yield number, line
        if not wanted.matched:
            self._notice_none(where)

    def _touches(self, number: int | None, line: str, where: Interval) -> bool:
        """Whether REF, or the stretch to INFO/END, shares a base with ``where``."""
        _, pos, _, ref, *_, info = line.split("\t", 8)[:8]
        start = self._checked_pos(pos, number, line) - 1
        end = start + len(ref)
        if (match := _INFO_END.search(info)) is not None:
            end = max(end, int(match[1]))
        return start < where.end and where.start < end

    def _checked_pos(self, pos: str, number: int | None, line: str) -> int:
        if pos.isascii() and pos.isdecimal() and len(pos) <= _POS_DIGITS:
            return int(pos)
        raise VcfError(
            f"{self.place(number, line)}: POS must be a whole number; got {pos!r}."
        )

    def _find(self, where: Interval, names: Iterable[str]) -> str | None:
        chrom = ContigNames(names, source=str(self.path)).find(where.chrom)
        if chrom is None:
            self._notice_none(where)
        return chrom

    def _notice_none(self, where: Interval) -> None:
        _LOGGER.warning("%s holds no records on contig %s.", self.path, where.chrom)

    def _bcf_header(self) -> tuple[list[str], list[str]]:
        with self._damage(), self._open_bcf() as bcf:
            *meta, columns = str(bcf.header).rstrip("\n").split("\n")
        return meta, columns.split("\t")

    def _bcf_records(self, where: Interval | None) -> Iterator[tuple[int | None, str]]:
        index = None if where is None else self._index((".csi",), where)
        with self._damage(), self._open_bcf(index) as bcf:
            if where is None:
                yield from _unnumbered(bcf)
            elif index is None:
                yield from self._scanned(_unnumbered(bcf), where)
            elif (chrom := self._find(where, bcf.header.contigs)) is not None:
                start, stop = max(0, where.start), _stop(where)
                yield from _unnumbered(bcf.fetch(chrom, start, stop))

    def _open_bcf(self, index: Path | None = None) -> pysam.VariantFile:
        name = None if index is None else str(index)
        with quiet_htslib():
            return pysam.VariantFile(str(self.path), index_filename=name)

    @contextmanager
    def _damage(self) -> Iterator[None]:
        """Turn what htslib raises on a damaged file into an error that names it.

        On a bad block its iterator ends early and only closing the file complains.
        """
        try:
            yield
        except VcfError:
            raise
        except (OSError, ValueError) as err:
            raise VcfError(f"{self.path} is truncated or damaged: {err}") from err


def parse_region(region: Interval | str) -> Interval:
    """Return a region as an interval; a bare contig name means all of it."""
    if isinstance(region, Interval):
        return region
    if ":" in region:
        return Interval.parse(region)
    return Interval(region.strip(), 0, _WHOLE_CONTIG)


def _stop(where: Interval) -> int | None:
    return None if where.end >= _WHOLE_CONTIG else where.end


def _is_bcf(path: Path) -> bool:
    return plain_head(path, 3, VcfError) == b"BCF"


def _unnumbered(records: Iterable[object]) -> Iterator[tuple[None, str]]:
    """Yield records as text, with htslib silent while it reads each."""
    iterator = iter(records)
    while True:
        with quiet_htslib():
            record = next(iterator, None)
        if record is None:
            return
        yield None, str(record).rstrip("\n")
