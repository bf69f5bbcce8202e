"""A file server on the loopback address that misbehaves as it is told."""

import hashlib
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass
class Site:
    """Files by path, what the server states of them, and how it misbehaves.

    ``faults`` holds one word per answer to come, the last one for good: none, short,
    reset, stall, dribble, changed, busy, endless, elsewhere (another range), less (of
    the range), newer (that range of a newer file), past (416), garbled (a
    Content-Length that is none), chunked.
    """

    files: dict[str, bytes]
    stated: dict[str, str] = field(default_factory=dict)
    sent_on: dict[str, str] = field(default_factory=dict)
    faults: list[str] = field(default_factory=lambda: ["none"])
    etags: bool = True
    asked: list[str] = field(default_factory=list)
    ranges: list[str | None] = field(default_factory=list)
    sent: int = 0
    url: str = ""

    def next_fault(self) -> str:
        return self.faults.pop(0) if len(self.faults) > 1 else self.faults[0]


NEWER = '"newer"'


class _Handler(BaseHTTPRequestHandler):
    site: Site

    def do_GET(self) -> None:
        name = self.path.strip("/")
        self.site.asked.append(name)
        if name in self.site.sent_on:
            return self._send_on(self.site.sent_on[name])
        if name in self.site.stated:  # as the hub sends large files on
            return self._send_on(f"/store/{name}", self.site.stated[name])
        body = self.site.files.get(name.removeprefix("store/"))
        if body is None:
            return self.send_error(404)
        return self._send(body, self.site.next_fault())

    def log_message(self, format: str, *args: object) -> None: ...

    def _send_on(self, where: str, sha256: str | None = None) -> None:
        self.send_response(302)
        self.send_header("Location", where)
        if sha256 is not None:
            self.send_header("X-Linked-ETag", f'"{sha256}"')
            self.send_header("X-Repo-Commit", "c0ffee")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _send(self, body: bytes, fault: str) -> None:
        etag = f'"{hashlib.md5(body, usedforsecurity=False).hexdigest()}"'
        if fault == "newer":
            etag, body = NEWER, body[::-1]
        asked = self.headers.get("Range")
        self.site.ranges.append(asked)
        if fault == "busy":
            return self.send_error(503)
        if fault == "past":
            return self.send_error(416)
        start = 0
        if asked is not None and etag in (self.headers.get("If-Range"), NEWER):
            start = int(asked.removeprefix("bytes=").rstrip("-"))
        if start == len(body):
            return self._nothing_left(start)
        end = (start + len(body)) // 2 if start and fault == "less" else len(body)
        self.send_response(206 if start else 200)
        if start:
            told = start - 1 if fault == "elsewhere" else start
            self.send_header("Content-Range", f"bytes {told}-{end - 1}/{len(body)}")
        if self.site.etags:
            self.send_header("ETag", etag)
        if fault not in {"endless", "garbled", "chunked"}:
            self.send_header("Content-Length", str(end - start))
        if fault == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
            end = len(body)
        if fault == "garbled":
            self.send_header("Content-Length", "many")
        self.end_headers()
        return self._body(body[start:end], fault)

    def _nothing_left(self, size: int) -> None:
        self.send_response(416)
        self.send_header("Content-Range", f"bytes */{size}")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def _body(self, body: bytes, fault: str) -> None:
        if fault == "changed":
            body = bytes([*body[:-1], body[-1] ^ 1])
        if fault in {"short", "reset", "stall"}:
            body = body[: len(body) // 2]
        if fault == "dribble":
            return self._dribble(body)
        if fault == "endless":
            body *= 50
        self.wfile.write(body)
        self.site.sent += len(body)
        if fault == "stall":
            self.wfile.flush()
            time.sleep(1.5)
        if fault == "reset":
            # Closing without lingering sends RST in place of an orderly end.
            linger = struct.pack("ii", 1, 0)
            self.wfile.flush()
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            self.connection.close()
        return None

    def _dribble(self, body: bytes) -> None:
        for byte in body[:40]:
            try:
                self.wfile.write(bytes([byte]))
                self.wfile.flush()
            except OSError:
                return
            time.sleep(0.05)


@contextmanager
def serve(site: Site) -> Iterator[Site]:
    handler = type("Handler", (_Handler,), {"site": site})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.handle_error = lambda request, address: None
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
