"""Files that appear whole or not at all."""

import errno
import os
import secrets
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hyenascope._typing import StrPath

# What the disk says, as opposed to what the caller's own code got wrong.
DISK_ERRNOS = {
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EIO,
    errno.EROFS,
}


@contextmanager
def atomic_path(path: StrPath) -> Iterator[Path]:
    """Write to a temporary path that takes the place of ``path`` on success.

    The temporary file lies in the folder of ``path`` and ends in its name, so that
    a library which reads the format from the suffix works unchanged. When the block
    ends well the file is flushed to disk and renamed over ``path``; on any error,
    `KeyboardInterrupt` included, it is removed and an older file stays as it was.
    A symbolic link is followed, and an older file's permissions are kept.

    Parameters
    ----------
    path
        The file to write. Its folder must exist.

    Yields
    ------
    Path
        Where to write. The file does not exist yet.

    Raises
    ------
    OSError
        If the folder is missing, ``path`` is a folder or a device, nothing was
        written, or the disk refuses; a full disk is reported with ``path`` and the
        reason, and ``errno`` is kept.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = Path(folder) / "scores.tsv"
    ...     with atomic_path(target) as temporary:
    ...         _ = temporary.write_text("chrom pos")
    ...         target.exists()
    ...     target.read_text()
    False
    'chrom pos'
    """
    target = Path(path).resolve()
    _check_target(target, path)
    temporary = target.with_name(f".{secrets.token_hex(4)}.{target.name}")
    try:
        yield temporary
        _publish(temporary, target)
    except OSError as err:
        if err.errno in DISK_ERRNOS or err.filename == str(temporary):
            raise _disk_error(err, path) from err
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _check_target(target: Path, path: StrPath) -> None:
    if not target.parent.is_dir():
        raise FileNotFoundError(
            errno.ENOENT, f"cannot write {path}: folder {target.parent} does not exist"
        )
    if target.is_dir():
        raise IsADirectoryError(
            errno.EISDIR, f"cannot write {path}: it is a folder, not a file"
        )
    # Renaming over /dev/null or a pipe would destroy it.
    if target.exists() and not target.is_file():
        raise OSError(
            errno.EINVAL, f"cannot write {path}: it is a device or pipe, not a file"
        )


def _publish(temporary: Path, target: Path) -> None:
    if not temporary.exists():
        raise FileNotFoundError(
            errno.ENOENT, f"cannot write {target}: nothing was written to {temporary}"
        )
    if target.exists():
        temporary.chmod(stat.S_IMODE(target.stat().st_mode))
    _sync(temporary)
    temporary.replace(target)
    if os.name == "posix":
        _sync(target.parent)


def _sync(path: Path) -> None:
    """Flush to disk, so that a rename never outlives the bytes it points to."""
    # Windows flushes only handles opened for writing; POSIX folders refuse them.
    flags = os.O_RDONLY if os.name == "posix" else os.O_RDWR
    descriptor = os.open(path, flags)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _disk_error(err: OSError, path: StrPath) -> OSError:
    reason = err.strerror or str(err)
    old = "the older file is untouched" if Path(path).exists() else "no file was left"
    return OSError(err.errno or errno.EIO, f"cannot write {path}: {reason}; {old}")
