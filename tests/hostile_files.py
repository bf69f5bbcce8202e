"""Files whose every name is an attack or a legitimate text that looks like markup."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import numpy as np
import pyBigWig

HOSTILE = {
    "image": '<img src=x onerror="window.pwned=1">',
    "script": "</script><script>window.pwned=1</script>",
    "frame": '"><svg onload=window.pwned=1>',
    "javascript": '<a href="javascript:window.pwned=1">x</a>',
    "link": '<a href="https://evil.example/">x</a>',
    "markdown": "![x](https://evil.example/x.png) `x` [y](javascript:1)",
    "bold": "<b>bold</b> *star* _line_",
    "template": "at %{x} and %{customdata[0]}",
    "formula": "$x^2$ and $y$",
    "entity": "a&lt;b&amp;c",
    "deletion": "<DEL>",
    "less": "a<b and b>a",
    "separator": "two\u2028lines",
}
"""Kind to text. None is longer than hover text shows, and each is told from ours."""

CONTIG = '<svg/onload=window.pwned=1>&lt;%{x}$y$"chr1'
LENGTH = 3000
STEP = 200  # bases between two names
TEXT = "".join(np.random.default_rng(8).choice(list("ACGT"), LENGTH))

_HEAD = """\
MEME version 4

ALPHABET= ACGT

strands: + -
"""
_MOTIF = """\
MOTIF {name}
letter-probability matrix: alength= 4 w= 4
0.7 0.1 0.1 0.1
0.1 0.7 0.1 0.1
0.1 0.1 0.7 0.1
0.1 0.1 0.1 0.7
"""


def unspaced(text: str) -> str:
    """Return an attack that still works where a format takes no white space."""
    return "/".join(text.split())


@dataclass(frozen=True)
class HostileFiles:
    """Where the files lie; every text of `HOSTILE` names something in each."""

    fasta: Path
    vcf: Path
    gtf: Path
    gff: Path
    bed: Path
    bigwig: Path
    meme: Path


def write_hostile(folder: Path) -> HostileFiles:
    """Write one contig of 3,000 bases, and things on it with hostile names."""
    files = HostileFiles(
        fasta=folder / "<b>genome.fa",
        vcf=folder / "variants.vcf",
        gtf=folder / "genes.gtf",
        gff=folder / "genes.gff3",
        bed=folder / "<b>peaks&lt;.bed",
        bigwig=folder / "<img src=x>%{x}.bw",
        meme=folder / "motifs.meme",
    )
    files.fasta.write_text(f">{CONTIG} described\n{TEXT}\n", encoding="utf-8")
    texts = list(HOSTILE.values())
    _write_lines(files.vcf, [*_VCF_HEADER, *map(_variant, range(len(texts)), texts)])
    genes = [line for n, text in enumerate(texts) for line in _gtf(n, text)]
    _write_lines(files.gtf, genes)
    genes = [line for n, text in enumerate(texts) for line in _gff(n, text)]
    _write_lines(files.gff, ["##gff-version 3", *genes])
    _write_lines(files.bed, map(_feature, range(len(texts)), texts))
    _write_lines(
        files.meme, [_HEAD, *(_MOTIF.format(name=unspaced(text)) for text in texts)]
    )
    with pyBigWig.open(str(files.bigwig), "w") as track:
        track.addHeader([(CONTIG, LENGTH)])
        values = np.arange(LENGTH) % 7
        track.addEntries(CONTIG, 0, values=values.astype(float), span=1, step=1)
    return files


def place(number: int) -> int:
    """Return where the thing of a number begins, 0-based."""
    return 100 + number * STEP


_VCF_HEADER = [
    "##fileformat=VCFv4.2",
    f"##contig=<ID={CONTIG},length={LENGTH}>",
    "#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO",
]


def _variant(number: int, text: str) -> str:
    start = place(number)
    ref = TEXT[start]
    alt = "<DEL>" if text == "<DEL>" else "ACGT"["ACGT".index(ref) - 1]
    fields = [CONTIG, start + 1, unspaced(text), ref, alt, ".", "PASS", "."]
    return "\t".join(map(str, fields))


def _gtf(number: int, text: str) -> list[str]:
    where = f"{place(number) + 1}\t{place(number) + 120}\t.\t+\t."
    said = text.replace('"', "'")
    about = f'gene_id "g{number}"; gene_name "{said}"; gene_biotype "{said}";'
    exon = f'{about} transcript_id "t{number} {said}";'
    return [
        f"{CONTIG}\tx\tgene\t{where}\t{about}",
        f"{CONTIG}\tx\texon\t{where}\t{exon}",
    ]


def _gff(number: int, text: str) -> list[str]:
    where = f"{place(number) + 1}\t{place(number) + 120}\t.\t-\t."
    return [f"{CONTIG}\tx\tgene\t{where}\tID=g{number};Name={quote(text, safe='')}"]


def _feature(number: int, text: str) -> str:
    start = place(number)
    fields = [CONTIG, start, start + 60, text, 100 * (number % 9), "+"]
    return "\t".join(map(str, fields))


def _write_lines(path: Path, lines: Iterable[str]) -> None:
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
