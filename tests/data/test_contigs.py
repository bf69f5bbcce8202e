import logging

import pytest

from hyenascope.data.contigs import (
    ContigFilter,
    ContigNames,
    UnknownContigError,
    contig_key,
)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("chr1", "1"),
        ("Chr1", "chr1"),
        ("chrM", "MT"),
        ("chrM", "M"),
        ("Mito", "chrM"),
        ("MtDNA", "MT"),
        ("chrX", "x"),
        ("chrIV", "IV"),
    ],
)
def test_usual_spellings_are_one(one, other):
    assert contig_key(one) == contig_key(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("chr1", "chr10"), ("chrI", "chr1"), ("chr1", "chr1_alt"), ("chr", "")],
)
def test_other_contigs_stay_apart(one, other):
    assert contig_key(one) != contig_key(other)


def test_exact_name_wins_silently(caplog):
    names = ContigNames(["1", "chr1"], source="both.fa")
    assert names.resolve("chr1") == "chr1"
    assert names.resolve("1") == "1"
    assert not caplog.records


def test_match_is_noticed_once(caplog):
    names = ContigNames(["1", "2", "MT"], source="ensembl.fa")
    assert [names.resolve(name) for name in ("chr1", "chr2", "chrM")] == [
        "1",
        "2",
        "MT",
    ]
    [record] = caplog.records
    assert record.name == "hyenascope"
    assert record.levelno == logging.WARNING
    assert record.getMessage() == (
        "ensembl.fa: contig names matched by their usual spellings (chr1 is 1 here)."
    )


def test_two_that_fit_are_refused():
    names = ContigNames(["1", "chr1"], source="both.fa")
    assert names.find("CHR1") is None
    with pytest.raises(UnknownContigError, match=r"could be any of 1, chr1\."):
        names.resolve("CHR1")


def test_unknown_names_close_ones():
    names = ContigNames(["chr1", "chr20", "chrM"], source="hg.fa")
    with pytest.raises(UnknownContigError, match=r"hg\.fa has no contig 'chr21'; "):
        names.resolve("chr21")
    with pytest.raises(UnknownContigError, match=r"it holds chr1, chr20, chrM\."):
        names.resolve("scaffold_9")


def test_filter_matches_names_of_a_stream_and_notices_once(caplog):
    wanted = ContigFilter("chr7", source="calls.vcf")
    assert not wanted("8")
    assert not wanted.matched
    assert [wanted("7"), wanted("7"), wanted("chr7")] == [True, True, True]
    assert wanted.matched
    assert len(caplog.records) == 1
