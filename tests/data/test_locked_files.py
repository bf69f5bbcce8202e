import hashlib
import json
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from hyenascope.data.locked_files import (
    LOCK_NAME,
    DownloadError,
    RemoteFile,
    fetch_files,
)


@dataclass
class Site:
    """Files by path, what the server states of them, and how it misbehaves."""

    files: dict[str, bytes]
    stated: dict[str, str] = field(default_factory=dict)
    fault: str = "none"
    asked: list[str] = field(default_factory=list)
    url: str = ""

    def file(self, path):
        return RemoteFile(path, f"{self.url}/{path}")


@contextmanager
def _serve(site):
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            name = self.path.strip("/")
            site.asked.append(name)
            if name in site.stated:  # as the hub sends large files on
                self.send_response(302)
                self.send_header("Location", f"/store/{name}")
                self.send_header("X-Linked-ETag", f'"{site.stated[name]}"')
                self.send_header("X-Repo-Commit", "c0ffee")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            body = site.files.get(name.removeprefix("store/"))
            if body is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if site.fault == "short" else body)

        def log_message(self, format, *args): ...

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    site.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield site
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def site(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with _serve(Site({"train/a.csv": b"one", "b.csv": b"two" * 1000})) as server:
        yield server


def _lock(folder):
    return json.loads((folder / LOCK_NAME).read_text(encoding="utf-8"))


def test_first_use_is_trusted_and_written_down(site, tmp_path, caplog):
    files = [site.file("train/a.csv"), site.file("b.csv")]
    fetch_files(files, tmp_path / "x")
    assert (tmp_path / "x" / "train" / "a.csv").read_bytes() == b"one"
    entry = _lock(tmp_path / "x")["b.csv"]
    assert entry["sha256"] == hashlib.sha256(b"two" * 1000).hexdigest()
    assert (entry["bytes"], entry["url"]) == (3000, f"{site.url}/b.csv")
    assert caplog.text.count("seen for the first time") == 2


def test_what_is_there_is_not_fetched_again(site, tmp_path):
    fetch_files([site.file("b.csv")], tmp_path)
    fetch_files([site.file("b.csv"), site.file("train/a.csv")], tmp_path)
    assert site.asked == ["b.csv", "train/a.csv"]


def test_a_lost_file_comes_back_only_as_it_was(site, tmp_path):
    fetch_files([site.file("b.csv")], tmp_path)
    before = _lock(tmp_path)
    (tmp_path / "b.csv").unlink()
    fetch_files([site.file("b.csv")], tmp_path)
    assert (tmp_path / "b.csv").read_bytes() == b"two" * 1000
    assert _lock(tmp_path) == before
    (tmp_path / "b.csv").unlink()
    site.files["b.csv"] = b"three"
    with pytest.raises(DownloadError, match=r"must have sha256 .* as first seen on 20"):
        fetch_files([site.file("b.csv")], tmp_path)
    assert not (tmp_path / "b.csv").exists()
    assert _lock(tmp_path) == before


def test_an_edited_file_is_refused(site, tmp_path):
    fetch_files([site.file("b.csv")], tmp_path)
    (tmp_path / "b.csv").write_bytes(b"edited")
    with pytest.raises(DownloadError, match=r"b\.csv must have sha256 .*Remove it"):
        fetch_files([site.file("b.csv")], tmp_path)
    (tmp_path / LOCK_NAME).unlink()
    with pytest.raises(DownloadError, match="got a file of unknown origin"):
        fetch_files([site.file("b.csv")], tmp_path)
    assert (tmp_path / "b.csv").read_bytes() == b"edited"


def test_what_the_hub_states_is_checked_the_first_time(site, tmp_path):
    site.stated["b.csv"] = hashlib.sha256(b"two" * 1000).hexdigest()
    fetch_files([site.file("b.csv")], tmp_path)
    assert _lock(tmp_path)["b.csv"]["commit"] == "c0ffee"
    site.stated["train/a.csv"] = "0" * 64
    with pytest.raises(DownloadError, match=r"must have sha256 0{64}, as its server"):
        fetch_files([site.file("train/a.csv")], tmp_path)
    assert not (tmp_path / "train" / "a.csv").exists()


def test_a_broken_connection_leaves_nothing(site, tmp_path):
    site.fault = "short"
    with pytest.raises(
        DownloadError, match="must give 3000 bytes, as it says; got 1500"
    ):
        fetch_files([site.file("b.csv")], tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_no_file_and_no_server(site, tmp_path):
    with pytest.raises(DownloadError, match=r"none\.csv could not be fetched: .*404"):
        fetch_files([site.file("none.csv")], tmp_path)
    nobody = RemoteFile("x", "http://127.0.0.1:9/x")
    with pytest.raises(DownloadError, match="could not be fetched"):
        fetch_files([nobody], tmp_path, timeout=2.0)


def test_a_damaged_lock_file_is_refused(site, tmp_path):
    (tmp_path / LOCK_NAME).write_text('{"b.csv": {"bytes": 3}}')
    with pytest.raises(DownloadError, match="must be a lock file that this made"):
        fetch_files([site.file("b.csv")], tmp_path)
