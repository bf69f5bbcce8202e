"""Rows in the order of a genome, in memory or by way of the disk."""

import pyarrow as pa
import pytest

from hyenascope.cluster import genome_order
from hyenascope.cluster.genome_order import OrderWatch, in_genome_order

SCHEMA = pa.schema([("row", pa.int64()), ("chrom", pa.string()), ("pos", pa.int64())])


def key(row):
    return ("I", "II", "X").index(row[1]), row[2]


@pytest.mark.parametrize(
    ("places", "ordered"),
    [
        ([("II", 3), ("II", 3), ("I", 1), ("I", 9)], True),
        ([("II", 3), ("II", 2)], False),
        ([("I", 3), ("II", 2), ("I", 4)], False),
        ([], True),
    ],
)
def test_sees_whether_rows_are_in_order(places, ordered):
    watch = OrderWatch(lambda row: (str(row[0]), int(row[1])))
    passed = [watch.passes(place) for place in places]
    assert all(passed) == ordered


@pytest.mark.parametrize(("at_once", "merged"), [(1, 2), (1, 3), (3, 64), (100, 64)])
def test_sorts_and_keeps_rows_of_one_place_in_their_order(
    tmp_path, monkeypatch, at_once, merged
):
    monkeypatch.setattr(genome_order, "_RUN_ROWS", at_once)
    monkeypatch.setattr(genome_order, "_MERGED", merged)
    places = [("X", 1), ("I", 7), ("II", 2), ("I", 7), ("I", 1), ("X", 1), ("I", 7)]
    rows = [(i, *place) for i, place in enumerate(places)]
    scratch = tmp_path / "sorting"
    found = list(in_genome_order(rows, key, SCHEMA, scratch))
    assert found == sorted(rows, key=lambda row: (*key(row), row[0]))
    assert not scratch.exists()


def test_leaves_nothing_behind_when_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(genome_order, "_RUN_ROWS", 2)
    scratch = tmp_path / "sorting"
    rows = in_genome_order([(i, "I", -i) for i in range(9)], key, SCHEMA, scratch)
    assert next(rows) == (8, "I", -8)
    assert len(list(scratch.iterdir())) == 5
    rows.close()
    assert not scratch.exists()
