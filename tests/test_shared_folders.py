"""Two notebooks on one cache, and a third that may not write to it."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import nbformat
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_notebook

from hyenascope.models.published import find_published
from tests.data.file_server import Site
from tests.data.file_server import serve as serve_files
from tests.models.hub_server import Hub
from tests.models.hub_server import serve as serve_hub
from tests.models.test_published import GOLDEN
from tests.plain_user import read_only, run_as_plain_user

TINY = find_published("tiny-1k")


NOTEBOOK = """
import json, os
from pathlib import Path
from hyenascope import FastaReader, load_pretrained
from hyenascope.data.interval import Interval
from hyenascope.data.locked_files import RemoteFile, fetch_files
from hyenascope.models.state_layouts import checkpoint_hash

while not Path({start!r}).exists():
    pass
names = ["a.fa", "b.csv"]
fetch_files([RemoteFile(it, {site!r} + "/" + it) for it in names], {data!r})
model = load_pretrained("tiny-1k", cache_dir={cache!r})
reader = FastaReader(Path({data!r}) / "a.fa")
bases = reader.fetch(Interval("c0", 0, 700))
print(json.dumps([checkpoint_hash(model), bases]))
"""


def _run_notebook(path, code):
    """Run a notebook of one cell in a kernel of its own; return what it printed."""
    nbformat.write(new_notebook(cells=[new_code_cell(code)]), path)
    subprocess.run(
        [sys.executable, "-m", "jupyter", "execute", "--inplace", str(path)],
        check=True,
        capture_output=True,
    )
    outputs = nbformat.read(path, as_version=4).cells[0].outputs
    printed = "".join(it.text for it in outputs if it.get("name") == "stdout")
    return json.loads(printed)


@pytest.fixture
def servers(tmp_path, monkeypatch):
    bases = "".join(np.random.default_rng(5).choice(list("ACGT"), 70_000))
    files = {"a.fa": f">c0\n{bases}\n".encode(), "b.csv": b"x" * 10_000}
    weights = {path.name: path.read_bytes() for path in GOLDEN.iterdir()}
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with (
        serve_files(Site(files)) as site,
        serve_hub(Hub(TINY.hub_repo, TINY.revision, weights)) as hub,
    ):
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        yield site, hub


def test_two_notebooks_on_one_cache(servers, tmp_path):
    site, hub = servers
    start, data, cache = tmp_path / "start", tmp_path / "data", tmp_path / "cache"
    code = NOTEBOOK.format(
        start=str(start), site=site.url, data=str(data), cache=str(cache)
    )
    with ThreadPoolExecutor(2) as pool:
        notebooks = [
            pool.submit(_run_notebook, tmp_path / f"{name}.ipynb", code)
            for name in ("one", "two")
        ]
        start.touch()
        first, second = (notebook.result() for notebook in notebooks)
    assert first == second
    assert first[1] == site.files["a.fa"][4:704].decode()
    assert sorted(site.asked) == ["a.fa", "b.csv"]
    fetched = [it for it in hub.requests if it.startswith("GET")]
    assert len(fetched) == len(set(fetched)) == 2
    # And a third without network and without the right to write, as on a cluster.
    code = NOTEBOOK.format(
        start=str(start), site="http://127.0.0.1:9", data=str(data), cache=str(cache)
    )
    with read_only(data, cache):
        third = run_as_plain_user(code, {"HF_HUB_OFFLINE": "1"})
    assert json.loads(third.stdout.splitlines()[-1]) == first, third.stderr
