from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyenascope.data.interval import Interval
from hyenascope.data.variant import Variant, all_snvs
from hyenascope.sequence.dna import reverse_complement


def fetch_from(genome):
    def fetch(chrom, start, end):
        assert chrom == "chr1"
        assert 0 <= start <= end
        return genome[start:end]

    return fetch


@st.composite
def placed_variants(draw):
    """A repeat-rich contig and a change to it."""
    genome = draw(st.text("AC", min_size=1, max_size=24))
    start = draw(st.integers(0, len(genome) - 1))
    end = draw(st.integers(start + 1, len(genome)))
    alt = draw(st.text("AC", min_size=1, max_size=8))
    return genome, Variant("chr1", start + 1, genome[start:end], alt)


def shortest_then_leftmost(genome, variant):
    """The normalised form by its definition: try every way to write the change."""
    haplotype = variant.apply(genome)
    ways = []
    for start in range(len(genome)):
        for end in range(start + 1, len(genome) + 1):
            alt = haplotype[start : len(haplotype) - (len(genome) - end)]
            if alt and genome[:start] + alt + genome[end:] == haplotype:
                way = Variant("chr1", start + 1, genome[start:end], alt)
                ways.append((len(way.ref) + len(way.alt), way.pos, way))
    return min(ways)[-1]


@settings(deadline=None)
@given(placed_variants())
def test_left_align_equals_its_definition(case):
    genome, variant = case
    aligned = variant.left_align(fetch_from(genome))
    assert aligned.apply(genome) == variant.apply(genome)
    assert aligned.left_align(fetch_from(genome)) == aligned
    if variant.ref == variant.alt:
        assert aligned == variant
    else:
        assert aligned == shortest_then_leftmost(genome, variant)


@pytest.mark.parametrize(
    ("genome", "variant", "expected"),
    [
        # Tan et al. 2015, figure 1: one CA lost from a short tandem repeat.
        ("GGGCACACACAGGG", "chr1:8:CAC>C", "chr1:3:GCA>G"),
        ("GGGCACACACAGGG", "chr1:4:CAC>C", "chr1:3:GCA>G"),
        ("GGGCACACACAGGG", "chr1:2:GGCA>GG", "chr1:3:GCA>G"),
        ("GGGCACACACAGGG", "chr1:10:C>CAC", "chr1:3:G>GCA"),
        ("GGGCACACACAGGG", "chr1:7:ACAC>ATAC", "chr1:8:C>T"),
        ("GATC", "chr1:2:A>G", "chr1:2:A>G"),
        ("GATTC", "chr1:2:ATT>GCT", "chr1:2:AT>GC"),
        ("AAAC", "chr1:3:AC>C", "chr1:1:AA>A"),
        ("AAAC", "chr1:3:A>AA", "chr1:1:A>AA"),
        ("gggcacag", "chr1:5:ACA>A", "chr1:3:GCA>G"),
    ],
)
def test_left_align_by_hand(genome, variant, expected):
    aligned = Variant.parse(variant).left_align(fetch_from(genome))
    assert str(aligned) == expected


def test_left_align_crosses_a_long_repeat_and_keeps_the_id():
    genome = "G" + "CA" * 500 + "T"
    variant = Variant("chr1", 999, genome[998:1001], genome[998], id="rs7")
    aligned = variant.left_align(fetch_from(genome))
    assert (aligned.pos, aligned.ref, aligned.id) == (1, "GCA", "rs7")


def test_left_align_leaves_symbols_alone_and_checks_ref():
    symbol = Variant("chr1", 3, "G", "<DEL>")
    assert symbol.left_align(fetch_from("ACGT")) is symbol
    with pytest.raises(ValueError, match=r"ref of chr1:3:A>AG must be .* found 'G'"):
        Variant("chr1", 3, "A", "AG").left_align(fetch_from("ACGT"))


@pytest.mark.parametrize(
    "text", ["chr1:7:A>G", "chr1-7-A-G", "chr1:7:A:G", " chr1:7:a>g\n", "chr1-7-a-G"]
)
def test_parse_forms(text):
    assert Variant.parse(text) == Variant("chr1", 7, "A", "G")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("20:1,234,567:A>G", Variant("20", 1234567, "A", "G")),
        ("HLA-A-7-A-G", Variant("HLA-A", 7, "A", "G")),
        ("HLA:01:01:7:A>G", Variant("HLA:01:01", 7, "A", "G")),
        ("chr1:7:N><DEL>", Variant("chr1", 7, "N", "<DEL>")),
        ("chr1:7:G>G]chr2:321]", Variant("chr1", 7, "G", "G]chr2:321]")),
    ],
)
def test_parse_unusual(text, expected):
    assert Variant.parse(text) == expected


@pytest.mark.parametrize("text", ["", "chr1:7", "chr1:x:A>G", "7:A>G", "chr1:7:A->G"])
def test_parse_refuses_other_text(text):
    with pytest.raises(ValueError, match=r"variant must look like|alt must be"):
        Variant.parse(text)


@settings(deadline=None)
@given(placed_variants())
def test_text_round_trip(case):
    variant = case[1]
    assert Variant.parse(str(variant)) == variant


