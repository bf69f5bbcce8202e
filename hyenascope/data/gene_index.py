"""Where genes lie, by any name that people have for them."""

import difflib
import re
import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from os import PathLike
from pathlib import Path

from hyenascope._typing import StrPath
from hyenascope.data._annotation_rows import AnnotationError, Row, parse_row
from hyenascope.data._gene_assembly import assemble_genes
from hyenascope.data._text_lines import check_file, numbered_lines
from hyenascope.data.gene import Gene
from hyenascope.data.interval import Interval

# ENSG00000012048.15, NM_007294.3: the version is often left out.
_VERSIONED = re.compile(r"((?:ENS[A-Z]*|[NX][MRP]_)\d+)\.\d+.*", re.IGNORECASE)
_GTF_PARENT = re.compile(r'\btranscript_id "([^"]+)"')
_NO_NAMES = ("utr", "start_codon", "intron")  # many rows, nothing that is asked for
_GFF3_PARENTS = re.compile(r"\bParent=([^;\s]+)")


@dataclass(frozen=True)
class GenePlace:
    """A gene, or one transcript of it, and where it lies.

    Parameters
    ----------
    name
        What people call the gene.
    gene_id
        Its identifier in the annotation.
    interval
        0-based half-open, with the strand; in the annotation's spelling of the
        contig.
    transcript_id
        The transcript whose interval it is, or ``""`` for the whole gene.
    biotype
        Of the gene, such as ``"protein_coding"``; ``""`` where the file is silent.

    Examples
    --------
    >>> str(GenePlace("TINY", "g1", Interval("chr1", 0, 30, "+")))
    'TINY (g1) at chr1:1-30:+'
    """

    name: str
    gene_id: str
    interval: Interval
    transcript_id: str = ""
    biotype: str = ""

    def __str__(self) -> str:
        """Return name, identifier and place, 1-based."""
        exact = self.transcript_id or self.gene_id
        called = self.name if exact == self.name else f"{self.name} ({exact})"
        return f"{called} at {self.interval}"


class GeneIndex:
    """Genes by name, gene identifier and transcript identifier.

    Upper and lower case are one, and the version of an Ensembl or RefSeq identifier
    may be left out. A file is read at the first question, once, by whichever thread
    asks. Exons and coding parts of transcripts that are known already are passed
    over, which makes it several times as fast as `read_genes`.

    Parameters
    ----------
    source
        GTF or GFF3, plain, gzip or bgzip; or genes, as from `read_genes`.

    Raises
    ------
    AnnotationError
        At the first question, if the file is missing, empty, damaged or malformed.

    Examples
    --------
    >>> place = Interval("chr1", 0, 30, "+")
    >>> index = GeneIndex([Gene("BRCA1", "ENSG00000012048.15", place)])
    >>> [str(found) for found in index.find("brca1")]
    ['BRCA1 (ENSG00000012048.15) at chr1:1-30:+']
    >>> len(index.find("ENSG00000012048")), index.find("BRAC1"), index.nearest("BRAC1")
    (1, (), ('BRCA1',))
    """

    def __init__(self, source: StrPath | Iterable[Gene]) -> None:
        self._genes: list[Gene] = []
        self._path: Path | None = None
        if isinstance(source, str | PathLike):
            self._path = Path(source)
        else:
            self._genes = list(source)
        self._lock = threading.Lock()
        self._places: dict[str, list[GenePlace]] | None = None
        self._names: dict[str, str] = {}
        self._sorted: list[str] = []

    def __len__(self) -> int:
        """Return how many names of genes there are; identifiers do not count."""
        self.load()
        return len(self._names)

    @property
    def is_loaded(self) -> bool:
        """Whether the next question is answered at once."""
        return self._places is not None

    def load(self) -> None:
        """Read the file now, unless that has been done.

        Raises
        ------
        AnnotationError
            As for the class.
        """
        self._table()

    def find(self, name: str) -> tuple[GenePlace, ...]:
        """Return every place of this name, in order of the genome; none if unknown.

        A name of a gene wins over an identifier of another. Genes that share a name
        are all returned, once for each place.
        """
        return tuple(self._table().get(_key(name), ()))

    def nearest(self, name: str, *, count: int = 5) -> tuple[str, ...]:
        """Return names of genes that look like this one, the likeliest first.

        Raises
        ------
        ValueError
            If ``count`` is below 1.
        """
        if count < 1:
            raise ValueError(f"count must be at least 1; got {count}.")
        self.load()
        key = _key(name)
        close = difflib.get_close_matches(key, _alike(key, self._sorted), n=count)
        return tuple(self._names[found] for found in close)

    def _table(self) -> dict[str, list[GenePlace]]:
        with self._lock:
            if self._places is None:
                genes = self._genes if self._path is None else _read(self._path)
                self._names = {_key(gene.name): gene.name for gene in genes}
                self._sorted = sorted(self._names)
                self._places = _by_key(genes)
            return self._places


