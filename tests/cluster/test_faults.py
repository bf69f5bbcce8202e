"""Runs through kills, a scheduler that restarts, a full disk and poisoned records.

The workers are real processes; what comes out is held against one call in this one.
"""

import errno
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pytest
import torch

from hyenascope.cluster import jobs
from hyenascope.cluster.run import Run
from hyenascope.data.variant import Variant
from hyenascope.interpret.variant_effect import score_variants
from hyenascope.models.checkpoint import save_pretrained
from hyenascope.models.hyena import HyenaConfig, HyenaLM

SIZE, SHARDS, KILLS = 8, 60, 20
TEXT = "".join(np.random.default_rng(3).choice(list("ACGT"), 40_000))
OPTIONS = {"context": 256, "scores": ("conditional", "likelihood")}


def change(pos: int, chrom: str = "I") -> Variant:
    ref = TEXT[pos - 1]
    return Variant(chrom, pos, ref, "ACGT"[("ACGT".index(ref) + 1) % 4])


def poisoned(number: int, pos: int) -> Variant:
    """Make one of six records that no one can score."""
    wrong = "ACGT"[("ACGT".index(TEXT[pos - 1]) + 1) % 4]
    return (
        Variant("I", pos, wrong, TEXT[pos - 1]),
        Variant("I", pos, TEXT[pos - 1], "<DEL>"),
        Variant("I", pos, TEXT[pos - 1], "N"),
        Variant("I", pos, TEXT[pos - 1], TEXT[pos - 1]),
        Variant("I", pos, TEXT[pos - 1], "A" * 100),
        Variant("I", pos, TEXT[pos - 1], "*"),
    )[number % 6]


@pytest.fixture(autouse=True)
def one_thread(monkeypatch):
    """Small models gain nothing from threads, and these would wait for one another."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")


@pytest.fixture(scope="module")
def model():
    config = HyenaConfig(d_model=32, n_layer=2, d_inner=64, l_max=258)
    return HyenaLM(config, generator=torch.Generator().manual_seed(1)).double()


@pytest.fixture(scope="module")
def fasta(tmp_path_factory):
    path = tmp_path_factory.mktemp("genome") / "g.fa"
    path.write_text(f">I\n{TEXT}\n")
    return path


@pytest.fixture(scope="module")
def variants():
    """Every shard has a record that is poison."""
    found = []
    for shard in range(SHARDS):
        places = [300 + 600 * shard + 50 * i for i in range(SIZE)]
        found += [change(pos) for pos in places]
        found[-SIZE + shard % SIZE] = poisoned(shard, places[shard % SIZE])
    return found


@pytest.fixture(scope="module")
def expected(model, variants, fasta):
    return score_variants(model, variants, fasta, **OPTIONS)


def assert_same(run: Run, expected) -> None:
    """Row for row: nothing lost, nothing twice, every number."""
    found = run.read()
    obs = found.obs.drop(columns="input_row")
    pd.testing.assert_frame_equal(obs, expected.obs)
    assert found.obs["input_row"].tolist() == list(range(len(expected)))
    for name in (None, "ref", "alt"):
        theirs, ours = (
            np.asarray(each.X if name is None else each.layers[name])
            for each in (expected, found)
        )
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-11)
    table = pd.read_parquet(run.folder.parquet)
    assert table["row"].tolist() == expected.obs_names.tolist()
    np.testing.assert_array_equal(table[list(found.var_names)], found.X)
    assert all(run.folder.is_whole(shard) for shard in range(run.folder.shards))
    assert not list(run.folder.path.rglob("*.partial"))


def own_workers() -> list[psutil.Process]:
    """Worker processes that this one has started."""
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
        except psutil.Error:
            continue
    return found


class Killer(threading.Thread):
    """Ends a worker at random, again and again, once the first shard is done."""

    def __init__(self, folder: Path, kills: int) -> None:
        super().__init__(daemon=True)
        self.folder, self.left, self.killed = folder, kills, 0
        self._random = random.Random(7)
        self._stop_it = threading.Event()

    def run(self) -> None:
        while self.left and not self._stop_it.wait(self._random.uniform(0.2, 2.5)):
            alive = own_workers()
            if alive and any(self.folder.glob("shards/*.json")):
                self._random.choice(alive).send_signal(signal.SIGKILL)
                self.left, self.killed = self.left - 1, self.killed + 1

    def stop(self) -> None:
        self._stop_it.set()
        self.join()


@pytest.mark.slow
def test_workers_are_killed_at_random(model, variants, fasta, expected, tmp_path):
    killer = Killer(tmp_path / "run", KILLS)
    killer.start()
    folder = tmp_path / "run"
    try:
        run = jobs.score_variants(
            model, variants, fasta, folder, workers=2, shard_size=SIZE, **OPTIONS
        )
    finally:
        killer.stop()
    assert killer.killed >= KILLS
    assert_same(run, expected)
    assert run.status().status["ok"] == SHARDS * (SIZE - 1)


@contextmanager
def small_disk(path: Path, megabytes: int):
    """Mount a disk that is soon full."""
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(path)]
    try:
        done = subprocess.run(mount, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        pytest.skip("needs mount")
    if done.returncode:
        pytest.skip(f"may not mount a small disk: {done.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", str(path)], check=True)


@pytest.mark.slow
def test_disk_is_full(model, variants, fasta, expected, tmp_path):
    def start(folder: Path) -> Run:
        return jobs.score_variants(
            model, variants, fasta, folder, workers=1, shard_size=SIZE, **OPTIONS
        )

    with small_disk(tmp_path / "disk", 14) as disk:
        folder, ballast = disk / "run", disk / "ballast"
        ballast.write_bytes(bytes(10 * 2**20))
        with pytest.raises(OSError, match=r"cannot write .*No space left") as error:
            start(folder)
        assert error.value.errno == errno.ENOSPC
        some = Run(folder).status().shards_done
        assert 0 < some < SHARDS
        part = Run(folder).read()
        pd.testing.assert_frame_equal(
            part.obs.drop(columns="input_row"), expected.obs.loc[part.obs_names]
        )
        ballast.unlink()
        assert_same(start(folder), expected)


class Cluster:
    """A scheduler and a worker as a system administrator starts them."""

    def __init__(self) -> None:
        self._started: list[subprocess.Popen] = []
        self.address = f"tcp://127.0.0.1:{free_port()}"

    def start(self) -> None:
        port = self.address.rpartition(":")[2]
        self._run("dask_scheduler", "--port", port, "--host", "127.0.0.1")
        self._run("dask_worker", self.address, "--nthreads", "1", "--nworkers", "2")

    def kill(self) -> None:
        while self._started:
            end_all(self._started.pop())

    def _run(self, module: str, *options: str) -> None:
        command = [sys.executable, "-m", f"distributed.cli.{module}", *options]
        command += ["--no-dashboard"]
        quiet = subprocess.DEVNULL
        self._started.append(subprocess.Popen(command, stdout=quiet, stderr=quiet))


def end_all(process: subprocess.Popen) -> None:
    """Kill a process and all that it has started."""
    whole = psutil.Process(process.pid)
    for each in [whole, *whole.children(recursive=True)]:
        each.kill()
    process.wait()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


@pytest.mark.slow
def test_scheduler_restarts(model, variants, fasta, expected, tmp_path):
    cluster, folder = Cluster(), tmp_path / "run"
    cluster.start()

    def restart() -> None:
        while not len(list(folder.glob("shards/*.json"))) >= SHARDS // 4:
            time.sleep(0.05)
        cluster.kill()
        done.append(len(list(folder.glob("shards/*.json"))))
        time.sleep(2)
        cluster.start()

    done: list[int] = []
    helper = threading.Thread(target=restart, daemon=True)
    helper.start()
    try:
        run = jobs.score_variants(
            model,
            variants,
            fasta,
            folder,
            scheduler=cluster.address,
            shard_size=SIZE,
            **OPTIONS,
        )
    finally:
        helper.join(60)
        cluster.kill()
    assert done[0] < SHARDS
    assert_same(run, expected)


WHOLE_RUN = """
import sys
from pathlib import Path

