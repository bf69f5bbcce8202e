import hashlib
import json
import logging
import multiprocessing
import signal
import ssl
import subprocess
import sys
import time

import numpy as np
import pytest

from hyenascope.data.locked_files import (
    LOCK_NAME,
    DownloadError,
    RemoteFile,
    fetch_files,
)
from tests.data.file_server import Site, serve

BIG = np.random.default_rng(0).bytes(3_000_000)


@pytest.fixture
def site(monkeypatch):
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr("hyenascope.data._transfer._PAUSE", 0.0)
    files = {"train/a.csv": b"one", "b.csv": b"two" * 1000, "big.fa": BIG}
    with serve(Site(files)) as server:
        yield server


def _file(site, path):
    return RemoteFile(path, f"{site.url}/{path}")


def _lock(folder):
    return json.loads((folder / LOCK_NAME).read_text(encoding="utf-8"))


def test_first_use_is_trusted_and_written_down(site, tmp_path, caplog):
    files = [_file(site, "train/a.csv"), _file(site, "b.csv")]
    fetch_files(files, tmp_path / "x")
    assert (tmp_path / "x" / "train" / "a.csv").read_bytes() == b"one"
    entry = _lock(tmp_path / "x")["b.csv"]
    assert entry["sha256"] == hashlib.sha256(b"two" * 1000).hexdigest()
    assert (entry["bytes"], entry["url"]) == (3000, f"{site.url}/b.csv")
    assert caplog.text.count("seen for the first time") == 2


def test_what_is_there_is_not_fetched_again(site, tmp_path):
    fetch_files([_file(site, "b.csv")], tmp_path)
    fetch_files([_file(site, "b.csv"), _file(site, "train/a.csv")], tmp_path)
    assert site.asked == ["b.csv", "train/a.csv"]


def test_a_lost_file_comes_back_only_as_it_was(site, tmp_path):
    fetch_files([_file(site, "b.csv")], tmp_path)
    before = _lock(tmp_path)
    (tmp_path / "b.csv").unlink()
    fetch_files([_file(site, "b.csv")], tmp_path)
    assert (tmp_path / "b.csv").read_bytes() == b"two" * 1000
    assert _lock(tmp_path) == before
    (tmp_path / "b.csv").unlink()
    site.files["b.csv"] = b"three"
    with pytest.raises(DownloadError, match=r"must have sha256 .* as first seen on 20"):
        fetch_files([_file(site, "b.csv")], tmp_path)
    assert not (tmp_path / "b.csv").exists()
    assert _lock(tmp_path) == before


def test_an_edited_file_is_refused(site, tmp_path):
    fetch_files([_file(site, "b.csv")], tmp_path)
    (tmp_path / "b.csv").write_bytes(b"edited")
    with pytest.raises(DownloadError, match=r"b\.csv must have sha256 .*Remove it"):
        fetch_files([_file(site, "b.csv")], tmp_path)
    (tmp_path / LOCK_NAME).unlink()
    with pytest.raises(DownloadError, match="got a file of unknown origin"):
        fetch_files([_file(site, "b.csv")], tmp_path)
    assert (tmp_path / "b.csv").read_bytes() == b"edited"


def test_what_the_hub_states_is_checked_the_first_time(site, tmp_path):
    site.stated["b.csv"] = hashlib.sha256(b"two" * 1000).hexdigest()
    fetch_files([_file(site, "b.csv")], tmp_path)
    assert _lock(tmp_path)["b.csv"]["commit"] == "c0ffee"
    site.stated["train/a.csv"] = "0" * 64
    with pytest.raises(DownloadError, match=r"must have sha256 0{64}, as its server"):
        fetch_files([_file(site, "train/a.csv")], tmp_path)
    assert not (tmp_path / "train" / "a.csv").exists()


