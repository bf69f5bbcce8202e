import numpy as np
import pytest

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.data.variant import Variant
from hyenascope.interpret.haplotype import (
    grid_window,
    read_forward,
    read_reverse,
    trimmed_lengths,
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
        ("A", "G", (1, 1)),
        ("ACG", "TCA", (3, 3)),
        ("ACG", "ATG", (1, 1)),
        ("A", "ATT", (0, 2)),
        ("ATT", "A", (2, 0)),
        ("AT", "GCCT", (1, 3)),
    ],
)
def test_trimmed_lengths(ref, alt, expected):
    assert trimmed_lengths(Variant("I", 1, ref, alt)) == expected


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

    forward = read_forward(genome, variant, window)
    assert detokenize(forward.reference) == TEXT[140:268]
    assert detokenize(forward.alternate) == whole[140:268]

    reverse = read_reverse(genome, variant, window)
    assert detokenize(reverse.reference) == reverse_complement(TEXT[140:268])
    # The right edge stays: it has moved by the bases that were gained or lost.
    kept = whole[140 + grown : 268 + grown]
    assert detokenize(reverse.alternate) == reverse_complement(kept)


@pytest.mark.parametrize("kind", ["snv", "mnv", "insertion", "deletion"])
def test_prefix_is_shared_and_first_differs(genome, kind):
    window = Interval("I", 140, 268)
    for read in (read_forward, read_reverse):
        reading = read(genome, edits(200)[kind], window)
        same = reading.reference == reading.alternate
        assert same[: reading.first].all()
        assert not same[reading.first]


@pytest.mark.parametrize("kind", ["snv", "mnv", "insertion", "deletion"])
def test_downstream_pairs_the_same_bases(genome, kind):
    window = Interval("I", 140, 268)
    for read in (read_forward, read_reverse):
        reading = read(genome, edits(200)[kind], window)
        ref, alt = reading.downstream
        np.testing.assert_array_equal(reading.reference[ref], reading.alternate[alt])
        assert 128 in (ref.stop, alt.stop)


def test_haplotypes_at_the_end_of_a_contig_are_equally_long(genome):
    window = Interval("I", 272, 400)
    deletion = Variant("I", 391, TEXT[390:393], TEXT[390])
    reading = read_forward(genome, deletion, window)
    assert len(reading.reference) == len(reading.alternate) == 126
    insertion = Variant("I", 391, TEXT[390], TEXT[390] + "ACGT")
    reading = read_forward(genome, insertion, window)
    assert len(reading.reference) == len(reading.alternate) == 128
