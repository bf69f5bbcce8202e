"""A stand-in for the Hugging Face hub on the loopback address."""

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Literal


@dataclass
class Hub:
    """What the hub holds, how it misbehaves, and which files it was asked for."""

    repo: str
    revision: str
    files: dict[str, bytes]
    fault: Literal["none", "short", "changed", "down"] = "none"
    requests: list[str] = field(default_factory=list)
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
            repo, _, rest = self.path.strip("/").partition("/resolve/")
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
            digest = hashlib.sha256(body).hexdigest()
            if with_body and hub.fault == "short":
                body = body[: len(body) // 2]
            if with_body and hub.fault == "changed":
                body = bytes([*body[:-1], body[-1] ^ 1])
            self.send_response(200)
            self.send_header("ETag", f'"{digest}"')
            self.send_header("X-Repo-Commit", hub.revision)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if with_body:
                self.wfile.write(body)

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
