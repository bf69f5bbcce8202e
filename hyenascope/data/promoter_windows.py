"""Labelled windows of a synthetic genome: promoters, and as many without one."""

import numpy as np
import pandas as pd
from jaxtyping import Int64

from hyenascope.data.interval import Interval
from hyenascope.data.synthetic import SyntheticGenome


def promoter_windows(
    genome: SyntheticGenome, width: int, *, margin: int, seed: int = 0
) -> pd.DataFrame:
    """Return a window around the start of every gene, and as many elsewhere.

    Fewer elsewhere where a contig has no room for as many.

    A gene of the grammar begins after a promoter with two motifs. A window of class
    ``promoter`` holds the start of a gene somewhere near its middle; one of class
    ``elsewhere`` has its middle more than ``width`` away from any, and no two of
    those on a contig begin at the same base.

    Parameters
    ----------
    genome
        Genes within ``width`` of an end of their contig are left out.
    width
        Bases per window.
    margin
        The start of the gene lies at least so far from either end of the window;
        less than half of ``width``.
    seed
        Of the places.

    Returns
    -------
    DataFrame
        By contig ``chrom``, ``start`` (0-based), ``label`` and ``sequence``, of the
        forward strand whatever the strand of the gene; N off the end of a contig.

    Raises
    ------
    ValueError
        If ``width`` is below 1, or ``margin`` does not fit it.

    Examples
    --------
    >>> from hyenascope.data.synthetic import synthetic_genome
    >>> genome = synthetic_genome(seed=1, contigs={"chrA": 30_000})
    >>> windows = promoter_windows(genome, 200, margin=60)
    >>> windows["label"].value_counts().to_dict()
    {'promoter': 23, 'elsewhere': 23}
    """
    if width < 1:
        raise ValueError(f"width must be at least 1; got {width}.")
    if not 0 <= margin < width / 2:
        raise ValueError(
            f"margin must be 0 to less than half of {width}, the width; got {margin}."
        )
    rng = np.random.default_rng(seed)
    parts = []
    for chrom, size in genome.contigs.items():
        begins = _starts(genome, chrom)
        free = _far_from(begins, width, size)
        begins = begins[(begins > width) & (begins < size - width)]
        inside = begins - rng.integers(margin, width - margin, len(begins))
        others = rng.choice(free, min(len(begins), len(free)), replace=False)
        for label, starts in (("promoter", inside), ("elsewhere", others)):
            rows = {"chrom": chrom, "start": starts, "label": label}
            parts.append(pd.DataFrame(rows))
    table = pd.concat(parts, ignore_index=True)
    return table.assign(
        sequence=[
            genome.fetch(Interval(chrom, start, start + width))
            for chrom, start in zip(
                table["chrom"], table["start"].tolist(), strict=True
            )
        ]
    )


def _starts(genome: SyntheticGenome, chrom: str) -> Int64[np.ndarray, " genes"]:
    """Return where the genes of a contig begin to be read."""
    places = [each.interval for each in genome.genes if each.interval.chrom == chrom]
    begins = [each.end if each.is_reverse else each.start for each in places]
    return np.array(begins, dtype=np.int64)


def _far_from(
    begins: Int64[np.ndarray, " genes"], width: int, size: int
) -> Int64[np.ndarray, " places"]:
    """Return where windows may start whose middles are far from every gene's start."""
    free = np.ones(max(size - width, 0), dtype=bool)
    for first in (begins - width - width // 2).tolist():
        free[max(first, 0) : max(first + 2 * width + 1, 0)] = False
    return np.flatnonzero(free)
