import gzip

import pandas as pd
import pytest

from hyenascope.data.interval import Interval
from hyenascope.data.sequences import collect_sequences


@pytest.fixture
def fasta(tmp_path):
    path = tmp_path / "g.fa"
    path.write_text(">one\nACGTAC\n>two\nggg\n")
    return path


def test_text_and_lists():
    assert collect_sequences("acgt").texts == ("acgt",)
    named = collect_sequences(("AC", "GT"))
    assert (named.names, named.texts) == (("0", "1"), ("AC", "GT"))


def test_fasta_gives_every_record(fasta):
    named = collect_sequences(fasta)
    assert (named.names, named.texts) == (("one", "two"), ("ACGTAC", "GGG"))
    assert collect_sequences(str(fasta)) == named


def test_bed_with_names_strands_and_comments(fasta, tmp_path):
    bed = tmp_path / "x.bed"
    bed.write_text("# c\ntrack name=x\none\t1\t4\tleft\t0\t-\none 0 2\n\n")
    named = collect_sequences(bed, genome=fasta)
    assert named.names == ("left", "one:1-2")
    assert named.texts == ("ACG", "AC")


def test_gzip_bed_and_rows_without_a_name(fasta, tmp_path):
    path = tmp_path / "x.bed.gz"
    with gzip.open(path, "wt") as file:
        file.write("one\t1\t4\tleft\t0\t-\none\t0\t2\t.\n")
    assert collect_sequences(path, genome=fasta).names == ("left", "one:1-2")
    frame = pd.DataFrame({"sequence": ["AC", "GG"], "name": [float("nan"), "b"]})
    assert collect_sequences(frame).names == ("0", "b")


def test_table_of_sequences_or_intervals(fasta):
    frame = pd.DataFrame({"sequence": ["AC", "GG"], "name": ["a", "b"]})
    assert collect_sequences(frame).names == ("a", "b")
    frame = pd.DataFrame({"chrom": ["one"], "start": [0], "end": [3]})
    assert collect_sequences(frame, genome=fasta).texts == ("ACG",)


def test_intervals(fasta):
    named = collect_sequences([Interval("two", 0, 2)], genome=fasta)
    assert (named.names, named.texts) == (("two:1-2",), ("GG",))


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ([], "must not be empty"),
        ("missing.xyz", r"path ending in \.bed"),
        (Interval("one", 0, 3), "genome must be given"),
        (pd.DataFrame({"sequence": ["AC", None]}), "sequence 1 must be text; got"),
        (pd.DataFrame({"seq": ["AC"]}), r"column 'sequence', or .* got \['seq'\]"),
    ],
)
def test_refuses(source, message):
    with pytest.raises(ValueError, match=message):
        collect_sequences(source)


@pytest.mark.parametrize(("start", "end"), [(-1, 3), (4, 7), (90, 99)])
def test_refuses_intervals_off_the_contig(fasta, start, end):
    with pytest.raises(ValueError, match="must lie on its contig, which has 6 bp"):
        collect_sequences(Interval("one", start, end), genome=fasta)
