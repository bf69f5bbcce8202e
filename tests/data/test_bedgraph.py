import gzip

import numpy as np
import pytest

from hyenascope.data import bedgraph
from hyenascope.data.bedgraph import read_bedgraph, write_bedgraph
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData

WHERE = Interval("chr1", 1000, 1006, "-")
VALUES = [0.1, 0.1, np.nan, -0.0, 0.0, 1 / 3]
MADE = {"model": "tiny", "share": np.nan, "note": "a\nb\tµ"}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "x.bedgraph"


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_round_trip_is_exact(path, dtype):
    data = TrackData(np.array(VALUES, dtype), ("gc",), WHERE, "nats", MADE)
    data.to_bedgraph(path)
    back = TrackData.from_bedgraph(path)
    assert back == data
    np.testing.assert_array_equal(np.signbit(back.values), np.signbit(data.values))


@pytest.mark.parametrize("values", [[], [np.nan] * 4, [np.inf, 1e-300, 5e-324, 1e300]])
def test_round_trip_of_extremes(path, values):
    data = TrackData(np.array(values), ("x",), Interval("chr1", 0, len(values)))
    data.to_bedgraph(path)
    assert TrackData.from_bedgraph(path) == data


def test_round_trip_across_chunks(path, monkeypatch):
    monkeypatch.setattr(bedgraph, "_CHUNK", 7)
    values = np.random.default_rng(0).integers(0, 3, 50).astype(np.float32)
    data = TrackData(values, ("x",), Interval("chr1", 3, 53))
    data.to_bedgraph(path)
    assert TrackData.from_bedgraph(path) == data


def test_lines_are_zero_based_and_runs_merge(path):
    write_bedgraph(path, np.array(VALUES), WHERE, {})
    assert path.read_text().splitlines()[1:] == [
        "chr1\t1000\t1002\t0.1",
        "chr1\t1003\t1004\t-0.0",
        "chr1\t1004\t1005\t0.0",
        f"chr1\t1005\t1006\t{1 / 3!r}",
    ]


def test_an_interval_cuts_our_own_file(path):
    TrackData(VALUES, ("gc",), WHERE, "nats").to_bedgraph(path)
    part = TrackData.from_bedgraph(path, interval=Interval("chr1", 1001, 1003))
    assert part == TrackData(
        [0.1, np.nan], ("gc",), Interval("chr1", 1001, 1003), "nats"
    )


def test_a_file_from_elsewhere(tmp_path):
    path = tmp_path / "elsewhere.bedgraph.gz"
    lines = 'track type=bedGraph name="x"\n#c\nchr2 0 9 5\nchr1 0 3 1.5\nchr1 4 9 2\n'
    path.write_bytes(gzip.compress(lines.encode()))
    data = TrackData.from_bedgraph(path, interval=Interval("chr1", 1, 6))
    assert data.names == ("elsewhere.bedgraph",)
    np.testing.assert_array_equal(data.values[:, 0], [1.5, 1.5, np.nan, 2, 2])
    with pytest.raises(ValueError, match="interval must be given for a file"):
        TrackData.from_bedgraph(path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("chr1 5 6", r"line 2: must be chrom, start, end, value; got 'chr1 5 6'"),
        ("chr1 5 x 1", r"line 2: must be chrom, start, end, value"),
        ("chr1 6 6 1", r"line 2: must have 0 ≤ start < end"),
        ("chr1 1 3 1", r"line 2: overlaps an earlier line"),
    ],
)
def test_malformed_lines_are_named(path, line, message):
    path.write_text(f"chr1 0 2 1\n{line}\n")
    with pytest.raises(ValueError, match=message):
        read_bedgraph(path, Interval("chr1", 0, 9))


def test_refusals(path):
    with pytest.raises(ValueError, match="interval must lie on its contig; got chr1:0"):
        write_bedgraph(path, np.zeros(2), Interval("chr1", -1, 1), {})
    with pytest.raises(FileNotFoundError, match=r"folder .* does not exist"):
        write_bedgraph(path / "x", np.zeros(1), Interval("chr1", 0, 1), {})
    assert list(path.parent.iterdir()) == []
    with pytest.raises(ValueError, match="does not exist"):
        TrackData.from_bedgraph(path)
    path.write_text("#hyenascope {'\n")
    with pytest.raises(ValueError, match="line 1: the labels are damaged"):
        TrackData.from_bedgraph(path)


def test_a_file_per_track(tmp_path):
    both = TrackData(np.eye(2), ("left", "right"), Interval("chr1", 0, 2), "1", MADE)
    both.to_bedgraph(tmp_path / "{track}.bedgraph")
    assert TrackData.from_bedgraph(tmp_path / "right.bedgraph") == both.select("right")
    with pytest.raises(ValueError, match="track must be one of"):
        both.to_bedgraph(tmp_path / "both.bedgraph")
