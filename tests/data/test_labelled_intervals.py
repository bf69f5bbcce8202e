import pandas as pd
import pytest

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.data.labelled_intervals import (
    read_chromatin_profiles,
    read_labelled_intervals,
)
from hyenascope.data.labelled_sequences import LabelError


@pytest.fixture
def genome(tmp_path):
    path = tmp_path / "g.fa"
    path.write_text(">chr1\nAACCGGGTTT\n>chr2\nacgtn\n")
    return path


def _write(path, text):
    path.write_text(text)
    return path


def test_bed_reads_its_own_strand(tmp_path, genome):
    text = "track name=x\n# note\n1\t0\t4\tweak\t0\t+\nchr1\t4\t8\tstrong\t0\t-\n"
    data = read_labelled_intervals(_write(tmp_path / "x.bed", text), genome=genome)
    assert data.sequences == ("AACC", "ACCC")
    assert data.intervals == (Interval("chr1", 0, 4, "+"), Interval("chr1", 4, 8, "-"))
    assert (data.label_names, data.labels.tolist()) == (("strong", "weak"), [1, 0])


def test_labels_of_other_columns_of_bed(tmp_path, genome):
    row = "chr1\t{0}\t{1}\t.\t0\t.\t{0}\t{1}\t0\t1\t{2},\t0,\t{3}\t{4}\n"
    text = row.format(0, 4, 4, 1, 0) + row.format(4, 9, 5, 0, 0)
    data = read_labelled_intervals(
        _write(tmp_path / "x.bed", text),
        genome=genome,
        labels=["column_13", "column_14"],
    )
    assert (data.task, data.labels.tolist()) == ("multilabel", [[1, 0], [0, 0]])
    assert data.sequences == ("AACC", "GGGTT")


def test_tables_with_splits_and_numbers(genome):
    frame = pd.DataFrame(
        {
            "chrom": ["chr1", "chr2"],
            "start": [0, 1],
            "end": [3, 5],
            "effect": [0.5, -1.0],
            "part": ["train", "test"],
        }
    )
    with FastaReader(genome) as reader:
        data = read_labelled_intervals(
            frame, genome=reader, labels="effect", split="part", task="regression"
        )
        assert reader.fetch(Interval("chr1", 0, 2)) == "AA"
    assert data.sequences == ("AAC", "CGTN")
    assert (data.splits, data.labels[:, 0].tolist()) == (("train", "test"), [0.5, -1])


def test_width_is_about_the_centre_and_pads_with_n(tmp_path, genome):
    path = _write(tmp_path / "x.bed", "chr1\t0\t4\ta\nchr1\t4\t6\tb\n")
    data = read_labelled_intervals(path, genome=genome, width=6)
    # Centres are bases 2 and 5.
    assert data.sequences == ("NAACCG", "CCGGGT")
    assert data.intervals == (Interval("chr1", -1, 5), Interval("chr1", 2, 8))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("chr1\tx\t4\ta", "line 2: start must be a whole number; got 'x'"),
        ("chr1\t8\t11\ta", "line 2: interval must hold bases of chr1, which has 10 bp"),
        ("chr1\t4\t4\ta", "line 2: interval must hold bases of chr1"),
        ("chr1\t5\t4\ta", "line 2: start must not exceed end"),
        ("chr7\t1\t4\ta", r"line 2: g\.fa has no contig 'chr7'"),
        ("chr1\t1\t4", "line 2: must have 4 cells, as the first line has; got 3"),
    ],
)
def test_names_the_line(tmp_path, genome, line, message):
    path = _write(tmp_path / "x.bed", f"chr1\t0\t4\tb\n{line}\n")
    with pytest.raises(LabelError, match=message):
        read_labelled_intervals(path, genome=genome)


def test_refuses_a_width_below_one(tmp_path, genome):
    path = _write(tmp_path / "x.bed", "chr1\t0\t4\tb\n")
    with pytest.raises(LabelError, match="width must be 1 or more; got 0"):
        read_labelled_intervals(path, genome=genome, width=0)


def test_chromatin_profiles_count_chromosomes_from_zero(tmp_path, genome):
    text = "Unnamed,Chr_No,Start,End,y_a,y_b\n0,0,0,4,1,0\n1,1,1,4,True,True\n"
    path = _write(tmp_path / "train_hg19_coords_targets.csv", text)
    data = read_chromatin_profiles({"train": path}, genome=genome)
    assert data.sequences == ("AACC", "CGT")
    assert (data.label_names, data.labels.tolist()) == (
        ("y_a", "y_b"),
        [[1, 0], [1, 1]],
    )
    wide = read_chromatin_profiles({"train": path}, genome=genome, width=6)
    assert wide.sequences[0] == "NAACCG"
