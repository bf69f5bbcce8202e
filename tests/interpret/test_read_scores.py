"""Scores out of an h5ad that anybody may have made."""

import anndata as ad
import h5py
import numpy as np
import pandas as pd
import pytest

from hyenascope.interpret.read_scores import read_scores
from hyenascope.interpret.score_files import h5ad_bytes


@pytest.fixture
def path(tmp_path):
    obs = pd.DataFrame({"chrom": ["I", "II"]}, index=["a", "b"])
    var = pd.DataFrame({"kind": ["x", "y", "z"]}, index=["p", "q", "r"])
    scores = ad.AnnData(np.arange(6, dtype=np.float32).reshape(2, 3), obs=obs, var=var)
    scores.layers["ref"] = np.full((2, 3), np.nan, np.float32)
    scores.uns["hyenascope"] = {"context": 8, "strands": "both", "nested": {"a": [1]}}
    path = tmp_path / "x.h5ad"
    path.write_bytes(h5ad_bytes(scores))
    return path


def instead(path, **how):
    """Put another array in the place of ``X``."""
    with h5py.File(path, "a") as file:
        facts = dict(file["X"].attrs)
        del file["X"]
        file.create_dataset("X", dtype="f4", **how).attrs.update(facts)


def test_reads_what_was_written(path):
    found = read_scores(path)
    assert found.X.tolist() == [[0, 1, 2], [3, 4, 5]]
    assert found.obs["chrom"].tolist() == ["I", "II"]
    assert found.uns["hyenascope"]["nested"]["a"].tolist() == [1]


@pytest.mark.parametrize("how", [{}, {"chunks": (10_000, 3)}], ids=["whole", "chunks"])
def test_arrays_of_which_nothing_was_written_are_refused(path, how):
    instead(path, shape=(10**11, 3), **how)
    with pytest.raises(ValueError, match=r"x\.h5ad must be .* unpacks to 1,200,000"):
        read_scores(path)


def test_what_lies_elsewhere_is_not_read(path, tmp_path):
    (tmp_path / "secret").write_bytes(bytes(24))
    instead(path, shape=(2, 3), external=[(str(tmp_path / "secret"), 0, 24)])
    with pytest.raises(ValueError, match="numbers of /X lie in another file"):
        read_scores(path)
    with h5py.File(path, "a") as file:
        del file["X"]
        file["X"] = h5py.ExternalLink("other.h5", "X")
    with pytest.raises(ValueError, match="X in / is a link to another place"):
        read_scores(path)


def test_groups_without_end_are_refused(path):
    with h5py.File(path, "a") as file:
        file.create_group("uns" + "/in" * 21)
    with pytest.raises(ValueError, match="more than 20 deep"):
        read_scores(path)


def test_groups_of_two_names_are_refused(path):
    with h5py.File(path, "a") as file:
        file["uns"]["again"] = file["uns"]
    with pytest.raises(ValueError, match="again in /uns has two names"):
        read_scores(path)


def test_a_folder_is_told_from_what_is_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="which is a folder"):
        read_scores(tmp_path)
    with pytest.raises(FileNotFoundError, match="which does not exist"):
        read_scores(tmp_path / "x.h5ad")


def test_what_is_no_h5ad_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="does not exist"):
        read_scores(tmp_path / "x.h5ad")
    (tmp_path / "x.h5ad").write_text("text")
    with pytest.raises(ValueError, match=r"x\.h5ad must be a whole h5ad file"):
        read_scores(tmp_path / "x.h5ad")
