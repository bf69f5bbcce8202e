"""The text a model learns from, and the text it is judged on."""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from hyenascope.data.contigs import ContigNames
from hyenascope.data.genome_survey import GenomeSurvey, Texts

Part = Literal["train", "valid", "test"]

_LISTED = 1000  # a checkpoint names the contigs of genomes with no more than these


@dataclass(frozen=True, eq=False)
class Genome:
    """One FASTA file, or one set of contigs in memory.

    Parameters
    ----------
    name
        What errors and cards call it.
    texts
        The bases, in their own case.
    survey
        Where N and lower case lie.
    """

    name: str
    texts: Texts
    survey: GenomeSurvey

    def resolve(self, chrom: str) -> str | None:
        """Return this genome's spelling of a contig; None if it has none."""
        return self._names.find(chrom)

    @cached_property
    def _names(self) -> ContigNames:
        return ContigNames(self.survey.contigs, source=self.name)


@dataclass(frozen=True, order=True)
class Region:
    """A stretch of one genome, 0-based half-open; ``genome`` counts from 0.

    As text it is 1-based, as in figures.
    """

    genome: int
    chrom: str
    start: int
    end: int

    @property
    def length(self) -> int:
        """Bases."""
        return self.end - self.start

    def __str__(self) -> str:
        return f"{self.chrom}:{self.start + 1:,}-{self.end:,}"


@dataclass(frozen=True, eq=False)
class GenomeData:
    """Genomes and which stretches of them are for what.

    Make one with `hyenascope.training.open_genomes.open_genomes`.

    Parameters
    ----------
    genomes
        In the order given.
    train, valid, test
        Stretches, sorted; none overlaps another, of whichever part.
    typed
        What a shell would be told to cut them in the same way; empty for genomes that
        are in no file.
    """

    genomes: tuple[Genome, ...]
    train: tuple[Region, ...]
    valid: tuple[Region, ...] = ()
    test: tuple[Region, ...] = ()
    typed: str = ""

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all texts and of what they are used for, in hexadecimal."""
        digest = hashlib.sha256()
        for genome in self.genomes:
            digest.update(genome.survey.digest.encode())
        for part in (self.train, self.valid, self.test):
            digest.update(_lines(part))
        return digest.hexdigest()

    def contents(self) -> dict[str, Any]:
        """Say what there is in plain values, fit to be compared one by one.

        Genomes by their place, whatever their files are called; their contigs one by
        one if there are few.
        """
        found: dict[str, Any] = {}
        for number, genome in enumerate(self.genomes, start=1):
            sizes, digests = genome.survey.contigs, genome.survey.digests
            each = {c: _content(size, digests[c]) for c, size in sizes.items()}
            whole = f"{len(sizes):,} contigs, {genome.survey.digest[:12]}"
            found[f"genome {number}"] = each if len(each) <= _LISTED else whole
        for part in ("train", "valid", "test"):
            found[part] = _stretches(getattr(self, part))
        return found

    def bases(self, part: Part) -> int:
        """Count bases of a part, N among them."""
        return sum(region.length for region in getattr(self, part))

    def texts(self, part: Part) -> Iterator[tuple[str, str]]:
        """Yield the name of every stretch of a part, and its text in its own case."""
        names = [genome.name for genome in self.genomes]
        if len(set(names)) < len(names):
            names = [f"{number}. {name}" for number, name in enumerate(names, start=1)]
        for region in getattr(self, part):
            genome = self.genomes[region.genome]
            name = str(region)
            if len(self.genomes) > 1:
                name = f"{names[region.genome]} {name}"
            text = genome.texts.fetch_region(region.chrom, region.start, region.end)
            yield name, text


def _content(size: int, digest: str) -> str:
    return f"{size:,} bp, SHA-256 {digest[:12]}"


def _stretches(regions: Iterable[Region]) -> str:
    regions = tuple(regions)
    bases = sum(region.length for region in regions)
    digest = hashlib.sha256(_lines(regions)).hexdigest()
    return f"{len(regions):,} stretches of {bases:,} bp, SHA-256 {digest[:12]}"


def _lines(regions: Iterable[Region]) -> bytes:
    lines = (f"{r.genome}\t{r.chrom}\t{r.start}\t{r.end}\n" for r in regions)
    return ("".join(lines) + "\n").encode()
