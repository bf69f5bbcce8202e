import gzip

import numpy as np
import pytest

from hyenascope.data.bed import COLUMNS, read_bed, read_bed_places
from hyenascope.data.interval import Interval

TWELVE = "chr1\t1000\t5000\tgene A\t960\t-\t1200\t4800\t255,0,127\t2\t567,488,\t0,3512,"


def write(folder, *lines, name="x.bed"):
    path = folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


@pytest.mark.parametrize("fields", [3, 4, 5, 6, 7, 8, 9, 12])
def test_any_number_of_fields_of_the_format(tmp_path, fields):
    frame = read_bed(write(tmp_path, "\t".join(TWELVE.split("\t")[:fields])))
    whole = (
        "chr1", 1000, 5000, "gene A", 960.0, "-", 1200, 4800, "#ff007f",
        ((1000, 1567), (4512, 5000)),
    )  # fmt: skip
    count = min(fields, 10) if fields != 12 else 10
    assert tuple(frame.columns) == COLUMNS[:count]
    assert tuple(frame.iloc[0]) == whole[:count]


def test_no_value_is_nan_or_nothing(tmp_path):
    frame = read_bed(write(tmp_path, "1 5 5 . . . 5 5 0"))
    assert np.isnan(frame.loc[0, "score"])
    assert (frame.loc[0, "strand"], frame.loc[0, "rgb"]) == (".", "")
    assert (frame.loc[0, "start"], frame.loc[0, "end"]) == (5, 5)


def test_zero_and_zero_mean_that_nothing_is_thick(tmp_path):
    frame = read_bed(write(tmp_path, "1 5 9 a 0 + 0 0"))
    assert (frame.loc[0, "thick_start"], frame.loc[0, "thick_end"]) == (5, 5)


def test_headers_and_blank_lines_are_passed_over(tmp_path):
    lines = ["#c", 'track name="a"', "browser position chr1", "", "tracker\t1\t2"]
    assert read_bed(write(tmp_path, *lines)).chrom.tolist() == ["tracker"]


def test_gzip_and_windows_line_ends(tmp_path):
    path = tmp_path / "x.bed.gz"
    path.write_bytes(gzip.compress(b"chr1\t1\t2\ta\r\nchr1\t3\t4\tb\r\n"))
    assert read_bed(path).name.tolist() == ["a", "b"]


def test_a_region_keeps_what_overlaps_it(tmp_path):
    lines = ["1 0 10", "1 10 20", "1 15 15", "1 20 30", "2 12 13"]
    frame = read_bed(write(tmp_path, *lines), region=Interval("chr1", 10, 20))
    assert frame[["start", "end"]].to_numpy().tolist() == [[10, 20], [15, 15]]


def test_only_headers_give_an_empty_table(tmp_path):
    frame = read_bed(write(tmp_path, "#nothing"))
    assert tuple(frame.columns) == ("chrom", "start", "end")
    assert len(frame) == 0


def test_peaks_are_read_up_to_their_own_fields(tmp_path):
    line = "chr1\t9\t20\tpeak\t5\t.\t4.5\t3.1\t-1\t7"
    frame = read_bed(write(tmp_path, line, name="a.narrowPeak"))
    assert tuple(frame.columns) == COLUMNS[:6]
    assert read_bed(write(tmp_path, line), fields=6).equals(frame)
    with pytest.raises(ValueError, match=r"line 1: must have 3 to 9 or 12 .* got 10"):
        read_bed(write(tmp_path, line))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("chr1 5", "must have 3 fields as the first line has; got 2"),
        ("chr1 5 9 a", "must have 3 fields as the first line has; got 4"),
        ("chr1 x 9", "start must be a whole number; got 'x'"),
        ("chr1 5 9.5", r"end must be a whole number; got '9\.5'"),
        ("chr1 9 5", "must have 0 ≤ start ≤ end; got 9 and 5"),
        ("chr1 -1 5", "must have 0 ≤ start ≤ end; got -1 and 5"),
        ("\t1\t5", "chrom must not be empty"),
    ],
)
def test_malformed_lines_are_named(tmp_path, line, message):
    with pytest.raises(ValueError, match=f"line 2: {message}"):
        read_bed(write(tmp_path, "chr1 0 2", line))


@pytest.mark.parametrize(
    ("column", "text", "message"),
    [
        (4, "high", "score must be a number or a dot; got 'high'"),
        (5, "*", r"strand must be \+, - or a dot; got '\*'"),
        (6, "900", "the thick part must lie in 1000 to 5000; got 900 to 4800"),
        (7, "4.8", "thick_end must be a whole number"),
        (8, "255,0", "rgb must be three numbers, or 0; got '255,0'"),
        (8, "0,0,256", "rgb must be from 0 to 255 each"),
        (8, "red", "rgb must be three numbers"),
        (9, "3", "must have as many block sizes and starts as blocks, 3; got 2 and 2"),
        (10, "567,480", "blocks must run from 1000 to 5000 without overlaps"),
        (10, "3600,488", "blocks must run from 1000 to 5000 without overlaps"),
        (11, "0,x", "block starts must be a whole number; got 'x'"),
    ],
)
def test_malformed_fields_are_named(tmp_path, column, text, message):
    fields = TWELVE.split("\t")
    fields[column] = text
    path = write(tmp_path, "#c", TWELVE, "\t".join(fields))
    with pytest.raises(ValueError, match=f"line 3: {message}"):
        read_bed(path)


def test_refusals(tmp_path):
    with pytest.raises(ValueError, match="does not exist"):
        read_bed(tmp_path / "none.bed")
    (tmp_path / "empty.bed").touch()
    with pytest.raises(ValueError, match="is empty"):
        read_bed(tmp_path / "empty.bed")
    with pytest.raises(ValueError, match="fields must be from 3 to 12; got 2"):
        read_bed(write(tmp_path, "1 2 3"), fields=2)
    with pytest.raises(ValueError, match=r"line 1: must have at least chrom.* got 2"):
        read_bed(write(tmp_path, "1 2"))


def test_a_cut_file_is_no_shorter_file(tmp_path):
    whole = gzip.compress("".join(f"chr1 {n} {n + 1}\n" for n in range(9999)).encode())
    (tmp_path / "cut.bed.gz").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="truncated or damaged after line"):
        read_bed(tmp_path / "cut.bed.gz")


@pytest.mark.parametrize("line", ["one\t1", "one\tx\t9"])
def test_a_list_of_places_with_a_broken_line_is_refused(tmp_path, line):
    path = tmp_path / "x.bed"
    path.write_text(f"one\t0\t1\n{line}\n")
    with pytest.raises(ValueError, match=r"x\.bed, line 2 must start with chrom"):
        read_bed_places(path)


def test_places_with_an_empty_strand_and_odd_contig_names(tmp_path):
    bed = tmp_path / "x.bed"
    bed.write_text("tracker\t1\t4\ta\t0\t\n")
    frame = read_bed_places(bed)
    assert frame.loc[0, ["chrom", "strand"]].tolist() == ["tracker", "."]


@pytest.mark.parametrize("column", [1, 2])
def test_positions_that_no_column_holds_are_refused(tmp_path, column):
    fields = ["chr1", "1", "2"]
    fields[column] = "1" * 22
    path = tmp_path / "x.bed"
    path.write_text("\t".join(fields) + "\n")
    with pytest.raises(ValueError, match=r"line 1: (start|end) must be at most 9,223,"):
        read_bed(path)
