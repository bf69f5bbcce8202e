"""Files fetched once and held, from then on, to what they were the first time.

A lock file in their folder keeps the size and sha256 that each file had when it was
first seen, with the date. It is trust on first use: it shows that a publisher changed
a file, not that the first copy was right. Keep it with what was computed.
"""

import json
import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path, PurePosixPath
from typing import Any

from filelock import FileLock, Timeout

from hyenascope._typing import StrPath
from hyenascope.data._transfer import DownloadError, Partial, transfer
from hyenascope.data.atomic import atomic_path
from hyenascope.data.file_sha256 import file_sha256
from hyenascope.data.json_text import parse_json

__all__ = ["LOCK_NAME", "DownloadError", "RemoteFile", "fetch_files"]

_LOGGER = logging.getLogger("hyenascope")
_TURN_NAME = ".fetching.lock"

LOCK_NAME = "benchmark.lock.json"
"""The file that keeps what was first seen, beside the files."""


@dataclass(frozen=True)
class RemoteFile:
    """One file and where it is.

    Parameters
    ----------
    path
        Where it belongs, relative to the folder, with ``/``.
    url
        Where it is; http or https.

    Raises
    ------
    ValueError
        If ``path`` leads out of the folder, or ``url`` is of another kind.
    """

    path: str
    url: str

    def __post_init__(self) -> None:
        place = PurePosixPath(self.path)
        odd = {"\\", "\0"} & set(self.path)
        if odd or not place.name or place.is_absolute() or ".." in place.parts:
            raise ValueError(
                f"path must lie within the folder, such as 'train/a.csv'; got "
                f"{self.path!r}."
            )
        if not self.url.startswith(("https://", "http://")):
            raise ValueError(
                f"url must start with https:// or http://; got {self.url!r}."
            )


def fetch_files(
    files: Sequence[RemoteFile],
    folder: StrPath,
    *,
    timeout: float = 60.0,
    progress: bool = False,
) -> None:
    """Fetch what a folder lacks, and hold everything against its lock file.

    A file appears whole or not at all. A connection that breaks off or stalls is tried
    again from where it stopped, and what has arrived stays, as ``.NAME.part``, for the
    next call. What is in the lock file must have the size and sha256 written there;
    what is not is trusted this once, written there, and logged to the logger
    ``"hyenascope"``. Processes that fetch into one folder take turns; where nothing is
    lacking, nothing is written.

    Parameters
    ----------
    files
        What to fetch.
    folder
        Where to; made if missing.
    timeout
        Seconds without an answer, or with next to no bytes, before a connection is
        given up.
    progress
        Show a bar per file.

    Raises
    ------
    DownloadError
        If a server cannot be reached, refuses, sends on from https to http, or breaks
        off again and again; if bytes are not those of the lock file or of the sha256
        that the server states, or a file is there that the lock file does not know; if
        a new file comes with neither its length nor its sha256.
    """
    root = Path(folder)
    present = [file for file in files if (root / file.path).exists()]
    lock = _read_lock(root / LOCK_NAME)  # after them: entries come before files
    for file in present:
        _check_present(root / file.path, lock.get(file.path))
    lacking = [file for file in files if file not in present]
    if not lacking:
        return
    root.mkdir(parents=True, exist_ok=True)
    with _turn(root):
        for file in lacking:
            _fetch(file, root, timeout=timeout, progress=progress)


@contextmanager
def _turn(root: Path) -> Iterator[None]:
    """Wait until no other process fetches here; the system ends a dead one's turn."""
    turn = FileLock(root / _TURN_NAME)
    try:
        turn.acquire(timeout=0)
    except Timeout:
        _LOGGER.warning("%s: another process fetches into it; waiting.", root)
        turn.acquire()
    except (NotImplementedError, OSError) as err:  # some disks of clusters cannot lock
        _LOGGER.warning("%s cannot be locked: %s.", root, err)
    try:
        yield
    finally:
        turn.release()


def _fetch(file: RemoteFile, root: Path, *, timeout: float, progress: bool) -> None:
    """Fetch one file, unless another process has done so, and enter it in the lock."""
    path, lock = root / file.path, _read_lock(root / LOCK_NAME)
    known = lock.get(file.path)
    if path.exists():
        _check_present(path, known)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = Partial(path)
    size = None if known is None else known.get("bytes")
    stated = transfer(file.url, partial, size=size, timeout=timeout, progress=progress)
    found = {"bytes": partial.size, "sha256": file_sha256(partial.bytes)}
    try:
        _check_bytes(file.url, found, known, stated.sha256)
    except DownloadError:
        partial.remove()
        raise
    if known is None:
        # The entry comes first: a crash in between leaves no file of unknown origin.
        seen = {"url": file.url, **found, "first_seen": f"{datetime.now(UTC):%Y-%m-%d}"}
        commit = {} if stated.commit is None else {"commit": stated.commit}
        _write_lock(root / LOCK_NAME, lock | {file.path: seen | commit})
        _LOGGER.warning(
            "%s: seen for the first time, sha256 kept in the lock file.", path
        )
    with atomic_path(path) as temporary:
        partial.bytes.rename(temporary)
    partial.remove()


def _check_bytes(
    url: str, found: dict[str, Any], known: dict[str, Any] | None, stated: str | None
) -> None:
    if known is not None and known["sha256"] != found["sha256"]:
        raise DownloadError(
            f"{url} must have sha256 {known['sha256']}, as first seen on "
            f"{known.get('first_seen')}; got {found['sha256']}. If the publisher "
            f"changed it and you trust that, take its entry out of {LOCK_NAME}."
        )
    if stated is not None and stated != found["sha256"]:
        raise DownloadError(
            f"{url} must have sha256 {stated}, as its server states; got "
            f"{found['sha256']}. Try again."
        )


def _check_present(path: Path, known: dict[str, Any] | None) -> None:
    if known is None:
        raise DownloadError(
            f"{path} must be in {LOCK_NAME} or not be there; got a file of unknown "
            "origin. Move it away to fetch it."
        )
    found = file_sha256(path)
    if found != known["sha256"]:
        raise DownloadError(
            f"{path} must have sha256 {known['sha256']}, as in {LOCK_NAME}; got "
            f"{found}. Remove it to fetch it again."
        )


def _read_lock(path: Path) -> dict[str, dict[str, Any]]:
    if not path.exists():
        return {}
    try:
        lock = parse_json(path.read_text(encoding="utf-8"))
        return {
            name: {**entry, "sha256": entry["sha256"], "bytes": int(entry["bytes"])}
            for name, entry in lock.items()
        }
    except (ValueError, TypeError, KeyError, AttributeError) as err:
        raise DownloadError(
            f"{path} must be a lock file that this made; got {err!r}. Remove it to "
            "trust the files anew."
        ) from err


def _write_lock(path: Path, lock: Mapping[str, dict[str, Any]]) -> None:
    with atomic_path(path) as temporary:
        temporary.write_text(
            json.dumps(lock, indent=2, sort_keys=True), encoding="utf-8"
        )
