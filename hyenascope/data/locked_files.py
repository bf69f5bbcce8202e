"""Files fetched once and held, from then on, to what they were the first time.

A lock file in their folder keeps the size and sha256 that each file had when it was
first seen, with the date. It is trust on first use: it shows that a publisher changed
a file, not that the first copy was right. Keep it with what was computed.
"""

import hashlib
import json
import logging
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from http.client import HTTPException, HTTPMessage
from pathlib import Path
from typing import Any
from urllib.error import URLError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from hyenascope._typing import StrPath
from hyenascope.data.atomic import atomic_path

_LOGGER = logging.getLogger("hyenascope")
_CHUNK = 1 << 20
_SHA256 = re.compile(r"[0-9a-f]{64}")

LOCK_NAME = "benchmark.lock.json"
"""The file that keeps what was first seen, beside the files."""


class DownloadError(OSError):
    """A file that could not be fetched, or is not what it was the first time."""


@dataclass(frozen=True)
class RemoteFile:
    """One file and where it is.

    Parameters
    ----------
    path
        Where it belongs, relative to the folder, with ``/``.
    url
        Where it is.
    """

    path: str
    url: str


def fetch_files(
    files: Sequence[RemoteFile], folder: StrPath, *, timeout: float = 60.0
) -> None:
    """Fetch what a folder lacks, and hold everything against its lock file.

    A file appears whole or not at all. What is in the lock file must have the size and
    sha256 written there; what is not is trusted this once, written there, and logged
    to the logger ``"hyenascope"``.

    Parameters
    ----------
    files
        What to fetch.
    folder
        Where to; made if missing.
    timeout
        Seconds without an answer before giving up.

    Raises
    ------
    DownloadError
        If a server cannot be reached, refuses or breaks off, bytes are not those of
        the lock file or of the sha256 that the server states, or a file is there that
        the lock file does not know.
    """
    root = Path(folder)
    root.mkdir(parents=True, exist_ok=True)
    lock = _read_lock(root / LOCK_NAME)
    for file in files:
        path = root / file.path
        known = lock.get(file.path)
        if path.exists():
            _check_present(path, known)
            continue
        path.parent.mkdir(parents=True, exist_ok=True)
        lock[file.path] = _fetch(file, path, known, timeout)
        _write_lock(root / LOCK_NAME, lock)


class _Redirects(HTTPRedirectHandler):
    """Follows redirects and keeps what the hub says of a large file on the way."""

    def __init__(self) -> None:
        self.stated: dict[str, str] = {}

    def redirect_request(
        self,
        req: Request,
        fp: Any,  # noqa: ANN401
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> Request | None:
        self.note(headers)
        return super().redirect_request(req, fp, code, msg, headers, newurl)

    def note(self, headers: HTTPMessage) -> None:
        """Keep the commit, and the sha256 if it is one."""
        etag = (headers.get("X-Linked-ETag") or "").strip('W/"').lower()
        if _SHA256.fullmatch(etag):
            self.stated["sha256"] = etag
        if headers.get("X-Repo-Commit"):
            self.stated["commit"] = str(headers.get("X-Repo-Commit"))


def _fetch(
    file: RemoteFile, path: Path, known: dict[str, Any] | None, timeout: float
) -> dict[str, Any]:
    """Fetch one file and return its entry of the lock file."""
    redirects = _Redirects()
    digest, size = hashlib.sha256(), 0
    try:
        with (
            build_opener(redirects).open(file.url, timeout=timeout) as answer,
            atomic_path(path) as temporary,
        ):
            redirects.note(answer.headers)
            with temporary.open("wb") as sink:
                while chunk := answer.read(_CHUNK):
                    digest.update(chunk)
                    size += len(chunk)
                    sink.write(chunk)
            # A connection that breaks off looks like the end of the file.
            told = answer.headers.get("Content-Length")
            if told is not None and int(told) != size:
                raise DownloadError(
                    f"{file.url} must give {told} bytes, as it says; got {size}. "
                    "Try again."
                )
            found = {"bytes": size, "sha256": digest.hexdigest()}
            _check_bytes(file.url, found, known, redirects.stated.get("sha256"))
    except DownloadError:
        raise
    except (URLError, HTTPException, TimeoutError, ConnectionError) as err:
        raise DownloadError(f"{file.url} could not be fetched: {err}.") from err
    if known is not None:
        return known
    _LOGGER.warning("%s: seen for the first time, sha256 kept in the lock file.", path)
    entry = {"url": file.url, **found, "first_seen": f"{datetime.now(UTC):%Y-%m-%d}"}
    commit = redirects.stated.get("commit")
    return entry if commit is None else {**entry, "commit": commit}


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
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != known["sha256"]:
        raise DownloadError(
            f"{path} must have sha256 {known['sha256']}, as in {LOCK_NAME}; got "
            f"{found}. Remove it to fetch it again."
        )


def _read_lock(path: Path) -> dict[str, dict[str, Any]]:
    if not path.exists():
        return {}
    try:
        lock = json.loads(path.read_text(encoding="utf-8"))
        return {
            name: {**entry, "sha256": entry["sha256"]} for name, entry in lock.items()
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