@pytest.mark.parametrize(
    ("ref", "alt", "kind"),
    [
        ("A", "G", "snv"),
        ("AC", "GT", "mnv"),
        ("AC", "AT", "mnv"),
        ("A", "AT", "insertion"),
        ("CA", "CACA", "insertion"),
        ("TA", "TCA", "insertion"),
        ("AT", "A", "deletion"),
        ("TCA", "TA", "deletion"),
        ("AT", "G", "indel"),
        ("A", "GT", "indel"),
        ("A", "<DEL>", "symbolic"),
        ("A", "<INS:ME:Alu>", "symbolic"),
        ("A", "<NON_REF>", "symbolic"),
        ("A", "<*>", "symbolic"),
        ("A", "*", "symbolic"),
        ("A", ".", "symbolic"),
        (".", "A", "symbolic"),
        ("G", "G]17:198982]", "symbolic"),
        ("T", "[<ctg1>:1[T", "symbolic"),
        ("G", "G.", "symbolic"),
        ("G", ".G", "symbolic"),
    ],
)
def test_kind(ref, alt, kind):
    variant = Variant("chr1", 7, ref, alt)
    assert variant.kind == kind
    assert variant.is_symbolic == (kind == "symbolic")
    assert variant.alt == alt


@pytest.mark.parametrize(
    ("ref", "alt", "ambiguous"),
    [
        ("A", "G", False),
        ("N", "G", True),
        ("A", "r", True),
        ("N", "<DEL>", True),
        ("A", "<DEL>", False),
        ("A", ".", False),
    ],
)
def test_ambiguous_bases(ref, alt, ambiguous):
    assert Variant("chr1", 7, ref, alt).has_ambiguous_bases is ambiguous


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("chr1", -1, "A", "G"), "pos must be 1-based, or 0 for a telomere; got -1"),
        (("chr1", 7, "", "G"), "ref must be IUPAC bases, or '.' if missing; got ''"),
        (("chr1", 7, "A-", "G"), "ref must be IUPAC bases.*got 'A-'"),
        (("chr1", 7, "<DEL>", "G"), "ref must be IUPAC bases.*got '<DEL>'"),
        (("chr1", 7, "A", ""), "alt must be IUPAC bases or a VCF symbol.*got ''"),
        (("chr1", 7, "A", "G,T"), "alt must be.*got 'G,T'"),
        (("chr1", 7, "A", "U"), "alt must be.*got 'U'"),
        (("chr 1", 7, "A", "G"), "chrom must be a name without white space"),
    ],
)
def test_validation(arguments, message):
    with pytest.raises(ValueError, match=message):
        Variant(*arguments)


def test_positions_from_numpy_become_plain_integers():
    # The checks alone: the annotations that tests enforce would refuse these first.
    fields = SimpleNamespace(chrom="chr1", pos=np.int64(7), ref="a", alt="g")
    Variant.__post_init__(fields)
    assert type(fields.pos) is int
    fields.pos = 7.0
    with pytest.raises(TypeError, match=r"pos must be an integer; got 7\.0"):
        Variant.__post_init__(fields)


def test_coordinates_and_order():
    variant = Variant("chr1", 7, "ACG", "A")
    assert (variant.start, variant.end) == (6, 9)
    assert variant.interval == Interval("chr1", 6, 9)
    assert sorted([variant, Variant("chr1", 2, "A", "G")])[0].pos == 2


@pytest.mark.parametrize(
    ("variant", "expected"),
    [
        ("chr1:11:A>G", "Gcgt"),
        ("chr1:12:C>CTT", "aCTTgt"),
        ("chr1:12:CG>C", "aCt"),
        ("chr1:11:ACGT>T", "T"),
    ],
)
def test_apply_by_hand(variant, expected):
    assert Variant.parse(variant).apply("acgt", start=10) == expected


@pytest.mark.parametrize(
    ("variant", "message"),
    [
        ("chr1:11:C>G", r"ref of chr1:11:C>G must be the reference .* found 'A'"),
        ("chr1:10:A>G", "must lie inside the sequence; it spans chr1:11-14"),
        ("chr1:14:TA>G", "must lie inside the sequence"),
        ("chr1:11:A><DEL>", "variant must have bases as alleles; got chr1:11:A><DEL>"),
    ],
)
def test_apply_refuses(variant, message):
    with pytest.raises(ValueError, match=message):
        Variant.parse(variant).apply("acgt", start=10)


def test_all_snvs_in_genome_order_without_n():
    interval = Interval("chr1", 6, 9)
    assert [str(variant) for variant in all_snvs(interval, "aNT")] == [
        *("chr1:7:A>C", "chr1:7:A>G", "chr1:7:A>T"),
        *("chr1:9:T>A", "chr1:9:T>C", "chr1:9:T>G"),
    ]


def test_all_snvs_of_a_reverse_interval_are_on_the_forward_strand():
    forward = Interval("chr1", 6, 12, "+")
    bases = "ACGRTT"
    reverse = all_snvs(forward.reverse_strand(), reverse_complement(bases))
    assert list(reverse) == list(all_snvs(forward, bases))


def test_all_snvs_needs_the_whole_interval():
    with pytest.raises(ValueError, match="chr1:7-9, 3 bp; got 2 bp"):
        all_snvs(Interval("chr1", 6, 9), "AC")