def test_no_file_and_no_server(site, tmp_path):
    with pytest.raises(DownloadError, match=r"none\.csv could not be fetched: .*404"):
        fetch_files([_file(site, "none.csv")], tmp_path)
    nobody = RemoteFile("x", "http://127.0.0.1:9/x")
    with pytest.raises(DownloadError, match="could not be fetched"):
        fetch_files([nobody], tmp_path, timeout=2.0)


def test_a_damaged_lock_file_is_refused(site, tmp_path):
    (tmp_path / LOCK_NAME).write_text('{"b.csv": {"bytes": 3}}')
    with pytest.raises(DownloadError, match="must be a lock file that this made"):
        fetch_files([_file(site, "b.csv")], tmp_path)


def _visible(folder):
    return sorted(path.name for path in folder.iterdir() if path.name[0] != ".")


@pytest.mark.parametrize("fault", ["short", "reset", "stall"])
def test_a_connection_that_breaks_off_is_taken_up_again(site, tmp_path, fault):
    site.faults = [fault, fault, "none"]
    fetch_files([_file(site, "big.fa")], tmp_path, timeout=0.5)
    assert (tmp_path / "big.fa").read_bytes() == BIG
    if fault != "reset":  # which drops what was under way
        assert site.ranges == [None, "bytes=1500000-", "bytes=2250000-"]
        assert site.sent == len(BIG)
    assert site.ranges[0] is None
    assert all(site.ranges[1:])
    assert not list(tmp_path.glob(".big.fa.part*"))


def test_what_arrived_is_kept_for_the_next_call(site, tmp_path):
    site.faults = ["short"]
    with pytest.raises(DownloadError, match=r"2,906,250 bytes are kept; call again"):
        fetch_files([_file(site, "big.fa")], tmp_path)
    assert _visible(tmp_path) == []
    site.faults = ["none"]
    fetch_files([_file(site, "big.fa")], tmp_path)
    assert (tmp_path / "big.fa").read_bytes() == BIG
    assert site.sent == len(BIG)


def test_a_process_killed_on_the_way_loses_nothing(site, tmp_path):
    site.faults = ["stall", "none"]
    call = (
        "from hyenascope.data.locked_files import RemoteFile, fetch_files;"
        f"fetch_files([RemoteFile('big.fa', '{site.url}/big.fa')], {str(tmp_path)!r})"
    )
    child = subprocess.Popen([sys.executable, "-c", call])
    partial = tmp_path / ".big.fa.part"
    while not (partial.exists() and partial.stat().st_size == 1_500_000):
        assert child.poll() is None
        time.sleep(0.01)
    child.send_signal(signal.SIGKILL)
    child.wait()
    assert _visible(tmp_path) == []
    fetch_files([_file(site, "big.fa")], tmp_path)
    assert (tmp_path / "big.fa").read_bytes() == BIG
    assert site.ranges == [None, "bytes=1500000-"]


def test_a_file_that_changed_meanwhile_comes_anew(site, tmp_path):
    site.faults = ["short"]
    with pytest.raises(DownloadError, match="call again"):
        fetch_files([_file(site, "big.fa")], tmp_path)
    site.faults, site.files["big.fa"] = ["none"], BIG[::-1]
    fetch_files([_file(site, "big.fa")], tmp_path)
    assert (tmp_path / "big.fa").read_bytes() == BIG[::-1]


def test_without_a_version_nothing_is_taken_up(site, tmp_path):
    site.etags, site.faults = False, ["short", "none"]
    fetch_files([_file(site, "b.csv")], tmp_path)
    assert (tmp_path / "b.csv").read_bytes() == site.files["b.csv"]
    assert site.ranges == [None, None]
    site.faults = ["short"]
    with pytest.raises(
        DownloadError, match=r"1,500,000 of 3,000,000 bytes\. Try again"
    ):
        fetch_files([_file(site, "big.fa"), _file(site, "train/a.csv")], tmp_path)
    assert not (tmp_path / ".big.fa.part").exists()


