"""Coordinates against their definition; nothing is edited in place."""

import sys

import anndata as ad
import numpy as np
import pytest
from scipy.spatial.distance import cdist

from hyenascope.viz.embedding_coordinates import (
    embedding_coordinates,
    with_coordinates,
)


@pytest.fixture
def data() -> ad.AnnData:
    rng = np.random.default_rng(0)
    return ad.AnnData((5 + rng.normal(size=(30, 6)) * [9, 4, 1, 1, 1, 1]).astype("f4"))


def test_principal_components_are_those_of_the_singular_values(data):
    found = embedding_coordinates(data)
    centred = data.X - data.X.mean(0)
    left, sizes, _ = np.linalg.svd(centred, full_matrices=False)
    expected = left[:, :2] * sizes[:2]
    np.testing.assert_allclose(np.abs(found.values), np.abs(expected), rtol=1e-3)
    shares = sizes**2 / (sizes**2).sum()
    assert found.axes[0] == f"PC1 ({100 * shares[0]:.1f} %)"
    assert found.axes[1] == f"PC2 ({100 * shares[1]:.1f} %)"
    # The largest weight of a component is positive.
    weights = np.linalg.lstsq(found.values, centred, rcond=None)[0]
    assert (weights[[0, 1], np.abs(weights).argmax(1)] > 0).all()


def test_more_channels_than_rows():
    rows = np.random.default_rng(0).normal(size=(4, 80))
    found = embedding_coordinates(ad.AnnData(rows)).values
    assert found.shape == (4, 2)
    np.testing.assert_allclose(found.mean(0), 0, atol=1e-6)


def test_equal_rows_lie_in_one_point():
    found = embedding_coordinates(ad.AnnData(np.ones((5, 3))))
    np.testing.assert_array_equal(found.values, 0)
    assert found.axes == ("PC1 (0.0 %)", "PC2 (0.0 %)")


def test_t_sne_keeps_groups_together_and_follows_its_seed():
    centres = np.repeat([[0.0] * 4, [50.0] * 4], 15, axis=0)
    rows = centres + np.random.default_rng(0).normal(size=(30, 4))
    data = ad.AnnData(rows)
    first = embedding_coordinates(data, method="tsne", seed=1)
    again = embedding_coordinates(data, method="tsne", seed=1)
    np.testing.assert_array_equal(first.values, again.values)
    assert first.axes == ("t-SNE 1", "t-SNE 2")
    far = cdist(first.values, first.values)
    np.fill_diagonal(far, np.inf)
    nearest = far.argmin(axis=1)
    assert ((nearest < 15) == (np.arange(30) < 15)).all()


def test_coordinates_are_kept_in_a_copy_and_used_again(data):
    kept = with_coordinates(data, method="pca")
    assert "X_pca" not in data.obsm
    np.testing.assert_array_equal(
        kept.obsm["X_pca"], embedding_coordinates(data).values
    )
    kept.obsm["X_umap"] = np.arange(90.0).reshape(30, 3)
    found = embedding_coordinates(kept, method="umap")
    np.testing.assert_array_equal(found.values, kept.obsm["X_umap"][:, :2])
    assert (found.name, found.axes) == ("UMAP", ("UMAP 1", "UMAP 2"))


def test_kept_components_keep_their_shares_of_the_variance(data, tmp_path):
    axes = embedding_coordinates(data).axes
    kept = with_coordinates(data)
    assert "pca" not in data.uns
    kept.write_h5ad(tmp_path / "kept.h5ad")
    for again in (kept, kept[:9], ad.read_h5ad(tmp_path / "kept.h5ad")):
        assert embedding_coordinates(again).axes == axes
    assert "(" in axes[0]
    del kept.uns["pca"]
    assert embedding_coordinates(kept).axes == ("PC1", "PC2")


def test_components_that_are_there_stay_as_they_are(data):
    data.obsm["X_pca"] = np.arange(90.0).reshape(30, 3)
    data.uns["pca"] = {"variance_ratio": np.array([0.5, 0.25, 0.125]), "params": {}}
    kept = with_coordinates(data)
    np.testing.assert_array_equal(kept.obsm["X_pca"], data.obsm["X_pca"])
    assert kept.uns["pca"].keys() == {"variance_ratio", "params"}
    found = embedding_coordinates(kept)
    np.testing.assert_array_equal(found.values, data.obsm["X_pca"][:, :2])
    assert found.axes == ("PC1 (50.0 %)", "PC2 (25.0 %)")


@pytest.mark.parametrize("method", ["pca", "tsne"])
def test_one_stored_column_is_no_plane(data, method):
    data.obsm[f"X_{method}"] = np.zeros((30, 1))
    message = rf"obsm\['X_{method}'\] must have two columns or more; got 1"
    for draw in (embedding_coordinates, with_coordinates):
        with pytest.raises(ValueError, match=message):
            draw(data, method=method)


def test_what_is_missing_is_named(data, monkeypatch):
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ImportError, match="pip install umap-learn"):
        embedding_coordinates(data, method="umap")
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    with pytest.raises(ImportError, match="scikit-learn must be installed"):
        embedding_coordinates(data, method="tsne")


def test_what_cannot_be_drawn_is_refused(data):
    with pytest.raises(ValueError, match=r"3 rows and 2 channels .* got 2 and 6"):
        embedding_coordinates(data[:2])
    with pytest.raises(ValueError, match=r"3 rows and 2 channels .* got 30 and 1"):
        embedding_coordinates(data[:, :1])
    data.X[3, 1] = np.inf
    with pytest.raises(ValueError, match="embeddings must be finite; those of 3"):
        embedding_coordinates(data)
