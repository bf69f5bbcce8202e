"""Whether an AnnData on disk is of the kind that a run writes, before it is read.

An array of Zarr names the codecs that unpack it, and one of them is ``pickle``: reading
such an array runs whatever its maker wants. It also names its own size, which costs
nothing to write and all memory to read. So nothing is left to choose here: every array
has the few types and codecs of `hyenascope.cluster.result_store`.
"""

import math
import re
from pathlib import Path

from hyenascope._device import physical_memory
from hyenascope.data.json_text import parse_json

_NUMBERS = re.compile(r"[<>|][biuf](\d)")
_TEXT, _TEXT_FILTERS = "|O", [{"id": "vlen-utf8"}]
_TEXT_BYTES = 60  # of a short str
_OTHER_FORMATS = ("zarr.json", ".zmetadata")
_FACTS, _MOST_FACTS = (".zarray", ".zattrs", ".zgroup"), 2**24
_HEADER = 16  # of Blosc; bytes 4 to 8 say what it unpacks to
_MOST_PACKED = 256  # times; LZ4 packs no better


def check_store(path: Path) -> None:
    """Refuse a Zarr folder that no run has written.

    Parameters
    ----------
    path
        Of the folder.

    Raises
    ------
    ValueError
        If it holds another format, type or codec than a run writes, or arrays larger
        than this machine's memory; the message starts with the file.
    """
    total, memory = 0, physical_memory()
    for file in [path, *sorted(path.rglob("*"))]:
        # Zarr follows links, and some disks take .ZARRAY for .zarray.
        name = file.name.lower()
        if file.is_symlink() or not (file.is_dir() or file.is_file()):
            raise ValueError(f"{file} must be a file or a folder, and no link.")
        if name in _OTHER_FORMATS:
            raise ValueError(f"{file} must not be there: a run writes Zarr format 2.")
        if name in _FACTS and file.stat().st_size > _MOST_FACTS:
            raise ValueError(
                f"{file} must have at most {_MOST_FACTS:,} bytes; got "
                f"{file.stat().st_size:,}."
            )
        if name != ".zarray":
            continue
        try:
            total += _checked_array(file)
        except ValueError as err:
            raise ValueError(f"{file} must be as a run writes it: {err}") from err
        if memory and total > memory:
            raise ValueError(
                f"{file} must leave arrays that fit this machine's memory, "
                f"{memory:,} bytes; got {total:,} so far."
            )


def _checked_array(file: Path) -> int:
    """Return the bytes that an array takes when it is read."""
    found = parse_json(file.read_text(encoding="utf-8"))
    if not isinstance(found, dict) or found.get("zarr_format") != 2:
        raise ValueError("it is not of Zarr format 2.")
    size = _item_bytes(found.get("dtype"), found.get("filters"))
    packed = found.get("compressor")
    if packed is not None and (
        not isinstance(packed, dict) or packed.get("id") != "blosc"
    ):
        raise ValueError(f"compressor must be Blosc; got {packed!r}.")
    shape, chunks = _sizes(found.get("shape")), _sizes(found.get("chunks"))
    if shape is None or chunks is None or len(shape) != len(chunks):
        raise ValueError(
            f"shape and chunks must be whole numbers; got {found.get('shape')!r}."
        )
    stored = _chunk_bytes(file.parent, packed=packed is not None)
    return max(math.prod(shape) * size, math.prod(chunks) * size, stored)


def _item_bytes(dtype: object, filters: object) -> int:
    if dtype == _TEXT and filters == _TEXT_FILTERS:
        return _TEXT_BYTES
    number = _NUMBERS.fullmatch(dtype) if isinstance(dtype, str) else None
    if number is None or filters is not None:
        raise ValueError(
            f"values must be numbers, or texts in vlen-utf8; got dtype {dtype!r}, "
            f"filters {filters!r}."
        )
    return int(number[1])


def _chunk_bytes(folder: Path, *, packed: bool) -> int:
    """Return what the chunks take to read; refuse one that says it unpacks to far more.

    A file may be larger than what the disk holds of it.
    """
    total = 0
    for chunk in folder.iterdir():
        if chunk.name.startswith(".") or not chunk.is_file():
            continue
        size = unpacked = chunk.stat().st_size
        if packed:
            with chunk.open("rb") as file:
                unpacked = int.from_bytes(file.read(_HEADER)[4:8], "little")
            if unpacked > _MOST_PACKED * size:
                raise ValueError(f"chunk {chunk.name} unpacks to {unpacked:,} bytes.")
        total += max(size, unpacked)
    return total


def _sizes(values: object) -> list[int] | None:
    """Return a list of whole numbers from 0, or None for anything else."""
    if isinstance(values, list) and all(type(n) is int and n >= 0 for n in values):
        return values
    return None
