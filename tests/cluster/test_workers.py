"""Processes of our own: their threads, their keys and their numbers."""

import os
import subprocess
import sys
import time
from contextlib import suppress
from types import SimpleNamespace

import psutil
import pytest
import torch
from distributed import Client

from hyenascope.cluster import worker, workers
from hyenascope.cluster._dask import CPU_COUNT
from hyenascope.cluster.worker import Setting, worker_device
from hyenascope.cluster.workers import connect, own_threads


@pytest.mark.parametrize(
    ("asked", "count", "expected"),
    [
        (None, 1, 8),
        (None, 3, 2),
        (None, 20, 1),
        ("", 2, 4),
        ("1", 2, 1),
        ("5,2", 2, 5),
        ("0", 2, 4),
        ("many", 2, 4),
    ],
)
def test_own_workers_share_the_cores(monkeypatch, asked, count, expected):
    monkeypatch.setattr(workers, "CPU_COUNT", 8)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    if asked is not None:
        monkeypatch.setenv("OMP_NUM_THREADS", asked)
    assert own_threads(count) == expected


SCRIPT = """
import torch

from hyenascope.cluster.workers import connect

if __name__ == "__main__":
    with connect(None, 1) as crew:
        print(crew.ask(torch.get_num_threads))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("asked", "expected"), [(None, CPU_COUNT), ("1", 1)])
def test_a_script_that_imports_torch_first_has_its_threads(tmp_path, asked, expected):
    script = tmp_path / "run.py"
    script.write_text(SCRIPT)
    variables = {k: v for k, v in os.environ.items() if not k.endswith("_NUM_THREADS")}
    if asked is not None:
        variables["OMP_NUM_THREADS"] = asked
    done = subprocess.run(
        [sys.executable, script],
        capture_output=True,
        text=True,
        check=False,
        env=variables,
    )
    assert not done.returncode, done.stderr
    assert int(done.stdout) == expected


def number_of(dask_worker) -> tuple[int, int]:
    return dask_worker.name, os.getpid()


def both(crew) -> dict[int, int]:
    """Return the processes of two workers by their number, once they are there."""
    deadline = time.monotonic() + 60
    while crew.count() < 2:
        assert time.monotonic() < deadline
        time.sleep(0.2)
    found = [pair for pair in crew.client.run(number_of).values() if pair]
    assert len({number for number, _ in found}) == 2, found
    return dict(found)


@pytest.mark.slow
def test_others_cannot_speak_to_own_workers():
    with connect(None, 1) as crew:
        address = crew.client.scheduler.address
        assert address.startswith("tls://127.0.0.1:")
        plain = address.replace("tls", "tcp")
        for foreign in (
            lambda: Client(plain, timeout="3s"),
            lambda: Client(address, timeout="3s", security=workers._own_security()),
        ):
            with pytest.raises(OSError):  # noqa: PT011 # whatever the transport says
                foreign()
        assert crew.ask(sum, [1, 2]) == 3


@pytest.mark.slow
def test_who_takes_the_place_of_a_worker_takes_its_number():
    with connect(None, 2) as crew:
        before = both(crew)
        assert set(before) == {0, 1}
        for number in (1, 0):  # one that died
            psutil.Process(before[number]).kill()
            time.sleep(1)
        after = both(crew)
        assert set(after) == {0, 1}
        assert not set(before.values()) & set(after.values())
        lost = crew._own.workers[1]  # and one that dask gives up
        crew._own.sync(lost.close)
        again = both(crew)
        assert set(again) == {0, 1}
        assert again[0] == after[0]
        assert again[1] != after[1]


@pytest.mark.slow
def test_one_that_died_as_it_started_is_replaced():
    with connect(None, 2) as crew:
        both(crew)
        end = time.monotonic() + 25  # dask gives up a worker after ten seconds
        while time.monotonic() < end:
            for child in psutil.Process().children(recursive=True):
                with suppress(psutil.Error):  # it is gone already
                    if "spawn_main" in " ".join(child.cmdline()):
                        child.kill()
            crew.count()
            time.sleep(0.1)
        assert set(both(crew)) == {0, 1}


@pytest.mark.parametrize(
    ("setting", "name", "expected"),
    [
        ({"spread": True}, 0, "cuda:0"),
        ({"spread": True}, 1, "cuda:1"),
        ({"spread": True, "device": "cuda"}, 1, "cuda:1"),
        ({"spread": True}, 2, "cuda:0"),  # more workers than GPUs
        ({"spread": True, "device": "cuda:1"}, 0, "cuda:1"),
        ({"spread": True, "device": "cpu"}, 1, "cpu"),
        ({"spread": False}, 1, None),
        ({"spread": True}, "node7", None),
    ],
)
def test_the_number_of_a_worker_is_that_of_its_gpu(
    monkeypatch, setting, name, expected
):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(worker, "get_worker", lambda: SimpleNamespace(name=name))
    assert worker_device(Setting("run", "x", "g.fa", **setting)) == expected
