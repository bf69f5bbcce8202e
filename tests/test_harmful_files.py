"""Files that were made to harm are refused in words: no code, no terabyte, no wait."""

import json
import os
import pickle
import subprocess
import sys
from pathlib import Path

import anndata as ad
import numcodecs
import numpy as np
import pytest
from filelock import FileLock

from hyenascope.cluster.run import Run
from hyenascope.cluster.run_folder import RunFolder
from tests.harmful_files import attacks, code_in_a_chunk, run_folder
from tests.harmful_models import changed, touch

NAMES = [name for name, _ in attacks()]


def _read_all():
    done = subprocess.run(
        [sys.executable, "-m", "tests.harmful_files"],
        capture_output=True,
        text=True,
        check=False,
        cwd=Path(__file__).parents[1],
        timeout=600,
    )
    assert not done.returncode, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="session")
def outcomes(tmp_path_factory):
    """What came of every file, read once for all processes that run tests."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        return _read_all()
    path = tmp_path_factory.getbasetemp().parent / "harmful.json"
    with FileLock(f"{path}.lock"):
        if not path.exists():
            path.write_text(json.dumps(_read_all()))
    return json.loads(path.read_text())


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_is_refused_and_does_no_harm(outcomes, name):
    found = outcomes[name]
    assert found["refused"], found["error"]
    assert found["named"], found["error"]
    assert found["outside"] == []
    assert found["bytes"] < 300e6
    assert found["seconds"] < 5


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder


def test_code_in_a_chunk_does_run_where_nobody_looks(folder, monkeypatch):
    monkeypatch.setattr(
        numcodecs.pickles, "ALLOW_UNSAFE_PICKLE_DECODE", True, raising=False
    )
    store = code_in_a_chunk(folder)
    with pytest.raises(ValueError, match=r"chrom/\.zarray must be as a run writes it"):
        Run(folder).read()
    assert not (folder.parent / "canary").exists()
    with pytest.raises(Exception, match=r".*"):
        ad.read_zarr(store)
    assert (folder.parent / "canary").exists()


def test_objects_in_an_array_do_run_where_they_are_allowed(folder):
    np.save(folder / "x.npy", np.array([touch(folder)], object))
    np.load(folder / "x.npy", allow_pickle=True)
    assert (folder.parent / "canary").exists()


def test_a_call_does_run_in_a_plain_unpickler(folder):
    pickle.loads(pickle.dumps(touch(folder)))
    assert (folder.parent / "canary").exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"rows": "x"},
        {"rows": -5},
        {"files": [1]},
        {"files": {"/dev/zero": "0"}},
        {"files": {"../../secret": "0"}},
        {"facts": [1]},
        {"facts": {"status": 5}},
        {"shard": 2**40},
        {"seconds": "x"},
        {"files": {"C:\\x": "0"}},
        {"files": {"a\0b": "0"}},
        {"facts": {"status": {"ok": "many"}}},
        {"finished": None},
        {"finished": 1e300},
        {"finished": float("nan")},
    ],
    ids=str,
)
def test_a_record_of_an_odd_kind_counts_for_nothing(folder, changes):
    run_folder(folder)
    changed(folder / "shards" / "000001.json", changes)
    assert Run(folder).status().rows_done == 12
    assert len(Run(folder).read()) == 12
    assert not RunFolder(folder).is_whole(1)


def test_a_record_of_no_files_is_not_whole(folder):
    run_folder(folder)
    assert not RunFolder(folder).is_whole(1)


def test_a_record_says_nothing_of_the_next_shard(folder):
    run_folder(folder)
    changed(folder / "shards" / "000000.json", {"rows": 20})
    (folder / "shards" / "000001.json").unlink()
    assert len(Run(folder).read()) == 12


def test_shards_without_end_are_not_counted_through(folder):
    run_folder(folder)
    changed(folder / "size.json", {"shards": 10**15})
    assert Run(folder).status().rows_done == 20
