"""Which sample carries which alleles, and on which chromosome copy, from VCF or BCF."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hyenascope._typing import StrPath
from hyenascope.data._vcf_lines import VcfError, VcfLines
from hyenascope.data.interval import Interval
from hyenascope.data.variant import Variant

_FIXED = 9  # columns before the first sample


@dataclass(frozen=True)
class Genotype:
    """One sample's call at one record.

    Parameters
    ----------
    sample
        Its name in the header.
    alleles
        One per chromosome copy, in the file's order: 0 is REF, i the i-th ALT, None
        missing.
    phased
        Whether the order says which copy an allele is on (``|``).
    phase_set
        PS of a phased call, "" if the file gives none: alleles of different sets
        are not phased with each other.
    """

    sample: str
    alleles: tuple[int | None, ...]
    phased: bool
    phase_set: str = ""


@dataclass(frozen=True)
class GenotypedRecord:
    """The alternates of a record, one `Variant` each, and every sample's call."""

    variants: tuple[Variant, ...]
    genotypes: tuple[Genotype, ...]


def read_genotypes(
    path: StrPath,
    *,
    samples: Sequence[str] | None = None,
    region: Interval | str | None = None,
) -> Iterator[GenotypedRecord]:
    """Read a VCF or BCF with its genotypes, streaming, in file order.

    Parameters
    ----------
    path
        VCF, plain, gzip or bgzip, or BCF.
    samples
        Names to keep, in this order; all if None.
    region
        As in `hyenascope.data.vcf.read_vcf`.

    Yields
    ------
    GenotypedRecord
        Of every record; a record without GT has missing calls.

    Raises
    ------
    VcfError
        If the file cannot be read, has no samples, or a GT is malformed.
    ValueError
        If a name in ``samples`` is not in the file.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> lines = [
    ...     "##fileformat=VCFv4.3",
    ...     "#CHROM POS ID REF ALT QUAL FILTER INFO FORMAT NA1 NA2",
    ...     "chr1 7 rs1 A G,T . . . GT:PS 1|2:5 0/1",
    ... ]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "tiny.vcf"
    ...     _ = path.write_text(chr(10).join(lines).replace(" ", chr(9)) + chr(10))
    ...     record = next(read_genotypes(path))
    >>> record.genotypes[0]
    Genotype(sample='NA1', alleles=(1, 2), phased=True, phase_set='5')
    """
    lines = VcfLines(path)
    columns = _sample_columns(lines, samples)
    for number, line in lines.records(region):
        cells = line.split("\t")
        variants = tuple(lines.variants(number, line))
        try:
            calls = tuple(
                _genotype(name, cells[_FIXED - 1], cells[column], len(variants))
                for name, column in columns.items()
            )
        except ValueError as err:
            raise VcfError(f"{lines.place(number, line)}: {err}") from err
        yield GenotypedRecord(variants, calls)


def _sample_columns(lines: VcfLines, samples: Sequence[str] | None) -> dict[str, int]:
    columns = {name: i for i, name in enumerate(lines.columns[_FIXED:], start=_FIXED)}
    if not columns:
        raise VcfError(f"{lines.path} must have sample columns; got none.")
    if samples is None:
        return columns
    missing = [name for name in samples if name not in columns]
    if missing or not samples:
        raise ValueError(
            f"samples must be among {', '.join(columns)}; got "
            f"{', '.join(missing) or 'none'}."
        )
    return {name: columns[name] for name in samples}


def _genotype(sample: str, keys: str, cell: str, alternates: int) -> Genotype:
    # Trailing fields may be left out of a cell.
    fields = dict(zip(keys.split(":"), cell.split(":"), strict=False))
    text = fields.get("GT", ".")
    alleles = tuple(
        _allele(part, text, alternates) for part in text.replace("|", "/").split("/")
    )
    phased = "/" not in text and len(alleles) > 1
    phase_set = fields.get("PS", ".") if phased else "."
    return Genotype(sample, alleles, phased, "" if phase_set == "." else phase_set)


def _allele(part: str, text: str, alternates: int) -> int | None:
    if part == ".":
        return None
    if part.isascii() and part.isdecimal() and int(part) <= alternates:
        return int(part)
    raise ValueError(f"GT must hold 0 to {alternates} or '.'; got {text!r}.")
