"""One contig, several names: ``chr1`` and ``1``, ``chrM`` and ``MT``."""

import difflib
import logging
from collections.abc import Iterable

_LOGGER = logging.getLogger("hyenascope")

_MITOCHONDRIA = {"M", "MT", "MITO", "MTDNA"}
_SHOWN = 6


class UnknownContigError(ValueError):
    """A contig name that a file does not hold, under any of its usual spellings."""


def contig_key(name: str) -> str:
    """Return what the usual spellings of one contig have in common.

    A leading ``chr`` and upper or lower case do not matter, and ``M``, ``MT``,
    ``Mito`` and ``MtDNA`` are one. Numbers and Roman numerals stay apart.

    Examples
    --------
    >>> contig_key("chr1") == contig_key("1"), contig_key("chrM") == contig_key("MT")
    (True, True)
    >>> contig_key("chrI") == contig_key("chr1")
    False
    """
    upper = name.upper()
    stem = upper.removeprefix("CHR") or upper
    return "MT" if stem in _MITOCHONDRIA else stem


class ContigNames:
    """The contig names of one file, found under any of their usual spellings.

    An exact match always wins. The first time that another spelling is taken, one
    line is logged to the logger ``"hyenascope"``; later matches are silent.

    ``chrM`` of UCSC hg19 is another sequence than ``MT`` of GRCh37 (16,571 and
    16,569 bp): names agree there, bases do not, and only a check of REF shows it.

    Parameters
    ----------
    names
        Contig names as the file spells them.
    source
        The file, for messages.

    Examples
    --------
    >>> names = ContigNames(["chr1", "chr20", "chrM"], source="hg38.fa")
    >>> names.resolve("20"), names.resolve("MT")
    ('chr20', 'chrM')
    >>> names.resolve("chr2O")
    Traceback (most recent call last):
    hyenascope.data.contigs.UnknownContigError: hg38.fa has no contig 'chr2O'; ...
    """

    def __init__(self, names: Iterable[str], *, source: str) -> None:
        self._names = tuple(dict.fromkeys(names))
        self._exact = frozenset(self._names)
        self._source = source
        self._noticed = False
        self._by_key: dict[str, list[str]] = {}
        for name in self._names:
            self._by_key.setdefault(contig_key(name), []).append(name)

    def find(self, chrom: str) -> str | None:
        """Return the file's spelling of ``chrom``, or None where it has none.

        None is also the answer when several names of the file fit equally well.
        """
        if chrom in self._exact:
            return chrom
        candidates = self._by_key.get(contig_key(chrom), [])
        if len(candidates) != 1:
            return None
        self._notice(chrom, candidates[0])
        return candidates[0]

    def resolve(self, chrom: str) -> str:
        """Return the file's spelling of ``chrom``.

        Raises
        ------
        UnknownContigError
            If the file has no such contig or several fit; the message lists names
            that look alike.
        """
        found = self.find(chrom)
        if found is None:
            raise UnknownContigError(self._refusal(chrom))
        return found

    def _notice(self, asked: str, found: str) -> None:
        if not self._noticed:
            self._noticed = True
            _LOGGER.warning(
                "%s: contig names matched by their usual spellings (%s is %s here).",
                self._source,
                asked,
                found,
            )

    def _refusal(self, chrom: str) -> str:
        refusal = f"{self._source} has no contig {chrom!r}"
        several = self._by_key.get(contig_key(chrom), [])
        close = difflib.get_close_matches(chrom, self._names, n=_SHOWN)
        if several:
            return f"{refusal}; it could be any of {', '.join(several)}."
        if close:
            return f"{refusal}; close names: {', '.join(close)}."
        shown = ", ".join(self._names[:_SHOWN]) or "none"
        more = ", …" if len(self._names) > _SHOWN else ""
        return f"{refusal}; it holds {shown}{more}."


class ContigFilter:
    """Whether a contig name of a stream means ``chrom``, under any usual spelling.

    For files whose names are known only when they have been read. The first time
    that another spelling is taken, one line is logged.

    Parameters
    ----------
    chrom
        The contig to look for.
    source
        The file, for messages.

    Examples
    --------
    >>> wanted = ContigFilter("chr20", source="calls.vcf")
    >>> [wanted(name) for name in ("chr2", "20", "20")], wanted.matched
    ([False, True, True], True)
    """

    matched: bool
    """Whether any name passed."""

    def __init__(self, chrom: str, *, source: str) -> None:
        self._chrom = chrom
        self._key = contig_key(chrom)
        self._source = source
        self._known: dict[str, bool] = {}
        self.matched = False

    def __call__(self, name: str) -> bool:
        """Whether ``name`` is the contig looked for."""
        if name not in self._known:
            self._known[name] = contig_key(name) == self._key
            if self._known[name]:
                ContigNames([name], source=self._source).find(self._chrom)
                self.matched = True
        return self._known[name]
