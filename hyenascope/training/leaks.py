"""No base may be for two things: trained on, validated on and tested on."""

from collections.abc import Sequence

from hyenascope.training.genome_data import Genome, Region


def refuse_leaks(
    genomes: Sequence[Genome],
    train: Sequence[Region],
    valid: Sequence[Region],
    test: Sequence[Region],
) -> None:
    """Refuse stretches of different parts that overlap.

    Contigs of one text are one, whatever they are called and in whichever file.

    Raises
    ------
    ValueError
        Naming the first two stretches.
    """
    pair = _crossing(genomes, train, (*valid, *test))
    if pair is not None:
        raise ValueError(
            f"train must not overlap what is held out; got {pair[0]} for training and "
            f"{pair[1]} held out, {_where(genomes, *pair)}."
        )
    pair = _crossing(genomes, valid, test)
    if pair is not None:
        raise ValueError(
            f"validation must not overlap test; got {pair[0]} for validation and "
            f"{pair[1]} for test, {_where(genomes, *pair)}."
        )


def _crossing(
    genomes: Sequence[Genome], ones: Sequence[Region], others: Sequence[Region]
) -> tuple[Region, Region] | None:
    """Return the first stretch of each side that share a base, or None."""
    ends: dict[tuple[str, bool], Region] = {}
    marked = [(r, True) for r in ones] + [(r, False) for r in others]
    for region, side in sorted(marked, key=lambda each: (each[0].start, each[0].end)):
        text = shared_text(genomes, region)
        other = ends.get((text, not side))
        if other is not None and other.end > region.start:
            return (region, other) if side else (other, region)
        last = ends.get((text, side))
        if last is None or last.end < region.end:
            ends[text, side] = region
    return None


def shared_text(genomes: Sequence[Genome], region: Region) -> str:
    """Return a name that contigs share if their texts are one and hold DNA."""
    found = genomes[region.genome].survey
    empty = found.unknown[region.chrom].bases == found.contigs[region.chrom]
    if empty:  # gaps of one length teach nothing
        return f"{region.genome}\t{region.chrom}"
    return found.digests[region.chrom]


def _where(genomes: Sequence[Genome], one: Region, other: Region) -> str:
    names = [genomes[region.genome].name for region in (one, other)]
    where = " and in ".join(dict.fromkeys(names))
    same = (one.genome, one.chrom) == (other.genome, other.chrom)
    what = "" if same else f"; {one.chrom} and {other.chrom} are one text"
    return f"in {where}{what}"