def _key(name: str) -> str:
    return name.strip().casefold()


def _by_key(genes: Sequence[Gene]) -> dict[str, list[GenePlace]]:
    """Names first: an identifier adds nothing to a name that is taken."""
    named: dict[str, list[GenePlace]] = {}
    identified: dict[str, list[GenePlace]] = {}
    for gene in genes:
        place = GenePlace(gene.name, gene.gene_id, gene.interval, "", gene.biotype)
        _add(named, _key(gene.name), place)
        for key in _identifiers(gene.gene_id):
            _add(identified, key, place)
    for gene in genes:
        whole = GenePlace(gene.name, gene.gene_id, gene.interval, "", gene.biotype)
        for transcript in gene.transcripts:
            identifier, where = transcript.transcript_id, transcript.interval
            place = replace(whole, interval=where, transcript_id=identifier)
            for key in _identifiers(identifier):
                _add(identified, key, place)
    return {**identified, **named}


def _add(table: dict[str, list[GenePlace]], key: str, place: GenePlace) -> None:
    """Keep a place unless the gene has one there, of its own or a transcript's."""
    places = table.setdefault(key, [])
    same = (known.interval == place.interval for known in places)
    if key and not any(same):
        places.append(place)


def _identifiers(identifier: str) -> set[str]:
    match = _VERSIONED.fullmatch(identifier)
    return {_key(identifier)} | ({_key(match[1])} if match else set())


def _alike(key: str, names: Sequence[str]) -> Iterator[str]:
    """Leave out what cannot be close, before the slow comparison.

    difflib's ratio is at least 0.6 only if 60% of the letters are shared.
    """
    letters = set(key)
    for name in names:
        if abs(len(name) - len(key)) <= 0.5 * (len(name) + len(key)) and (
            2 * len(letters & set(name)) >= len(letters)
        ):
            yield name


def _read(path: Path) -> list[Gene]:
    check_file(path, AnnotationError)
    return assemble_genes(_rows(path))


def _rows(path: Path) -> Iterator[Row]:
    """Yield rows of genes and transcripts, and such parts as add to a transcript.

    Exons add nothing where the transcript has a row of its own; in GTF coding parts
    add nothing where an exon has been seen, as they lie inside exons.
    """
    whole, begun = set[str](), set[str]()
    for number, raw in numbered_lines(path, AnnotationError):
        if raw.startswith(("##FASTA", ">")):
            return
        if not raw.strip() or raw.startswith(("#", "track ", "browser ")):
            continue
        kind = _kind(raw)
        is_coding = kind in ("cds", "stop_codon")
        is_part = is_coding or kind.endswith("exon")
        if is_part and _are_known(raw, whole, begun if is_coding else whole):
            continue
        if not is_part and kind.endswith(_NO_NAMES):
            continue
        row = parse_row(raw.rstrip("\n"), f"{path}, line {number}", None)
        if row is None:
            continue
        if is_part or _belongs(row, kind, whole):
            (begun if is_part else whole).update(_known_by(row, is_part=is_part))
        yield row


def _kind(line: str) -> str:
    cells = line.split("\t", 3)
    return cells[2].lower() if len(cells) == 4 else ""


def _belongs(row: Row, kind: str, whole: set[str]) -> bool:
    """Whether a row is a gene's or leads to one; in GFF3 others need their parts."""
    if not row.is_gff3 or kind.endswith("gene"):
        return True
    return row.first("Parent") in whole


def _known_by(row: Row, *, is_part: bool) -> list[str]:
    """Return how parts name the transcript of a row."""
    if row.is_gff3:
        return row.attributes.get("Parent" if is_part else "ID", [])
    return row.attributes.get("transcript_id", [])


def _are_known(line: str, whole: set[str], begun: set[str]) -> bool:
    """Whether the line is a part of transcripts that need no more parts."""
    gtf = _GTF_PARENT.search(line)
    if gtf is not None:
        return gtf[1] in whole or gtf[1] in begun
    gff3 = _GFF3_PARENTS.search(line)
    return gff3 is not None and all(name in whole for name in gff3[1].split(","))
