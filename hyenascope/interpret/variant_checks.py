"""Which variants can be scored, and the reason for each that cannot."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from hyenascope.data.fasta import FastaReader, UnknownContigError
from hyenascope.data.variant import Variant
from hyenascope.sequence.dna import BASES, is_dna, reverse_complement


class VariantError(ValueError):
    """A variant that cannot be scored, under ``on_error="raise"``."""


@dataclass(frozen=True)
class CheckedVariant:
    """A variant under the genome's contig name, and why it cannot be scored.

    ``variant`` is left-aligned and trimmed if it can be scored, so that two ways of
    writing one change are one change. ``status`` is ``"ok"`` or a short code;
    ``reason`` a sentence, empty if ok. ``flipped``: REF is wrong on this strand and
    right on the other. ``compared``: REF was held against the genome.
    """

    variant: Variant
    status: str = "ok"
    reason: str = ""
    flipped: bool = False
    compared: bool = False

    @property
    def ok(self) -> bool:
        """Whether it can be scored."""
        return self.status == "ok"


def check_variant(
    variant: Variant, genome: FastaReader, *, longest_allele: int
) -> CheckedVariant:
    """Compare one variant with the genome.

    REF is compared whatever ALT is. Statuses, the first that fits:
    ``unknown_contig``, ``off_contig``, ``ref_mismatch``, ``symbolic`` (symbols,
    breakends, ``*``, missing), ``ambiguous_allele`` (N or IUPAC), ``no_change``,
    ``long_allele``.
    """
    try:
        chrom = genome.resolve(variant.chrom)
    except UnknownContigError as err:
        return CheckedVariant(variant, "unknown_contig", str(err))
    named = CheckedVariant(replace(variant, chrom=chrom))
    size = genome.contigs[chrom]
    if variant.pos < 1 or variant.end > size:
        reason = f"position {variant.pos:,} must lie on {chrom}, which has {size:,} bp"
        return replace(named, status="off_contig", reason=reason)
    if is_dna(variant.ref, alphabet=BASES):
        found = genome.fetch_region(chrom, variant.start, variant.end)
        if found != variant.ref:
            return _mismatch(named.variant, found)
        named = replace(named, compared=True)
    status, reason = _fault(variant, longest_allele)
    if status == "ok" and variant.kind != "snv":
        aligned = named.variant.left_align(genome.fetch_region)
        named = replace(named, variant=aligned)
    return replace(named, status=status, reason=reason)


def ref_agreement(checked: Sequence[CheckedVariant]) -> dict[str, int]:
    """Count how REF compares with the genome.

    ``compared`` variants had a REF and a place to look; of the ``mismatch``
    ones, ``mismatch_reverse_complement`` agree on the other strand.
    """
    compared = sum(item.compared for item in checked)
    mismatch = sum(item.status == "ref_mismatch" for item in checked)
    return {
        "compared": compared,
        "match": compared - mismatch,
        "mismatch": mismatch,
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


def _fault(variant: Variant, longest_allele: int) -> tuple[str, str]:
    """Return status and reason of what is wrong with the alleles alone."""
    got = f"got {_short(variant.ref)}>{_short(variant.alt)}"
    if variant.is_symbolic:
        return "symbolic", f"alleles must be bases; {got}"
    if variant.has_ambiguous_bases:
        return "ambiguous_allele", f"alleles must be A, C, G or T; {got}"
    if variant.ref == variant.alt:
        return "no_change", "ALT equals REF"
    longest = max(len(variant.ref), len(variant.alt))
    if longest > longest_allele:
        return "long_allele", (
            f"alleles must fit a quarter of the context, {longest_allele:,} bp; "
            f"got {longest:,} bp"
        )
    return "ok", ""


def _mismatch(variant: Variant, found: str) -> CheckedVariant:
    text = f"REF is {_short(variant.ref)}, the genome has {_short(found)}"
    flipped = reverse_complement(variant.ref) == found
    if flipped:
        text += " (REF agrees on the other strand)"
    return CheckedVariant(variant, "ref_mismatch", text, flipped, compared=True)


def _short(bases: str) -> str:
    return bases if len(bases) <= 20 else f"{bases[:20]}… ({len(bases)} bp)"
