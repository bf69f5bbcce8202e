"""Which variants can be scored, and the reason for each that cannot."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from hyenascope.data.fasta import FastaReader, UnknownContigError
from hyenascope.data.variant import Variant
from hyenascope.sequence.dna import reverse_complement


class VariantError(ValueError):
    """A variant that cannot be scored, under ``on_error="raise"``."""


@dataclass(frozen=True)
class CheckedVariant:
    """A variant under the genome's contig name, and why it cannot be scored.

    ``variant`` is left-aligned and trimmed if it can be scored, so that two ways of
    writing one change are one change. ``status`` is ``"ok"`` or a short code;
    ``reason`` a sentence, empty if ok. ``flipped``: REF is wrong on this strand and
    right on the other.
    """

    variant: Variant
    status: str = "ok"
    reason: str = ""
    flipped: bool = False

    @property
    def ok(self) -> bool:
        """Whether it can be scored."""
        return self.status == "ok"


def check_variant(
    variant: Variant, genome: FastaReader, *, longest_allele: int
) -> CheckedVariant:
    """Compare one variant with the genome.

    Statuses: ``symbolic`` (symbols, breakends, ``*``, missing), ``ambiguous_allele``
    (N or IUPAC), ``no_change``, ``unknown_contig``, ``off_contig``, ``long_allele``,
    ``ref_mismatch``.
    """
    early = _check_alleles(variant)
    if early is not None:
        return early
    try:
        chrom = genome.resolve(variant.chrom)
    except UnknownContigError as err:
        return CheckedVariant(variant, "unknown_contig", str(err))
    named = replace(variant, chrom=chrom)
    size = genome.contigs[chrom]
    if variant.pos < 1 or variant.end > size:
        return CheckedVariant(
            named,
            "off_contig",
            f"position {variant.pos:,}–{variant.end:,} must lie on {chrom}, which has "
            f"{size:,} bp",
        )
    found = genome.fetch_region(chrom, variant.start, variant.end)
    if found != variant.ref:
        return _mismatch(named, found)
    longest = max(len(variant.ref), len(variant.alt))
    if longest > longest_allele:
        return CheckedVariant(
            named,
            "long_allele",
            f"alleles must fit a quarter of the context, {longest_allele:,} bp; "
            f"got {longest:,} bp",
        )
    if named.kind != "snv":
        named = named.left_align(genome.fetch_region)
    return CheckedVariant(named)


def ref_agreement(checked: Sequence[CheckedVariant]) -> dict[str, int]:
    """Count how REF compares with the genome.

    ``compared`` variants had a REF and a place to look; of the ``mismatch``
    ones, ``mismatch_reverse_complement`` agree on the other strand.
    """
    counts = Counter(item.status for item in checked)
    seen = ("ok", "ambiguous_window", "long_allele", "ref_mismatch")
    compared = sum(counts[status] for status in seen)
    return {
        "compared": compared,
        "match": compared - counts["ref_mismatch"],
        "mismatch": counts["ref_mismatch"],
        "mismatch_reverse_complement": sum(item.flipped for item in checked),
    }


def raise_first(checked: Sequence[CheckedVariant]) -> None:
    """Raise if any variant cannot be scored, naming the first and the count.

    Raises
    ------
    VariantError
        If a variant is not ok.
    """
    bad = [item for item in checked if not item.ok]
    if bad:
        raise VariantError(
            f"{len(bad)} of {len(checked)} variants cannot be scored; the first is "
            f"{bad[0].variant}: {bad[0].reason}. "
            "Use on_error='flag' to keep them with NaN, or 'skip' to leave them out."
        )


def _check_alleles(variant: Variant) -> CheckedVariant | None:
    if variant.is_symbolic:
        return CheckedVariant(
            variant,
            "symbolic",
            f"alleles must be bases; got {variant.ref}>{variant.alt}",
        )
    if variant.has_ambiguous_bases:
        return CheckedVariant(
            variant,
            "ambiguous_allele",
            f"alleles must be A, C, G or T; got {variant.ref}>{variant.alt}",
        )
    if variant.ref == variant.alt:
        return CheckedVariant(variant, "no_change", "ALT equals REF")
    return None


def _mismatch(variant: Variant, found: str) -> CheckedVariant:
    text = f"REF is {_short(variant.ref)}, the genome has {_short(found)}"
    flipped = reverse_complement(variant.ref) == found
    if flipped:
        text += " (REF agrees on the other strand)"
    return CheckedVariant(variant, "ref_mismatch", text, flipped)


def _short(bases: str) -> str:
    return bases if len(bases) <= 20 else f"{bases[:20]}… ({len(bases)} bp)"
