"""Numbered lines of a text file, plain, gzip or bgzip; damage is never an end."""

import gzip
import zlib
from collections.abc import Iterator
from pathlib import Path

_BGZF_EOF = bytes.fromhex("1f8b08040000000000ff0600424302001b0003000000000000000000")


def is_gzip(path: Path) -> bool:
    """Whether the file starts as gzip does, bgzip included."""
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def is_bgzip(path: Path) -> bool:
    """Whether the file starts with a BGZF block: gzip with a ``BC`` extra field."""
    with path.open("rb") as file:
        head = file.read(18)
    return head[:4] == b"\x1f\x8b\x08\x04" and head[12:14] == b"BC"


def check_file(path: Path, refuse: type[ValueError]) -> None:
    """Refuse what is missing, a folder, empty, or bgzip without its last block.

    A bgzip file cut between two blocks decompresses without complaint; only the
    missing end-of-file block shows that lines were lost.
    """
    if not path.exists():
        raise refuse(f"{path} does not exist.")
    if path.is_dir():
        raise refuse(f"{path} must be a file; it is a folder.")
    if path.is_file() and path.stat().st_size == 0:
        raise refuse(f"{path} is empty (0 bytes).")
    if path.is_file() and is_bgzip(path) and not ends_as_bgzip(path):
        raise refuse(
            f"{path} is truncated: the bgzip end-of-file block is missing. "
            "Copy or compress it again."
        )


def ends_as_bgzip(path: Path) -> bool:
    """Whether the last bytes are the empty block that ends every bgzip file."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - len(_BGZF_EOF)))
        return file.read() == _BGZF_EOF


def plain_head(path: Path, size: int, refuse: type[ValueError]) -> bytes:
    """Return the first bytes of a file, of what is in it if it is compressed.

    Raises
    ------
    ValueError
        The class ``refuse``, if compressed data end early or are damaged.
    """
    try:
        with (gzip.open if is_gzip(path) else open)(path, "rb") as file:
            return file.read(size)
    except (EOFError, gzip.BadGzipFile, zlib.error) as err:
        raise refuse(f"{path} is truncated or damaged: {err}") from err


def numbered_lines(
    path: Path, refuse: type[ValueError], *, errors: str = "replace"
) -> Iterator[tuple[int, str]]:
    """Yield ``(1-based line number, line)``; a line keeps its newline if it has one.

    Text is UTF-8, a byte-order mark is dropped and Windows line ends become plain
    newlines. ``errors`` says what becomes of bytes that are not UTF-8.

    Raises
    ------
    ValueError
        The class ``refuse``, if compressed data end early or are damaged; the
        message names the last good line.
    """
    opener = gzip.open if is_gzip(path) else open
    number = 0
    try:
        with opener(path, "rt", encoding="utf-8-sig", errors=errors) as file:
            for number, line in enumerate(file, start=1):
                yield number, line
    except (EOFError, gzip.BadGzipFile, zlib.error) as err:
        raise refuse(
            f"{path} is truncated or damaged after line {number}: {err}"
        ) from err
