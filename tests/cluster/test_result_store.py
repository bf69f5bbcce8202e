"""An AnnData written shard by shard reads as if it had been written at once."""

import json

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from hyenascope.cluster.result_store import create_store, finish_store, write_shard
from hyenascope.cluster.run_folder import RunFolder
from hyenascope.cluster.store_check import check_store

ROWS, SIZE = 10, 4

unfinished = pytest.mark.filterwarnings("ignore:Observation names are not unique")


@pytest.fixture
def whole():
    rng = np.random.default_rng(0)
    obs = pd.DataFrame(
        {
            "chrom": ["I", "chr<2>", "Ω"] * 3 + ["I"],
            "pos": np.arange(ROWS) * 7,
            "share": rng.random(ROWS),
            "known": rng.random(ROWS) < 0.5,
            "reason": [""] * ROWS,
        },
        index=[f"v{i}" for i in range(ROWS)],
    )
    var = pd.DataFrame({"unit": ["nats", "bits"]}, index=["a", "b"])
    values = rng.random((ROWS, 2))
    values[3] = np.nan
    layers = {"ref": rng.random((ROWS, 2)).astype("f4")}
    return ad.AnnData(values, obs, var, layers=layers)


@pytest.fixture
def folder(tmp_path, whole):
    folder = RunFolder(tmp_path)
    create_store(
        folder.zarr,
        whole[:0].copy(),
        rows=ROWS,
        shard_size=SIZE,
        provenance={"model": "m", "scores": ["a", "b"]},
    )
    return folder


def put(folder, whole, shard):
    part = whole[shard * SIZE : (shard + 1) * SIZE].copy()
    return write_shard(folder, shard, shard * SIZE, part)


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1, 0)])
def test_shards_in_any_order_make_the_whole(folder, whole, order):
    for shard in order:
        put(folder, whole, shard)
    found = ad.read_zarr(folder.zarr)
    np.testing.assert_array_equal(found.X, whole.X)
    np.testing.assert_array_equal(found.layers["ref"], whole.layers["ref"])
    assert found.layers["ref"].dtype == np.float32
    pd.testing.assert_frame_equal(found.obs, whole.obs)
    pd.testing.assert_frame_equal(found.var, whole.var)
    assert found.uns["hyenascope"]["model"] == "m"


@unfinished
def test_what_is_not_there_reads_as_nothing(folder, whole):
    put(folder, whole, 1)
    found = ad.read_zarr(folder.zarr)
    assert np.isnan(found.X[:4]).all()
    assert found.obs["chrom"].tolist() == [*[""] * 4, *whole.obs["chrom"][4:8], "", ""]


def test_codecs_are_ours_and_not_what_zarr_would_take(folder, whole):
    put(folder, whole, 0)
    finish_store(folder.zarr, {"status": {"ok": 4}, "names": ["a", "b"]})
    arrays = [json.loads(it.read_text()) for it in folder.zarr.rglob(".zarray")]
    packed = [it["compressor"] for it in arrays if it["compressor"] is not None]
    ours = {"id": "blosc", "cname": "lz4", "clevel": 5, "shuffle": 1, "blocksize": 0}
    assert len(packed) >= 10
    assert all(it == ours for it in packed)
    check_store(folder.zarr)


def test_no_two_shards_share_a_file(folder, whole):
    files = [set(put(folder, whole, shard)) for shard in range(3)]
    assert all(file.is_file() for some in files for file in some)
    assert not files[0] & files[1] | files[1] & files[2] | files[0] & files[2]
    # Index, five columns, X, a layer; and the table.
    assert {len(some) for some in files} == {9}


def test_tables_hold_columns_and_values(folder, whole):
    for shard in range(3):
        put(folder, whole, shard)
    found = pd.read_parquet(folder.parquet)
    assert list(found) == ["row", *whole.obs.columns, "a", "b", "a_ref", "b_ref"]
    assert found["row"].tolist() == whole.obs_names.tolist()
    np.testing.assert_array_equal(found[["a", "b"]], whole.X)
    np.testing.assert_array_equal(found[["a_ref", "b_ref"]], whole.layers["ref"])


@unfinished
def test_finishing_clears_up_and_says_what_it_was(folder, whole):
    partial = folder.zarr / "X" / "1.abc.partial"
    partial.write_bytes(b"cut off")
    finish_store(folder.zarr, {"model": "m", "status": {"ok": 10}})
    assert not partial.exists()
    assert ad.read_zarr(folder.zarr).uns["hyenascope"]["status"] == {"ok": 10}


@pytest.mark.parametrize("name", ["chrom", "a_ref", "row"])
def test_refuses_a_variable_called_like_a_column(tmp_path, whole, name):
    clash = whole[:0].copy()
    clash.var_names = ["a", name]
    with pytest.raises(ValueError, match=rf"called like the columns .* got {name}"):
        create_store(
            tmp_path / "x.zarr", clash, rows=1, shard_size=1, provenance={"model": "m"}
        )
