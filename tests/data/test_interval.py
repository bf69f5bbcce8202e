import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyenascope.data.interval import Interval


@st.composite
def intervals(draw, chroms=("chr1", "chr2")):
    start = draw(st.integers(-20, 60))
    end = start + draw(st.integers(0, 30))
    return Interval(
        draw(st.sampled_from(chroms)), start, end, draw(st.sampled_from("+-."))
    )


def bases(interval):
    return {(interval.chrom, i) for i in range(interval.start, interval.end)}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("chr1:1,001-2,000:+", Interval("chr1", 1000, 2000, "+")),
        (" chr1 : 1 001 - 2 000 ", Interval("chr1", 1000, 2000)),
        ("20:5-5:-", Interval("20", 4, 5, "-")),
        ("chr1:5-5:.", Interval("chr1", 4, 5)),
        ("chr1:-4-10", Interval("chr1", -5, 10)),
        ("chr1:6-5", Interval("chr1", 5, 5)),
        ("HLA-A*01:01:01:01:5-10", Interval("HLA-A*01:01:01:01", 4, 10)),
    ],
)
def test_parse(text, expected):
    assert Interval.parse(text) == expected


@pytest.mark.parametrize(
    "text", ["chr1", "chr1:5", "chr1:a-b", ":1-5", "chr1:1-5:x", "chr1:,-,", ""]
)
def test_parse_refuses_other_text(text):
    with pytest.raises(ValueError, match="interval must look like 'chr1:1,001-2,000'"):
        Interval.parse(text)


def test_str_is_one_based_with_thousands():
    assert str(Interval("chr1", 1000, 2000, "-")) == "chr1:1,001-2,000:-"
    assert str(Interval("chr1", 999, 1000)) == "chr1:1,000-1,000"


@settings(deadline=None)
@given(intervals())
def test_text_round_trip(interval):
    assert Interval.parse(str(interval)) == interval


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (("chr1", 5, 4), ValueError, "start must not exceed end; got start=5, end=4"),
        (("", 0, 1), ValueError, "chrom must be a name without white space; got ''"),
        (("chr 1", 0, 1), ValueError, "without white space; got 'chr 1'"),
    ],
)
def test_validation(arguments, error, message):
    with pytest.raises(error, match=message):
        Interval(*arguments)


def test_unknown_strands_and_fractions_are_refused():
    # The checks alone: the annotations that tests enforce would refuse these first.
    fields = SimpleNamespace(chrom="chr1", start=np.int64(2), end=5, strand="+")
    Interval.__post_init__(fields)
    assert type(fields.start) is int
    fields.start = 1.5
    with pytest.raises(TypeError, match=r"start must be an integer; got 1\.5"):
        Interval.__post_init__(fields)
    fields.start, fields.strand = 2, "x"
    with pytest.raises(ValueError, match=r"strand must be '\+', '-' or '\.'; got 'x'"):
        Interval.__post_init__(fields)


def test_frozen_ordered_and_hashable():
    a, b = Interval("chr1", 5, 9), Interval("chr1", 5, 10)
    assert sorted([b, a]) == [a, b]
    assert len({a, b, Interval("chr1", 5, 9)}) == 2
    with pytest.raises(dataclasses.FrozenInstanceError):
        a.start = 3


@settings(deadline=None)
@given(intervals(), st.integers(0, 40))
def test_resize_keeps_the_center_and_its_own_width(interval, width):
    resized = interval.resize(width)
    assert resized.length == width
    assert resized.center == interval.center
    assert resized.strand == interval.strand
    assert interval.resize(interval.length) == interval


def test_resize_rounding_by_hand():
    snv = Interval("chr1", 100, 101)
    assert [(snv.resize(w).start, snv.resize(w).end) for w in (1, 2, 3, 4)] == [
        (100, 101),
        (99, 101),
        (99, 102),
        (98, 102),
    ]
    with pytest.raises(ValueError, match="width must not be negative; got -1"):
        snv.resize(-1)


@settings(deadline=None)
@given(intervals(), intervals())
def test_algebra_agrees_with_sets_of_bases(a, b):
    shared = a.intersect(b)
    assert a.overlaps(b) == b.overlaps(a) == bool(bases(a) & bases(b))
    assert (bases(shared) if shared else set()) == bases(a) & bases(b)
    if b.length:
        assert a.contains(b) == (bases(b) <= bases(a))


def test_contains_an_empty_interval_on_the_same_contig_only():
    whole = Interval("chr1", 0, 5)
    assert whole.contains(Interval("chr1", 5, 5))
    assert not whole.contains(Interval("chr2", 3, 3))


def test_intersect_keeps_a_shared_strand_only():
    plus, minus = Interval("chr1", 0, 5, "+"), Interval("chr1", 3, 9, "-")
    assert plus.intersect(plus.shift(2)).strand == "+"
    assert plus.intersect(minus).strand == "."


@settings(deadline=None)
@given(intervals(), st.integers(-9, 9))
def test_shift_and_reverse_strand_are_undone(interval, distance):
    assert interval.shift(distance).shift(-distance) == interval
    assert interval.shift(distance).start == interval.start + distance
    assert interval.reverse_strand().reverse_strand() == interval
    assert interval.reverse_strand().is_reverse == (interval.strand == "+")


def test_refuses_text_that_ends_before_it_starts():
    with pytest.raises(ValueError, match="must not start after it ends; got 'I:50-5'"):
        Interval.parse("I:50-5")
