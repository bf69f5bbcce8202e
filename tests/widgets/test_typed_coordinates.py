import pytest

from hyenascope.widgets.typed_coordinates import (
    Position,
    Range,
    read_change,
    read_coordinates,
    read_width,
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7", Position(7)),
        ("-7", Position(-7)),
        ("1.5kb", Position(1_500)),
        ("1.5", None),  # half a base
        ("1.2345k", None),
        ("1,23", None),
        ("12,3456", None),
        ("100 200", Position(100_200)),  # grouped, as 41 196 312 is
        ("1000 2000", Range(1_000, 2_000)),
        ("9-3", Range(9, 3)),
        ("-5-10", Range(-5, 10)),
        ("10-20 kbp", Range(10_000, 20_000)),
        ("10bp-1kb", Range(10, 1_000)),
        ("5 to 9", Range(5, 9)),
        ("5-", Range(5, None)),
        ("100 ± 1kb", Position(100, 1_000)),
        ("1234567890123", None),  # longer than any genome
        ("5to9", None),
        ("5-9-12", None),
        ("", None),
    ],
)
def test_coordinates(text, expected):
    assert read_coordinates(text) == expected


@pytest.mark.parametrize("text", ["10", "kb", "10 km", "1.5 bp", "", "10kb wide"])
def test_no_width(text):
    assert read_width(text) is None


@pytest.mark.parametrize(
    "text", ["chr1:7", "HLA-DRB1", "chr1:7-9", "MT-ND1", "1:7:R>Y"]
)
def test_no_change(text):
    assert read_change(text) is None


def test_changes_keep_contigs_with_colons_and_symbols():
    assert str(read_change("HLA-A*01:01:7:A>G")) == "HLA-A*01:01:7:A>G"
    assert str(read_change("1:7:A:<DEL>")) == "1:7:A><DEL>"
