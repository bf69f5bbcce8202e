"""Scores written into VCF or BCF, one INFO value per alternate allele."""

import logging
import math
import re
import tempfile
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pysam
from Bio import bgzf

from hyenascope._typing import StrPath
from hyenascope.data._vcf_header import (
    END_LINE,
    contig_lines,
    meta_lines,
    one_line,
    undeclared_lines,
)
from hyenascope.data._vcf_lines import COLUMNS, VcfError, VcfLines, quiet_htslib
from hyenascope.data.atomic import atomic_path
from hyenascope.data.contigs import contig_key
from hyenascope.data.variant import Variant

_LOGGER = logging.getLogger("hyenascope")

InfoValue = float | str | None

# VCF 4.3, section 1.2, and the space that INFO may not hold.
_ENCODED = {char: f"%{ord(char):02X}" for char in "%;=, \t\r\n"}
_ENCODED |= {chr(code): f"%{code:02X}" for code in (*range(32), 127)}
_TEXT_TABLE = str.maketrans(_ENCODED)

_TBI_LIMIT = 2**29  # longest contig that a .tbi can index

_Key = tuple[str, int, str, str]


@dataclass(frozen=True)
class _Field:
    """One INFO key with its values, already written as VCF text."""

    key: str
    number_type: str
    description: str
    texts: list[str]

    @property
    def header(self) -> str:
        return (
            f"##INFO=<ID={self.key},Number=A,Type={self.number_type},"
            f'Description="{self.description}">'
        )


def write_annotated_vcf(
    out_path: StrPath,
    source_path: StrPath | None,
    variants: Sequence[Variant],
    info: Mapping[str, Sequence[InfoValue]],
    descriptions: Mapping[str, str],
    *,
    contigs: Mapping[str, int],
    meta: Mapping[str, str],
) -> None:
    """Write variants with their scores as VCF, bgzip VCF with index, or BCF.

    With a source, its header, records, samples and IDs are kept to the letter and
    in their order, and the values go to the alternates they belong to; a record
    that is not among ``variants`` is written without them. (As BCF, htslib adds
    INFO/END to symbolic alleles and leaves it out where REF says the same.) Without
    a source, every variant is a record, sorted by contig and position.

    All keys are declared with ``Number=A``: one value per alternate, ``.`` where it
    is NaN or None. A key that the source already has is replaced. What the source
    uses but does not declare is declared. Text is percent-encoded as in VCF 4.3.
    The file appears whole or not at all.

    Parameters
    ----------
    out_path
        ``.vcf``, ``.vcf.gz`` or ``.vcf.bgz`` (bgzip, with a tabix index), or
        ``.bcf`` (with a csi index). Records out of order get no index, and a line
        is logged.
    source_path
        The VCF or BCF that the variants were read from, or None.
    variants
        What was scored, POS 1-based. Contig names may be spelled in another usual
        way than in the source.
    info
        INFO key to one value per variant. Numbers make a ``Float``, any text makes
        a ``String``. Letters that a key may not have become ``_``.
    descriptions
        INFO key to its description.
    contigs
        Length in bases per contig, for header lines that the source lacks.
    meta
        Further header lines ``##key=value``; they replace the source's of that key.

    Raises
    ------
    ValueError
        If the suffix is none of those, a column has not one value per variant, two
        keys become the same, or a variant is not in the source.
    VcfError
        If the source cannot be read, or htslib cannot read what was written.
    OSError
        If the disk refuses.

    Examples
    --------
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     out = Path(folder) / "scores.vcf"
    ...     write_annotated_vcf(
    ...         out,
    ...         None,
    ...         [Variant("chr1", 7, "A", "G")],
    ...         {"delta": [-0.25], "note": ["a;b"]},
    ...         {"delta": "alternate - reference, nats"},
    ...         contigs={"chr1": 100},
    ...         meta={},
    ...     )
    ...     out.read_text().splitlines()[-1].split()
    ['chr1', '7', '.', 'A', 'G', '.', '.', 'delta=-0.25;note=a%3Bb']
    """
    out = Path(out_path)
    suffix = _suffix(out)
    fields = _fields(info, descriptions, len(variants))
    lines: Iterable[str]
    if source_path is None:
        lines = _new_lines(variants, fields, contigs, meta)
    else:
        lines = _source_lines(source_path, variants, fields, contigs, meta)
    with atomic_path(out) as temporary:
        if suffix == ".bcf":
            _write_bcf(temporary, lines)
        else:
            _write_text(temporary, lines, compress=suffix != ".vcf")
    if suffix != ".vcf":
        _write_index(out, use_csi=suffix == ".bcf" or _is_long(contigs))


