"""Tensors out of a PyTorch ``.ckpt``, without running what the file says.

A checkpoint is a zip with a pickle in it, and a pickle is a program: it names
functions and calls them. Here a name never imports anything. Three names get
classes of this file that only take notes, every other one gets `_Inert`, which
takes any arguments and does nothing; so training settings (OmegaConf objects, as in
the published files) fall away and so does an attack. A tensor is a note of where its
numbers lie, checked against the bytes that are there before they are read.

Every class that a pickle can reach defines ``__setstate__``. Without it the pickle
could set attributes on the class itself and change what the next file meets.
"""

import io
import math
import pickle
import sys
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import torch
from torch import Tensor

from hyenascope._typing import StrPath
from hyenascope.models.pickle_opcodes import check_opcodes

_DTYPES = {
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
}
_SHARED = 8  # tensors that stand on the same numbers, on average
_MOST_VALUES, _DEEPEST = 1_000_000, 50
_PLAIN = (type(None), bool, int, float, str)
# What zipfile raises; OSError is a seek to a place before the file.
_BROKEN_ZIP = (
    zipfile.BadZipFile,
    EOFError,
    RuntimeError,
    NotImplementedError,
    OSError,
)


def read_torch_zip(path: StrPath) -> dict[str, Tensor]:
    """Return the tensors of a ``torch.save`` file by name, on the CPU.

    Takes the ``state_dict`` of a Lightning checkpoint, or a bare state dict. Nothing
    else in the file is read: optimizer moments stay on disk.

    Parameters
    ----------
    path
        A zip as ``torch.save`` has written since PyTorch 1.6.

    Raises
    ------
    ValueError
        If the file is of the older format, truncated or compressed, holds no state
        dict, or one of its tensors reaches beyond the bytes stored for it.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "weights.ckpt"
    ...     torch.save({"state_dict": {"w": torch.ones(2)}}, path)
    ...     read_torch_zip(path)
    {'w': tensor([1., 1.])}
    """
    return _read(Path(path), lambda archive: archive.state_dict())


def read_torch_content(path: StrPath) -> object:
    """Return all that a ``torch.save`` file holds, if it is nothing but data.

    That is dicts, lists, tuples, texts, numbers, None, and tensors on the CPU.

    Parameters
    ----------
    path
        As for `read_torch_zip`.

    Raises
    ------
    ValueError
        As `read_torch_zip`, or if it holds anything else.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder) / "run.pt"
    ...     torch.save({"step": 3, "model": {"w": torch.ones(2)}}, path)
    ...     read_torch_content(path)
    {'step': 3, 'model': {'w': tensor([1., 1.])}}
    """
    return _read(Path(path), lambda archive: archive.content())


def _read(path: Path, take: Callable[["_Archive"], Any]) -> Any:  # noqa: ANN401
    with path.open("rb") as file:
        try:
            _check_is_zip(file)
            with zipfile.ZipFile(file) as archive:
                return take(_Archive(archive, path.stat().st_size))
        except _BROKEN_ZIP as err:
            raise ValueError(f"{path} must be a whole zip archive; {err}.") from err
        except ValueError as err:
            raise ValueError(f"{path}: {err}") from err


def _check_is_zip(file: BinaryIO) -> None:
    start = file.read(2)
    if zipfile.is_zipfile(file):
        return
    found = "another kind of file"
    if start == b"PK":
        found = "a truncated zip"
    elif start[:1] == b"\x80":
        found = "the pickle format of older PyTorch, which is never run"
    raise ValueError(
        f"must be a zip as torch.save has written since PyTorch 1.6; got {found}."
    )


class _Inert:
    """What a foreign class or function becomes: takes anything, holds nothing."""

    def __new__(cls, *args: object, **kwargs: object) -> "_Inert":
        return super().__new__(cls)

    def __setstate__(self, state: object) -> None: ...

    def __call__(self, *args: object, **kwargs: object) -> "_Inert":
        return self

    def __setitem__(self, key: object, value: object) -> None: ...

    def append(self, item: object) -> None: ...

    def extend(self, items: object) -> None: ...

    def add(self, item: object) -> None: ...


class _OrderedDict(dict[object, object]):
    """A plain dict; torch hangs a version table on its own, which is dropped."""

    def __setstate__(self, state: object) -> None: ...


class _TensorNote(NamedTuple):
    """Arguments of ``torch._utils._rebuild_tensor_v2``, unchecked."""

    storage: object
    offset: object
    size: object
    stride: object
    requires_grad: object = False
    hooks: object = None
    metadata: object = None

    def __setstate__(self, state: object) -> None: ...


class _StorageNote(NamedTuple):
    """One file of the archive and what its bytes are."""

    key: str
    dtype: torch.dtype

    def __setstate__(self, state: object) -> None: ...


class _Unpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str, /) -> object:
        if (module, name) == ("collections", "OrderedDict"):
            return _OrderedDict
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _TensorNote
        if module == "torch" and name in _DTYPES:
            return name
        return _Inert

    def persistent_load(self, pid: object) -> object:
        match pid:
            case ("storage", str(kind), str(key), *_) if kind in _DTYPES:
                return _StorageNote(key, _DTYPES[kind])
        return _Inert()


