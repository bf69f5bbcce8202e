"""Readers of files from outside, on files that nobody would write."""

import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hyenascope.data.interval import Interval
from tests.fuzz import bounded_memory, fuzz, is_refusal, mutated, time_limit
from tests.fuzz_readers import NAMES

COUNTS = dict.fromkeys(("fasta", "fasta-bgzip"), 3_000)
COUNTS |= dict.fromkeys(("safetensors", "pickle"), 4_000)
COUNT = 11_000


def test_more_than_a_hundred_thousand_inputs_are_tried():
    assert sum(COUNTS.get(name, COUNT) for name in NAMES) >= 100_000


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_reads_or_refuses_in_words(name):
    count = COUNTS.get(name, COUNT)
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz_readers", name, str(count)],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[1],
        timeout=300,
    )
    assert not done.returncode, done.stderr
    found = json.loads(done.stdout)
    assert found["broken"] == []
    assert found["inputs"] == count
    assert found["refused"] > count // 10


def test_a_reader_that_breaks_is_found(tmp_path):
    def read(path):
        if b"C" not in path.read_bytes():
            raise KeyError("C")

    found = fuzz(read, [b"ACGT" * 3], tmp_path / "x", 200)
    assert found.broken
    assert not any(b"C" in data for data, _ in found.broken)
    assert found.read + len(found.broken) == found.inputs == 200


def test_what_falls_out_of_a_library_is_no_refusal():
    with pytest.raises(ValueError, match="end") as ours:
        Interval("I", 5, 1)
    with pytest.raises(ValueError, match="invalid literal") as python:
        int("x")
    assert not is_refusal(python.value)
    assert is_refusal(ours.value)


def test_time_and_memory_are_bounded():
    def wait():
        with time_limit():
            time.sleep(9)

    def fill():
        with bounded_memory():
            bytearray(2**31)

    with pytest.raises(TimeoutError, match="took more than 5 s"):
        wait()
    with pytest.raises(MemoryError):
        fill()


def test_changes_are_the_same_for_the_same_seed():
    seeds = [b"ACGT\n" * 4, b">x\nTT\n"]
    first, again = (mutated(seeds, random.Random(3)) for _ in range(2))
    some = [next(first) for _ in range(50)]
    assert some == [next(again) for _ in range(50)]
    assert len(set(some)) > 40
