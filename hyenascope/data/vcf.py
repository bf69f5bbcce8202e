"""Variants from VCF, BCF and tables, one `Variant` per alternate allele."""

import csv
from collections.abc import Iterable, Iterator
from pathlib import Path

from hyenascope._typing import StrPath
from hyenascope.data._text_lines import check_file, numbered_lines
from hyenascope.data._vcf_lines import VcfError, VcfLines, parse_region
from hyenascope.data.annotated_vcf import write_annotated_vcf
from hyenascope.data.contigs import ContigFilter
from hyenascope.data.interval import Interval
from hyenascope.data.variant import Variant

__all__ = ["VcfError", "read_variants", "read_vcf", "write_annotated_vcf"]

_SEPARATORS = {".tsv": "\t", ".txt": "\t", ".csv": ","}


def read_vcf(
    path: StrPath, *, region: Interval | str | None = None
) -> Iterator[Variant]:
    """Read the variants of a VCF or BCF file, streaming, in file order.

    A record with several alternates gives one variant each, all with its ID.
    Symbolic alleles, ``*``, ``<NON_REF>``, breakends and a missing ALT (``"."``)
    come through as symbolic variants, so that a count of what came in can be kept.
    Contigs need not be declared in the header. Names are those of the file.

    Parameters
    ----------
    path
        VCF, plain, gzip or bgzip, or BCF, told by its first bytes.
    region
        Only records whose REF, or stretch up to INFO/END, shares a base with this
        0-based half-open interval, or 1-based text such as ``"chr20:1,001-2,000"``
        or ``"chr20"``. ``chr20`` and ``20`` are one. Without a tabix or csi index
        as new as the file all of it is read, and a line is logged; so it is for a
        contig without records.

    Yields
    ------
    Variant
        POS 1-based, as in the file.

    Raises
    ------
    VcfError
        If the file is missing, empty, cut or damaged, has no header, or a record has
        a bad POS, allele or number of columns; the message names file and line.

    Examples
    --------
    >>> import tempfile
    >>> lines = [
    ...     "##fileformat=VCFv4.3",
    ...     "#CHROM POS ID REF ALT QUAL FILTER INFO",
    ...     "chr1 7 rs1 A G,<DEL> . . .",
    ... ]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "tiny.vcf"
    ...     _ = path.write_text(chr(10).join(lines).replace(" ", chr(9)) + chr(10))
    ...     [(str(variant), variant.kind) for variant in read_vcf(path)]
    [('chr1:7:A>G', 'snv'), ('chr1:7:A><DEL>', 'symbolic')]
    """
    lines = VcfLines(path)
    where = None if region is None else parse_region(region)
    return _variants(lines, lines.records(where))


def _variants(
    lines: VcfLines, records: Iterable[tuple[int | None, str]]
) -> Iterator[Variant]:
    for number, line in records:
        yield from lines.variants(number, line)


def read_variants(
    path: StrPath, *, region: Interval | str | None = None
) -> Iterator[Variant]:
    """Read variants from VCF, BCF or a table, told apart by the suffix.

    Parameters
    ----------
    path
        ``.tsv``, ``.txt`` (tabs) or ``.csv``, also with ``.gz``: a table with a
        header that names ``chrom``, ``pos`` (1-based), ``ref``, ``alt`` and perhaps
        ``id``; case, a leading ``#``, spaces around cells and other columns do not
        matter. Anything else goes to `read_vcf`.
    region
        As for `read_vcf`.

    Yields
    ------
    Variant
        In file order.

    Raises
    ------
    VcfError
        If the file cannot be read as what its suffix says; the message names file
        and line.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "tiny.csv"
    ...     _ = path.write_text(
    ...         "Chrom, Pos, Ref, Alt, ID" + chr(10) + "chr1, 7, A, G, x"
    ...     )
    ...     [str(variant) for variant in read_variants(path)]
    ['chr1:7:A>G']
    """
    suffix = Path(Path(path).name.removesuffix(".gz")).suffix.lower()
    if suffix not in _SEPARATORS:
        return read_vcf(path, region=region)
    check_file(Path(path), VcfError)
    variants = _table_variants(Path(path), _SEPARATORS[suffix])
    return variants if region is None else _within(variants, region, Path(path))


def _table_variants(path: Path, separator: str) -> Iterator[Variant]:
    lines = (line for _, line in numbered_lines(path, VcfError))
    rows = csv.reader(lines, delimiter=separator, skipinitialspace=True)
    names = [name.strip().lstrip("#").lower() for name in next(rows, [])]
    missing = [name for name in ("chrom", "pos", "ref", "alt") if name not in names]
    if missing:
        raise VcfError(
            f"{path} must have the columns chrom, pos, ref and alt, named in its first "
            f"line; {', '.join(missing)} missing from {names}."
        )
    for cells in rows:
        row = [cell.strip() for cell in cells]
        if not any(row):
            continue
        if len(row) != len(names):
            raise VcfError(
                f"{path}, line {rows.line_num}: a row must have {len(names)} cells, as "
                f"the header has; got {len(row)}."
            )
        named = dict(zip(names, row, strict=True))
        try:
            yield _table_variant(named)
        except ValueError as err:
            raise VcfError(f"{path}, line {rows.line_num}: {err}") from err


def _table_variant(row: dict[str, str]) -> Variant:
    pos = row["pos"].replace(",", "")
    if not (pos.isascii() and pos.isdecimal()):
        raise ValueError(f"pos must be a whole number; got {row['pos']!r}.")
    identifier = row.get("id") or "."
    return Variant(row["chrom"], int(pos), row["ref"], row["alt"], identifier)


def _within(
    variants: Iterator[Variant], region: Interval | str, path: Path
) -> Iterator[Variant]:
    where = parse_region(region)
    wanted = ContigFilter(where.chrom, source=str(path))
    for variant in variants:
        touches = variant.start < where.end and where.start < variant.end
        if wanted(variant.chrom) and touches:
            yield variant