class _Archive:
    """The one pickle in a zip and the storages beside it."""

    def __init__(self, archive: zipfile.ZipFile, size: int) -> None:
        self._entries = {entry.filename: entry for entry in archive.infolist()}
        pickles = [n for n in self._entries if n.endswith("/data.pkl")]
        if len(pickles) != 1:
            raise ValueError(
                f"the archive must hold one data.pkl; got {len(pickles)}: not a file "
                "of torch.save."
            )
        self._zip = archive
        self._left = _SHARED * size  # bytes of tensors
        self._values = 0
        self._root = pickles[0].removesuffix("data.pkl")
        self._storages: dict[_StorageNote, Tensor] = {}
        self._check_byte_order()

    def state_dict(self) -> dict[str, Tensor]:
        content = self._unpickle()
        if isinstance(content, dict):
            content = content.get("state_dict", content)
        if not isinstance(content, dict) or not content:
            raise ValueError("the pickle must hold a state dict; got something else.")
        self._check_entries(content)
        return {name: self._tensor(name, note) for name, note in content.items()}

    def content(self) -> object:
        return self._plain(self._unpickle(), "it")

    def _plain(self, value: object, where: str, depth: int = 0) -> object:
        """Return a value with its tensors read; each time that it stands there."""
        self._values += 1
        if self._values > _MOST_VALUES or depth > _DEEPEST:
            raise ValueError(
                f"the pickle must hold at most {_MOST_VALUES:,} values, {_DEEPEST} "
                "levels deep; got more."
            )
        match value:
            case _TensorNote():
                return self._tensor(where, value)
            case dict():
                return {
                    self._key(key): self._plain(each, str(key), depth + 1)
                    for key, each in value.items()
                }
            case list() | tuple():
                return type(value)(self._plain(v, where, depth + 1) for v in value)
        if type(value) not in _PLAIN:
            raise ValueError(
                "the pickle must hold dicts, lists, texts, numbers and tensors alone; "
                f"got something else in {where}."
            )
        return value

    @staticmethod
    def _key(key: object) -> object:
        if type(key) not in _PLAIN:
            raise ValueError("keys of the pickle must be texts or numbers.")
        return key

    def _unpickle(self) -> object:
        pickled = self._read("data.pkl")
        try:
            check_opcodes(pickled)
            return _Unpickler(io.BytesIO(pickled), encoding="utf-8").load()
        except Exception as err:  # a hostile pickle may fail in any way
            raise ValueError(f"its pickle cannot be read as data: {err}.") from err

    @staticmethod
    def _check_entries(content: Mapping[object, object]) -> None:
        odd = [
            str(name)
            for name, value in content.items()
            if not (isinstance(name, str) and isinstance(value, _TensorNote))
        ]
        if odd:
            raise ValueError(
                f"a state dict must map names to tensors; got other values for "
                f"{len(odd)}, the first being {odd[0]!r}."
            )

    def _tensor(self, name: str, note: _TensorNote) -> Tensor:
        match note:
            case _TensorNote(
                _StorageNote() as storage, int(offset), tuple(size), tuple(stride)
            ) if _are_counts(offset, *size, *stride) and not note.metadata:
                values = self._storage(storage)
            case _:
                raise ValueError(f"tensor {name} is described in an unknown way.")
        if len(size) != len(stride):
            raise ValueError(f"tensor {name} must have one stride per axis.")
        if 0 in size:
            return values.new_empty(size)
        last = offset + sum((n - 1) * s for n, s in zip(size, stride, strict=True))
        if max(last + 1, math.prod(size)) > len(values):
            raise ValueError(
                f"tensor {name} must lie within its storage of {len(values)} numbers; "
                f"got shape {size}, strides {stride}, offset {offset}."
            )
        self._left -= math.prod(size) * values.element_size()
        if self._left < 0:
            raise ValueError(
                f"tensors must hold at most {_SHARED} times the bytes of the file; got "
                f"more with {name}."
            )
        return values.as_strided(size, stride, offset)

    def _storage(self, note: _StorageNote) -> Tensor:
        if note not in self._storages:
            raw = bytearray(self._read(f"data/{note.key}"))
            whole = len(raw) - len(raw) % note.dtype.itemsize
            empty = torch.empty(0, dtype=note.dtype)
            self._storages[note] = (
                torch.frombuffer(raw[:whole], dtype=note.dtype) if whole else empty
            )
        return self._storages[note]

    def _read(self, name: str) -> bytes:
        entry = self._entries.get(self._root + name)
        if entry is None:
            raise ValueError(f"the archive must hold {name}; it is not there.")
        # torch.save never compresses; a small file that unpacks to terabytes does.
        if entry.compress_type != zipfile.ZIP_STORED:
            raise ValueError(f"{name} must be stored uncompressed.")
        return self._zip.read(entry)

    def _check_byte_order(self) -> None:
        stored = "little"
        if self._root + "byteorder" in self._entries:
            stored = self._read("byteorder").decode("ascii", "replace")
        if stored != sys.byteorder:
            raise ValueError(
                f"byte order must be that of this machine, {sys.byteorder}; got "
                f"{stored}."
            )


def _are_counts(*values: object) -> bool:
    """Whether all are integers that a tensor's geometry may hold."""
    return all(type(v) is int and 0 <= v < 2**62 for v in values)
