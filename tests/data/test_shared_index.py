"""One index built by several processes at once, and indices none may write."""

import hashlib
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import pysam
import pytest

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from tests.plain_user import read_only, run_as_plain_user

ROUNDS, READERS = 30, 3


def _genome(path, contigs=100, length=700):
    rng = np.random.default_rng(5)
    text = "".join(
        f">c{i}\n" + "".join(rng.choice(list("ACGT"), length)) + "\n"
        for i in range(contigs)
    )
    if path.suffix == ".gz":
        with pysam.BGZFile(str(path), "w") as file:
            file.write(text.encode())
    else:
        path.write_text(text)
    return hashlib.sha256(text.replace("\n", "").encode()).hexdigest()


def _whole(reader):
    found = hashlib.sha256()
    for name, length in reader.contigs.items():
        found.update(f">{name}{reader.fetch(Interval(name, 0, length))}".encode())
    return found.hexdigest()


def _share(barrier):
    global together
    together = barrier


def _read_together(path, number):
    """Open and read with others, each time without an index, or with a stale one."""
    found = set()
    try:
        for turn in range(ROUNDS):
            together.wait()
            if number == 0:
                for index in (".fai", ".gzi"):
                    path.with_name(path.name + index).unlink(missing_ok=True)
                if turn % 2:
                    path.with_name(f"{path.name}.fai").write_text("c0\t9\t4\t9\t10\n")
            together.wait()
            with FastaReader(path) as reader:
                found.add(_whole(reader))
    except Exception:
        together.abort()
        raise
    return found


@pytest.mark.parametrize("name", ["genome.fa", "genome.fa.gz"])
def test_processes_build_one_index(tmp_path, name):
    expected = _genome(tmp_path / name)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(
        READERS, context, initializer=_share, initargs=(context.Barrier(READERS),)
    ) as pool:
        readers = pool.map(_read_together, [tmp_path / name] * READERS, range(READERS))
        assert set().union(*readers) == {expected}
    left = {path.name for path in tmp_path.iterdir()}
    indices = {f"{name}.fai"} | ({f"{name}.gzi"} if name.endswith("gz") else set())
    assert left == {name} | indices


READ = """
from hyenascope import FastaReader
from hyenascope.data.interval import Interval
print(FastaReader({path!r}).fetch(Interval("c0", 0, 700)))
"""


def test_a_genome_in_a_read_only_folder(tmp_path):
    folder, cache = tmp_path / "genome", tmp_path / "cache"
    folder.mkdir()
    cache.mkdir()
    path = folder / "genome.fa"
    _genome(path)
    env = {"XDG_CACHE_HOME": str(cache)}
    with read_only(folder, cache):
        refused = run_as_plain_user(READ.format(path=str(path)), env)
    assert "FastaError" in refused.stderr
    assert "neither its folder nor" in refused.stderr.splitlines()[-1]
    with read_only(folder):
        first = run_as_plain_user(READ.format(path=str(path)), env)
    with read_only(folder, cache):
        again = run_as_plain_user(READ.format(path=str(path)), env)
    bases = path.read_text().splitlines()[1]
    assert first.stdout.strip() == again.stdout.strip() == bases, first.stderr
    assert [it.name for it in folder.iterdir()] == ["genome.fa"]
    assert [it.name for it in cache.rglob("*.fai")] == ["genome.fa.fai"]
