import subprocess
import sys

import numpy as np
import pyBigWig
import pytest

from hyenascope.data import bigwig
from hyenascope.data.bigwig import (
    bigwig_contigs,
    read_bigwig,
    summarize_bigwig,
    write_bigwig,
)
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData

WHERE = Interval("chr1", 1000, 1004, "-")
GAPS = np.array([0.1, np.nan, np.nan, -3.5])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.bw"


@pytest.mark.parametrize(
    "values",
    [
        GAPS,
        np.array([np.nan, 0.0, 1.0, np.nan]),
        np.array([np.nan, np.nan, np.nan, 7.0]),
        np.arange(4.0),
    ],
    ids=["gap", "ends", "one", "full"],
)
def test_round_trip_is_float32(path, values):
    write_bigwig(path, values, WHERE)
    back = read_bigwig(path, WHERE)
    np.testing.assert_array_equal(back, values.astype(np.float32))
    assert [each.name for each in path.parent.iterdir()] == ["x.bw"]


def test_long_round_trip(path):
    values = np.random.default_rng(0).normal(size=200_000)
    values[::7] = np.nan
    where = Interval("chr1", 5, 200_005)
    write_bigwig(path, values, where)
    np.testing.assert_array_equal(read_bigwig(path, where), values.astype(np.float32))


def test_others_read_it_in_genome_order(path):
    write_bigwig(path, GAPS, WHERE, contig_lengths={"chr2": 10, "chr1": 2000})
    with pyBigWig.open(str(path)) as file:
        assert file.chroms() == {"chr1": 2000, "chr2": 10}
        assert file.intervals("chr1") == (
            (1000, 1001, pytest.approx(0.1)),
            (1003, 1004, -3.5),
        )


def test_missing_bases_are_nan(path):
    write_bigwig(path, GAPS, WHERE)
    around = read_bigwig(path, Interval("1", -2, 1010))
    assert np.flatnonzero(~np.isnan(around)).tolist() == [1002, 1005]
    assert read_bigwig(path, Interval("chr1", 2000, 2003)).tolist() == pytest.approx(
        [np.nan] * 3, nan_ok=True
    )
    assert read_bigwig(path, Interval("chr1", 7, 7)).size == 0


def test_only_values_must_lie_on_the_contig(path):
    padded = Interval("chr1", -1, 3)
    write_bigwig(path, np.array([np.nan, 1, 2, np.nan]), padded)
    assert read_bigwig(path, padded).tolist()[1:3] == [1, 2]


@pytest.mark.parametrize(
    ("values", "interval", "lengths", "message"),
    [
        (GAPS, WHERE, {"chr1": 1003}, r"chr1, .* has 1,003 bp; got one at chr1:1,004"),
        (GAPS, Interval("chr1", -1, 3), None, r"must lie on chr1, .* at chr1:0\."),
        (GAPS, WHERE, {"1": 9000}, r"contig_lengths must hold 'chr1'; got 1, 1 in all"),
        (GAPS * np.nan, WHERE, None, r"must hold a number; got none over chr1:1,001"),
        (np.zeros(0), Interval("chr1", 5, 5), None, "must hold a number; got none"),
        (GAPS * 1e300, WHERE, None, r"finite in float32, .* infinity at chr1:1,001"),
        (GAPS[:3], WHERE, None, r"one number per base of .*; got \(3,\)"),
    ],
)
def test_refusals_leave_no_file(path, values, interval, lengths, message):
    with pytest.raises(ValueError, match=message):
        write_bigwig(path, values, interval, contig_lengths=lengths)
    assert list(path.parent.iterdir()) == []


def test_a_missing_folder_is_named(path):
    with pytest.raises(FileNotFoundError, match=r"folder .*nowhere does not exist"):
        write_bigwig(path.parent / "nowhere" / "x.bw", GAPS, WHERE)


def test_an_incomplete_write_leaves_the_old_file(path, monkeypatch):
    write_bigwig(path, GAPS, WHERE)
    before = path.read_bytes()

    def short(file, *_, **__):
        return None

    real = pyBigWig.open

    class Deaf:
        """Takes the header and loses every entry, as a full disk may."""

        def __init__(self, name, mode="r"):
            self.file, self.mode = real(name, mode), mode

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def __getattr__(self, name):
            return short if name == "addEntries" else getattr(self.file, name)

    monkeypatch.setattr("pyBigWig.open", Deaf)
    with pytest.raises(OSError, match="0 of 2 values did"):
        write_bigwig(path, GAPS + 1, WHERE)
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == ["x.bw"]


