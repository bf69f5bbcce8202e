import numpy as np
import pytest

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.data.variant import Variant
from hyenascope.interpret.haplotype import (
    AlleleReading,
    edit_of,
    grid_window,
    strand_text,
)
from hyenascope.sequence.dna import reverse_complement
from hyenascope.sequence.tokenizer import detokenize

TEXT = "".join(np.random.default_rng(5).choice(list("ACGT"), 400))


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    path = tmp_path_factory.mktemp("genome") / "g.fa"
    path.write_text(f">I\n{TEXT}\n")
    with FastaReader(path) as reader:
        yield reader


@pytest.mark.parametrize("pos", [1, 10, 33, 64, 200, 201, 390, 400])
@pytest.mark.parametrize("stride", [1, 16, 32])
def test_window_holds_the_variant_near_its_middle(pos, stride):
    window = grid_window(Variant("I", pos, "A", "C"), 400, context=128, stride=stride)
    assert window.length == 128
    assert window.start >= 0
    assert window.end <= 400
    assert window.start <= pos - 1 < window.end
    if 0 < window.start < 400 - 128:
        assert window.start % stride == 0
        assert abs(pos - 1 - window.start - 64) <= stride / 2


def test_a_short_contig_is_its_own_window():
    window = grid_window(Variant("I", 5, "A", "C"), 50, context=128, stride=32)
    assert window == Interval("I", 0, 50)


@pytest.mark.parametrize(
    ("ref", "alt", "expected"),
    [
        ("A", "G", (6, 7, "G")),
        ("ACG", "TCA", (6, 9, "TCA")),
        ("ACG", "ATG", (7, 8, "T")),
        ("A", "ATT", (7, 7, "TT")),
        ("ATT", "A", (7, 9, "")),
        ("AT", "GCCT", (6, 7, "GCC")),
        ("AA", "A", (6, 7, "")),
    ],
)
def test_edit_of_trims_what_the_alleles_share(ref, alt, expected):
    assert edit_of(Variant("I", 7, ref, alt)) == expected


def read(
    genome: FastaReader, variant: Variant, window: Interval, *, reverse: bool
) -> AlleleReading:
    room = len(variant.ref)
    return strand_text(genome, window, reverse=reverse, room=room).read(variant)


def edits(start):
    ref = TEXT[start : start + 3]
    other = "A" if ref[0] != "A" else "C"
    return {
        "snv": Variant("I", start + 1, ref[0], other),
        "mnv": Variant("I", start + 1, ref, other + ref[1] + "AC"[ref[2] == "A"]),
        "insertion": Variant("I", start + 1, ref[0], ref[0] + "GATTACA"),
        "deletion": Variant("I", start + 1, ref, ref[0]),
    }


@pytest.mark.parametrize("kind", ["snv", "mnv", "insertion", "deletion"])
def test_each_strand_is_cut_from_the_whole_haplotype(genome, kind):
    variant = edits(200)[kind]
    window = Interval("I", 140, 268)
    whole = variant.apply(TEXT, 0)
    grown = len(whole) - len(TEXT)

    forward = read(genome, variant, window, reverse=False)
    assert detokenize(forward.reference) == TEXT[140:268]
    assert detokenize(forward.alternate) == whole[140:268]

    reverse = read(genome, variant, window, reverse=True)
    assert detokenize(reverse.reference) == reverse_complement(TEXT[140:268])
    # The right edge stays: it has moved by the bases that were gained or lost.
    kept = whole[140 + grown : 268 + grown]
    assert detokenize(reverse.alternate) == reverse_complement(kept)


@pytest.mark.parametrize("kind", ["snv", "mnv", "insertion", "deletion"])
def test_prefix_is_shared_and_first_differs(genome, kind):
    window = Interval("I", 140, 268)
    for reverse in (False, True):
        reading = read(genome, edits(200)[kind], window, reverse=reverse)
        same = reading.reference == reading.alternate
        assert same[: reading.first].all()
        assert not same[reading.first]


@pytest.mark.parametrize("kind", ["snv", "mnv", "insertion", "deletion"])
def test_downstream_pairs_the_same_bases(genome, kind):
    window = Interval("I", 140, 268)
    for reverse in (False, True):
        reading = read(genome, edits(200)[kind], window, reverse=reverse)
        ref, alt = reading.downstream
        np.testing.assert_array_equal(reading.reference[ref], reading.alternate[alt])
        assert 128 in (ref.stop, alt.stop)


def test_haplotypes_at_the_end_of_a_contig_are_equally_long(genome):
    window = Interval("I", 272, 400)
    deletion = Variant("I", 391, TEXT[390:393], TEXT[390])
    reading = read(genome, deletion, window, reverse=False)
    assert len(reading.reference) == len(reading.alternate) == 126
    insertion = Variant("I", 391, TEXT[390], TEXT[390] + "ACGT")
    reading = read(genome, insertion, window, reverse=False)
    assert len(reading.reference) == len(reading.alternate) == 128


def test_a_reading_knows_where_its_contig_ends(genome):
    at = {
        Interval("I", 0, 128): (False, True),
        Interval("I", 140, 268): (False, False),
        Interval("I", 272, 400): (True, False),
    }
    for window, expected in at.items():
        snv = edits(window.start + 64)["snv"]
        found = [
            read(genome, snv, window, reverse=reverse) for reverse in (False, True)
        ]
        assert tuple(reading.is_last for reading in found) == expected
    # The deletion takes more than the two bases behind the window.
    deletion = Variant("I", 391, TEXT[390:395], TEXT[390])
    assert read(genome, deletion, Interval("I", 270, 398), reverse=False).is_last
