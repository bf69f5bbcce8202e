"""Numbers that a model makes of a locus, a piece at a time, and keeps.

A contig is cut into chunks at fixed places, so what is known of a base never depends
on the view that asked for it.
"""

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.interpret.unscored import (
    NOT_A_BASE,
    NOT_FINITE,
    NOTHING_BEFORE,
    NothingScoredError,
    UnscoredRuns,
)
from hyenascope.widgets.chunk_cache import Chunk, ChunkCache
from hyenascope.widgets.track_recipe import ATTRIBUTIONS, TrackKind, TrackRecipe
from hyenascope.widgets.worker import Progress

__all__ = ["ComputedTrack", "TrackKind"]

_SUBJECTS: dict[TrackKind, str] = {
    "ism": "Mutagenesis is",
    "conditional": "The bases that the model expects are",
    "log_prob": "The likelihood of bases is",
    "saliency": "Saliency is",
    "integrated_gradients": "Integrated gradients are",
    "deep_lift_shap": "DeepLIFT SHAP is",
}
# About a minute on one core, or as much as can be read in a picture.
_WIDEST: dict[TrackKind, int] = {
    "ism": 2_000,
    "conditional": 20_000,
    "log_prob": 100_000,
    "saliency": 20_000,
    "integrated_gradients": 4_000,
    "deep_lift_shap": 4_000,
}
_MOST_KNOWN = 250_000  # bases that `known` returns at once

_EDGES = ("start", "end")
_MISS = "convergence_relative"
_Row = Mapping[str, object]
"""A run without a number: strand, 0-based start and end, reason."""

# What one chunk's record says of itself, not of the track.
_OF_ONE_CHUNK = {
    "interval",
    "last_tenth",
    "target",
    "target_value",
    "baseline_value",
    "convergence_delta",
    "unscored",
}