@pytest.mark.parametrize("fault", ["elsewhere", "newer", "past"])
def test_a_part_that_does_not_follow_is_dropped(site, tmp_path, fault):
    site.faults = ["short", fault, "none"]
    fetch_files([_file(site, "big.fa")], tmp_path)
    assert (tmp_path / "big.fa").read_bytes() == BIG
    assert site.ranges == [None, "bytes=1500000-", None]


def test_a_server_that_dribbles_is_given_up(site, tmp_path):
    site.faults = ["dribble"]
    begun = time.monotonic()
    with pytest.raises(DownloadError, match=r"bytes in 0\.3 s"):
        fetch_files([_file(site, "b.csv")], tmp_path, timeout=0.3)
    assert time.monotonic() - begun < 5


def test_changed_bytes_never_become_the_file(site, tmp_path):
    site.stated["big.fa"] = hashlib.sha256(BIG).hexdigest()
    site.faults = ["changed"]
    with pytest.raises(DownloadError, match="as its server states; got"):
        fetch_files([_file(site, "big.fa")], tmp_path)
    assert _visible(tmp_path) == []
    assert not (tmp_path / ".big.fa.part").exists()
    site.faults = ["none"]
    fetch_files([_file(site, "big.fa")], tmp_path)
    assert (tmp_path / "big.fa").read_bytes() == BIG


def test_a_busy_server_is_asked_again(site, tmp_path):
    site.faults = ["busy", "busy", "none"]
    fetch_files([_file(site, "b.csv")], tmp_path)
    assert len(site.ranges) == 3
    site.faults = ["busy"]
    with pytest.raises(DownloadError, match=r"503.*Try again"):
        fetch_files([_file(site, "train/a.csv")], tmp_path)


def test_more_than_was_first_seen_is_not_written(site, tmp_path):
    fetch_files([_file(site, "b.csv")], tmp_path)
    (tmp_path / "b.csv").unlink()
    site.faults = ["endless"]
    with pytest.raises(DownloadError, match="must give 3000 bytes, as first seen"):
        fetch_files([_file(site, "b.csv")], tmp_path)
    assert _visible(tmp_path) == [LOCK_NAME]


def test_a_part_of_the_part_is_followed_by_the_rest(site, tmp_path):
    site.faults = ["short", "less", "none"]
    fetch_files([_file(site, "big.fa")], tmp_path)
    assert (tmp_path / "big.fa").read_bytes() == BIG
    assert site.ranges == [None, "bytes=1500000-", "bytes=2250000-"]


def test_a_new_file_without_length_or_digest_is_refused(site, tmp_path):
    site.faults = ["garbled"]
    with pytest.raises(DownloadError, match="must come with its length or sha256"):
        fetch_files([_file(site, "b.csv")], tmp_path)
    site.stated["b.csv"] = hashlib.sha256(site.files["b.csv"]).hexdigest()
    fetch_files([_file(site, "b.csv")], tmp_path)
    assert (tmp_path / "b.csv").read_bytes() == site.files["b.csv"]


def test_a_file_in_chunks_needs_no_length(site, tmp_path):
    site.faults = ["chunked"]
    fetch_files([_file(site, "big.fa")], tmp_path)
    assert (tmp_path / "big.fa").read_bytes() == BIG


