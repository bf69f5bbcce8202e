"""Killed runs, in processes of their own, with a real SIGKILL."""

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from hyenascope.models.run_checkpoint import read_checkpoint
from tests.training.small_run import STEPS

REPOSITORY = Path(__file__).parents[2]
RUN = [sys.executable, "-m", "tests.training.small_run"]


def begin(out, *options, run=RUN):
    return subprocess.Popen(
        [*run, str(out), *options],
        cwd=REPOSITORY,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(out, *options, run=RUN):
    process = begin(out, *options, run=run)
    told = process.communicate(timeout=300)[0].split("\n")
    assert process.returncode == 0
    return told


def kill_at(out, step, *options, run=RUN, everybody=True):
    """Kill a run, with its processes, as soon as it has said that a step is done."""
    process = begin(out, "--pause", "0.05", *options, run=run)
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == str(step):
            (os.killpg if everybody else os.kill)(process.pid, signal.SIGKILL)
            break
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL


def numbers(out):
    with (out / "steps.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    columns = ("step", "length", "loss", "learning_rate", "gradient_norm", "validation")
    return [[row[name] for name in columns] for row in rows]


def same_run(one, other):
    """The same numbers, weights, best checkpoint and names of files, no more."""
    assert numbers(one) == numbers(other)
    for name in ("model.safetensors", "config.json"):
        assert (one / name).read_bytes() == (other / name).read_bytes()
    best, wanted = (
        read_checkpoint(run / "checkpoints" / "best.pt") for run in (one, other)
    )
    assert best["step"] == wanted["step"]
    for name, weight in wanted["model"].items():
        assert torch.equal(best["model"][name], weight)
    left, wanted = (
        {path.relative_to(run) for path in run.rglob("*") if path.is_file()}
        for run in (one, other)
    )
    assert left == wanted


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A run that nobody has disturbed."""
    out = tmp_path_factory.mktemp("whole") / "run"
    finish(out)
    assert len(numbers(out)) == STEPS
    return out


@pytest.mark.slow
def test_a_run_killed_again_and_again_ends_in_the_same_bits(tmp_path, whole):
    """Before the first checkpoint, between two, on one, in another stage and epoch."""
    killed = tmp_path / "run"
    for step in (2, 6, 8, 15, 23):
        kill_at(killed, step)
    assert finish(killed)[0] != "begin 0"
    same_run(killed, whole)


WORKERS = """
from functools import partial
from tests.training import small_run

small_run.Hardware = partial(small_run.Hardware, workers=2)
small_run.main()
"""


@pytest.mark.slow
def test_workers_end_with_their_process_and_the_next_ones_go_on(tmp_path, whole):
    """They hold the other end of its output: reading it to the end waits for them."""
    killed = tmp_path / "run"
    run = [sys.executable, "-c", WORKERS]
    kill_at(killed, 6, run=run, everybody=False)
    assert finish(killed, run=run)[0] != "begin 0"
    same_run(killed, whole)


@pytest.mark.slow
def test_two_processes_that_are_killed_end_in_the_same_bits(tmp_path):
    """One of them: the other ends by itself. Both: the next two go on."""
    whole, killed = tmp_path / "whole" / "run", tmp_path / "killed" / "run"
    two = ("--devices", "2")
    finish(whole, *two)
    kill_at(killed, 6, *two, everybody=False)
    kill_at(killed, 15, *two)
    told = finish(killed, *two)
    begun = {line for line in told if line.startswith("begin ")}
    assert begun - {"begin 0"}  # which the second says: the first one keeps the log
    same_run(killed, whole)


DYING = """
import os, signal, sys
from pathlib import Path
from tests.training import small_run

write, name, times = Path.write_bytes, sys.argv.pop(), int(sys.argv.pop())

def half(path, data):
    global times
    times -= path.name.endswith(name)
    if times:
        return write(path, data)
    write(path, data[: len(data) // 2])
    os.kill(os.getpid(), signal.SIGKILL)

Path.write_bytes = half
small_run.main()
"""


def kill_half_way(out, name, *, times=1):
    """Let a run kill itself in the middle of a file; return where it began."""
    process = begin(out, str(times), name, run=[sys.executable, "-c", DYING])
    told = process.communicate(timeout=300)[0].split("\n")
    assert process.returncode == -signal.SIGKILL
    assert any(left.name.endswith(name) for left in out.rglob(".*"))
    return told[0]


@pytest.mark.slow
def test_half_a_checkpoint_counts_for_nothing_and_does_not_stay(tmp_path, whole):
    """The first of all, a later one, and the last that was the best."""
    killed = tmp_path / "run"
    assert kill_half_way(killed, "step-00000004.pt") == "begin 0"
    assert kill_half_way(killed, "step-00000012.pt") == "begin 0"
    assert kill_half_way(killed, "best.pt", times=3) == "begin 8"
    assert read_checkpoint(whole / "checkpoints" / "best.pt")["step"] == STEPS
    assert finish(killed)[0] == "begin 21"
    same_run(killed, whole)


@pytest.mark.slow
def test_a_polite_stop_saves_the_step_it_was_at(tmp_path, whole):
    process = begin(tmp_path / "run", "--pause", "0.05")
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == "5":
            process.send_signal(signal.SIGTERM)
            break
    process.communicate(timeout=60)
    assert process.returncode == 0
    done = len(numbers(tmp_path / "run"))
    assert 5 <= done < STEPS
    assert finish(tmp_path / "run")[0] == f"begin {done}"
    assert numbers(tmp_path / "run") == numbers(whole)


LIMITED = """
import resource, runpy, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, 20_000))
sys.argv = ["small_run", sys.argv[1]]
runpy.run_module("tests.training.small_run", run_name="__main__")
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="no limits on files there")
def test_a_disk_without_room_for_a_checkpoint_does_not_end_the_run(tmp_path):
    """No file may exceed 20 kB here: the log fits, no checkpoint and no model does."""
    done = subprocess.run(
        [sys.executable, "-c", LIMITED, str(tmp_path)],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["begin", "0", *map(str, range(1, STEPS + 1))]
    assert len(numbers(tmp_path)) == STEPS
    assert not list(tmp_path.rglob("*.pt"))
    assert "could not be saved" in done.stderr
