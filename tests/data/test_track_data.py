import copy
import json
import pickle

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData

WHERE = Interval("chr1", 1000, 1004, "-")


@pytest.fixture
def two_tracks():
    values = np.array([[1, 5], [2, np.nan], [3, 7], [4, 8]], dtype=np.float32)
    return TrackData(values, ("gc", "cpg"), WHERE, "nats")


def test_values_are_a_read_only_copy():
    given = np.zeros((4, 1))
    data = TrackData(given, ("zero",), WHERE)
    given[:] = 1
    assert data.values.sum() == 0
    with pytest.raises(ValueError, match="read-only"):
        data.values[0] = 1


def test_track_by_name(two_tracks):
    np.testing.assert_array_equal(two_tracks.track("cpg"), [5, np.nan, 7, 8])
    with pytest.raises(KeyError, match=r"name must be one of .*gc.*; got 'at'"):
        two_tracks.track("at")


@pytest.mark.parametrize("values", [[1, 2, 3, 4], np.arange(1, 5), np.arange(1.0, 5.0)])
def test_one_axis_is_one_track_of_float64(values):
    data = TrackData(values, ("ramp",), WHERE)
    assert data.values.dtype == np.float64
    assert data.values.tolist() == [[1], [2], [3], [4]]


def test_floating_types_are_kept(two_tracks):
    assert two_tracks.values.dtype == np.float32


@pytest.mark.parametrize(
    ("values", "names", "message"),
    [
        (np.zeros((3, 1)), ("a",), r"shape \(4, 1\), one row per base .* got \(3, 1\)"),
        (np.zeros((4, 2)), ("a",), r"shape \(4, 1\).* got \(4, 2\)"),
        (np.zeros((4, 1, 1)), ("a",), r"axes \(length, track\); got float64 of shape"),
        (np.array(["a"] * 4), ("a",), "values must be real numbers"),
        (np.zeros((4, 2)), ("a", "a"), r"names must be unique; got \['a', 'a'\]"),
        (np.zeros((4, 1)), ("",), "neither empty nor one of .* got ''"),
        (np.zeros((4, 1)), ("pos",), "neither empty nor one of .* got 'pos'"),
    ],
)
def test_validation(values, names, message):
    with pytest.raises(ValueError, match=message):
        TrackData(values, names, WHERE)


def test_slice_keeps_labels_and_takes_the_new_interval(two_tracks):
    middle = two_tracks.slice(Interval("chr1", 1001, 1003))
    assert middle.interval == Interval("chr1", 1001, 1003)
    assert (middle.names, middle.units) == (two_tracks.names, "nats")
    np.testing.assert_array_equal(middle.track("gc"), [2, 3])


@pytest.mark.parametrize(
    "outside", [Interval("chr1", 999, 1002), Interval("chr2", 1001, 1002)]
)
def test_slice_refuses_what_lies_outside(two_tracks, outside):
    with pytest.raises(ValueError, match="interval must lie inside chr1:1,001-1,004:-"):
        two_tracks.slice(outside)


def test_frame_is_one_based(two_tracks):
    expected = pd.DataFrame(
        {
            "chrom": "chr1",
            "pos": [1001, 1002, 1003, 1004],
            "gc": np.float32([1, 2, 3, 4]),
            "cpg": np.float32([5, np.nan, 7, 8]),
        }
    )
    pd.testing.assert_frame_equal(two_tracks.to_frame(), expected)


def test_parquet_round_trip_is_exact(two_tracks, tmp_path):
    path = tmp_path / "tracks.parquet"
    two_tracks.to_parquet(path)
    assert TrackData.from_parquet(path) == two_tracks
    assert [each.name for each in tmp_path.iterdir()] == ["tracks.parquet"]


def test_parquet_is_a_plain_table_to_others(two_tracks, tmp_path):
    two_tracks.to_parquet(tmp_path / "tracks.parquet")
    frame = pd.read_parquet(tmp_path / "tracks.parquet")
    pd.testing.assert_frame_equal(frame, two_tracks.to_frame())


def test_parquet_of_nothing(tmp_path):
    empty = TrackData(np.zeros((0, 1)), ("a",), Interval("chr1", 5, 5))
    empty.to_parquet(tmp_path / "empty.parquet")
    assert TrackData.from_parquet(tmp_path / "empty.parquet") == empty


