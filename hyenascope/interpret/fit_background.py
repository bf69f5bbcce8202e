"""Score random SNVs of a genome, so that other scores have something to stand in."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch

from hyenascope._typing import Strands, StrPath
from hyenascope.data.bed import read_bed_places
from hyenascope.data.fasta import FastaReader, opened
from hyenascope.data.interval import Interval
from hyenascope.data.variant import Variant
from hyenascope.interpret.background import Background, Classes, check_classes
from hyenascope.interpret.scores import BaselineName, ScoreName
from hyenascope.interpret.variant_effect import score_variants
from hyenascope.models.batching import BatchSize
from hyenascope.models.hyena import HyenaLM
from hyenascope.sequence.dna import BASES

_TRIES = 100  # per SNV: a genome of mostly N must end in an error, not in a loop


def fit_background(
    model: HyenaLM,
    genome: FastaReader | StrPath,
    *,
    scores: Sequence[ScoreName] = ("conditional", "likelihood"),
    variants: int = 10_000,
    seed: int = 0,
    intervals: Sequence[Interval] | StrPath | None = None,
    classes: Classes = "trinucleotide",
    least: int = 50,
    context: int | None = None,
    strands: Strands = "both",
    baselines: Sequence[BaselineName] = ("markov", "cpg", "trinucleotide"),
    markov_order: int = 8,
    downstream_window: int = 512,
    window_stride: int | None = None,
    max_ambiguous: float = 0.25,
    batch_size: BatchSize = "auto",
    max_memory: int = 2 * 2**30,
    device: str | torch.device | None = None,
    progress: bool = False,
) -> Background:
    """Draw random SNVs from a genome and score them.

    Positions are uniform over A, C, G, T, alternates uniform over the other three
    bases, so rare contexts get few SNVs: see `Background.counts`. Nothing is
    downloaded; the background is of the FASTA at hand.

    Parameters
    ----------
    model, genome
        As in `hyenascope.score_variants`.
    variants
        SNVs to draw.
    seed
        Of the draw.
    intervals
        Where to draw from: 0-based half-open, or a BED path; all contigs if None.
    classes, least
        As in `Background`.
    scores, context, strands, baselines, markov_order, downstream_window, \
window_stride, max_ambiguous, batch_size, max_memory, device, progress
        As in `hyenascope.score_variants`; what is judged by this background must
        be scored with the same.

    Returns
    -------
    Background
        SNVs in windows with too many N are left out.

    Raises
    ------
    ValueError
        If no base can be drawn, or as in `Background` and
        `hyenascope.score_variants`.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from hyenascope.models.hyena import HyenaConfig
    >>> model = HyenaLM(HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "tiny.fa"
    ...     _ = path.write_text(f">I{chr(10)}{'ACGT' * 30}")
    ...     background = fit_background(
    ...         model, path, scores=("conditional",), variants=30
    ...     )
    >>> background.scores.n_obs
    30
    """
    if variants < 1:
        raise ValueError(f"variants must be at least 1; got {variants}.")
    check_classes(classes, least)  # said before the work, not after
    with opened(genome) as reader:
        places = _places(reader, intervals)
        drawn = list(_draw(reader, places, variants, np.random.default_rng(seed)))
        found = score_variants(
            model,
            drawn,
            reader,
            context=context,
            scores=scores,
            strands=strands,
            baselines=baselines,
            markov_order=markov_order,
            downstream_window=downstream_window,
            window_stride=window_stride,
            max_ambiguous=max_ambiguous,
            on_error="skip",
            batch_size=batch_size,
            max_memory=max_memory,
            device=device,
            progress=progress,
        )
    found.uns["hyenascope"]["seed"] = seed
    found.uns["hyenascope"]["intervals"] = _named(intervals, places)
    # The difference is all that a percentile needs: a third of the file.
    del found.layers["ref"], found.layers["alt"]
    return Background(found, classes, least)


def _places(
    genome: FastaReader, intervals: Sequence[Interval] | StrPath | None
) -> list[Interval]:
    if intervals is None:
        return [Interval(chrom, 0, size) for chrom, size in genome.contigs.items()]
    if isinstance(intervals, Sequence) and not isinstance(intervals, str):
        given = list(intervals)
    else:
        rows = read_bed_places(intervals)[["chrom", "start", "end"]]
        given = [Interval(*row) for row in rows.itertuples(index=False, name=None)]
    if not given:
        raise ValueError("intervals must hold at least one; got none.")
    return [genome.inside(place) for place in given]


def _draw(
    genome: FastaReader,
    places: Sequence[Interval],
    count: int,
    generator: np.random.Generator,
) -> Iterator[Variant]:
    """Yield distinct SNVs; fewer where the genome has not as many."""
    ends = np.cumsum([place.length for place in places])
    seen: set[Variant] = set()
    for _ in range(_TRIES * count):
        at = int(generator.integers(ends[-1]))
        which = int(ends.searchsorted(at, side="right"))
        place = places[which]
        start = place.end - (int(ends[which]) - at)
        ref = genome.fetch_region(place.chrom, start, start + 1)
        if ref not in BASES:
            continue
        alt = BASES.replace(ref, "")[int(generator.integers(3))]
        variant = Variant(place.chrom, start + 1, ref, alt)
        if variant in seen:
            continue
        seen.add(variant)
        yield variant
        if len(seen) == count:
            return
    if not seen:
        raise ValueError(
            f"genome must hold A, C, G or T where SNVs are drawn; got none in "
            f"{_TRIES * count:,} tries."
        )


def _named(
    intervals: Sequence[Interval] | StrPath | None, places: Sequence[Interval]
) -> str:
    if intervals is None:
        return "whole genome"
    bases = sum(place.length for place in places)
    return f"{len(places)} intervals, {bases:,} bp"
