"""Nearest rows against all distances written out."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from hyenascope.models import neighbours as module
from hyenascope.models.neighbours import neighbours


@pytest.fixture
def data() -> ad.AnnData:
    rng = np.random.default_rng(0)
    names = [f"r{i}" for i in range(40)]
    obs = pd.DataFrame({"label": rng.choice(["a", "b"], 40)}, index=names)
    return ad.AnnData(rng.normal(3.0, 1.0, (40, 6)).astype(np.float32), obs)


def cosine(a, b):
    return 1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def euclidean(a, b):
    return np.linalg.norm(a - b)


@pytest.mark.parametrize("by", [cosine, euclidean])
@pytest.mark.parametrize("cells", [1, 100, 2**24])
def test_nearest_by_definition(data, by, cells, monkeypatch):
    monkeypatch.setattr(module, "_CELLS", cells)
    table = neighbours(data, ["r3", "r30"], k=5, metric=by.__name__)
    x = data.X.astype(float)
    for query, own in (("r3", 3), ("r30", 30)):
        distances = np.array([by(x[own], row) for row in x])
        distances[own] = np.inf
        nearest = np.argsort(distances)[:5]
        found = table[table["query"] == query]
        assert found["neighbour"].tolist() == [f"r{i}" for i in nearest]
        assert found["rank"].tolist() == [1, 2, 3, 4, 5]
        np.testing.assert_allclose(found["distance"], distances[nearest], atol=1e-12)
        assert found["label"].tolist() == data.obs["label"].iloc[nearest].tolist()


def test_a_vector_and_another_table_may_ask(data):
    first = neighbours(data, data.X[3], k=2)
    assert first["neighbour"].iloc[0] == "r3"
    np.testing.assert_allclose(first["distance"].iloc[0], 0, atol=1e-12)
    other = neighbours(data, data[[3, 5]].copy(), k=1)
    assert other["query"].tolist() == other["neighbour"].tolist() == ["r3", "r5"]


def test_lengths_do_not_matter_to_the_cosine_and_do_to_the_distance():
    rows = np.array([[1.0, 0.0], [5.0, 0.1], [1.0, 1.0], [0.0, 0.0]])
    data = ad.AnnData(rows)
    cosines = neighbours(data, "0", k=9)
    assert cosines["neighbour"].tolist() == ["1", "2", "3"]
    assert cosines["distance"].iloc[2] == 1.0
    assert neighbours(data, "0", metric="euclidean")["neighbour"].iloc[0] == "2"


def test_rows_far_from_zero_are_told_apart():
    rows = 1e6 + np.array([[0.0], [2e-3], [1e-3], [5e-3]])
    table = neighbours(ad.AnnData(rows), "0", k=3, metric="euclidean")
    assert table["neighbour"].tolist() == ["2", "1", "3"]


def test_what_is_no_query_is_refused(data):
    with pytest.raises(ValueError, match="got 'r99', which is no row"):
        neighbours(data, ["r1", "r99"])
    with pytest.raises(ValueError, match="query must name at least one row"):
        neighbours(data, [])
    with pytest.raises(ValueError, match=r"6 channels, as data has; got shape \(5,\)"):
        neighbours(data, np.zeros(5))
    with pytest.raises(ValueError, match="k must be at least 1; got 0"):
        neighbours(data, "r1", k=0)
