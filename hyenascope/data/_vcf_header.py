"""Header lines of the VCF files that are written."""

import re
from collections.abc import Iterable, Iterator, Mapping

from hyenascope.data._vcf_lines import VcfLines
from hyenascope.data.contigs import contig_key

END_LINE = (
    '##INFO=<ID=END,Number=1,Type=Integer,Description="Last position of the record">'
)

_DECLARED = re.compile(r"##(INFO|FORMAT|FILTER)=<(?:[^\"]*,)?ID=([^,>]+)")
_SHAPES = {
    ("INFO", "END"): "Number=1,Type=Integer",
    ("FORMAT", "GT"): "Number=1,Type=String",
}


def one_line(text: str) -> str:
    """Return text without line breaks, tabs and runs of spaces."""
    return " ".join(text.split())


def meta_lines(meta: Mapping[str, str]) -> list[str]:
    """Return ``##key=value`` lines that htslib reads as plain text."""
    lines = []
    for name, value in meta.items():
        text = one_line(value)
        # htslib reads '<' as the start of a structured line.
        text = f'"{text}"' if text.startswith("<") else text
        lines.append(f"##{re.sub(r'[^0-9A-Za-z_.-]', '_', name)}={text}")
    return lines


def contig_lines(names: Iterable[str], contigs: Mapping[str, int]) -> list[str]:
    """Declare contigs, with the length that ``contigs`` has under any spelling."""
    lengths = {contig_key(name): length for name, length in contigs.items()}
    lines = []
    for name in names:
        length = contigs.get(name, lengths.get(contig_key(name)))
        size = "" if length is None else f",length={length}"
        lines.append(f"##contig=<ID={name}{size}>")
    return lines


def undeclared_lines(source: VcfLines, contigs: Mapping[str, int]) -> Iterator[str]:
    """Declare the contigs and keys that the records of ``source`` use undeclared.

    BCF has no other way to write them, and readers of VCF complain. Keys become
    text of any length, or flags if they come without a value.
    """
    declared = {match.groups() for match in map(_DECLARED.match, source.meta) if match}
    names: dict[str, None] = {}
    used: dict[tuple[str, str], bool] = {}
    for _, line in source.records():
        cells = line.split("\t", 9)
        names[cells[0]] = None
        for kind, key, has_value in _keys(cells):
            used[kind, key] = used.get((kind, key), False) or has_value
    known = set(source.contigs)
    yield from contig_lines([name for name in names if name not in known], contigs)
    for (kind, key), has_value in used.items():
        if (kind, key) not in declared:
            yield _declaration(kind, key, has_value=has_value)


def _keys(cells: list[str]) -> Iterator[tuple[str, str, bool]]:
    """Yield (section, key, whether it has a value) of one record."""
    alternates, filters, info = cells[4], cells[6], cells[7]
    if "<" in alternates:
        yield "INFO", "END", True
    for key in filters.split(";"):
        if key not in (".", "PASS", ""):
            yield "FILTER", key, True
    for entry in info.split(";"):
        key, equals, _ = entry.partition("=")
        if key not in (".", ""):
            yield "INFO", key, bool(equals)
    for key in cells[8].split(":") if len(cells) > 8 else ():
        if key not in (".", ""):
            yield "FORMAT", key, True


def _declaration(kind: str, key: str, *, has_value: bool) -> str:
    shape = _SHAPES.get((kind, key), "Number=.,Type=String")
    if kind == "FILTER":
        shape = ""
    elif not has_value:
        shape = "Number=0,Type=Flag"
    parts = [f"ID={key}", shape, 'Description="Not declared in the source"']
    return f"##{kind}=<{','.join(part for part in parts if part)}>"
