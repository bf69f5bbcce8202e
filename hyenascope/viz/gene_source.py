"""Genes of a file, a stretch at a time, kept for the next look."""

from functools import lru_cache
from pathlib import Path

from hyenascope.data.annotation import read_genes
from hyenascope.data.interval import Interval
from hyenascope.viz.gene_models import GeneModel, collapse, each

# A read costs what its surroundings hold (whole genes are looked for 3 Mb around), so
# little is won by stretches that are shorter.
_STRETCH = 1_000_000
_CONTIG_END = 2**29  # as far as a tabix index reaches


def read_models(
    path: Path, interval: Interval, *, whole: bool
) -> tuple[GeneModel, ...]:
    """Return the genes or transcripts of a file around an interval, sorted.

    The stretch is cut at whole megabases; without an index, where each read goes
    through the whole file, it is the contig. The last eight are kept until the file
    changes.

    Parameters
    ----------
    path
        GTF or GFF3.
    interval
        0-based half-open.
    whole
        One line per gene, not per transcript.

    Raises
    ------
    AnnotationError
        If the file cannot be read.
    """
    if _is_indexed(path):
        start = interval.start // _STRETCH * _STRETCH
        end = -(-interval.end // _STRETCH) * _STRETCH
    else:
        start, end = 0, _CONTIG_END
    changed = path.stat().st_mtime_ns if path.exists() else 0
    return _read(path, changed, interval.chrom, start, end, whole)


def _is_indexed(path: Path) -> bool:
    return any(path.with_name(path.name + end).exists() for end in (".tbi", ".csi"))


@lru_cache(maxsize=8)
def _read(
    path: Path,
    changed: int,
    chrom: str,
    start: int,
    end: int,
    whole: bool,
) -> tuple[GeneModel, ...]:
    genes = read_genes(path, Interval(chrom, start, end))
    models = [m for g in genes for m in ([collapse(g)] if whole else each(g))]
    return sort_models(models)


def sort_models(models: list[GeneModel]) -> tuple[GeneModel, ...]:
    """Return models by position."""
    return tuple(sorted(models, key=lambda model: (model.start, model.end)))
