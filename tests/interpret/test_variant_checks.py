import pytest

from hyenascope.data.fasta import FastaReader
from hyenascope.data.variant import Variant
from hyenascope.interpret.variant_checks import (
    VariantError,
    check_variant,
    raise_first,
    ref_agreement,
)


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    path = tmp_path_factory.mktemp("genome") / "g.fa"
    path.write_text(">chr1\nGATTACACACACAGT\n")
    with FastaReader(path) as reader:
        yield reader


@pytest.mark.parametrize(
    ("variant", "status", "reason"),
    [
        (Variant("1", 2, "A", "G"), "ok", ""),
        (Variant("chr1", 2, "C", "G"), "ref_mismatch", "REF is C, the genome has A"),
        (Variant("chr1", 2, "T", "G"), "ref_mismatch", "agrees on the other strand"),
        (Variant("chr1", 2, "A", "<DUP>"), "symbolic", "got A><DUP>"),
        (Variant("chr1", 2, "A", "*"), "symbolic", "must be bases"),
        (Variant("chr1", 2, "A", "N"), "ambiguous_allele", "must be A, C, G or T"),
        (Variant("chr1", 2, "A", "A"), "no_change", "ALT equals REF"),
        (Variant("chr2", 2, "A", "G"), "unknown_contig", "no contig 'chr2'"),
        (Variant("chr1", 15, "TA", "T"), "off_contig", "which has 15 bp"),
        (Variant("chr1", 0, "A", "G"), "off_contig", "must lie on chr1"),
        (Variant("chr1", 2, "A", "AGGGGGG"), "long_allele", "got 7 bp"),
    ],
)
def test_status_and_reason(genome, variant, status, reason):
    found = check_variant(variant, genome, longest_allele=6)
    assert found.status == status
    assert reason in found.reason
    assert found.ok == (status == "ok")


def test_what_can_be_scored_is_left_aligned_under_the_genomes_name(genome):
    found = check_variant(Variant("1", 9, "ACA", "A"), genome, longest_allele=6)
    assert str(found.variant) == "chr1:4:TAC>T"


def test_agreement_counts_only_what_could_be_compared(genome):
    variants = [
        Variant("chr1", 2, "A", "G"),
        Variant("chr1", 2, "T", "G"),
        Variant("chr1", 2, "C", "G"),
        Variant("chr9", 2, "A", "G"),
        Variant("chr1", 2, "A", "AGGGGGG"),
    ]
    checked = [check_variant(v, genome, longest_allele=6) for v in variants]
    assert ref_agreement(checked) == {
        "compared": 4,
        "match": 2,
        "mismatch": 2,
        "mismatch_reverse_complement": 1,
    }
    with pytest.raises(VariantError, match=r"4 of 5 .* the first is chr1:2:T>G: REF"):
        raise_first(checked)
    raise_first(checked[:1])
