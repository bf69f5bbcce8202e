"""Two coordinates for each row of a table of embeddings."""

import importlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

import anndata as ad
import numpy as np
from jaxtyping import Float32, Float64

MapMethod = Literal["pca", "tsne", "umap"]

_NAMES: dict[MapMethod, str] = {"pca": "PCA", "tsne": "t-SNE", "umap": "UMAP"}
_COMPONENTS = 50  # principal ones, of which t-SNE and UMAP are made
_PERPLEXITY, _NEIGHBOURS = 30, 15

_Features = Float64[np.ndarray, "rows channels"]
_Plane = Float64[np.ndarray, "rows 2"]


@dataclass(frozen=True, eq=False)
class Coordinates:
    """Where rows lie in a plane, and what the axes are.

    Parameters
    ----------
    method
        How they were made.
    values
        Of every row; nothing is said by the units of t-SNE and UMAP.
    shares
        Of both axes in the variance, where they are principal components and it is
        known.
    """

    method: MapMethod
    values: Float32[np.ndarray, "rows 2"] = field(repr=False)
    shares: tuple[float, float] | None = None

    @property
    def axes(self) -> tuple[str, str]:
        """Names of both axes."""
        start = "PC" if self.method == "pca" else f"{self.name} "
        first, second = (
            "" if share is None else f" ({100 * share:.1f} %)"
            for share in self.shares or (None, None)
        )
        return f"{start}1{first}", f"{start}2{second}"

    @property
    def name(self) -> str:
        """The method as people write it."""
        return _NAMES[self.method]


def embedding_coordinates(
    data: ad.AnnData, *, method: MapMethod = "pca", seed: int = 0
) -> Coordinates:
    """Return coordinates in a plane, of ``data.obsm`` if they are there already.

    Channels are centred and not scaled. t-SNE and UMAP are made of the first 50
    principal components; distances between their groups mean little.

    Parameters
    ----------
    data
        ``.X`` counts; left as it is. ``.obsm["X_pca"]``, ``["X_tsne"]`` or
        ``["X_umap"]``, as scanpy calls them, is used if it is there, whatever the
        seed; with ``.uns["pca"]["variance_ratio"]`` for the names of the axes.
    method
        ``"pca"``; ``"tsne"``, which needs scikit-learn; ``"umap"``, which needs
        umap-learn.
    seed
        Decides t-SNE and UMAP.

    Raises
    ------
    ValueError
        If there are fewer than three rows or two channels, coordinates that are there
        have one column, or a number is not finite.
    ImportError
        If what the method needs is not installed.

    Examples
    --------
    >>> line = np.outer(np.arange(4.0), [3.0, 4.0])
    >>> found = embedding_coordinates(ad.AnnData(line))
    >>> found.values[:, 0].tolist(), found.axes
    ([-7.5, -2.5, 2.5, 7.5], ('PC1 (100.0 %)', 'PC2 (0.0 %)'))
    """
    if method not in get_args(MapMethod):
        raise ValueError(f"method must be 'pca', 'tsne' or 'umap'; got {method!r}.")
    if f"X_{method}" in data.obsm:
        return _stored(data, method)
    components, shares = _components(_features(data))
    if method == "pca":
        plane = components[:, :2].astype(np.float32)
        return Coordinates(method, plane, _first_two(shares))
    make = _tsne if method == "tsne" else _umap
    return Coordinates(method, make(components, seed).astype(np.float32))


def with_coordinates(
    data: ad.AnnData, *, method: MapMethod = "pca", seed: int = 0
) -> ad.AnnData:
    """Return a copy that keeps the coordinates in ``.obsm``, under scanpy's names.

    Of principal components, ``.uns["pca"]["variance_ratio"]`` is kept too; what is
    there already stays as it is. Parameters and errors are those of
    `embedding_coordinates`.

    Examples
    --------
    >>> data = ad.AnnData(np.eye(4))
    >>> list(with_coordinates(data).obsm), list(data.obsm)
    (['X_pca'], [])
    """
    found = embedding_coordinates(data, method=method, seed=seed)
    kept = data.copy()
    if f"X_{method}" not in data.obsm:
        kept.obsm[f"X_{method}"] = found.values
        if found.shares is not None:
            kept.uns["pca"] = {"variance_ratio": np.array(found.shares)}
    return kept


def _stored(data: ad.AnnData, method: MapMethod) -> Coordinates:
    key = f"X_{method}"
    values = np.asarray(data.obsm[key], dtype=np.float32)
    if values.shape[1] < 2:
        raise ValueError(
            f"data.obsm[{key!r}] must have two columns or more; got {values.shape[1]}."
        )
    known = data.uns.get("pca") if method == "pca" else None
    ratio = known.get("variance_ratio", ()) if isinstance(known, Mapping) else ()
    shares = np.asarray(ratio, dtype=np.float64)
    return Coordinates(
        method, values[:, :2], _first_two(shares) if shares.size > 1 else None
    )


def _first_two(shares: Float64[np.ndarray, " _"]) -> tuple[float, float]:
    first, second = shares[:2].tolist()
    return first, second


def _features(data: ad.AnnData) -> _Features:
    values = np.asarray(data.X, dtype=np.float64)
    if len(values) < 3 or values.shape[1] < 2:
        raise ValueError(
            "data must have at least 3 rows and 2 channels to be drawn; got "
            f"{len(values)} and {values.shape[1]}."
        )
    unknown = ~np.isfinite(values).all(axis=1)
    if unknown.any():
        row = data.obs_names[int(unknown.argmax())]
        raise ValueError(f"embeddings must be finite; those of {row} are not.")
    return values


def _components(
    features: _Features,
) -> tuple[Float64[np.ndarray, "rows _"], Float64[np.ndarray, " channels"]]:
    """Return principal components and their shares of the variance.

    Of both directions of a component that is taken in which its largest weight is
    positive, so that a picture does not flip from one machine to the next.
    """
    centred = features - features.mean(axis=0)
    variances, axes = np.linalg.eigh(centred.T @ centred)
    variances, axes = variances[::-1].clip(min=0), axes[:, ::-1][:, :_COMPONENTS]
    largest = np.abs(axes).argmax(axis=0)
    axes = axes * np.sign(axes[largest, np.arange(axes.shape[1])])
    return centred @ axes, variances / max(variances.sum(), np.finfo(float).tiny)


def _tsne(components: Float64[np.ndarray, "rows _"], seed: int) -> _Plane:
    manifold = _optional("sklearn.manifold", "scikit-learn")
    # Fewer rows than it asks for are no reason to draw nothing.
    perplexity = min(_PERPLEXITY, (len(components) - 1) / 3)
    made = manifold.TSNE(
        init="pca",
        learning_rate="auto",
        perplexity=perplexity,
        random_state=seed,
    )
    return np.asarray(made.fit_transform(components), dtype=np.float64)


def _umap(components: Float64[np.ndarray, "rows _"], seed: int) -> _Plane:
    umap = _optional("umap", "umap-learn")
    made = umap.UMAP(
        n_neighbors=min(_NEIGHBOURS, len(components) - 1),
        random_state=seed,
        n_jobs=1,
    )
    return np.asarray(made.fit_transform(components), dtype=np.float64)


def _optional(name: str, package: str) -> Any:  # noqa: ANN401, a module without types
    try:
        return importlib.import_module(name)
    except ImportError as err:
        raise ImportError(
            f"{package} must be installed: pip install {package}; got {err}"
        ) from err