def test_parquet_from_elsewhere_is_refused(tmp_path):
    path = tmp_path / "other.parquet"
    pd.DataFrame({"a": [1.0]}).to_parquet(path)
    with pytest.raises(ValueError, match="path must be a file written by to_parquet"):
        TrackData.from_parquet(path)


def test_a_failed_write_leaves_the_old_file(two_tracks, tmp_path, monkeypatch):
    path = tmp_path / "tracks.parquet"
    two_tracks.to_parquet(path)
    before = path.read_bytes()

    def full_disk(table, where):
        where.write_bytes(b"half")
        raise OSError("No space left on device")

    monkeypatch.setattr("pyarrow.parquet.write_table", full_disk)
    with pytest.raises(OSError, match="No space left"):
        two_tracks.to_parquet(path)
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["tracks.parquet"]


def test_equality_sees_every_field(two_tracks):
    same = TrackData(two_tracks.values, ("gc", "cpg"), WHERE, "nats")
    assert same == two_tracks
    assert TrackData(same.values, same.names, WHERE, "bits") != two_tracks
    assert TrackData(same.values + 1, same.names, WHERE, "nats") != two_tracks
    assert TrackData(np.float64(same.values), same.names, WHERE, "nats") != two_tracks


@pytest.mark.parametrize("width", [1, 2, 3, 4, 9])
def test_rolling_mean_is_the_mean_of_the_bases_around(width):
    values = np.random.default_rng(0).normal(size=7)
    values[2] = np.nan
    track = TrackData(values, ("x",), Interval("chr1", 0, 7)).rolling_mean(width)
    for i in range(7):
        left = max(0, i - width // 2)
        inside = values[left : i - width // 2 + width]
        known = inside[~np.isnan(inside)]
        expected = known.mean() if len(known) else np.nan
        np.testing.assert_allclose(track.track("x")[i], expected, atol=1e-12)


def test_refuses_no_width():
    track = TrackData([0.0], ("x",), Interval("chr1", 0, 1))
    with pytest.raises(ValueError, match="width must be at least 1; got 0"):
        track.rolling_mean(0)


MADE = {
    "model": "tiny",
    "window": 512,
    "seed": None,
    "share": np.nan,
    "how": {"a": [1]},
}


@pytest.fixture
def made(two_tracks):
    return TrackData(two_tracks.values, two_tracks.names, WHERE, "nats", MADE)


def test_provenance_is_empty_unless_given(two_tracks):
    assert two_tracks.provenance == {}


def test_provenance_is_part_of_equality(two_tracks, made):
    assert made != two_tracks
    assert made == TrackData(made.values, made.names, WHERE, "nats", dict(MADE))


@pytest.mark.parametrize(
    "derive",
    [
        lambda data: data.slice(Interval("chr1", 1001, 1003)),
        lambda data: data.select("cpg"),
        lambda data: data.rolling_mean(2),
    ],
    ids=["slice", "select", "rolling_mean"],
)
def test_provenance_is_carried_along(made, derive):
    assert derive(made).provenance == MADE
    assert derive(made).units == "nats"


def test_provenance_cannot_change(made):
    with pytest.raises(TypeError, match="provenance must not be edited"):
        made.provenance["model"] = "other"


def test_provenance_is_refused_unless_json_holds_it():
    with pytest.raises(TypeError, match=r"provenance\['model'\] must be .* got object"):
        TrackData([0.0], ("x",), Interval("chr1", 0, 1), provenance={"model": object()})


def test_provenance_comes_back_from_parquet(made, tmp_path):
    made.to_parquet(tmp_path / "made.parquet")
    assert TrackData.from_parquet(tmp_path / "made.parquet") == made


def test_parquet_of_an_older_version_has_no_provenance(two_tracks, tmp_path):
    labels = {"names": ["gc", "cpg"], "interval": vars(WHERE), "units": "nats"}
    table = pa.Table.from_pandas(two_tracks.to_frame(), preserve_index=False)
    metadata = {b"hyenascope.track_data": json.dumps(labels).encode()}
    path = tmp_path / "old.parquet"
    pq.write_table(table.replace_schema_metadata(metadata), path)
    assert TrackData.from_parquet(path) == two_tracks


def test_copies_are_equal(made):
    assert pickle.loads(pickle.dumps(made)) == made
    assert copy.deepcopy(made) == made
