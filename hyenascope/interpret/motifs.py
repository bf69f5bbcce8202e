"""Known motifs in sequences, and under the peaks of an attribution.

The algorithms are those of tangermeme and memelite (extra ``motifs``); this file
gives them genomic coordinates and keeps N out. Both compile themselves: the first
call of a session takes seconds, the very first after installing a minute or two,
which is why the examples here are not run with the tests.
"""

import importlib
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from jaxtyping import Float64, Num

from hyenascope._typing import StrPath
from hyenascope.data.fasta import FastaReader, opened
from hyenascope.data.interval import Interval
from hyenascope.data.meme import Motif, read_meme
from hyenascope.data.track_data import TrackData
from hyenascope.sequence.dna import BASES
from hyenascope.sequence.one_hot import one_hot

_PLACE = ["chrom", "start", "end", "strand"]
_SEQLET_COLUMNS = [*_PLACE, "attribution", "p_value"]
_HIT_COLUMNS = [*_PLACE, "motif", "score", "p_value"]
_FLIPS = {"positive": (1,), "negative": (-1,), "both": (1, -1)}
_BATCH_BASES = 2**22  # scanned at a time

Genome = FastaReader | StrPath | Mapping[str, str]
"""A reader, the path of a FASTA file, or whole contigs as text by name."""


def call_seqlets(
    data: TrackData,
    sequence: str | None = None,
    *,
    sign: Literal["positive", "negative", "both"] = "both",
    max_p_value: float = 0.01,
    min_length: int = 4,
    max_length: int = 25,
) -> pd.DataFrame:
    """Return the stretches where an attribution stands out (tangermeme's seqlets).

    Stretches with NaN, such as N in the sequence, are never called. The p-value ranks
    seqlets of one track; neighbouring values are not independent, so it is smaller
    than the chance of such a stretch where nothing is.

    Parameters
    ----------
    data
        One track of attributions, or the four tracks A, C, G, T: each row's mean is
        taken off (so that raw mutagenesis, zero at the reference, works too) and the
        value of the base that is there is read.
    sequence
        With four tracks: bases of ``data.interval`` on the forward strand.
    sign
        Which attributions count. Of ``"both"``, a negative seqlet that overlaps a
        positive one is left out.
    max_p_value
        Largest p-value of a seqlet and of every stretch inside it.
    min_length, max_length
        In bp.

    Returns
    -------
    DataFrame
        ``chrom start end strand attribution p_value`` by position; 0-based
        half-open; ``strand`` is the interval's; ``attribution`` is the sum over the
        seqlet in the units of the track.

    Raises
    ------
    ValueError
        If the tracks or the sequence do not fit, or an option is out of range.
    ImportError
        If tangermeme is not installed.

    Examples
    --------
    >>> values = np.random.default_rng(0).normal(size=200) * 0.1
    >>> values[100:108] += 2
    >>> track = TrackData(values, ("ism",), Interval("chr1", 1000, 1200))
    >>> called = call_seqlets(track, max_p_value=1e-3)  # doctest: +SKIP
    >>> called[["chrom", "start", "end"]]  # doctest: +SKIP
      chrom  start   end
    0  chr1   1099  1109
    """
    if sign not in _FLIPS:
        raise ValueError(
            f"sign must be 'positive', 'negative' or 'both'; got {sign!r}."
        )
    if not 0 < max_p_value <= 1:
        raise ValueError(f"max_p_value must be in (0, 1]; got {max_p_value}.")
    if not 1 <= min_length <= max_length:
        raise ValueError(
            "min_length must be at least 1 and at most max_length; "
            f"got {min_length} and {max_length}."
        )
    values = _observed(data, sequence)
    options = {"threshold": max_p_value, "min_seqlet_len": min_length}
    options["max_seqlet_len"] = max_length
    found = [
        (start, end, flip * total, p_value)
        for flip in _FLIPS[sign]
        for start, end, total, p_value in _seqlets(flip * values, options)
    ]
    where, rows = data.interval, []
    taken = np.zeros(len(values), bool)
    for start, end, total, p_value in found:
        if not taken[start:end].any():
            taken[start:end] = True
            place = (where.chrom, where.start + start, where.start + end, where.strand)
            rows.append((*place, total, p_value))
    frame = pd.DataFrame(rows, columns=_SEQLET_COLUMNS)
    return frame.sort_values("start", ignore_index=True)


