"""Open genomes and split them into text to learn from and text to be judged on.

By contig, by a BED file with a split column, or by holding out a share of every contig.
What is held out is held out for good: see `hyenascope.training.leaks`.
"""

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, pairwise
from os import PathLike
from pathlib import Path

from hyenascope._typing import StrPath
from hyenascope.data.bed import read_bed
from hyenascope.data.fasta import FastaReader
from hyenascope.data.genome_survey import TextGenome, Texts, survey
from hyenascope.data.interval import Interval
from hyenascope.training.genome_data import Genome, GenomeData, Part, Region
from hyenascope.training.leaks import refuse_leaks

_PARTS: Mapping[str, Part] = {
    "train": "train",
    "valid": "valid",
    "validation": "valid",
    "val": "valid",
    "dev": "valid",
    "test": "test",
}

GenomeSource = StrPath | Mapping[str, str] | FastaReader
"""A FASTA file or contigs in memory."""


def open_genomes(
    genomes: GenomeSource | Sequence[GenomeSource],
    *,
    validation: float | Sequence[str] | None = None,
    test: Sequence[str] = (),
    leave_out: Sequence[str] = (),
    intervals: StrPath | None = None,
    progress: bool = False,
) -> GenomeData:
    """Survey genomes and split them.

    Parameters
    ----------
    genomes
        One or many: paths of FASTA files, plain or bgzip, or contig name to text.
    validation
        Names of contigs to judge on (``"1"`` finds ``"chr1"``, in every genome that
        has it), or the share of every contig, taken from a third of its length on. By
        default a twentieth; nothing if ``intervals`` has a split column.
    test
        Names of contigs that neither training nor validation reads.
    leave_out
        Names of contigs to pass over, such as a mitochondrion.
    intervals
        BED file of the stretches to use, 0-based half-open. A fourth column says
        ``train``, ``valid`` or ``test`` (the published format; ``validation``,
        ``val`` and ``dev`` are ``valid``); without one all are for training, less
        what ``validation`` and ``test`` hold out. Stretches of one part that overlap
        are made one.
    progress
        Show a bar while files are read.

    Raises
    ------
    ValueError
        If a name is unknown or given for two parts, nothing is left to train on, an
        interval leaves its contig or its split is unknown, training, validation and
        test overlap, two genomes are the same, or a text is no DNA.
    FastaError
        If a file is no usable FASTA.

    Examples
    --------
    >>> data = open_genomes({"I": "ACGT" * 30, "II": "ACGT" * 5}, validation=["II"])
    >>> [str(region) for region in data.train], data.bases("valid")
    (['I:1-120'], 20)
    """
    # A name alone is a list of one: its letters are no names.
    validation = [validation] if isinstance(validation, str) else validation
    test = [test] if isinstance(test, str) else test
    leave_out = [leave_out] if isinstance(leave_out, str) else leave_out
    opened = _open_all(genomes, progress=progress)
    _refuse_twins(opened)
    if intervals is None:
        parts = _by_contig(opened, validation, test, leave_out)
    else:
        parts = _by_intervals(opened, Path(intervals), validation, test, leave_out)
    train, valid, held = (_joined(parts[p]) for p in ("train", "valid", "test"))
    if not train:
        raise ValueError(
            "genomes must leave something to train on; got "
            f"{len(valid) + len(held)} stretches, all held out."
        )
    refuse_leaks(opened, train, valid, held)
    on_disk = all(isinstance(genome.texts, FastaReader) for genome in opened)
    typed = _typed(opened, validation, test, leave_out, intervals) if on_disk else ""
    return GenomeData(opened, train, valid, held, typed)


def _joined(regions: Iterable[Region]) -> tuple[Region, ...]:
    """Return stretches sorted, those that overlap made one: no base counts twice."""
    joined: list[Region] = []
    for region in sorted(regions):
        last = joined[-1] if joined else None
        same = last is not None and (last.genome, last.chrom) == (
            region.genome,
            region.chrom,
        )
        if last is not None and same and region.start < last.end:
            joined[-1] = replace(last, end=max(last.end, region.end))
        else:
            joined.append(region)
    return tuple(joined)


def _typed(
    genomes: Sequence[Genome],
    validation: float | Sequence[str] | None,
    test: Sequence[str],
    leave_out: Sequence[str],
    intervals: StrPath | None,
) -> str:
    words = [genome.name for genome in genomes]
    if isinstance(validation, float | int):
        words += ["--validation", str(validation)]
    elif validation:
        words += ["--validation", ",".join(validation)]
    if test:
        words += ["--test", ",".join(test)]
    if leave_out:
        words += ["--leave-out", ",".join(leave_out)]
    if intervals is not None:
        words += ["--intervals", Path(intervals).name]
    return shlex.join(words)


def _open_all(
    genomes: GenomeSource | Sequence[GenomeSource], *, progress: bool
) -> tuple[Genome, ...]:
    if isinstance(genomes, str | PathLike | Mapping | FastaReader):
        return (_open(genomes, "genome 1", progress=progress),)
    if not genomes:
        raise ValueError("genomes must hold at least one genome; got none.")
    return tuple(
        _open(source, f"genome {number}", progress=progress)
        for number, source in enumerate(genomes, start=1)
    )


def _open(source: GenomeSource, name: str, *, progress: bool) -> Genome:
    texts: Texts
    if isinstance(source, Mapping):
        if not source:
            raise ValueError("genomes must hold contigs; got an empty mapping.")
        texts = TextGenome(source)
    else:
        path = source.path if isinstance(source, FastaReader) else source
        texts = FastaReader(path, keep_case=True)
        name = Path(path).name
    return Genome(name, texts, survey(texts, source=name, progress=progress))


