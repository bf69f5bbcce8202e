"""Find, check or build the index of a FASTA file.

An index that belongs to another version of the file gives wrong sequence without a
word. So an index is taken only if it is not older than the FASTA *and* the bytes of
the FASTA are where it says: every header line in its place, line ends where lines
end, nothing after the last base. Otherwise it is built anew by pyfaidx, beside the
FASTA if that folder can be written, else in the user's cache folder.
"""

import gzip
import hashlib
import logging
import os
import struct
import tempfile
import zlib
from bisect import bisect_right
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyfaidx
from Bio import bgzf

from hyenascope.data._text_lines import check_file, is_bgzip, is_gzip, plain_head
from hyenascope.data.atomic import atomic_path

_LOGGER = logging.getLogger("hyenascope")

_EOF_BLOCK_SIZE = 28
_SAMPLES = 256  # entries checked per index: milliseconds, even on a scaffold assembly


class FastaError(ValueError):
    """A FASTA file that cannot be read as one."""


@dataclass(frozen=True)
class FastaIndex:
    """Where the index files of one FASTA lie; ``gzi`` only if it is bgzip."""

    fai: Path
    gzi: Path | None


@dataclass(frozen=True)
class _Contig:
    """One line of a ``.fai``: sizes in bases or bytes, offset in plain-text bytes."""

    name: str
    length: int
    offset: int
    line_bases: int
    line_bytes: int

    @property
    def end(self) -> int:
        """Byte after the last base."""
        if not self.length:
            return self.offset
        breaks = (self.length - 1) // self.line_bases
        return self.offset + self.length + breaks * (self.line_bytes - self.line_bases)


def ensure_index(fasta: Path) -> FastaIndex:
    """Return a trustworthy index of ``fasta``, building one where there is none.

    Raises
    ------
    FastaError
        If the file is missing, empty, no FASTA, gzip but not bgzip, truncated, has
        a contig name twice or lines of uneven length, or no index can be written.
    """
    _check_fasta(fasta)
    beside, cached = _index_in(fasta.parent, fasta), _index_in(_cache(fasta), fasta)
    for index in (beside, cached):
        if index.fai.exists() and _is_current(fasta, index):
            return index
    stale = beside.fai.exists()
    for index in (beside, cached):
        try:
            index.fai.parent.mkdir(parents=True, exist_ok=True)
            _build(fasta, index)
        except OSError as err:
            reason = err
            continue
        _notice(fasta, index, stale=stale, cached=index is cached)
        return index
    raise FastaError(
        f"{fasta} needs an index, and neither its folder nor {cached.fai.parent} can "
        f"be written ({reason}). Run 'samtools faidx' where you can write."
    )


def _check_fasta(fasta: Path) -> None:
    check_file(fasta, FastaError)
    compressed = is_gzip(fasta)
    if compressed and not is_bgzip(fasta):
        raise FastaError(
            f"{fasta} is gzip, which has no random access; it must be bgzip. "
            f"Recompress it: gunzip {fasta.name} && bgzip {fasta.stem}"
        )
    # pyfaidx goes by the suffix alone.
    if compressed != fasta.name.lower().endswith((".gz", ".bgz")):
        holds = "bgzip data" if compressed else "plain text"
        raise FastaError(
            f"{fasta} holds {holds}; a FASTA name must end in .gz or .bgz if and only "
            "if the file is compressed. Rename it."
        )
    head = plain_head(fasta, 4096, FastaError).removeprefix(b"\xef\xbb\xbf").lstrip()
    if not head.startswith((b">", b";")):
        first = head.split(b"\n", 1)[0][:40]
        raise FastaError(f"{fasta} is no FASTA: a '>' must come first; got {first!r}.")


def _index_in(folder: Path, fasta: Path) -> FastaIndex:
    fai = folder / f"{fasta.name}.fai"
    return FastaIndex(fai, folder / f"{fasta.name}.gzi" if is_gzip(fasta) else None)


def _cache(fasta: Path) -> Path:
    """Return a folder of its own for this version of this file."""
    status = fasta.stat()
    identity = f"{fasta.resolve()}|{status.st_size}|{status.st_mtime_ns}"
    key = hashlib.sha256(identity.encode()).hexdigest()[:16]
    return _cache_home() / "hyenascope" / "fasta" / key


def _cache_home() -> Path:
    if home := os.environ.get("XDG_CACHE_HOME"):
        return Path(home)
    try:
        return Path.home() / ".cache"
    except RuntimeError:  # a user without a home folder, as in some containers
        return Path(tempfile.gettempdir())


def _notice(fasta: Path, index: FastaIndex, *, stale: bool, cached: bool) -> None:
    if stale:
        reason = "its index is older than the file or does not fit it"
    else:
        reason = "it had no index"
    level = logging.WARNING if stale or cached else logging.INFO
    _LOGGER.log(level, "%s: %s; built %s.", fasta, reason, index.fai)


def _build(fasta: Path, index: FastaIndex) -> None:
    """Let pyfaidx index the file, then put the result in place in one step."""
    with tempfile.TemporaryDirectory() as folder:
        built = _index_in(Path(folder), fasta)
        _run_pyfaidx(fasta, built)
        rows = _read_fai(built.fai)
        if not any(row.length for row in rows):
            raise FastaError(f"{fasta} holds no bases, only headers.")
        if index.gzi is not None and built.gzi is not None:
            _publish(built.gzi, index.gzi, fasta)
        _publish(built.fai, index.fai, fasta)


