"""The rows of a table of embeddings that are nearest to a query."""

from collections.abc import Sequence
from typing import Literal, TypeAlias, get_args

import anndata as ad
import numpy as np
import pandas as pd
from jaxtyping import Float64, Int64, Num

NeighbourMetric = Literal["cosine", "euclidean"]

Query: TypeAlias = str | Sequence[str] | ad.AnnData | Num[np.ndarray, "..."]
"""Names of rows, another table of the same channels, or vectors."""

_Rows = Float64[np.ndarray, "rows channels"]
_Vectors = Float64[np.ndarray, "queries channels"]
_Numbers = Int64[np.ndarray, " queries"]
_Found = tuple[Int64[np.ndarray, " _"], Float64[np.ndarray, " _"]]

_CELLS = 2**24  # distances in memory at a time


def neighbours(
    data: ad.AnnData, query: Query, *, k: int = 10, metric: NeighbourMetric = "cosine"
) -> pd.DataFrame:
    """Return the ``k`` rows of ``data`` nearest to each query, the nearest first.

    All distances are computed, none is estimated. A row that is asked for by name is
    no neighbour of itself; the same sequence under another name is.

    Parameters
    ----------
    data
        Such as of `hyenascope.models.embedding_data.embed_data`; ``.X`` counts.
    query
        A name in ``data.obs_names`` or several; an AnnData with as many channels; or
        an array, a query per row.
    k
        Neighbours of each query; all there are if there are fewer.
    metric
        ``"cosine"``: 1 − cosine of the angle, 1 for a vector of zeros;
        ``"euclidean"``: length of the difference.

    Returns
    -------
    DataFrame
        Columns ``query``, ``rank`` (from 1), ``neighbour`` (its name in ``data``) and
        ``distance``, then the columns of ``data.obs`` for the neighbour.

    Raises
    ------
    ValueError
        If a name is unknown, the channels are not as many, or an option is out of
        range.

    Examples
    --------
    >>> axes = ad.AnnData(np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]]))
    >>> neighbours(axes, "0", k=2).round(3)
      query  rank neighbour  distance
    0     0     1         2     0.293
    1     0     2         1     1.000
    """
    if k < 1:
        raise ValueError(f"k must be at least 1; got {k}.")
    if metric not in get_args(NeighbourMetric):
        raise ValueError(f"metric must be 'cosine' or 'euclidean'; got {metric!r}.")
    rows = np.asarray(data.X, dtype=np.float64)
    names, vectors, own = _asked(data, query, rows)
    if metric == "cosine":
        rows, vectors = _unit(rows), _unit(vectors)
    step = max(1, _CELLS // max(1, len(rows)))
    found: list[_Found] = []
    for i in range(0, len(vectors), step):
        some = slice(i, i + step)
        found += _nearest(rows, vectors[some], own[some], k, metric)
    tables = [_table(data, *pair) for pair in zip(names, found, strict=True)]
    return pd.concat(tables, ignore_index=True)


def _asked(
    data: ad.AnnData, query: Query, rows: _Rows
) -> tuple[list[str], _Vectors, _Numbers]:
    """Return names of the queries, their vectors, and their row in ``data`` or −1."""
    if isinstance(query, ad.AnnData):
        vectors = _checked(query.X, rows)
        return list(query.obs_names), vectors, np.full(len(vectors), -1)
    if isinstance(query, np.ndarray):
        vectors = _checked(query, rows)
        numbers = list(map(str, range(len(vectors))))
        return numbers, vectors, np.full(len(vectors), -1)
    names = [query] if isinstance(query, str) else list(query)
    if not names:
        raise ValueError("query must name at least one row; got none.")
    own = data.obs_names.get_indexer(names)
    if (own < 0).any():
        raise ValueError(
            "query must be names of rows, vectors or an AnnData; got "
            f"{names[int((own < 0).argmax())]!r}, which is no row."
        )
    return names, rows[own], own.astype(np.int64)


def _checked(given: Num[np.ndarray, "..."], rows: _Rows) -> _Vectors:
    vectors = np.atleast_2d(np.asarray(given, dtype=np.float64))
    if vectors.ndim != 2 or vectors.shape[1] != rows.shape[1] or not len(vectors):
        raise ValueError(
            f"query must have {rows.shape[1]} channels, as data has; got shape "
            f"{given.shape}."
        )
    return vectors


def _unit(vectors: _Rows) -> _Rows:
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(norms > 0, norms, 1.0)


def _nearest(
    rows: _Rows,
    vectors: _Vectors,
    own: _Numbers,
    k: int,
    metric: NeighbourMetric,
) -> list[_Found]:
    """Return the nearest rows of each vector and how far they are, in order."""
    far = -vectors @ rows.T
    if metric == "euclidean":
        far = (rows**2).sum(1) + 2 * far
    found = []
    for line, vector, itself in zip(far, vectors, own.tolist(), strict=True):
        if itself >= 0:
            line[itself] = np.inf
        # A few more than asked for, as differences of squares round; then exactly.
        some = np.argsort(line, kind="stable")[: k + 8]
        some = some[np.isfinite(line[some])]
        exact = _distances(rows[some], vector, metric)
        order = np.lexsort((some, exact))[:k]
        found.append((some[order], exact[order]))
    return found


def _distances(
    rows: _Rows, vector: Float64[np.ndarray, " channels"], metric: NeighbourMetric
) -> Float64[np.ndarray, " rows"]:
    if metric == "euclidean":
        return np.linalg.norm(rows - vector, axis=1)
    return 1.0 - rows @ vector


def _table(data: ad.AnnData, name: str, found: _Found) -> pd.DataFrame:
    rows, distances = found
    first = {
        "query": name,
        "rank": np.arange(1, len(rows) + 1),
        "neighbour": data.obs_names[rows],
        "distance": distances,
    }
    more = data.obs.iloc[rows].reset_index(drop=True)
    kept = [column for column in more if column not in first]
    return pd.concat([pd.DataFrame(first), more[kept]], axis=1)