def _refuse_twins(genomes: Sequence[Genome]) -> None:
    seen: dict[str, str] = {}
    for genome in genomes:
        if genome.survey.digest in seen:
            raise ValueError(
                "genomes must differ from one another; got the same text twice: "
                f"{seen[genome.survey.digest]} and {genome.name}."
            )
        seen[genome.survey.digest] = genome.name


def _named(genomes: Sequence[Genome], names: Sequence[str], what: str) -> set[Region]:
    """Find whole contigs by name, in every genome that has them."""
    found: set[Region] = set()
    for name in names:
        regions = {
            Region(number, contig, 0, genome.survey.contigs[contig])
            for number, genome in enumerate(genomes)
            if (contig := genome.resolve(name)) is not None
        }
        if not regions:
            known = [c for genome in genomes for c in genome.survey.contigs]
            shown = ", ".join(known[:12]) + (" …" if len(known) > 12 else "")
            raise ValueError(
                f"{what} must name contigs of the genomes; got {name!r}, and there "
                f"are {shown}."
            )
        found |= regions
    return found


Parts = dict[Part, list[Region]]


def _by_contig(
    genomes: Sequence[Genome],
    validation: float | Sequence[str] | None,
    test: Sequence[str],
    leave_out: Sequence[str],
) -> Parts:
    every = [
        Region(number, name, 0, size)
        for number, genome in enumerate(genomes)
        for name, size in genome.survey.contigs.items()
        if size
    ]
    return _hold_out(
        genomes, every, 0.05 if validation is None else validation, test, leave_out
    )


def _hold_out(
    genomes: Sequence[Genome],
    regions: Sequence[Region],
    validation: float | Sequence[str],
    test: Sequence[str],
    leave_out: Sequence[str],
) -> Parts:
    """Sort stretches into parts by their contigs, or cut a share out of each."""
    gone = _contigs(_named(genomes, leave_out, "leave_out"))
    tested = _contigs(_named(genomes, test, "test"))
    share, judged = 0.0, set[tuple[int, str]]()
    if isinstance(validation, float | int):
        share = _share(validation)
    else:
        judged = _contigs(_named(genomes, validation, "validation"))
    _refuse_both({"validation": judged, "test": tested, "leave_out": gone})
    parts: Parts = {"train": [], "valid": [], "test": []}
    for region in regions:
        contig = (region.genome, region.chrom)
        if contig in gone:
            continue
        if contig in tested:
            parts["test"].append(region)
        elif contig in judged:
            parts["valid"].append(region)
        else:
            kept, held = _cut(region, share)
            parts["train"] += kept
            parts["valid"] += held
    return parts


def _contigs(regions: Iterable[Region]) -> set[tuple[int, str]]:
    return {(region.genome, region.chrom) for region in regions}


def _refuse_both(named: Mapping[str, set[tuple[int, str]]]) -> None:
    for (one, contigs), (other, others) in combinations(named.items(), 2):
        if both := sorted(contigs & others):
            raise ValueError(
                f"{one} and {other} must name different contigs; got "
                f"{', '.join(dict.fromkeys(chrom for _, chrom in both))} in both."
            )


def _share(validation: float) -> float:
    if not 0 <= validation < 1:
        raise ValueError(
            "validation must be a share from 0 to below 1, or names of contigs; "
            f"got {validation}."
        )
    return float(validation)


def _cut(region: Region, share: float) -> tuple[list[Region], list[Region]]:
    """Cut a share out of a stretch, from a third of its length on.

    Neither the ends of chromosomes, with their repeats, nor their middle.
    """
    size = round(region.length * share)
    if not size:
        return [region], []
    first = region.start + region.length // 3
    edges = (region.start, first, first + size, region.end)
    before, held, after = (
        replace(region, start=start, end=end) for start, end in pairwise(edges)
    )
    return [part for part in (before, after) if part.length], [held]


def _by_intervals(
    genomes: Sequence[Genome],
    path: Path,
    validation: float | Sequence[str] | None,
    test: Sequence[str],
    leave_out: Sequence[str],
) -> Parts:
    if len(genomes) > 1:
        raise ValueError(
            f"intervals can be given for one genome; got {len(genomes)} genomes."
        )
    table = read_bed(path)
    rows = [
        _inside(genomes[0], Interval(str(chrom), int(start), int(end)), path, number)
        for number, (chrom, start, end) in enumerate(
            zip(table["chrom"], table["start"], table["end"], strict=True), start=1
        )
    ]
    if "name" not in table:
        share = 0.05 if validation is None else validation
        return _hold_out(genomes, rows, share, test, leave_out)
    if validation is not None or test:
        raise ValueError(
            f"validation and test must not be given: {path.name} has a split column."
        )
    gone = _contigs(_named(genomes, leave_out, "leave_out"))
    parts: Parts = {"train": [], "valid": [], "test": []}
    for number, (region, name) in enumerate(
        zip(rows, table["name"], strict=True), start=1
    ):
        if str(name) not in _PARTS:
            raise ValueError(
                f"{path.name} must say train, valid or test in its fourth column; got "
                f"{str(name)!r} in row {number}."
            )
        if (0, region.chrom) not in gone:
            parts[_PARTS[str(name)]].append(region)
    return parts


def _inside(genome: Genome, interval: Interval, path: Path, number: int) -> Region:
    chrom = genome.resolve(interval.chrom)
    size = genome.survey.contigs.get(chrom or "", 0)
    if chrom is None or not 0 <= interval.start < interval.end <= size:
        end = f"{size:,} bp" if chrom else f"none in {genome.name}"
        raise ValueError(
            f"{path.name} must hold intervals inside their contigs; got {interval} in "
            f"row {number}, and {interval.chrom} has {end}."
        )
    return Region(0, chrom, interval.start, interval.end)