@dataclass(frozen=True, eq=False)
class ComputedTrack(TrackRecipe):
    """What a lane needs to show numbers while a model is still making them.

    ``"ism"``, ``"conditional"`` and ``"log_prob"`` give the numbers of
    `saturation_mutagenesis`, `conditional_map` and, over the whole contig,
    `log_prob_track`. An attribution explains one number of one window: here each
    chunk is read in the middle of a window of ``context`` bp, what is explained is
    the log-likelihood of that whole window (or the output of a head), and the numbers
    of the chunk are kept. `attribute` explains a chosen region in one call instead.

    ``dataclasses.replace(track, strands="forward")`` gives the same track under
    another option with the same cache, so that going back costs nothing.

    Parameters
    ----------
    kind
        What to compute.
    model
        Borrowed and put back, by one computed track at a time.
    genome
        Reader or FASTA path.
    strands
        Which strand the model reads; ``"both"`` is the mean.
    context
        Bases that the model reads at once; by default its own, at most 16,384, and
        at most 1,024 for attributions.
    window
        Bases that the mutagenesis score ``"downstream"`` adds up, by default 512 or
        what fits; without meaning, and ignored, for all else.
    score
        Of ``"ism"``: as in `saturation_mutagenesis`, by default ``"downstream"``. A
        `HeadOutput` also serves attributions as what they explain; of it each chunk
        is mutated in the middle of its own window.
    chunk
        Bases computed between two chances to cancel; by default 64 for mutagenesis,
        a quarter of the context for attributions, and what one pass gives for the
        others.
    steps, shuffles
        Points on the way of integrated gradients (from a quarter of each base), and
        baselines of DeepLIFT SHAP (shuffles of dinucleotides).
    device
        Where to run; CUDA if there is one.
    widest
        Most bases that `too_wide` lets pass.
    cache
        Where chunks are kept; tracks may share one.

    Raises
    ------
    ValueError
        If an option is out of its range or does not fit the kind.

    Examples
    --------
    >>> from hyenascope.data.example import example_locus
    >>> from hyenascope.models.hyena import HyenaConfig, HyenaLM
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> track = ComputedTrack("log_prob", model, example_locus().fasta)
    >>> view = Interval("chrDemo", 40, 50)
    >>> bool(np.isnan(track.known(view).values).all())
    True
    >>> [str(part.place) for part in track.compute(view)]
    ['chrDemo:33-48', 'chrDemo:49-64']
    >>> bool(np.isnan(track.known(view).values).any())
    False
    """

    widest: int | None = None
    cache: ChunkCache = field(default_factory=ChunkCache)

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.widest is not None and self.widest < 1:
            raise ValueError(f"widest must be at least 1; got {self.widest}.")

    def too_wide(self, interval: Interval) -> str | None:
        """Say why this much is not computed live, or None if it can be.

        Examples
        --------
        >>> from hyenascope.data.example import example_locus
        >>> from hyenascope.models.hyena import HyenaConfig, HyenaLM
        >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
        >>> track = ComputedTrack("ism", model, example_locus().fasta)
        >>> track.too_wide(Interval("chrDemo", 0, 5000))
        'Mutagenesis is computed for up to 2,000 bp at a time; 5,000 bp are shown.'
        """
        limit = _WIDEST[self.kind] if self.widest is None else self.widest
        shown = self._on_contig(interval)
        if shown is None or shown.length <= limit:
            return None
        return (
            f"{_SUBJECTS[self.kind]} computed for up to {limit:,} bp at a time; "
            f"{shown.length:,} bp are shown."
        )

    def missing(self, interval: Interval) -> tuple[Interval, ...]:
        """Return the chunks that are not known yet, nearest to the centre first.

        0-based half-open. What lies off the contig is left out.

        Raises
        ------
        UnknownContigError
            If the genome has no such contig.
        """
        key, middle = self.key, interval.start + interval.end
        chunks = self._chunks(interval)
        unknown = [chunk for chunk in chunks if (*key, chunk) not in self.cache]
        unknown.sort(key=lambda chunk: abs(chunk.start + chunk.end - middle))
        return tuple(unknown)

    def compute(self, interval: Interval) -> Generator[Progress, None, TrackData]:
        """Compute what is missing, nearest to the centre first.

        Each chunk is in the cache when its progress is yielded: `known` grows while
        this runs, and what a cancelled job has computed stays.

        Yields
        ------
        Progress
            After every chunk; nothing if all is known.

        Returns
        -------
        TrackData
            As `known`.

        Raises
        ------
        UnknownContigError
            If the genome has no such contig.
        ValueError
            What the methods of `hyenascope.interpret` raise.
        """
        missing = self.missing(interval)
        for done, place in enumerate(missing, start=1):
            key = (*self.key, place)
            if key not in self.cache:  # another job may have been here meanwhile
                self.cache.put(key, self._computed(place))
            yield Progress(done, len(missing), place)
        return self.known(interval)

    def known(self, interval: Interval) -> TrackData:
        """Return what has been computed, NaN elsewhere.

        Of more than 250,000 bp only the middle ones are returned: look at
        ``.interval``. ``provenance["unscored"]`` holds places that the model has no
        number for, with strand and reason; ``provenance["not_computed"]`` those that
        it has not been asked for, as pairs of 0-based start and end.

        Raises
        ------
        UnknownContigError
            If the genome has no such contig.
        """
        if interval.length > _MOST_KNOWN:
            interval = interval.resize(_MOST_KNOWN)
        key = self.key
        values = np.full((interval.length, len(self.names)), np.nan)
        known: list[Chunk] = []
        gaps: list[list[int]] = []
        for place in self._chunks(interval):
            start = max(place.start, interval.start)
            end = min(place.end, interval.end)
            chunk = self.cache.get((*key, place))
            if chunk is None:
                _lengthen(gaps, start, end)
                continue
            known.append(chunk)
            rows = chunk.values[start - place.start : end - place.start]
            values[start - interval.start : end - interval.start] = rows
        record = self._record(known, interval, gaps)
        return TrackData(values, self.names, interval, self.units, record)

    def attribute(self, region: Interval) -> TrackData:
        """Explain the likelihood of a region in one call, wherever its causes lie.

        Of attributions: ``context`` bases with the region in the middle are read, and
        what is explained is the log-likelihood of the region's bases alone (or the
        output of a head). All bases that were read get a number, so that they add up
        as the method promises; ``.slice(region)`` cuts. Of the other kinds this is
        `compute` to its end, which, unlike a call of this, can be cancelled.

        Raises
        ------
        ValueError
            If the region is empty, leaves its contig, or is longer than the context
            of an attribution.
        """
        if self.kind in ATTRIBUTIONS:
            return self.explain(region)
        place = self.reader.inside(region)
        for _ in self.compute(place):
            pass
        return self.known(place)

    def _on_contig(self, interval: Interval) -> Interval | None:
        chrom = self.reader.resolve(interval.chrom)
        whole = Interval(chrom, 0, self.reader.contigs[chrom])
        return Interval(chrom, interval.start, interval.end).intersect(whole)

    def _chunks(self, interval: Interval) -> list[Interval]:
        inside, width = self._on_contig(interval), self.chunk_width
        if inside is None:
            return []
        size = self.reader.contigs[inside.chrom]
        numbers = range(inside.start // width, (inside.end - 1) // width + 1)
        return [
            Interval(inside.chrom, number * width, min((number + 1) * width, size))
            for number in numbers
        ]

    def _computed(self, place: Interval) -> Chunk:
        """Compute a chunk; one of which nothing can be scored is known to be that."""
        bases = self.reader.fetch(place)
        empty = np.full((place.length, len(self.names)), np.nan)
        if self.kind != "conditional" and not set(bases) & set("ACGT"):
            return Chunk(empty, {}, self._reasons(place, bases, empty, []))
        try:
            track = self.run(place)
        except NothingScoredError as error:
            return Chunk(empty, {}, error.rows)
        stated = cast(Sequence[_Row], track.provenance.get("unscored", ()))
        rows = [row for row in stated if _overlap(row, place)]
        values = np.array(track.values, dtype=np.float64)
        reasons = self._reasons(place, bases, values, rows)
        return Chunk(values, track.provenance, reasons)

    def _reasons(
        self,
        place: Interval,
        bases: str,
        values: np.ndarray,
        stated: list[_Row],
    ) -> list[_Row]:
        """Add a reason for every missing number that the method gave none for."""
        lacking = ~np.isfinite(values).all(axis=1)
        for row in stated:
            start, end = (int(str(row[edge])) - place.start for edge in _EDGES)
            lacking[max(0, start) : max(0, end)] = False
        runs = UnscoredRuns()
        size = self.reader.contigs[place.chrom]
        for offset in np.flatnonzero(lacking):
            position = place.start + int(offset)
            reason = NOT_A_BASE if bases[offset] not in "ACGT" else NOT_FINITE
            if reason == NOT_FINITE and position in (0, size - 1):
                reason = NOTHING_BEFORE
            runs.note(self.strands, position, reason)
        return [*stated, *runs.rows]

    def _record(
        self, known: list[Chunk], interval: Interval, gaps: list[list[int]]
    ) -> dict[str, object]:
        """Return what all chunks share, and where there is no number."""
        made = [chunk.record for chunk in known if chunk.record]
        record = {
            name: value
            for name, value in (made[0] if made else {}).items()
            if name not in _OF_ONE_CHUNK
        }
        misses = [cast(float, found[_MISS]) for found in made if _MISS in found]
        if misses:
            record[_MISS] = max(misses)
        if self.kind in ATTRIBUTIONS:
            record["explained"] = (
                f"each {self.chunk_width:,} bp by the {self.reads:,} bp around them"
            )
        rows = [row for chunk in known for row in chunk.unscored]
        within = [_clipped(row, interval) for row in rows if _overlap(row, interval)]
        return {
            "track": self.kind,
            **record,
            "unscored": within,
            "not_computed": gaps,
        }


def _lengthen(runs: list[list[int]], start: int, end: int) -> None:
    """Add a run, or lengthen the last where it goes on."""
    if runs and runs[-1][1] == start:
        runs[-1][1] = end
    else:
        runs.append([start, end])


def _overlap(row: _Row, place: Interval) -> bool:
    start, end = (int(str(row[edge])) for edge in _EDGES)
    return start < place.end and place.start < end


def _clipped(row: _Row, place: Interval) -> dict[str, object]:
    start, end = (int(str(row[edge])) for edge in _EDGES)
    return {**row, "start": max(start, place.start), "end": min(end, place.end)}
