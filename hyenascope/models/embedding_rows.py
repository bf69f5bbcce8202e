"""What is embedded, a row each: sequences, labelled sequences, places or genes."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd

from hyenascope._typing import StrPath
from hyenascope.data.annotation import read_genes
from hyenascope.data.bed import read_bed_places
from hyenascope.data.fasta import FastaReader, opened
from hyenascope.data.gene import Gene
from hyenascope.data.interval import Interval
from hyenascope.data.labelled_sequences import LabelledSequences
from hyenascope.data.sequences import (
    BED_SUFFIXES,
    SequenceSource,
    collect_sequences,
    row_names,
    table_intervals,
)
from hyenascope.sequence.dna import validate_dna

EmbeddingSource = SequenceSource | LabelledSequences | Sequence[Gene]
"""DNA, paths, intervals or a table; labelled sequences; genes, or a GTF or GFF3."""

_ANNOTATIONS = tuple(
    stem + gz for gz in ("", ".gz", ".bgz") for stem in (".gtf", ".gff", ".gff3")
)
_PLACE = ("chrom", "start", "end", "strand")


@dataclass(frozen=True, eq=False)
class EmbeddingRows:
    """Rows of a table, and the bases of each.

    Parameters
    ----------
    obs
        One row each, under different names: ``name``, ``length`` in bp, the place
        (0-based half-open) where there is one, and what else came along.
    texts
        DNA in the order of ``obs``, read when its turn comes where it lies in a
        genome.
    record
        What is known of the rows as a whole, in values that h5ad can hold.
    """

    obs: pd.DataFrame
    texts: Iterable[str] = field(repr=False)
    record: Mapping[str, object] = field(default_factory=dict)


def embedding_rows(
    source: EmbeddingSource, *, genome: FastaReader | StrPath | None = None
) -> EmbeddingRows:
    """Return rows for anything that names sequences.

    Parameters
    ----------
    source
        As in `hyenascope.data.sequences.collect_sequences`; or labelled sequences,
        whose splits and labels come along; or genes, as from `read_genes`, or the
        path of a GTF or GFF3: each gene whole, on its own strand. BED may be gzip.
        The other columns of a table come along too; a row without a name is called
        as its place, or as its index.
    genome
        Where places and genes are read from; a reader or a FASTA path.

    Raises
    ------
    ValueError
        If the source is none of these, is empty or holds an empty sequence, lacks a
        genome, or a place does not lie on its contig.

    Examples
    --------
    >>> rows = embedding_rows(["ACGT", "TTT"])
    >>> rows.obs.to_dict("list"), list(rows.texts)
    ({'name': ['0', '1'], 'length': [4, 3]}, ['ACGT', 'TTT'])
    """
    if isinstance(source, LabelledSequences):
        return _labelled(source)
    if isinstance(source, str | Path):
        if str(source).lower().endswith(_ANNOTATIONS):
            return _genes(read_genes(source), genome)
        if str(source).lower().endswith(BED_SUFFIXES):
            return _table(read_bed_places(source), genome)
    if isinstance(source, pd.DataFrame):
        return _table(source, genome)
    listed = [source] if isinstance(source, Interval) else source
    if not isinstance(listed, str | Path) and len(listed):
        genes = [item for item in listed if isinstance(item, Gene)]
        if len(genes) == len(listed):
            return _genes(genes, genome)
        places = [item for item in listed if isinstance(item, Interval)]
        if len(places) == len(listed):
            return _placed(places, list(map(str, places)), {}, genome)
    return _read(listed, pd.DataFrame())  # type: ignore[arg-type]


def _read(source: SequenceSource, more: pd.DataFrame) -> EmbeddingRows:
    """Rows whose bases are at hand: they are checked now, not after hours."""
    named = collect_sequences(source)
    for name, text in zip(named.names, named.texts, strict=True):
        try:
            validate_dna(text)
        except ValueError as err:
            raise ValueError(f"sequence {name}: {err}") from None
    lengths = list(map(len, named.texts))
    columns = {str(name): more[name].tolist() for name in more}
    return EmbeddingRows(_obs(named.names, lengths, columns), named.texts)


def _table(frame: pd.DataFrame, genome: FastaReader | StrPath | None) -> EmbeddingRows:
    own = {"name", "sequence", "length", "chunks"}
    if "sequence" in frame:
        more = frame[[name for name in frame if name not in own]]
        return _read(frame.assign(name=row_names(frame, frame.index)), more)
    places = table_intervals(frame)
    rest = [name for name in frame if name not in {*own, *_PLACE}]
    columns = {str(name): frame[name].tolist() for name in rest}
    return _placed(places, row_names(frame, places), columns, genome)


def _genes(
    genes: Sequence[Gene], genome: FastaReader | StrPath | None
) -> EmbeddingRows:
    more = {
        "gene_id": [gene.gene_id for gene in genes],
        "biotype": [gene.biotype for gene in genes],
    }
    places = [gene.interval for gene in genes]
    return _placed(places, [gene.name for gene in genes], more, genome)


def _placed(
    places: Sequence[Interval],
    names: Sequence[str],
    more: Mapping[str, object],
    genome: FastaReader | StrPath | None,
) -> EmbeddingRows:
    if genome is None:
        raise ValueError("genome must be given to read places; got None.")
    with opened(genome) as reader:
        for place in places:
            size = reader.contigs[reader.resolve(place.chrom)]
            if place.start < 0 or place.end > size:
                raise ValueError(
                    f"interval {place} must lie on its contig, which has {size:,} bp."
                )
        record = {
            "genome": reader.path.name,
            "genome_fingerprint": reader.fingerprint,
        }
    lengths = [place.length for place in places]
    obs = _obs(names, lengths, {**_columns(places), **more})
    return EmbeddingRows(obs, _fetched(places, genome), record)


def _fetched(
    places: Sequence[Interval], genome: FastaReader | StrPath
) -> Iterator[str]:
    with opened(genome) as reader:
        for place in places:
            yield reader.fetch(place)


def _labelled(data: LabelledSequences) -> EmbeddingRows:
    frame = data.to_frame().drop(columns=["sequence", "id"], errors="ignore")
    if data.labels.ndim == 1:
        # All names, in their order, also of classes that have no row.
        frame["label"] = pd.Categorical(frame["label"], list(data.label_names))
    names = data.ids or tuple(map(str, range(len(data))))
    record = {
        "data": data.name,
        "task": data.task,
        "labels": list(data.label_names),
        "data_provenance": data.provenance.to_json(),
    }
    lengths = list(map(len, data.sequences))
    columns = {str(name): frame[name].array for name in frame}
    return EmbeddingRows(_obs(names, lengths, columns), data.sequences, record)


def _columns(places: Sequence[Interval]) -> dict[str, object]:
    return {part: [getattr(place, part) for place in places] for part in _PLACE}


def _obs(
    names: Sequence[str], lengths: Sequence[int], more: Mapping[str, object]
) -> pd.DataFrame:
    if not names:
        raise ValueError("sequences must not be empty; got none.")
    if min(lengths) < 1:
        at = names[lengths.index(min(lengths))]
        raise ValueError(f"sequences must hold bases; got none in {at}.")
    frame = pd.DataFrame({"name": names, "length": lengths, **more})
    frame.index = pd.Index(_unique(names))
    return frame


def _unique(names: Sequence[str]) -> list[str]:
    """Mark second and later appearances, never with the name of another row."""
    taken = set(names)
    seen = set[str]()
    result = []
    for name in names:
        own, count = name, 1
        while own in seen or (count > 1 and own in taken):
            count += 1
            own = f"{name}#{count}"
        seen.add(own)
        result.append(own)
    return result