def test_what_arrived_whole_is_not_fetched_again(site, tmp_path, monkeypatch):
    def die(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("hyenascope.data.locked_files._check_bytes", die)
        with pytest.raises(KeyboardInterrupt):
            fetch_files([_file(site, "big.fa")], tmp_path)
    assert _visible(tmp_path) == []
    fetch_files([_file(site, "big.fa")], tmp_path)
    assert (tmp_path / "big.fa").read_bytes() == BIG
    assert site.sent == len(BIG)


def test_errors_of_the_network_are_tried_again_and_told_as_such(
    site, tmp_path, monkeypatch
):
    tried = []

    def fail(self, count):
        tried.append(count)
        raise ssl.SSLError(5, "bad record")  # the number of a disk that fails

    monkeypatch.setattr("http.client.HTTPResponse.read1", fail)
    with pytest.raises(DownloadError, match=r"could not be fetched: .*bad record"):
        fetch_files([_file(site, "b.csv")], tmp_path)
    assert len(tried) == 4


def test_a_folder_that_cannot_be_locked(site, tmp_path, monkeypatch, caplog):
    def refuse(self, **_):
        raise NotImplementedError("flock")

    monkeypatch.setattr("filelock.FileLock.acquire", refuse)
    fetch_files([_file(site, "b.csv")], tmp_path)
    assert "cannot be locked: flock" in caplog.text
    assert (tmp_path / "b.csv").read_bytes() == site.files["b.csv"]


def test_redirects_are_followed_within_bounds(site, tmp_path):
    site.sent_on = {"x.csv": "/b.csv", "loop": "/loop", "disk": "file:///etc/passwd"}
    site.sent_on["old"] = "ftp://127.0.0.1:9/b.csv"
    fetch_files([_file(site, "x.csv")], tmp_path)
    assert (tmp_path / "x.csv").read_bytes() == site.files["b.csv"]
    for path in ("loop", "disk", "old"):
        with pytest.raises(DownloadError):
            fetch_files([_file(site, path)], tmp_path)
        assert not (tmp_path / path).exists()


@pytest.mark.parametrize("path", ["../x", "/etc/x", "a/../../x", "", ".", "a\\b", "\0"])
def test_paths_stay_within_the_folder(path):
    with pytest.raises(ValueError, match=r"path must lie within the folder"):
        RemoteFile(path, "https://example.org/x")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://x/y", "x.csv"])
def test_addresses_are_of_the_web(url):
    with pytest.raises(ValueError, match=r"url must start with https:// or http://"):
        RemoteFile("x", url)


def _fetch_at_once(start, paths, url, folder):
    start.wait()
    fetch_files([RemoteFile(path, f"{url}/{path}") for path in paths], folder)


def test_processes_on_one_folder_fetch_each_file_once(site, tmp_path):
    site.files |= {f"{i}.csv": bytes([i]) * 50_000 for i in range(20)}
    paths = [f"{i}.csv" for i in range(20)]
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(3)
    children = [
        context.Process(target=_fetch_at_once, args=(start, order, site.url, tmp_path))
        for order in (paths, paths[::-1], paths[::2])
    ]
    for child in children:
        child.start()
    for child in children:
        child.join()
    assert [child.exitcode for child in children] == [0, 0, 0]
    assert sorted(site.asked) == sorted(paths)
    assert set(_lock(tmp_path)) == set(paths)
    for path in paths:
        assert (tmp_path / path).read_bytes() == site.files[path]


def test_waiting_for_another_process_is_said(site, tmp_path, caplog):
    site.faults = ["stall", "none"]
    context = multiprocessing.get_context("spawn")
    start = context.Barrier(1)
    child = context.Process(
        target=_fetch_at_once, args=(start, ["big.fa"], site.url, tmp_path)
    )
    child.start()
    while not site.asked:
        time.sleep(0.01)
    with caplog.at_level(logging.WARNING, logger="hyenascope"):
        fetch_files([_file(site, "big.fa")], tmp_path)
    child.join()
    assert "another process fetches into it; waiting" in caplog.text
    assert (tmp_path / "big.fa").read_bytes() == BIG
    assert len(site.asked) == 2


def test_a_folder_that_holds_everything_is_not_written(site, tmp_path):
    fetch_files([_file(site, "b.csv")], tmp_path)
    (tmp_path / ".fetching.lock").unlink()
    before = {path: path.stat() for path in (tmp_path, *tmp_path.iterdir())}
    fetch_files([_file(site, "b.csv")], tmp_path)
    after = {path: path.stat() for path in (tmp_path, *tmp_path.iterdir())}
    assert [it.st_mtime_ns for it in after.values()] == [
        it.st_mtime_ns for it in before.values()
    ]
    assert after.keys() == before.keys()