def _run_pyfaidx(fasta: Path, index: FastaIndex) -> None:
    try:
        pyfaidx.Faidx(fasta, indexname=index.fai, gzi_indexname=index.gzi).close()
    # RuntimeError: several odd line lengths; ValueError: a name twice, or no text; the
    # others: damaged blocks.
    except (
        *(pyfaidx.FastaIndexingError, RuntimeError, ValueError),
        *(EOFError, gzip.BadGzipFile, struct.error, zlib.error),
    ) as err:
        raise FastaError(f"{fasta} cannot be indexed: {err}") from err


def _publish(built: Path, place: Path, fasta: Path) -> None:
    with atomic_path(place) as temporary:
        temporary.write_bytes(built.read_bytes())
    # A FASTA dated in the future would make its index look stale for ever.
    if not _is_newer(place, fasta):
        modified = fasta.stat().st_mtime_ns
        os.utime(place, ns=(modified, modified))


def _is_newer(index: Path, fasta: Path) -> bool:
    return index.stat().st_mtime_ns >= fasta.stat().st_mtime_ns


def _is_current(fasta: Path, index: FastaIndex) -> bool:
    """Whether the index is not older than the FASTA and fits its bytes."""
    files = [index.fai] if index.gzi is None else [index.fai, index.gzi]
    if not all(file.exists() and _is_newer(file, fasta) for file in files):
        return False
    try:
        rows = sorted(_read_fai(index.fai), key=lambda row: row.offset)
        if index.gzi is None:
            with fasta.open("rb") as file:
                return _fits(rows, lambda at, size: (file.seek(at), file.read(size))[1])
        blocks = _read_gzi(index.gzi)
        return _blocks_fit(fasta, blocks) and _fits_bgzip(rows, fasta, blocks)
    except (ValueError, OSError):  # neither a .fai nor a .gzi, whatever their names
        return False


def _read_fai(fai: Path) -> list[_Contig]:
    rows = []
    for line in fai.read_text().splitlines():
        name, *numbers = line.split("\t")
        length, offset, line_bases, line_bytes = map(int, numbers[:4])
        rows.append(_Contig(name, length, offset, line_bases, line_bytes))
    return rows


_ReadAt = Callable[[int, int], bytes]
"""``read(at, size)``: up to ``size`` bytes of the plain text from byte ``at``."""


def _fits(rows: list[_Contig], read: _ReadAt) -> bool:
    """Whether headers, line ends and the end of the text are where rows say."""
    if not rows or read(rows[-1].end, 4096).strip():
        return False
    ends = [0, *(row.end for row in rows)]
    sampled = _sampled(len(rows))
    return all(_contig_fits(rows[i], ends[i], read) for i in sampled)


def _contig_fits(row: _Contig, previous_end: int, read: _ReadAt) -> bool:
    header = read(previous_end, max(0, row.offset - previous_end))
    words = header.rstrip(b"\r\n").rsplit(b"\n", 1)[-1].split()
    if not header.endswith(b"\n") or not words or words[0] != f">{row.name}".encode():
        return False
    if row.length and not read(row.end - 1, 1).strip():
        return False
    if row.length <= row.line_bases:
        return True
    line_end = read(row.offset + row.line_bases, row.line_bytes - row.line_bases)
    return line_end.endswith(b"\n") and not line_end.strip()


def _sampled(count: int) -> Iterator[int]:
    """Yield about `_SAMPLES` evenly spaced indices, the last one among them."""
    step = max(1, count // _SAMPLES)
    yield from range(count - 1, -1, -step)


def _read_gzi(gzi: Path) -> list[tuple[int, int]]:
    """Return (compressed, plain) offsets of all blocks; the file omits the first."""
    numbers = np.fromfile(gzi, dtype="<u8")
    if not len(numbers) or len(numbers) != 1 + 2 * int(numbers[0]):
        raise ValueError(f"{gzi} is no .gzi file.")
    return [(0, 0), *map(tuple, numbers[1:].reshape(-1, 2).tolist())]


def _blocks_fit(fasta: Path, blocks: list[tuple[int, int]]) -> bool:
    """Whether blocks start where the ``.gzi`` says and the last is the file's last."""
    end = fasta.stat().st_size - _EOF_BLOCK_SIZE
    with fasta.open("rb") as file:
        for i in _sampled(len(blocks)):
            file.seek(blocks[i][0])
            head = file.read(18)
            after = blocks[i][0] + int.from_bytes(head[16:18], "little") + 1
            file.seek(after - 4)
            plain_size = int.from_bytes(file.read(4), "little")
            is_last = i + 1 == len(blocks)
            following = (after, blocks[i][1] + plain_size) if is_last else blocks[i + 1]
            if head[:2] != b"\x1f\x8b" or after != following[0]:
                return False
            if blocks[i][1] + plain_size != following[1]:
                return False
            # Some writers list the empty end-of-file block too.
            if is_last and end not in (after, blocks[i][0]):
                return False
    return True


def _fits_bgzip(
    rows: list[_Contig], fasta: Path, blocks: list[tuple[int, int]]
) -> bool:
    starts = [plain for _, plain in blocks]
    with fasta.open("rb") as file:
        reader = bgzf.BgzfReader(fileobj=file, mode="rb")

        def read(at: int, size: int) -> bytes:
            compressed, plain = blocks[bisect_right(starts, at) - 1]
            reader.seek(bgzf.make_virtual_offset(compressed, at - plain))
            return reader.read(size)

        return _fits(rows, read)
