"""Tables of shards in the order of the input, whatever the order of the shards."""

import numpy as np
import pandas as pd
import pytest

from hyenascope.cluster import genome_order, given_order
from hyenascope.cluster.given_order import in_given_order


def shards(folder, numbers, size):
    rng = np.random.default_rng(0)
    whole = pd.DataFrame(
        {
            "row": [f"v{i}" for i in numbers],
            "input_row": numbers,
            "value": rng.normal(size=len(numbers)),
            "small": rng.normal(size=len(numbers)).astype(np.float32),
        }
    )
    whole.loc[::3, "value"] = np.nan
    files = []
    for start in range(0, len(whole), size):
        files.append(folder / f"{start:06d}.parquet")
        whole[start : start + size].to_parquet(files[-1])
    return files, whole


@pytest.mark.parametrize("how", ["given", "twice", "shuffled", "swapped"])
def test_rows_follow_one_another(tmp_path, monkeypatch, how):
    monkeypatch.setattr(genome_order, "_RUN_ROWS", 5)
    monkeypatch.setattr(genome_order, "_MERGED", 3)
    monkeypatch.setattr(given_order, "_ROWS_AT_ONCE", 4)
    numbers = {
        "given": np.arange(37),
        "twice": np.arange(37) // 2,
        "shuffled": np.random.default_rng(2).permutation(37),
        "swapped": np.r_[0:6, 7, 6, 8:37],  # at the end of a shard
    }[how]
    files, whole = shards(tmp_path, numbers, 7)
    pieces = list(in_given_order(files, tmp_path))
    assert max(map(len, pieces)) <= 7
    found = pd.concat(pieces, ignore_index=True)
    expected = whole.sort_values("input_row", kind="stable", ignore_index=True)
    pd.testing.assert_frame_equal(found, expected)
    assert sorted(tmp_path.iterdir()) == files


def test_nothing_is_left_of_an_order_that_was_given_up(tmp_path):
    files, _ = shards(tmp_path, np.arange(20)[::-1], 7)
    tables = in_given_order(files, tmp_path)
    next(tables)
    tables.close()
    assert sorted(tmp_path.iterdir()) == files
