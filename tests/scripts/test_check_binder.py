"""Binder gets what the notebooks need, and the check sees what it measures."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import nbformat
import psutil
import pytest

from scripts import check_binder

ROOT = Path(__file__).parents[2]


def names(requirements):
    found = {re.match(r"[\w-]+", each)[0].lower() for each in requirements}
    return {name.replace("_", "-") for name in found} - {"hyenascope"}


def test_the_environment_has_what_the_package_and_the_notebooks_need():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = list(project["dependencies"])
    for extra in ("widgets", "lab", "train", "attribution"):
        wanted += project["optional-dependencies"][extra]
    built = names(check_binder.requirements(ROOT / "binder" / "environment.yml"))
    by_hand = re.findall(r'"([\w-]+)>=', (ROOT / "binder" / "postBuild").read_text())
    assert names(wanted) == built | names(by_hand)


def test_counts_bytes_on_disk_and_in_memory(tmp_path):
    (tmp_path / "a").write_bytes(bytes(1_000))
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "b").write_bytes(bytes(24))
    assert check_binder.size(tmp_path) == 1_024
    code = "x = bytearray(150_000_000); print('there', flush=True); input()"
    pipe = subprocess.PIPE
    with psutil.Popen([sys.executable, "-c", code], stdin=pipe, stdout=pipe) as process:
        process.stdout.readline()
        assert 150_000_000 < check_binder.held(process) < 250_000_000
        process.communicate(b"\n")


@pytest.fixture
def notebook(tmp_path):
    def write(source):
        cells = [nbformat.v4.new_code_cell(source)]
        path = tmp_path / "one.ipynb"
        nbformat.write(nbformat.v4.new_notebook(cells=cells), path)
        return path

    return write


def test_sees_the_memory_of_a_notebook(notebook, tmp_path):
    programs = Path(sys.executable).parent
    path = notebook("import time; x = bytearray(300_000_000); time.sleep(1)")
    most = check_binder.peak(programs, path, tmp_path / "ran.ipynb")
    assert 300_000_000 < most < 900_000_000
    assert (tmp_path / "ran.ipynb").is_file()


def test_a_notebook_that_fails_is_an_error(notebook, tmp_path):
    programs = Path(sys.executable).parent
    with pytest.raises(SystemExit, match=r"one\.ipynb failed"):
        check_binder.peak(programs, notebook("1 / 0"), tmp_path / "ran.ipynb")
