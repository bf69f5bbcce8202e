"""What every base of a contig is, by an annotation, and how well each kind is read.

The kinds exclude one another. A base that is several things, in overlapping genes or
in transcripts of one gene, on either strand, is the last of this list that it is:
intergenic, gene, intron, non-coding exon, UTR, CDS.
"""

import logging
from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import pandas as pd
from jaxtyping import Bool, Float64, Int8

from hyenascope.data.contigs import ContigNames
from hyenascope.data.gene import Gene, Transcript
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.sequence.dna import validate_dna

_LOGGER = logging.getLogger("hyenascope")

REGION_CLASSES = ("intergenic", "gene", "intron", "non-coding exon", "UTR", "CDS")
"""Names of the labels 0 to 5 of `region_classes`, a later one over an earlier.

``"CDS"`` is coding, stop codon included; ``"UTR"`` the rest of the exons of coding
transcripts; ``"gene"`` lies in a gene but in none of its transcripts, as where the
annotation lists none.
"""

_INTERGENIC, _GENE, _INTRON, _EXON, _UTR, _CDS = range(len(REGION_CLASSES))


def region_classes(
    genes: Iterable[Gene], interval: Interval
) -> Int8[np.ndarray, " length"]:
    """Return the label of every base of an interval, an index of `REGION_CLASSES`.

    Labels run from the interval's start, whatever its strand, and genes of both
    strands count. A transcript for which the annotation lists no exon is one exon,
    as `hyenascope.data.annotation.read_genes` has it.

    Parameters
    ----------
    genes
        From `read_genes`; those elsewhere do not matter. Their contig may have
        another of its usual spellings, as ``VIII`` for ``chrVIII`` (a line is
        logged, and one too if no gene lies on the contig).
    interval
        0-based half-open.

    Raises
    ------
    ValueError
        If there are no genes at all: everything would be intergenic.

    Examples
    --------
    >>> exons = Interval("chr1", 2, 5, "-"), Interval("chr1", 7, 9, "-")
    >>> coding = (Interval("chr1", 3, 5, "-"),)
    >>> whole = Interval("chr1", 2, 9, "-")
    >>> gene = Gene("TINY", "g1", whole, (Transcript("t1", whole, exons, coding),))
    >>> labels = region_classes([gene], Interval("1", 0, 10))
    >>> " ".join(REGION_CLASSES[i][:3] for i in labels)
    'int int UTR CDS CDS int int UTR UTR int'
    """
    genes = list(genes)
    if not genes:
        raise ValueError("genes must hold at least one gene; got none.")
    names = ContigNames((gene.chrom for gene in genes), source="the annotation")
    chrom = names.find(interval.chrom)
    if chrom is None:
        _LOGGER.warning("the annotation has no gene on %s.", interval.chrom)
    labels = np.full(interval.length, _INTERGENIC, np.int8)
    for gene in genes:
        if gene.chrom == chrom:
            for part, label in _parts(gene):
                _paint(labels, interval.start, part, label)
    return labels


def class_tracks(
    genes: Iterable[Gene],
    intervals: Iterable[Interval],
    *,
    classes: Sequence[str] = REGION_CLASSES,
) -> list[TrackData]:
    """Return the class of every base as tracks, for `finetune_tracks` to learn.

    Parameters
    ----------
    genes
        As in `region_classes`.
    intervals
        One track each.
    classes
        Some of `REGION_CLASSES`: the value of a base is the position of its class
        here, NaN if it is of another. They go into the provenance, where
        `finetune_tracks` finds them.

    Raises
    ------
    ValueError
        If there are no genes, or a class is unknown.

    Examples
    --------
    >>> whole = Interval("chr1", 2, 4, "-")
    >>> gene = Gene("TINY", "g1", whole, (Transcript("t1", whole, (whole,), (whole,)),))
    >>> places = [Interval("chr1", 0, 5)]
    >>> (track,) = class_tracks([gene], places, classes=("CDS", "intergenic"))
    >>> track.values[:, 0].tolist()
    [1.0, 1.0, 0.0, 0.0, 1.0]
    """
    genes = list(genes)
    unknown = [name for name in classes if name not in REGION_CLASSES]
    if unknown:
        raise ValueError(
            f"classes must be of {', '.join(REGION_CLASSES)}; got {unknown[0]!r}."
        )
    numbers = np.array(
        [classes.index(c) if c in classes else np.nan for c in REGION_CLASSES]
    )
    facts = {"classes": list(classes)}
    return [
        TrackData(numbers[region_classes(genes, place)], "class", place, "class", facts)
        for place in intervals
    ]


