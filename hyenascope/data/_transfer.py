"""One file over HTTP, going on where an earlier connection broke off.

What has arrived lies beside the file as ``.NAME.part``, with a note of the version
that it is of (the server's ETag, else its date). The rest is asked for by ``Range`` and
``If-Range`` (RFC 9110), so a server whose file has changed since sends all of it; one
that names no version is asked for all of it each time.
"""

import json
import logging
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPException, HTTPMessage, HTTPResponse
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import HTTPRedirectHandler, Request, build_opener

from tqdm.auto import tqdm

_LOGGER = logging.getLogger("hyenascope")
_CHUNK = 1 << 20
_TRIES = 4  # connections in a row that bring no new chunk
_PAUSE = 0.25  # seconds, doubled with each try
_SLOWEST = 1024  # bytes within the time that a server may stay silent
_PASSING = {408, 425, 429, 500, 502, 503, 504}
_SHA256 = re.compile(r"[0-9a-f]{64}")
_PART = re.compile(r"bytes (?P<first>\d+)-\d+/(?P<total>\d+)")


class DownloadError(OSError):
    """A file that could not be fetched, or is not what it was the first time."""


@dataclass(frozen=True)
class Partial:
    """Where the bytes of a file go until they are all there.

    Parameters
    ----------
    path
        The file that they will be.
    """

    path: Path

    @property
    def bytes(self) -> Path:
        """What has arrived."""
        return self.path.with_name(f".{self.path.name}.part")

    @property
    def note(self) -> Path:
        """Of which version it is."""
        return self.path.with_name(f".{self.path.name}.part.json")

    @property
    def size(self) -> int:
        """Bytes that have arrived."""
        return self.bytes.stat().st_size if self.bytes.exists() else 0

    def version(self, url: str) -> str | None:
        """Return what the server called the version that the bytes are of, if any."""
        try:
            note = json.loads(self.note.read_text(encoding="utf-8"))
            return str(note["version"]) if note["url"] == url else None
        except (OSError, ValueError, TypeError, KeyError):
            return None

    def begin(self, url: str, version: str | None) -> None:
        """Drop what has arrived and note what comes now."""
        self.remove()
        if version is not None:
            note = json.dumps({"url": url, "version": version})
            self.note.write_text(note, encoding="utf-8")

    def remove(self) -> None:
        """Drop what has arrived."""
        self.bytes.unlink(missing_ok=True)
        self.note.unlink(missing_ok=True)


@dataclass
class Stated:
    """What servers say of a file on the way to it."""

    sha256: str | None = None
    commit: str | None = None

    def hear(self, headers: HTTPMessage) -> None:
        """Keep what the Hugging Face hub says of a large file, where it does."""
        etag = (headers.get("X-Linked-ETag") or "").strip('W/"').lower()
        if _SHA256.fullmatch(etag):
            self.sha256 = etag
        self.commit = headers.get("X-Repo-Commit") or self.commit


def transfer(
    url: str, partial: Partial, *, size: int | None, timeout: float, progress: bool
) -> Stated:
    """Bring all bytes of ``url`` into ``partial``, trying again while it gets on.

    Parameters
    ----------
    url
        Where they are; http or https.
    partial
        What is there of this version is kept.
    size
        Bytes that it must have, if that is known.
    timeout
        Seconds without an answer, or with next to no bytes, before a connection is
        given up.
    progress
        Show a bar.

    Raises
    ------
    DownloadError
        If a server refuses, sends more than ``size``, does not say how long a file of
        unknown sha256 is, or cannot be reached or breaks off again and again. What has
        arrived stays for the next call.
    """
    stated = Stated()
    left = _TRIES
    with _bar(partial, shown=progress) as bar:
        while True:
            before = partial.size
            try:
                _connect(_Connection(url, partial, size, timeout, stated, bar))
            except _BrokenOff as err:
                left = _TRIES if partial.size - before >= _CHUNK else left - 1
                if not left:
                    raise DownloadError(_given_up(url, partial, err)) from err
                _LOGGER.info("%s: %s; trying again.", url, err)
                time.sleep(_PAUSE * 2 ** (_TRIES - left))
            else:
                return stated


class _BrokenOff(Exception):
    """A connection that ended too soon; another may do better."""


@dataclass
class _Connection:
    url: str
    partial: Partial
    size: int | None
    timeout: float
    stated: Stated
    bar: Any

    request: Request = field(init=False)

    def __post_init__(self) -> None:
        self.request = Request(self.url)
        version = self.partial.version(self.url)
        if version is not None and self.partial.size:
            self.request.add_header("Range", f"bytes={self.partial.size}-")
            self.request.add_header("If-Range", version)


