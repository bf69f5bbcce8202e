"""No base may be both trained on and judged on."""

from collections.abc import Sequence

from hyenascope.training.genome_data import Genome, Region


def refuse_leaks(
    genomes: Sequence[Genome], train: Sequence[Region], held_out: Sequence[Region]
) -> None:
    """Refuse stretches that overlap across the border.

    Contigs of one text are one, whatever they are called and in whichever file.

    Raises
    ------
    ValueError
        Naming the first two stretches.
    """
    ends: dict[tuple[str, bool], Region] = {}
    marked = [(r, True) for r in train] + [(r, False) for r in held_out]
    for region, trained in sorted(marked, key=lambda one: (one[0].start, one[0].end)):
        text = _text(genomes[region.genome], region)
        other = ends.get((text, not trained))
        if other is not None and other.end > region.start:
            _refuse(genomes, *((region, other) if trained else (other, region)))
        last = ends.get((text, trained))
        if last is None or last.end < region.end:
            ends[text, trained] = region


def _text(genome: Genome, region: Region) -> str:
    """Return a name that contigs share if their texts are one and hold DNA."""
    found = genome.survey
    empty = found.unknown[region.chrom].bases == found.contigs[region.chrom]
    if empty:  # gaps of one length teach nothing
        return f"{region.genome}\t{region.chrom}"
    return found.digests[region.chrom]


def _refuse(genomes: Sequence[Genome], train: Region, held_out: Region) -> None:
    one, other = genomes[train.genome].name, genomes[held_out.genome].name
    where = f"in {one}" if one == other else f"in {one} and in {other}"
    same = (train.genome, train.chrom) == (held_out.genome, held_out.chrom)
    what = "" if same else f"; {train.chrom} and {held_out.chrom} are one text"
    raise ValueError(
        "train must not overlap what is held out; got "
        f"{train} for training and {held_out} held out, {where}{what}."
    )
