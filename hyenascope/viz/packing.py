"""Figures as bytes: JSON first, then the numbers it points into, all gzipped.

Plotly's own JSON holds arrays as base64, which gzip cannot look through; a page that
carries a hundred tiles keeps them as they are instead.
"""

import base64
import gzip
import math
import struct
from typing import Any

import numpy as np

_KEPT_BITS = {"y": 18, "z": 18, "bottom": 9, "top": 9}
"""Of a float32's 23: five digits, of which four are shown; fewer for letters."""

_INTEGERS = {"i1", "u1", "i2", "u2", "i4"}  # as plotly.js and the page know them
_EXACT = 2**20  # float32 tells a sixteenth of a base apart up to here


class Packer:
    """Collect arrays of JSON-like values into one block of bytes."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def pack(self, value: Any, name: str = "") -> Any:  # noqa: ANN401, any JSON
        """Return ``value`` with every array replaced by where it lies in the block.

        Arrays are numpy's, or plotly's ``{"dtype", "bdata", "shape"}``. Signals
        (``y``, ``z``) keep four decimal digits, heights of letters three.
        """
        if isinstance(value, dict):
            if "bdata" in value:
                return self._add(_decoded(value), name)
            return {key: self.pack(item, key) for key, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.pack(item, name) for item in value]
        if not isinstance(value, np.ndarray):
            return _plain(value)
        if value.dtype.kind in "OU":
            return self.pack(value.tolist(), name)
        return self._add(value, name)

    def _add(self, array: np.ndarray, name: str) -> dict[str, Any]:
        small = _smallest(array)
        if small.dtype == np.float32 and name in _KEPT_BITS:
            small = _rounded(small, _KEPT_BITS[name])
        at = self._size
        data = _in_planes(small)
        data += bytes(-len(data) % 8)
        self._parts.append(data)
        self._size += len(data)
        spec = {"dtype": small.dtype.str[1:], "at": at, "n": small.size}
        return spec if small.ndim == 1 else {**spec, "shape": list(small.shape)}

    def data(self) -> bytes:
        """Return the block."""
        return b"".join(self._parts)


def encoded(value: Any) -> Any:  # noqa: ANN401, any JSON
    """Return ``value`` with numpy arrays as plotly.js reads them from JSON: base64.

    Examples
    --------
    >>> encoded({"y": np.array([1.0, 2.0])})
    {'y': {'dtype': 'f4', 'bdata': 'AACAPwAAAEA='}}
    """
    if isinstance(value, dict):
        return {key: encoded(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [encoded(item) for item in value]
    if not isinstance(value, np.ndarray):
        return _plain(value)
    if value.dtype.kind in "OU":
        return encoded(value.tolist())
    small = _smallest(value)
    data = base64.b64encode(np.ascontiguousarray(small).tobytes()).decode("ascii")
    spec = {"dtype": small.dtype.str[1:], "bdata": data}
    shape = ", ".join(str(size) for size in small.shape)
    return spec if small.ndim == 1 else {**spec, "shape": shape}


def joined(header: bytes, block: bytes) -> str:
    """Return JSON and block as gzipped base64, the way `saved_page.js` opens it."""
    head = struct.pack("<I", len(header)) + header
    raw = head + bytes(-len(head) % 8) + block
    return base64.b64encode(gzip.compress(raw, 9, mtime=0)).decode("ascii")


def _plain(value: Any) -> Any:  # noqa: ANN401, any JSON
    """Return a single value as JSON can hold it: nothing where it is not finite."""
    plain = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(plain, float) and not math.isfinite(plain) else plain


def _decoded(spec: dict[str, Any]) -> np.ndarray:
    flat = np.frombuffer(base64.b64decode(spec["bdata"]), dtype=spec["dtype"])
    if "shape" not in spec:
        return flat
    return flat.reshape([int(size) for size in str(spec["shape"]).split(",")])


def _smallest(array: np.ndarray) -> np.ndarray:
    """Return the array in a type that JavaScript has and that loses nothing seen."""
    array = array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.dtype.kind in "iub":
        if array.dtype.str[1:] in _INTEGERS:
            return array
        fits = np.abs(array.astype(float)).max(initial=0) < 2**31
        return array.astype(np.int32 if fits else np.float64)
    finite = array[np.isfinite(array)]
    if array.dtype == np.float64 and np.abs(finite).max(initial=0) >= _EXACT:
        return array  # positions between bases
    return array.astype(np.float32)


def _in_planes(array: np.ndarray) -> bytes:
    """Return all first bytes, then all second ones, …: like beside like packs well."""
    flat = np.ascontiguousarray(array).reshape(-1)
    planes = flat.view(np.uint8).reshape(-1, array.dtype.itemsize)
    return planes.T.tobytes()


def _rounded(values: np.ndarray, kept: int) -> np.ndarray:
    """Round the mantissa, so that the rest of it packs to nothing; NaN stays NaN."""
    drop = 23 - kept
    bits = np.ascontiguousarray(values).view(np.uint32)
    half = np.uint32(1 << (drop - 1))
    mask = np.uint32(0xFFFFFFFF << drop & 0xFFFFFFFF)
    rounded = ((bits + half) & mask).view(np.float32)
    return np.where(np.isfinite(values), rounded, values)