class _Redirects(HTTPRedirectHandler):
    """Follows redirects, never from https to http; hears what is said on the way."""

    def __init__(self, stated: Stated) -> None:
        self._stated = stated

    def redirect_request(
        self,
        req: Request,
        fp: Any,  # noqa: ANN401
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> Request | None:
        kinds = ("https:",) if req.type == "https" else ("https:", "http:")
        if not newurl.lower().startswith(kinds):
            raise DownloadError(
                f"{req.full_url} must lead on to {' or '.join(kinds)} alone; its "
                f"server sends on to {newurl}."
            )
        self._stated.hear(headers)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _connect(to: _Connection) -> None:
    """Ask once, and keep what comes."""
    opener = build_opener(_Redirects(to.stated))
    try:
        with opener.open(to.request, timeout=to.timeout) as answer:
            to.stated.hear(answer.headers)
            _keep(to, answer, _expected(to, answer))
    except HTTPError as err:
        if err.code == 416:
            if err.headers.get("Content-Range") == f"bytes */{to.partial.size}":
                return  # it was all here already
            to.partial.remove()
        if err.code in _PASSING or err.code == 416:
            raise _BrokenOff(str(err)) from err
        raise DownloadError(f"{to.url} could not be fetched: {err}.") from err
    except DownloadError:
        raise
    except (OSError, HTTPException) as err:  # of a network, in its many kinds
        raise _BrokenOff(str(err) or type(err).__name__) from err


def _expected(to: _Connection, answer: HTTPResponse) -> int | None:
    """Prepare the partial file for an answer; return how many bytes it will have."""
    version = _version(answer.headers)
    if answer.status == 206:
        part = _PART.fullmatch(answer.headers.get("Content-Range", ""))
        # Some servers heed Range and not If-Range: theirs may be a newer file.
        follows = part is not None and int(part["first"]) == to.partial.size
        if part is None or not follows or version != to.partial.version(to.url):
            to.partial.remove()
            raise _BrokenOff("it sent another part than was asked for")
        return int(part["total"])
    told = answer.headers.get("Content-Length", "")
    length = int(told) if told.isascii() and told.isdigit() else None
    # A connection that breaks off looks like the end of a file without a length.
    ends = length is not None or answer.chunked
    if not ends and to.size is None and to.stated.sha256 is None:
        raise DownloadError(
            f"{to.url} must come with its length or sha256; its server states neither."
        )
    to.partial.begin(to.url, version)
    return length


def _version(headers: HTTPMessage) -> str | None:
    """Return what `If-Range` may hold; weak ETags may not."""
    etag = headers.get("ETag")
    if etag is not None and not etag.startswith("W/"):
        return str(etag)
    return headers.get("Last-Modified")


def _keep(to: _Connection, answer: HTTPResponse, expected: int | None) -> None:
    to.bar.total = expected or to.size
    to.bar.update(to.partial.size - to.bar.n)
    # A server that dribbles never runs into the timeout of a socket.
    since, brought = time.monotonic(), 0
    while chunk := answer.read1(_CHUNK):
        _append(to, chunk)
        to.bar.update(len(chunk))
        brought += len(chunk)
        if to.size is not None and to.partial.size > to.size:
            break
        if time.monotonic() - since > to.timeout:
            if brought < _SLOWEST:
                raise _BrokenOff(f"{brought} bytes in {to.timeout:g} s")
            since, brought = time.monotonic(), 0
    _append(to, b"")  # an empty file is a file
    _check_size(to, expected)


def _append(to: _Connection, chunk: bytes) -> None:
    try:
        with to.partial.bytes.open("ab") as sink:
            sink.write(chunk)
    except OSError as err:
        raise DownloadError(
            err.errno,
            f"{to.partial.path} cannot be written: {err.strerror}. Its first "
            f"{to.partial.size:,} bytes are kept",
        ) from err


def _check_size(to: _Connection, expected: int | None) -> None:
    got = to.partial.size
    if to.size is not None and got > to.size:
        to.partial.remove()
        raise DownloadError(
            f"{to.url} must give {to.size} bytes, as first seen; got more."
        )
    if expected is not None and got < expected:
        raise _BrokenOff(f"{got:,} of {expected:,} bytes")


def _given_up(url: str, partial: Partial, err: _BrokenOff) -> str:
    if partial.size and partial.version(url) is not None:
        then = f"Its first {partial.size:,} bytes are kept; call again to go on."
    else:
        partial.remove()
        then = "Try again."
    return f"{url} could not be fetched: {err}. {then}"


@contextmanager
def _bar(partial: Partial, *, shown: bool) -> Iterator[Any]:
    with tqdm(
        desc=partial.path.name,
        unit="B",
        unit_scale=True,
        unit_divisor=1024,
        disable=not shown,
    ) as bar:
        yield bar