def _suffix(out: Path) -> str:
    for suffix in (".vcf", ".vcf.gz", ".vcf.bgz", ".bcf"):
        if out.name.lower().endswith(suffix):
            return suffix
    raise ValueError(
        f"out_path must end in .vcf, .vcf.gz, .vcf.bgz or .bcf; got {str(out)!r}."
    )


def _fields(
    info: Mapping[str, Sequence[InfoValue]], descriptions: Mapping[str, str], count: int
) -> list[_Field]:
    fields: dict[str, _Field] = {}
    for name, values in info.items():
        key = _info_key(name)
        if key in fields:
            raise ValueError(f"info has two keys that VCF writes as {key!r}: {name!r}.")
        if len(values) != count:
            raise ValueError(
                f"info[{name!r}] must have one value per variant, {count}; "
                f"got {len(values)}."
            )
        is_text = any(isinstance(value, str) for value in values)
        description = one_line(descriptions.get(name, name)).replace("\\", "\\\\")
        fields[key] = _Field(
            key,
            "String" if is_text else "Float",
            description.replace('"', '\\"'),
            [_value_text(value) for value in values],
        )
    return list(fields.values())


def _info_key(name: str) -> str:
    key = re.sub(r"[^0-9A-Za-z_.]", "_", name)
    return key if re.match(r"[A-Za-z_]", key) else f"_{key}"


def _value_text(value: InfoValue) -> str:
    if value is None or value == "":
        return "."
    if isinstance(value, str):
        return value.translate(_TEXT_TABLE)
    return "." if math.isnan(value) else f"{value:.7g}"


def _new_lines(
    variants: Sequence[Variant],
    fields: Sequence[_Field],
    contigs: Mapping[str, int],
    meta: Mapping[str, str],
) -> Iterator[str]:
    seen = dict.fromkeys(variant.chrom for variant in variants)
    spelled = {contig_key(name): name for name in seen}
    declared = [spelled.get(contig_key(name), name) for name in contigs]
    order = {name: i for i, name in enumerate(dict.fromkeys([*declared, *seen]))}
    yield "##fileformat=VCFv4.3"
    yield from contig_lines(order, contigs)
    if any(variant.alt.startswith("<") for variant in variants):
        yield END_LINE
    yield from meta_lines(meta)
    yield from (field.header for field in fields)
    yield "\t".join(COLUMNS)
    ranked = sorted(
        range(len(variants)), key=lambda i: (order[variants[i].chrom], variants[i].pos)
    )
    for i in ranked:
        variant = variants[i]
        cells = [variant.chrom, str(variant.pos), variant.id, variant.ref, variant.alt]
        yield "\t".join([*cells, ".", ".", _info(".", fields, [i])])


def _source_lines(
    source_path: StrPath,
    variants: Sequence[Variant],
    fields: Sequence[_Field],
    contigs: Mapping[str, int],
    meta: Mapping[str, str],
) -> Iterator[str]:
    source = VcfLines(source_path, errors="surrogateescape")
    places = _places(variants)
    yield from _source_header(source, fields, contigs, meta)
    for number, line in source.records():
        alternates = source.variants(number, line)
        found = [_take(places, alternate) for alternate in alternates]
        if all(place is None for place in found):
            yield line
            continue
        cells = line.split("\t", 8)
        cells[7] = _info(cells[7], fields, found)
        yield "\t".join(cells)
    if places:
        missing = variants[min(place[0] for place in places.values())]
        raise ValueError(f"variants must all be in {source.path}; {missing} is not.")


