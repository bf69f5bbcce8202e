"""Windows against what they promise: places once each, with room, off one grid."""

import numpy as np
import pytest

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.interpret.strand_windows import centred_windows, strand_windows
from hyenascope.sequence.dna import reverse_complement
from hyenascope.sequence.tokenizer import detokenize

SIZE = 300
TEXT = "".join(np.random.default_rng(3).choice(list("ACGT"), SIZE))
SHAPES = [(64, 1), (64, 32), (65, 16), (64, 63), (64, 64), (301, 20)]


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    path = tmp_path_factory.mktemp("genome") / "g.fa"
    path.write_text(f">I\n{TEXT}\n")
    with FastaReader(path) as reader:
        yield reader


def windows(genome, start, end, context, room, strands="both"):
    place = Interval("I", start, end)
    return list(
        strand_windows(genome, place, context=context, room=room, strands=strands)
    )


@pytest.mark.parametrize(("context", "room"), SHAPES)
@pytest.mark.parametrize(("start", "end"), [(0, SIZE), (0, 1), (137, 205), (299, 300)])
def test_places_cover_the_interval_once_per_strand(genome, start, end, context, room):
    found = windows(genome, start, end, context, room)
    for reverse in (False, True):
        places = [item.places for item in found if item.reverse == reverse]
        covered = [p for place in places for p in range(place.start, place.end)]
        assert covered == list(range(start, end))
    assert [item.reverse for item in found] == sorted(item.reverse for item in found)


@pytest.mark.parametrize(("context", "room"), SHAPES)
def test_windows_lie_in_the_contig_and_leave_room(genome, context, room):
    for item in windows(genome, 0, SIZE, context, room):
        assert item.window.contains(item.places)
        assert item.window.start >= 0
        assert item.window.end <= SIZE
        assert item.window.length == min(context, SIZE)
        for position in (item.places.start, item.places.end - 1):
            left = position + 1 if item.reverse else SIZE - position
            assert item.window.length - item.index(position) >= min(room, left)


@pytest.mark.parametrize(("context", "room"), SHAPES)
def test_half_of_what_room_leaves_over_is_read_before_a_place(genome, context, room):
    for item in windows(genome, 0, SIZE, context, room):
        for position in (item.places.start, item.places.end - 1):
            before = SIZE - 1 - position if item.reverse else position
            assert item.index(position) >= min(before, (context - room) // 2)


@pytest.mark.parametrize(("context", "room"), SHAPES)
def test_the_window_of_a_place_does_not_depend_on_the_interval(genome, context, room):
    whole = windows(genome, 0, SIZE, context, room)
    for start, end in ((0, 1), (41, 43), (130, 190), (290, 300)):
        for item in windows(genome, start, end, context, room):
            (same,) = (
                each
                for each in whole
                if each.reverse == item.reverse and each.places.contains(item.places)
            )
            assert same.window == item.window


def test_tokens_and_indices_are_in_reading_order(genome):
    for item in windows(genome, 100, 160, 64, 16):
        text = genome.fetch(item.window)
        read = reverse_complement(text) if item.reverse else text
        assert detokenize(item.tokens) == read
        ends = sorted(map(item.index, (item.places.start, item.places.end - 1)))
        assert (item.first, item.stop) == (ends[0], ends[1] + 1)
        base = TEXT[item.places.start]
        expected = reverse_complement(base) if item.reverse else base
        assert read[item.index(item.places.start)] == expected


@pytest.mark.parametrize(
    ("strands", "reverse"), [("forward", False), ("reverse", True)]
)
def test_one_strand_is_read_alone(genome, strands, reverse):
    found = windows(genome, 100, 160, 64, 16, strands)
    assert {item.reverse for item in found} == {reverse}


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [(150, 160, (123, 187)), (0, 10, (0, 64)), (295, 300, (236, 300))],
)
def test_a_centred_window_is_pushed_inside(genome, start, end, expected):
    place = Interval("I", start, end)
    forward, reverse = centred_windows(genome, place, context=64, strands="both")
    for item in (forward, reverse):
        assert (item.window.start, item.window.end) == expected
        assert item.places == place
    assert (forward.reverse, reverse.reverse) == (False, True)
