"""Arrays out of an ``.npz`` that somebody else may have made.

`numpy.load` believes what such a file says of itself: a kilobyte can ask for a
terabyte, and one that is packed well unpacks to what fills the memory. Here the size
is bounded before anything is unpacked, and an array gets the bytes that are there.
"""

import io
import math
import zipfile
from pathlib import Path
from typing import IO

import numpy as np

from hyenascope._typing import StrPath

_PACKINGS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)  # what numpy writes
_SUFFIX = ".npy"


def read_arrays(path: StrPath, *, most_bytes: int) -> dict[str, np.ndarray]:
    """Return the arrays of an ``.npz`` file by name.

    Parameters
    ----------
    path
        As `numpy.savez` or `numpy.savez_compressed` write it.
    most_bytes
        Of all arrays together, unpacked.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is damaged, something else, larger than that, or holds Python objects,
        which would have to be run; the message starts with the path.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "arrays.npz"
    ...     np.savez(path, a=np.arange(3))
    ...     read_arrays(path, most_bytes=1_000)
    {'a': array([0, 1, 2])}
    """
    path = Path(path)
    with path.open("rb") as file:
        try:
            return _arrays(file, most_bytes)
        except MemoryError:
            reason = "there is no memory for it"
        except Exception as err:  # zipfile and numpy fail in many ways
            reason = str(err) or type(err).__name__
    raise ValueError(f"{path} must be a whole .npz file of numbers; {reason}.")


def _arrays(file: IO[bytes], most_bytes: int) -> dict[str, np.ndarray]:
    found: dict[str, np.ndarray] = {}
    with zipfile.ZipFile(file) as archive:
        entries = archive.infolist()
        total = sum(entry.file_size for entry in entries)
        if total > most_bytes:
            raise ValueError(f"it unpacks to {total:,} bytes of at most {most_bytes:,}")
        for entry in entries:
            name = entry.filename.removesuffix(_SUFFIX)
            if name == entry.filename or name in found:
                raise ValueError(f"it holds {entry.filename!r}")
            if entry.compress_type not in _PACKINGS:
                raise ValueError(f"{entry.filename} is packed in an unknown way")
            found[name] = _array(archive.read(entry))
    return found


def _array(content: bytes) -> np.ndarray:
    file = io.BytesIO(content)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }[np.lib.format.read_magic(file)]
    shape, by_column, dtype = read_header(file)
    if dtype.hasobject:
        raise ValueError("it holds Python objects")
    values = content[file.tell() :]
    if math.prod(shape) * dtype.itemsize != len(values):
        raise ValueError(f"{shape} of {dtype} are not {len(values):,} bytes")
    flat = np.frombuffer(bytearray(values), dtype)
    return flat.reshape(shape, order="F" if by_column else "C")