def soft_masked(text: str) -> Bool[np.ndarray, " length"]:
    """Say which bases are in lower case, as RepeatMasker and others mark repeats.

    `hyenascope.data.fasta.FastaReader` keeps the case with ``keep_case=True``.

    Raises
    ------
    ValueError
        If the text is not DNA.

    Examples
    --------
    >>> soft_masked("ACgtN")
    array([False, False,  True,  True, False])
    """
    letters = np.frombuffer(validate_dna(text).encode("ascii"), np.uint8)
    return letters >= ord("a")


def nats_by_class(
    nats: Sequence[Float64[np.ndarray, " _"]],
    classes: Sequence[Int8[np.ndarray, " _"]],
    *,
    masked: Sequence[Bool[np.ndarray, " _"]] | None = None,
) -> pd.DataFrame:
    """Return the mean nats per base of each class, and of all bases together.

    Parameters
    ----------
    nats
        −log p of every base, one array per text, NaN where it was not judged: from
        `hyenascope.training.perplexity.base_nats`.
    classes
        Labels of the same bases, from `region_classes`.
    masked
        Whether each is soft-masked, from `soft_masked`; adds the rows
        ``"soft-masked"`` and ``"not masked"``, which cut across the classes.

    Returns
    -------
    DataFrame
        Columns ``class``, ``bases`` (judged), ``nats`` and ``perplexity``. Row
        ``"all"`` comes first and classes without a judged base are left out.

    Raises
    ------
    ValueError
        If the arrays do not belong together.

    Examples
    --------
    >>> nats = [np.array([np.nan, 1.0, 2.0, 4.0])]
    >>> nats_by_class(nats, [np.array([0, 0, 5, 5], np.int8)]).round(2)
            class  bases  nats  perplexity
    0         all      3  2.33       10.31
    1  intergenic      1  1.00        2.72
    2         CDS      2  3.00       20.09
    """
    _check_sizes("classes", nats, classes)
    rows = {"all": sum_known(nats)}
    for label, name in enumerate(REGION_CLASSES):
        rows[name] = sum_known(nats, [labels == label for labels in classes])
    if masked is not None:
        _check_sizes("masked", nats, masked)
        rows["soft-masked"] = sum_known(nats, masked)
        rows["not masked"] = sum_known(nats, [~mask for mask in masked])
    found = {name: pair for name, pair in rows.items() if pair[1]}
    bases = np.array([count for _, count in found.values()], np.int64)
    mean = np.array([total for total, _ in found.values()]) / bases
    return pd.DataFrame(
        {"class": list(found), "bases": bases, "nats": mean, "perplexity": np.exp(mean)}
    )


def sum_known(
    nats: Sequence[Float64[np.ndarray, " _"]],
    chosen: Sequence[Bool[np.ndarray, " _"]] | None = None,
) -> tuple[float, int]:
    """Return the sum of what is not NaN among the chosen bases, and their number.

    Examples
    --------
    >>> sum_known([np.array([1.0, np.nan]), np.array([2.0])])
    (3.0, 2)
    """
    total, bases = 0.0, 0
    for i, values in enumerate(nats):
        known = ~np.isnan(values)
        if chosen is not None:
            known &= chosen[i]
        total += float(values[known].sum())
        bases += int(known.sum())
    return total, bases


def _parts(gene: Gene) -> Iterator[tuple[Interval, int]]:
    yield gene.interval, _GENE
    for transcript in gene.transcripts:
        yield from _transcript_parts(transcript)


def _transcript_parts(transcript: Transcript) -> Iterator[tuple[Interval, int]]:
    for intron in transcript.introns:
        yield intron, _INTRON
    for exon in transcript.exons:
        yield exon, _UTR if transcript.cds else _EXON
    for coding in transcript.cds:
        yield coding, _CDS


def _paint(
    labels: Int8[np.ndarray, " length"], offset: int, part: Interval, label: int
) -> None:
    """Raise the labels of a part to at least ``label``, in place."""
    first, last = max(part.start - offset, 0), max(part.end - offset, 0)
    np.maximum(labels[first:last], np.int8(label), out=labels[first:last])


def _check_sizes(
    name: str, nats: Sequence[np.ndarray], others: Sequence[np.ndarray]
) -> None:
    expected, found = [len(x) for x in nats], [len(x) for x in others]
    if expected != found:
        raise ValueError(
            f"{name} must have one array per array of nats, of the same length; got "
            f"lengths {found} for {expected}."
        )