from hyenascope.cluster import jobs
from hyenascope.models.checkpoint import load_pretrained

if __name__ == "__main__":
    fasta, vcf, model, out = map(Path, sys.argv[1:])
    jobs.score_variants(
        load_pretrained(model).double(), vcf, fasta, out, workers=1, shard_size=8,
        context=256, scores=("conditional", "likelihood"),
    )
"""


@pytest.mark.slow
def test_everything_is_killed_at_once(model, variants, fasta, expected, tmp_path):
    """As when the machine goes down: begun again, the run goes on where it was."""
    vcf, folder = tmp_path / "v.vcf", tmp_path / "run"
    lines = [f"I\t{v.pos}\t.\t{v.ref}\t{v.alt}\t.\t.\t." for v in variants]
    vcf.write_text(
        "##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        + "".join(f"{line}\n" for line in lines)
    )
    save_pretrained(model, tmp_path / "model")
    script = tmp_path / "run.py"
    script.write_text(WHOLE_RUN)
    command = [sys.executable, script, fasta, vcf, tmp_path / "model", folder]
    ends = []
    for least in (SHARDS // 6, SHARDS // 3):
        quiet = subprocess.DEVNULL
        process = subprocess.Popen(command, stdout=quiet, stderr=quiet)
        while len(list(folder.glob("shards/*.json"))) < least:
            assert process.poll() is None
            time.sleep(0.02)
        end_all(process)
        ends.append(len(list(folder.glob("shards/*.json"))))
    assert ends[-1] < SHARDS
    before = {path: path.stat().st_mtime_ns for path in folder.glob("shards/*.json")}
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    # What was done is not done again.
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert_same(Run(folder), expected)