@pytest.mark.skipif(sys.platform != "linux", reason="needs a limit on file size")
def test_a_full_disk_is_an_error_not_a_crash(path):
    write_bigwig(path, GAPS, WHERE)
    before = path.read_bytes()
    code = (
        "import resource, signal, sys, numpy as np\n"
        "from hyenascope.data.bigwig import write_bigwig\n"
        "from hyenascope.data.interval import Interval\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))\n"
        "values = np.random.default_rng(0).normal(size=50_000)\n"
        "write_bigwig(sys.argv[1], values, Interval('chr1', 0, 50_000))\n"
    )
    command = [sys.executable, "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "OSError" in done.stderr
    assert "the older file is untouched" in done.stderr
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == ["x.bw"]


def test_reading_what_is_not_bigwig(path):
    with pytest.raises(FileNotFoundError, match="must be a bigWig file; there is none"):
        read_bigwig(path, WHERE)
    path.write_text("chr1 1 2 0.5\n")
    with pytest.raises(ValueError, match=r"path must be a bigWig file; got .*x\.bw"):
        read_bigwig(path, WHERE)


def test_reading_an_unknown_contig(path):
    write_bigwig(path, GAPS, WHERE)
    with pytest.raises(ValueError, match=r"x\.bw has no contig 'chr7'"):
        read_bigwig(path, Interval("chr7", 0, 1))


@pytest.fixture
def both():
    return TrackData(np.stack([GAPS, GAPS + 1], axis=1), ("gc", "cpg"), WHERE, "nats")


def test_track_data_to_one_file(both, path):
    both.to_bigwig(path, track="cpg", contig_lengths={"chr1": 5000})
    back = TrackData.from_bigwig(path, WHERE, name="cpg")
    assert back == TrackData(np.float32(GAPS + 1), "cpg", WHERE)
    assert TrackData.from_bigwig(path, WHERE).names == ("x",)


def test_track_data_to_a_file_per_track(both, tmp_path):
    both.to_bigwig(tmp_path / "{track}.bw")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["cpg.bw", "gc.bw"]
    np.testing.assert_array_equal(
        read_bigwig(tmp_path / "gc.bw", WHERE), np.float32(GAPS)
    )


def test_which_track_must_be_clear(both, path):
    with pytest.raises(ValueError, match=r"one of \['gc', 'cpg'\], or path must hold"):
        both.to_bigwig(path)
    with pytest.raises(KeyError, match=r"name must be one of .* got 'at'"):
        both.to_bigwig(path, track="at")


@pytest.mark.parametrize("bins", [1, 3, 7, 100])
def test_bins_hold_mean_and_extremes_of_their_values(path, bins):
    values = np.random.default_rng(bins).normal(size=997)
    values[100:250] = np.nan
    where = Interval("chr1", 50, 1047)
    write_bigwig(path, values, where, contig_lengths={"chr1": 2000})
    found = summarize_bigwig(path, Interval("1", 50, 1047), bins)
    assert len(found.mean) == bins
    assert (found.edges[0], found.edges[-1]) == (50, 1047)
    for number in range(bins):
        part = values[found.edges[number] - 50 : found.edges[number + 1] - 50]
        part = part[~np.isnan(part)]
        if not part.size:
            assert np.isnan(found.mean[number])
            continue
        assert found.mean[number] == pytest.approx(part.mean(), abs=1e-6)
        assert found.low[number] == pytest.approx(part.min(), abs=1e-6)
        assert found.high[number] == pytest.approx(part.max(), abs=1e-6)


def test_zoomed_extremes_miss_no_peak(path, monkeypatch):
    monkeypatch.setattr(bigwig, "_MOST_READ", 1000)
    values = np.random.default_rng(0).normal(size=300_000)
    values[123_456] = 50.0
    write_bigwig(path, values, Interval("chr1", 0, 300_000))
    found = summarize_bigwig(path, Interval("chr1", 0, 300_000), 300)
    parts = values.reshape(300, 1000)
    assert (found.high >= parts.max(axis=1).astype(np.float32)).all()
    assert (found.low <= parts.min(axis=1).astype(np.float32)).all()
    assert found.high.max() == 50.0
    np.testing.assert_allclose(found.mean, parts.mean(axis=1), atol=0.05)


def test_bins_end_with_the_contig(path):
    write_bigwig(path, GAPS, WHERE)
    found = summarize_bigwig(path, Interval("chr1", 1000, 5000), 100)
    assert found.edges.tolist() == [1000, 1001, 1002, 1003, 1004]
    np.testing.assert_array_equal(found.high, GAPS.astype(np.float32))
    assert summarize_bigwig(path, Interval("chr1", 3000, 5000), 9).mean.size == 0


def test_contigs_and_their_lengths(path):
    write_bigwig(path, GAPS, WHERE, contig_lengths={"chr2": 10, "chr1": 2000})
    assert bigwig_contigs(path) == {"chr1": 2000, "chr2": 10}


def test_refusals_of_summaries(path):
    with pytest.raises(FileNotFoundError, match="path must be a bigWig file; there is"):
        bigwig_contigs(path)
    write_bigwig(path, GAPS, WHERE)
    with pytest.raises(ValueError, match="bins must be at least 1; got 0"):
        summarize_bigwig(path, WHERE, 0)
    with pytest.raises(ValueError, match="has no contig 'chr9'"):
        summarize_bigwig(path, Interval("chr9", 0, 5), 2)