def annotate_seqlets(
    seqlets: pd.DataFrame,
    genome: Genome,
    motifs: StrPath | Mapping[str, Motif],
    *,
    count: int = 1,
) -> pd.DataFrame:
    """Return the motifs most like the bases of each seqlet (memelite's Tomtom).

    Parameters
    ----------
    seqlets
        With ``chrom``, ``start`` and ``end``, 0-based half-open; for example from
        `call_seqlets`.
    genome
        Where the bases are.
    motifs
        A MEME file or what `read_meme` returned. Of fewer than 25 motifs the
        p-values are not reliable, and memelite warns.
    count
        Motifs per seqlet.

    Returns
    -------
    DataFrame
        The seqlets, a row for each of ``count`` matches, best first, and ``rank``
        (from 1), ``motif``, ``motif_strand`` (on the genome), ``motif_p_value`` and
        ``motif_e_value`` (p-value × number of motifs; expected by chance).

    Raises
    ------
    ValueError
        If a column is missing, a seqlet is empty or its contig unknown, or ``count``
        is below 1.
    ImportError
        If memelite is not installed.
    """
    missing = {"chrom", "start", "end"} - set(seqlets.columns)
    if missing:
        raise ValueError(
            "seqlets must have columns chrom, start, end; "
            f"missing {', '.join(sorted(missing))}."
        )
    if count < 1:
        raise ValueError(f"count must be at least 1; got {count}.")
    library = _library(motifs)
    columns = ["rank", "motif", "motif_strand", "motif_p_value", "motif_e_value"]
    if seqlets.empty:
        return seqlets.reindex(columns=[*seqlets.columns, *columns])
    places = [
        Interval(str(chrom), int(start), int(end))
        for chrom, start, end in seqlets[["chrom", "start", "end"]].itertuples(
            index=False
        )
    ]
    queries = [_query(text) for _, text in _texts(genome, places)]
    tomtom = _optional("memelite.tomtom").tomtom
    found = tomtom(queries, [motif.T for motif in library.values()], n_nearest=count)
    p_values, strands, indices = found[0], found[4], found[5].astype(int)
    matches = indices.shape[1]
    frame = seqlets.loc[seqlets.index.repeat(matches)].reset_index(drop=True)
    frame["rank"] = np.tile(np.arange(1, matches + 1), len(seqlets))
    frame["motif"] = np.array(list(library), dtype=object)[indices.ravel()]
    frame["motif_strand"] = np.where(strands.ravel() == 0, "+", "-")
    frame["motif_p_value"] = p_values.ravel()
    frame["motif_e_value"] = p_values.ravel() * len(library)
    return frame


def scan_motifs(
    genome: Genome,
    motifs: StrPath | Mapping[str, Motif],
    intervals: Interval | Sequence[Interval] | None = None,
    *,
    max_p_value: float = 1e-4,
) -> pd.DataFrame:
    """Return where motifs match, on both strands (memelite's FIMO).

    A match that touches a base other than A, C, G or T is left out. The p-value is
    of one place against a uniform background, not corrected for the places tried.

    Parameters
    ----------
    genome
        Where the bases are; ``{"name": text}`` scans a bare sequence.
    motifs
        A MEME file or what `read_meme` returned.
    intervals
        0-based half-open; by default every contig, whole.
    max_p_value
        Of a match.

    Returns
    -------
    DataFrame
        ``chrom start end strand motif score p_value`` by position; 0-based
        half-open; ``score`` in bits over the background.

    Raises
    ------
    ValueError
        If a contig is unknown or ``max_p_value`` is out of range.
    ImportError
        If memelite is not installed.

    Examples
    --------
    >>> cre = {"CRE": np.eye(4)[["ACGT".index(base) for base in "TGACGTCA"]]}
    >>> hits = scan_motifs({"x": "ACGTACGTTTTGACGTCACC"}, cre)  # doctest: +SKIP
    >>> hits[["chrom", "start", "end", "strand"]]  # doctest: +SKIP
      chrom  start  end strand
    0     x     10   18      +
    1     x     10   18      -
    """
    if not 0 < max_p_value < 1:
        raise ValueError(f"max_p_value must be in (0, 1); got {max_p_value}.")
    pwms = {name: motif.T for name, motif in _library(motifs).items()}
    intervals = [intervals] if isinstance(intervals, Interval) else intervals
    fimo = _optional("memelite.fimo").fimo
    tables = []
    for places, rows in _batches(_texts(genome, intervals)):
        columns = np.ascontiguousarray(rows.transpose(0, 2, 1))
        found = fimo(pwms, columns, threshold=max_p_value)
        tables += [_placed(hits, places, rows) for hits in found if len(hits)]
    if not tables:
        return pd.DataFrame(columns=_HIT_COLUMNS)
    frame = pd.concat(tables, ignore_index=True)
    return frame.sort_values(["chrom", "start", "end", "motif"], ignore_index=True)


def _optional(name: str) -> Any:  # noqa: ANN401, a module without types
    try:
        return importlib.import_module(name)
    except ImportError as err:
        package = name.partition(".")[0]
        raise ImportError(
            f"{package} must be installed: pip install hyenascope[motifs]; got {err}"
        ) from err


def _library(motifs: StrPath | Mapping[str, Motif]) -> Mapping[str, Motif]:
    library = motifs if isinstance(motifs, Mapping) else read_meme(motifs)
    if not library:
        raise ValueError("motifs must hold at least one; got none.")
    return library


