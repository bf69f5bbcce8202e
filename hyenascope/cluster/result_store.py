"""An AnnData on disk that grows shard by shard, in any order, from any process.

The rows of one shard are one chunk of every array, so no two shards write the same
file, and each file appears whole or not at all. What is not there yet reads as NaN, 0
or an empty text. The layout is that of `anndata.AnnData.write_zarr` (on-disk format of
anndata, group 0.1.0, data frame 0.2.0), Zarr format 2.
"""

import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import zarr
from numcodecs import Blosc, VLenUTF8

from hyenascope.cluster.run_folder import RunFolder
from hyenascope.data.atomic import atomic_path

_INDEX = "_index"
# Written out, since every release of zarr has a default of its own.
_PACKED = Blosc(cname="lz4", clevel=5, shuffle=Blosc.SHUFFLE)
_TABLE_LAYERS = ("ref", "alt", "percentile")  # columns such as conditional_ref


def create_store(
    path: Path,
    template: ad.AnnData,
    *,
    rows: int,
    shard_size: int,
    provenance: Mapping[str, Any],
) -> None:
    """Make an empty AnnData for ``rows`` observations.

    It takes the place of an older one, and appears when it is complete.

    Parameters
    ----------
    path
        Where to.
    template
        No rows: its columns, types, layers and ``.var`` are taken.
    rows, shard_size
        Of the result, and of one chunk.
    provenance
        For ``.uns["hyenascope"]``.

    Raises
    ------
    ValueError
        If two columns of a table would have one name.
    """
    _check_columns(template)
    making = path.with_name(f".{path.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    root = zarr.open_group(making, mode="w", zarr_format=2)
    root.attrs.update(_encoding("anndata", "0.1.0"))
    obs = root.create_group("obs")
    columns = {"_index": _INDEX, "column-order": list(template.obs.columns)}
    obs.attrs.update({**_encoding("dataframe"), **columns})
    size = min(rows, shard_size)
    _create(obs, _INDEX, np.empty(0, object), rows, size)
    for name, column in template.obs.items():
        _create(obs, str(name), column.to_numpy(), rows, size)
    _create(root, "X", np.asarray(template.X), rows, size)
    layers = root.create_group("layers")
    layers.attrs.update(_encoding("dict", "0.1.0"))
    for name, values in template.layers.items():
        _create(layers, name, np.asarray(values), rows, size)
    packed = {"compressor": _PACKED}
    ad.io.write_elem(root, "var", template.var, dataset_kwargs=packed)
    uns = {"hyenascope": dict(provenance)}
    ad.io.write_elem(root, "uns", uns, dataset_kwargs=packed)
    shutil.rmtree(path, ignore_errors=True)
    making.replace(path)


def write_shard(
    folder: RunFolder, shard: int, start: int, data: ad.AnnData
) -> list[Path]:
    """Write the rows of one shard to the AnnData and to a table.

    Parameters
    ----------
    folder
        The run.
    shard, start
        Its number and its first row.
    data
        Its rows.

    Returns
    -------
    list of Path
        The files that hold them.
    """
    arrays: dict[str, np.ndarray] = {
        f"obs/{_INDEX}": data.obs_names.to_numpy(object),
        **{f"obs/{name}": column.to_numpy() for name, column in data.obs.items()},
        "X": np.asarray(data.X),
        **{f"layers/{name}": np.asarray(each) for name, each in data.layers.items()},
    }
    files = _write_arrays(folder, shard, start, arrays)
    return [*files, _write_table(folder, shard, data)]


def _write_arrays(
    folder: RunFolder, shard: int, start: int, arrays: Mapping[str, np.ndarray]
) -> list[Path]:
    files = []
    # A chunk of nothing but NaN is a file too: what is absent was not computed.
    with zarr.config.set({"array.write_empty_chunks": True}):
        for name, values in arrays.items():
            array = zarr.open_array(folder.zarr / name, mode="r+")
            array[start : start + len(values)] = values
            chunk = ".".join(map(str, (shard, *[0] * (values.ndim - 1))))
            files.append(folder.zarr / name / chunk)
    return files


def _write_table(folder: RunFolder, shard: int, data: ad.AnnData) -> Path:
    folder.parquet.mkdir(exist_ok=True)
    with atomic_path(folder.table(shard)) as temporary:
        _table(data).to_parquet(temporary)
    return folder.table(shard)


def finish_store(path: Path, provenance: Mapping[str, Any]) -> None:
    """Write the last provenance, and remove what killed workers left half written."""
    root = zarr.open_group(path, mode="r+")
    packed = {"compressor": _PACKED}
    ad.io.write_elem(root["uns"], "hyenascope", dict(provenance), dataset_kwargs=packed)
    for partial in path.rglob("*.partial"):
        partial.unlink(missing_ok=True)


def _create(
    group: zarr.Group, name: str, values: np.ndarray, rows: int, chunk: int
) -> None:
    """Make an array of the type and width of ``values``, empty."""
    shape, chunks = (rows, *values.shape[1:]), (chunk, *values.shape[1:])
    if values.dtype == object:
        array = group.create_array(
            name,
            shape=shape,
            chunks=chunks,
            dtype=str,
            filters=[VLenUTF8()],
            compressors=_PACKED,
            fill_value="",
        )
        array.attrs.update(_encoding("string-array"))
        return
    fill = np.nan if values.dtype.kind == "f" else 0
    array = group.create_array(
        name,
        shape=shape,
        chunks=chunks,
        dtype=values.dtype,
        compressors=_PACKED,
        fill_value=fill,
    )
    array.attrs.update(_encoding("array"))


def _encoding(kind: str, version: str = "0.2.0") -> dict[str, str]:
    return {"encoding-type": kind, "encoding-version": version}


def _check_columns(data: ad.AnnData) -> None:
    """Refuse a table with two columns of one name."""
    layers = (None, *_layers_of_a_table(data))
    columns = [name for each in layers for name in _columns_of(data, each)]
    counts = Counter(["row", *data.obs.columns, *columns])
    twice = sorted(str(name) for name, count in counts.items() if count > 1)
    if twice:
        raise ValueError(
            "labels must not be called like the columns beside them in a table; got "
            f"{', '.join(twice)}."
        )


def _table(data: ad.AnnData) -> pd.DataFrame:
    """Columns of ``.obs``, then one per variable and per variable of some layers."""
    parts = [data.obs]
    for layer in (None, *_layers_of_a_table(data)):
        values = np.asarray(data.X if layer is None else data.layers[layer])
        names = _columns_of(data, layer)
        parts.append(pd.DataFrame(values, index=data.obs_names, columns=names))
    return pd.concat(parts, axis=1).rename_axis("row").reset_index()


def _columns_of(data: ad.AnnData, layer: str | None) -> list[str]:
    end = "" if layer is None else f"_{layer}"
    return [f"{name}{end}" for name in data.var_names]


def _layers_of_a_table(data: ad.AnnData) -> list[str]:
    """Return those that say more of the same variables; states of a model are large."""
    return [name for name in _TABLE_LAYERS if name in data.layers]
