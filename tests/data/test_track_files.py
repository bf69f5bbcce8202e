import weakref

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.data.track_files import read_tracks, write_tracks


def window(i, length=5, names=("A", "C"), dtype=np.float32):
    values = np.random.default_rng(i).normal(size=(length, len(names))).astype(dtype)
    values[i % length] = np.nan
    where = Interval(f"chr{i % 3}", 10 * i, 10 * i + length, "-")
    made = {"seed": i, "share": np.nan, "how": {"strands": ["+", "-"]}}
    return TrackData(values, names, where, "nats", made)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "scan.parquet"


def test_round_trip_is_exact_whatever_the_length(path):
    scan = [window(i, length=1 + i) for i in range(20)]
    write_tracks(iter(scan), path)
    assert list(read_tracks(path)) == scan
    assert [each.name for each in path.parent.iterdir()] == ["scan.parquet"]


def test_others_see_one_table(path):
    scan = [window(0), window(1)]
    write_tracks(scan, path)
    frame = pd.read_parquet(path)
    assert frame["window"].tolist() == [0] * 5 + [1] * 5
    expected = pd.concat([each.to_frame() for each in scan], ignore_index=True)
    pd.testing.assert_frame_equal(frame[["chrom", "pos", "A", "C"]], expected)
    assert pq.ParquetFile(path).num_row_groups == 2


def test_provenance_is_stored_once_per_window(path):
    long = TrackData(
        np.zeros(50_000), ("x",), Interval("chr1", 0, 50_000), "", {"note": "x" * 5000}
    )
    write_tracks([long], path)
    assert path.stat().st_size < 500_000
    assert next(read_tracks(path)) == long


class Census:
    """Counts how many of the objects shown to it live at once."""

    def __init__(self):
        self.alive = self.most = 0

    def count(self, item):
        self.alive += 1
        self.most = max(self.most, self.alive)
        weakref.finalize(item, self.bury)
        return item

    def bury(self):
        self.alive -= 1


def test_one_window_is_in_memory_at_a_time(path):
    written, read = Census(), Census()
    write_tracks((written.count(window(i, length=1000)) for i in range(100)), path)
    assert written.most <= 2
    for data in read_tracks(path):
        read.count(data)
    assert read.most <= 2


def test_reading_is_lazy(path, monkeypatch):
    write_tracks((window(i) for i in range(5)), path)
    read = []
    real = pq.ParquetFile.read_row_group
    monkeypatch.setattr(
        pq.ParquetFile, "read_row_group", lambda s, i: (read.append(i), real(s, i))[1]
    )
    tracks = read_tracks(path)
    assert read == []
    assert next(tracks) == window(0)
    assert read == [0]


def test_a_failing_source_leaves_the_old_file(path):
    write_tracks([window(0)], path)

    def fails():
        yield window(1)
        raise RuntimeError("out of luck")

    with pytest.raises(RuntimeError, match="out of luck"):
        write_tracks(fails(), path)
    assert list(read_tracks(path)) == [window(0)]
    assert [each.name for each in path.parent.iterdir()] == ["scan.parquet"]


def test_no_tracks_at_all(path):
    write_tracks([], path)
    assert list(read_tracks(path)) == []


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (window(1, names=("A", "G")), r"\['A', 'C'\] of float32, .* got \['A', 'G'\]"),
        (window(1, dtype=np.float64), "got .* of float64 at index 1"),
        (
            TrackData(np.zeros((0, 2)), ("A", "C"), Interval("chr1", 3, 3)),
            "at least one base; got .* at index 1",
        ),
        (window(1, names=("labels",)), r"a name other than .* got \['labels'\]"),
    ],
)
def test_refusals_leave_no_file(path, bad, message):
    with pytest.raises(ValueError, match=message):
        write_tracks([window(0), bad], path)
    assert list(path.parent.iterdir()) == []


def test_a_table_from_elsewhere_is_refused_at_once(path):
    window(0).to_parquet(path)
    with pytest.raises(ValueError, match="must be a file written by write_tracks"):
        read_tracks(path)
