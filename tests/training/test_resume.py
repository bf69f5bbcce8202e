"""Killed runs, in processes of their own, with a real SIGKILL."""

import csv
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.small_run import STEPS

REPOSITORY = Path(__file__).parents[2]
RUN = [sys.executable, "-m", "tests.training.small_run"]


def begin(out, *options):
    return subprocess.Popen(
        [*RUN, str(out), *options],
        cwd=REPOSITORY,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        text=True,
    )


def finish(out, *options):
    process = begin(out, *options)
    told = process.communicate(timeout=300)[0].split("\n")
    assert process.returncode == 0
    return told


def kill_at(out, step):
    """Kill a run as soon as it has said that a step is done."""
    process = begin(out, "--pause", "0.05")
    assert process.stdout is not None
    for line in process.stdout:
        if line.strip() == str(step):
            process.send_signal(signal.SIGKILL)
            break
    process.communicate(timeout=60)
    assert process.returncode == -signal.SIGKILL


def numbers(out):
    with (out / "steps.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    columns = ("step", "length", "loss", "learning_rate", "gradient_norm", "validation")
    return [[row[name] for name in columns] for row in rows]


@pytest.mark.slow
def test_a_run_killed_again_and_again_ends_in_the_same_bits(tmp_path):
    """Before the first checkpoint, between two, on one, in another stage and epoch."""
    whole, killed = tmp_path / "whole" / "run", tmp_path / "killed" / "run"
    finish(whole)
    for step in (2, 6, 8, 15, 23):
        kill_at(killed, step)
    told = finish(killed)
    assert told[0] != "begin 0"
    assert numbers(killed) == numbers(whole)
    assert len(numbers(whole)) == STEPS
    for name in ("model.safetensors", "config.json"):
        assert (killed / name).read_bytes() == (whole / name).read_bytes()
    left = {path.name for path in killed.rglob("*") if path.is_file()}
    assert left == {path.name for path in whole.rglob("*") if path.is_file()} | {
        name
        for name in left
        if name.startswith(".")  # of writes that were killed
    }


@pytest.mark.slow
def test_a_polite_stop_saves_the_step_it_was_at(tmp_path):
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
    finish(tmp_path / "whole")
    assert numbers(tmp_path / "run") == numbers(tmp_path / "whole")


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