def _source_header(
    source: VcfLines,
    fields: Sequence[_Field],
    contigs: Mapping[str, int],
    meta: Mapping[str, str],
) -> Iterator[str]:
    added = meta_lines(meta)
    replaced = tuple(f"##INFO=<ID={field.key}," for field in fields)
    replaced += tuple(line.split("=", 1)[0] + "=" for line in added)
    kept = [line for line in source.meta if not line.startswith(replaced)]
    if not kept or not kept[0].startswith("##fileformat="):
        yield "##fileformat=VCFv4.3"
    yield from kept
    undeclared = undeclared_lines(source, contigs)
    yield from (line for line in undeclared if not line.startswith(replaced))
    yield from added
    yield from (field.header for field in fields)
    yield "\t".join(source.columns)


def _key(variant: Variant) -> _Key:
    return contig_key(variant.chrom), variant.pos, variant.ref, variant.alt


def _places(variants: Sequence[Variant]) -> dict[_Key, deque[int]]:
    """Map each variant to its places in the sequence; it may be there twice."""
    places: dict[_Key, deque[int]] = {}
    for place, variant in enumerate(variants):
        places.setdefault(_key(variant), deque()).append(place)
    return places


def _take(places: dict[_Key, deque[int]], variant: Variant) -> int | None:
    key = _key(variant)
    if key not in places:
        return None
    place = places[key].popleft()
    if not places[key]:
        del places[key]
    return place


def _info(old: str, fields: Sequence[_Field], found: Sequence[int | None]) -> str:
    """Return an INFO cell with one value per alternate for every field."""
    keys = {field.key for field in fields}
    entries = [] if old in (".", "") else old.split(";")
    kept = [entry for entry in entries if entry.split("=", 1)[0] not in keys]
    for field in fields:
        texts = ["." if place is None else field.texts[place] for place in found]
        kept.append(f"{field.key}={','.join(texts)}")
    return ";".join(kept) or "."


def _write_text(path: Path, lines: Iterable[str], *, compress: bool) -> None:
    """Write lines and make sure that htslib reads as many records back.

    Biopython compresses: its writer reports a full disk as the system does.
    """
    count = 0
    with path.open("wb") as raw:
        file = bgzf.BgzfWriter(fileobj=raw) if compress else raw
        for line in lines:
            count += not line.startswith("#")
            file.write(f"{line}\n".encode(errors="surrogateescape"))
        if compress:
            file.close()
    _check_count(path, count)


def _check_count(path: Path, count: int) -> None:
    try:
        with quiet_htslib(), pysam.VariantFile(str(path)) as file:
            read = sum(1 for _ in file)
    except (OSError, ValueError) as err:
        raise VcfError(f"htslib cannot read the annotated records: {err}") from err
    if read != count:
        raise VcfError(f"htslib reads {read} of {count} annotated records.")


def _write_bcf(path: Path, lines: Iterable[str]) -> None:
    """Write BCF by way of text, which htslib turns into binary."""
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        text = Path(folder) / "annotated.vcf.gz"
        _write_text(text, lines, compress=True)
        with quiet_htslib(), pysam.VariantFile(str(text)) as source:
            _copy_records(source, path)


def _copy_records(source: pysam.VariantFile, path: Path) -> None:
    place = "the header"
    try:
        with pysam.VariantFile(str(path), "wb", header=source.header) as target:
            for record in source:
                place = f"the record at {record.chrom}:{record.pos}"
                target.write(record)
    except (OSError, ValueError) as err:
        if isinstance(err, OSError) and err.errno:
            raise
        raise VcfError(f"htslib cannot write {place} as BCF: {err}") from err


def _is_long(contigs: Mapping[str, int]) -> bool:
    return any(length > _TBI_LIMIT for length in contigs.values())


def _write_index(out: Path, *, use_csi: bool) -> None:
    # Never beside the new file, not even for a moment: the index of the old one.
    for suffix in (".tbi", ".csi"):
        out.with_name(out.name + suffix).unlink(missing_ok=True)
    target = out.with_name(out.name + (".csi" if use_csi else ".tbi"))
    try:
        with atomic_path(target) as temporary, quiet_htslib():
            pysam.tabix_index(
                str(out),
                preset="bcf" if out.name.lower().endswith(".bcf") else "vcf",
                force=True,
                keep_original=True,
                index=str(temporary),
                csi=use_csi,
            )
    except OSError as err:
        _LOGGER.warning("%s has no index: are its records sorted? (%s)", out, err)
