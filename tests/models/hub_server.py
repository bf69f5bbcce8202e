"""A stand-in for the Hugging Face hub on the loopback address."""

import hashlib
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal

Fault = Literal["none", "short", "cut", "stall", "changed", "sent on", "down"]
"""Short is a smaller file than the hub says; cut and stall stop half-way."""


def name_of(path: str, body: bytes) -> str:
    """Return what the hub calls a file: by sha256, or as git does if it is small."""
    if path.endswith(".json"):
        return hashlib.sha1(b"blob %d\0" % len(body) + body).hexdigest()
    return hashlib.sha256(body).hexdigest()


@dataclass
class Hub:
    """What the hub holds, how it misbehaves, and which files it was asked for."""

    repo: str
    revision: str
    files: dict[str, bytes]
    fault: Fault = "none"
    once: bool = False  # the fault goes away after the first body
    requests: list[str] = field(default_factory=list)
    ranges: list[str] = field(default_factory=list)
    url: str = ""


@contextmanager
def serve(hub: Hub) -> Iterator[Hub]:
    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def log_message(self, format: str, *args: object) -> None: ...

        def _answer(self, *, with_body: bool) -> None:
            if "/resolve/" in self.path:  # the client also asks about itself
                hub.requests.append(f"{self.command} {self.path}")
            if hub.fault == "down":
                return self._refuse(503, "")
            path = self.path.partition("?")[0]
            repo, _, rest = path.strip("/").partition("/resolve/")
            revision, _, name = rest.partition("/")
            if repo != hub.repo:
                return self._refuse(404, "RepoNotFound")
            if revision != hub.revision:
                return self._refuse(404, "RevisionNotFound")
            if name not in hub.files:
                return self._refuse(404, "EntryNotFound")
            self._send(hub.files[name], with_body=with_body)
            return None

        def _send(self, body: bytes, *, with_body: bool) -> None:
            etag, size = f'"{name_of(self.path, body)}"', len(body)
            if hub.fault == "sent on" and "?" not in self.path:
                return self._send_on(etag, size)
            if with_body and hub.fault == "short":
                body = body[: size // 2]
                size = len(body)
            start = 0
            if with_body and (asked := self.headers.get("Range")):
                hub.ranges.append(asked)
                start = int(asked.removeprefix("bytes=").rstrip("-"))
            self.send_response(206 if start else 200)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
            self.send_header("ETag", etag)
            self.send_header("X-Repo-Commit", hub.revision)
            self.send_header("Content-Length", str(size - start))
            self.end_headers()
            if with_body:
                self._write(body[start:])
            return None

        def _write(self, body: bytes) -> None:
            fault = hub.fault
            if hub.once:
                hub.fault = "none"
            if fault == "changed":
                body = bytes([*body[:-1], body[-1] ^ 1])
            self.wfile.write(
                body[: len(body) // 2] if fault in {"cut", "stall"} else body
            )
            if fault == "stall":
                self.wfile.flush()
                time.sleep(1.0)

        def _send_on(self, etag: str, size: int) -> None:
            """As the hub does with large files, to another host."""
            self.send_response(302)
            self.send_header("Location", f"{hub.url}{self.path}?store")
            self.send_header("X-Linked-ETag", etag)
            self.send_header("X-Linked-Size", str(size))
            self.send_header("X-Repo-Commit", hub.revision)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def _refuse(self, status: int, code: str) -> None:
            self.send_response(status)
            self.send_header("X-Error-Code", code)
            self.send_header("Content-Length", "0")
            self.end_headers()

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    hub.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
