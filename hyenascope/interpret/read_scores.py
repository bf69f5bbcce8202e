"""Scores out of an ``.h5ad`` that somebody else may have made.

HDF5 lets a kilobyte hold an array of a terabyte of which nothing was written, one that
unpacks to what fills the memory, and one whose numbers lie in any other file of the
disk. `anndata.read_h5ad` reads them all.
"""

import math
from collections.abc import Iterator
from pathlib import Path

import anndata as ad
import h5py

from hyenascope._typing import StrPath

_MOST_PACKED = 64  # bytes of arrays per byte of the file
_TEXT_BYTES = 60  # of a short str
_DEEPEST = 20  # groups in one another; anndata makes some five


def read_scores(path: StrPath) -> ad.AnnData:
    """Read the ``.h5ad`` of `hyenascope.interpret.score_files.write_scores`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged or something else, points to other files, or holds arrays of
        more than 64 times its size; the message starts with the path.
    """
    path = Path(path)
    if not path.is_file():
        found = "which is a folder" if path.is_dir() else "which does not exist"
        raise FileNotFoundError(f"path must be a file; got {path}, {found}.")
    with path.open("rb"):  # it may be read
        pass
    try:
        with h5py.File(path, "r") as file:
            total = sum(map(_bytes_of, _datasets(file, set())))
        if total > _MOST_PACKED * path.stat().st_size:
            raise ValueError(f"it unpacks to {total:,} bytes")
        return ad.read_h5ad(path)
    except Exception as err:  # h5py and anndata fail in many ways
        reason = (str(err).splitlines() or [type(err).__name__])[0]
        raise ValueError(
            f"{path} must be a whole h5ad file of scores; {reason}."
        ) from err


def _datasets(
    group: h5py.Group, seen: set[int], depth: int = 0
) -> Iterator[h5py.Dataset]:
    """Yield what lies in a group and in those inside it, and only in this file."""
    if depth > _DEEPEST:
        raise ValueError(f"its groups lie more than {_DEEPEST} deep in one another")
    for name in group:
        if not isinstance(group.get(name, getlink=True), h5py.HardLink):
            raise ValueError(f"{name} in {group.name} is a link to another place")
        found = group[name]
        place = h5py.h5o.get_info(found.id).addr
        if place in seen:
            raise ValueError(f"{name} in {group.name} has two names")
        seen.add(place)
        if isinstance(found, h5py.Group):
            yield from _datasets(found, seen, depth + 1)
        elif isinstance(found, h5py.Dataset):
            yield found


def _bytes_of(array: h5py.Dataset) -> int:
    """Return what an array takes when it is read."""
    if array.external or array.is_virtual:
        raise ValueError(f"the numbers of {array.name} lie in another file")
    size = max(math.prod(array.shape or ()), math.prod(array.chunks or ()))
    texts = h5py.check_string_dtype(array.dtype) is not None
    return size * max(array.dtype.itemsize, _TEXT_BYTES if texts else 0)