def _observed(data: TrackData, sequence: str | None) -> Float64[np.ndarray, " length"]:
    """Return one value per base, that of the base which is there."""
    if len(data.names) == 1:
        return data.values[:, 0].astype(np.float64)
    if data.names != tuple(BASES):
        raise ValueError(
            f"data must have one track, or A, C, G and T; got {list(data.names)}."
        )
    if sequence is None or len(sequence) != data.interval.length:
        got = "None" if sequence is None else f"{len(sequence)} bases"
        raise ValueError(f"sequence must hold the bases of {data.interval}; got {got}.")
    rows = one_hot(sequence)
    centred = data.values - data.values.mean(axis=1, keepdims=True)
    values = np.where(rows > 0, centred, 0.0).sum(axis=1)
    values[(rows.sum(axis=1) == 0) | np.isnan(data.values).any(axis=1)] = np.nan
    return values.astype(np.float64)


def _seqlets(
    values: Float64[np.ndarray, " length"], options: dict[str, Any]
) -> Iterator[tuple[int, int, float, float]]:
    """Yield (start, end, sum, p-value) of positive seqlets, best first."""
    gap = np.isnan(values)
    # A run of NaN becomes one value as low as any, which no seqlet can cross, so
    # that a long run does not stand for most of the background.
    kept = np.flatnonzero(~gap | (gap & ~np.r_[False, gap[:-1]]))
    known = values[~gap]
    if len(kept) < options["min_seqlet_len"] or not known.size:
        return
    filled = np.where(gap, known.min(), values)[kept]
    seqlet = _optional("tangermeme.seqlet")
    table = seqlet.recursive_seqlets(filled[None], **options)
    for _, start, end, total, p_value in table.itertuples(index=False):
        if not gap[kept[start:end]].any():
            yield int(kept[start]), int(kept[end - 1]) + 1, float(total), float(p_value)


def _texts(
    genome: Genome, intervals: Sequence[Interval] | None
) -> Iterator[tuple[Interval, str]]:
    """Yield intervals and their bases, forward strand; whole contigs by default."""
    if isinstance(genome, Mapping):
        lengths = {name: len(text) for name, text in genome.items()}
        for place in _forward(intervals, lengths):
            if place.chrom not in genome or not 0 <= place.start < place.end:
                raise ValueError(
                    f"intervals must hold bases of {list(genome)[:6]}; got {place}."
                )
            yield place, genome[place.chrom][place.start : place.end]
        return
    with opened(genome) as reader:
        for place in _forward(intervals, reader.contigs):
            yield place, reader.fetch(place)


def _forward(
    intervals: Sequence[Interval] | None, lengths: Mapping[str, int]
) -> Iterator[Interval]:
    if intervals is None:
        yield from (Interval(name, 0, length) for name, length in lengths.items())
        return
    for each in intervals:
        yield Interval(each.chrom, each.start, each.end)


def _query(text: str) -> Float64[np.ndarray, "4 length"]:
    rows = one_hot(text).astype(np.float64)
    rows[rows.sum(axis=1) == 0] = 0.25  # N may be any base
    return np.ascontiguousarray(rows.T)


def _batches(
    texts: Iterator[tuple[Interval, str]],
) -> Iterator[tuple[list[Interval], Num[np.ndarray, "sequences length 4"]]]:
    """Yield some intervals and their one-hot rows, short ones filled up with N."""
    places: list[Interval] = []
    rows: list[Num[np.ndarray, "_ 4"]] = []
    longest = 0
    for place, text in texts:
        longest = max(longest, len(text))
        if places and longest * (len(places) + 1) > _BATCH_BASES:
            yield places, _stacked(rows)
            places, rows, longest = [], [], len(text)
        places.append(place)
        rows.append(one_hot(text))
    if places:
        yield places, _stacked(rows)


def _stacked(rows: list[np.ndarray]) -> Num[np.ndarray, "sequences length 4"]:
    stack = np.zeros((len(rows), max(map(len, rows)), 4), np.float32)
    for i, each in enumerate(rows):
        stack[i, : len(each)] = each
    return stack


def _placed(
    hits: pd.DataFrame,
    places: list[Interval],
    rows: Num[np.ndarray, "sequences length 4"],
) -> pd.DataFrame:
    """Return hits in genomic coordinates, without those that touch N."""
    row = hits["sequence_name"].to_numpy(int)
    start, end = hits["start"].to_numpy(int), hits["end"].to_numpy(int)
    known = np.cumsum(np.pad(rows.sum(axis=2), ((0, 0), (1, 0))), axis=1)
    clean = known[row, end] - known[row, start] == end - start
    at = np.array([place.start for place in places])[row]
    frame = pd.DataFrame(
        {
            "chrom": np.array([place.chrom for place in places], dtype=object)[row],
            "start": at + start,
            "end": at + end,
            "strand": hits["strand"].to_numpy(object),
            "motif": hits["motif_name"].to_numpy(object),
            "score": hits["score"].to_numpy(float),
            "p_value": hits["p-value"].to_numpy(float),
        }
    )
    return frame[clean]
