"""The small locus that notebooks and tests share, and what its model learned from.

Both genomes are drawn from the same `Grammar` with different seeds, so the demo model
has never seen the demo contig and yet knows its language.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from hyenascope._typing import StrPath
from hyenascope.data.interval import Interval
from hyenascope.data.synthetic import SyntheticGenome, synthetic_genome
from hyenascope.data.synthetic_files import SyntheticFiles

DEMO_CONTIG = "chrDemo"

DEMO_INTERVAL = Interval(DEMO_CONTIG, 7_900, 12_900)
"""Four spliced genes, two on each strand, and 15 variants of ten kinds of region."""

_DEMO_SEED, _DEMO_LENGTH = 18, 100_000
_TRAINING_SEED = 2024
_TRAINING_CONTIGS = {f"chrT{i}": 1_000_000 for i in range(1, 7)}


@dataclass(frozen=True)
class ExampleLocus:
    """Paths of the demo input, a stretch worth looking at, and the truth about it.

    ``interval`` is 0-based half-open and holds a gene with introns, its promoter and
    many of the variants in ``variants``. ``genome`` answers what each variant's true
    effect is.
    """

    fasta: Path
    genes: Path
    motifs: Path
    variants: Path
    interval: Interval
    genome: SyntheticGenome


def example_locus(folder: StrPath | None = None) -> ExampleLocus:
    """Write the demo contig, 100 kb, with genes and 120 variants; return the paths.

    Parameters
    ----------
    folder
        Where to write; made if need be, and files of the same names are replaced. By
        default a folder in the user's cache, where the files are written once.

    Returns
    -------
    ExampleLocus
        ``fasta`` has an index beside it; ``variants`` is a VCF with TRUE_EFFECT (nats,
        alternate − reference) and REGION in INFO.

    Raises
    ------
    OSError
        If the folder cannot be written.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     locus = example_locus(folder)
    ...     sorted(path.name for path in Path(folder).iterdir())
    ['genes.gtf', 'genome.fa', 'genome.fa.fai', 'motifs.bed', 'variants.vcf']
    >>> locus.genome.contigs
    {'chrDemo': 100000}
    """
    genome = demo_genome()
    if folder is not None:
        files = genome.write(folder)
    else:
        files = _cached(genome, _cache_folder(genome))
    return ExampleLocus(
        files.fasta, files.genes, files.motifs, files.variants, DEMO_INTERVAL, genome
    )


def demo_genome() -> SyntheticGenome:
    """Return the demo contig with its truth, without writing anything.

    Examples
    --------
    >>> len(demo_genome().example_variants())
    120
    """
    return synthetic_genome(seed=_DEMO_SEED, contigs={DEMO_CONTIG: _DEMO_LENGTH})


def demo_training_genome() -> SyntheticGenome:
    """Return what ``demo-synthetic`` was trained on: six other contigs of 1 Mb.

    Same grammar, other seed and names. Takes about two seconds.
    """
    return synthetic_genome(seed=_TRAINING_SEED, contigs=_TRAINING_CONTIGS)


def _cached(genome: SyntheticGenome, folder: Path) -> SyntheticFiles:
    """Write unless all files are there: each appears whole, so present is complete."""
    files = SyntheticFiles.inside(folder)
    index = folder / f"{files.fasta.name}.fai"
    needed = (files.fasta, index, files.genes, files.motifs, files.variants)
    return files if all(map(Path.is_file, needed)) else genome.write(folder)


def _cache_folder(genome: SyntheticGenome) -> Path:
    """Return a folder named by the bases, so that another version is never mistaken."""
    key = hashlib.sha256(genome.sequences[DEMO_CONTIG].encode()).hexdigest()[:12]
    home = os.environ.get("XDG_CACHE_HOME")
    root = Path(home) if home else Path.home() / ".cache"
    return root / "hyenascope" / "example" / key
