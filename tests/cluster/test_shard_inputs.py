"""Rows go to files of one shard each, and come back."""

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from hyenascope.cluster.shard_inputs import read_rows, write_shards

SCHEMA = pa.schema([("row", pa.int64()), ("name", pa.string())])
ROWS = [(i, f"ü{i}\n" if i % 3 else "") for i in range(10)]


@pytest.mark.parametrize(
    ("size", "sizes"), [(4, [4, 4, 2]), (5, [5, 5]), (99, [10]), (1, [1] * 10)]
)
def test_every_row_is_in_one_shard(tmp_path, size, sizes):
    folder = tmp_path / "inputs"
    assert write_shards(iter(ROWS), folder, SCHEMA, size) == 10
    files = sorted(folder.iterdir())
    assert [pq.read_metadata(file).num_rows for file in files] == sizes
    assert [row for file in files for row in read_rows(file)] == ROWS


def test_older_shards_are_gone(tmp_path):
    folder = tmp_path / "inputs"
    write_shards(ROWS, folder, SCHEMA, 1)
    write_shards(ROWS[:1], folder, SCHEMA, 1)
    assert [file.name for file in folder.iterdir()] == ["000000.parquet"]


def test_no_rows_are_no_shards(tmp_path):
    assert write_shards([], tmp_path / "inputs", SCHEMA, 4) == 0
