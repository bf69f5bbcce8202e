"""Tables that come in pieces are, byte for byte, what one piece gives."""

import gzip
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest

from hyenascope.data import table_files
from hyenascope.data.table_files import write_table

BLOCK = 10


@pytest.fixture(autouse=True)
def small_blocks(monkeypatch):
    monkeypatch.setattr(table_files, "_BLOCK", BLOCK)


def table(rows):
    rng = np.random.default_rng(0)
    values = rng.normal(size=rows)
    values[1::7] = np.nan
    return pd.DataFrame(
        {
            "name": [f"v{i}" if i % 3 else 'a "b",\tΩ' for i in range(rows)],
            "pos": np.arange(rows),
            "value": values,
            "small": rng.normal(size=rows).astype(np.float32),
        }
    )


def pieces(whole, cuts):
    edges = [0, *cuts, len(whole)]
    return [whole.iloc[a:b] for a, b in pairwise(edges)]


@pytest.mark.parametrize("suffix", [".tsv", ".csv", ".tsv.gz", ".csv.gz", ".parquet"])
@pytest.mark.parametrize("rows", [1, BLOCK - 1, BLOCK, BLOCK + 1, 37, 4 * BLOCK])
def test_pieces_make_the_bytes_of_the_whole(tmp_path, suffix, rows):
    whole, one, many = table(rows), tmp_path / f"1{suffix}", tmp_path / f"2{suffix}"
    assert write_table([whole], one) == rows
    for cuts in (range(1, rows), [0, 0], [rows // 2, rows // 2], [rows]):
        assert write_table(iter(pieces(whole, cuts)), many) == rows
        assert many.read_bytes() == one.read_bytes()
    if suffix == ".parquet":
        pd.testing.assert_frame_equal(pd.read_parquet(one), whole)
    else:
        zipped = suffix.endswith(".gz")
        assert not zipped or not any(one.read_bytes()[3:8])  # no name, no time
        read = gzip.decompress if zipped else bytes
        separator = "," if "csv" in suffix else "\t"
        text = whole.to_csv(sep=separator, index=False)
        assert read(one.read_bytes()).decode() == text


def test_is_the_parquet_of_pandas(tmp_path):
    write_table([table(BLOCK)], tmp_path / "ours.parquet")
    table(BLOCK).to_parquet(tmp_path / "theirs.parquet", index=False)
    ours, theirs = (tmp_path / f"{name}.parquet" for name in ("ours", "theirs"))
    assert ours.read_bytes() == theirs.read_bytes()


@pytest.mark.parametrize("suffix", [".tsv", ".parquet"])
def test_no_rows_have_columns(tmp_path, suffix):
    path = tmp_path / f"none{suffix}"
    assert write_table([table(9)[:0]] * 2, path) == 0
    found = (
        pd.read_parquet(path) if suffix == ".parquet" else pd.read_csv(path, sep="\t")
    )
    assert list(found) == ["name", "pos", "value", "small"]


def test_is_whole_or_not_at_all(tmp_path):
    def broken():
        yield table(25)
        raise OSError("the disk of the shards is gone")

    for suffix in (".tsv", ".csv.gz", ".parquet"):
        with pytest.raises(OSError, match="is gone"):
            write_table(broken(), tmp_path / f"x{suffix}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("frames", "name", "message"),
    [
        ([table(3)], "x.txt", r"path must end in one of \.tsv, .*; got .*x\.txt"),
        ([], "x.tsv", "frames must hold a table; got none"),
    ],
)
def test_refuses(tmp_path, frames, name, message):
    with pytest.raises(ValueError, match=message):
        write_table(frames, tmp_path / name)
    assert not list(tmp_path.iterdir())
