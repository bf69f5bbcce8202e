"""What benchmarks write, and what the one of a GPU needs."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from tests.benchmarks import gpu, long_context
from tests.benchmarks.report import Row, machine, save_rows, speed_table

ROWS = [
    Row("a pass", "published 2 s", "1 s", 2.0, "≥ 1.5"),
    Row("a kernel", "no GPU here", "", None, "≥ 4"),
]

BARE = """
import sys
from importlib.abc import MetaPathFinder


class OnlyTorchAndTriton(MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in sys.argv[1].split(","):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


sys.meta_path.insert(0, OnlyTorchAndTriton())
import importlib.util

find_spec = importlib.util.find_spec
importlib.util.find_spec = lambda name: None if name == "jaxtyping" else find_spec(name)
import torch

from tests.benchmarks import gpu

model = gpu.HyenaLM(gpu.HyenaConfig())
print(len(gpu.measured()), model(torch.full((1, 9), 7)).shape[1])
"""

MISSING = (
    *("anndata", "Bio", "click", "h5py", "huggingface_hub", "jaxtyping", "pandas"),
    *("plotly", "pyarrow", "pyBigWig", "pyfaidx", "pysam", "safetensors", "scipy"),
    "tqdm",
)


def test_table_says_what_was_not_measured():
    lines = speed_table(ROWS).splitlines()
    assert lines[2] == "| a pass | published 2 s | 1 s | 2.00 | ≥ 1.5 |  |"
    assert "| not measured | ≥ 4 |" in lines[3]


def test_rows_are_saved_with_the_machine(tmp_path):
    save_rows(ROWS, tmp_path / "speed.json")
    found = json.loads((tmp_path / "speed.json").read_text())
    assert found["rows"][1]["ratio"] is None
    assert found["machine"]["torch"] == torch.__version__
    assert machine()["cores"] >= 1


def test_exponent_of_a_power_is_its_power():
    lengths = [10, 100, 1_000]
    assert long_context.exponent(lengths, [n**1.5 for n in lengths]) == pytest.approx(
        1.5
    )


@pytest.mark.skipif(torch.cuda.is_available(), reason="is measured where a GPU is")
def test_without_a_gpu_every_row_of_it_is_there():
    rows = gpu.measured()
    assert len({row.what for row in rows}) == len(rows) > 30
    assert {row.ratio for row in rows} == {None}


@pytest.mark.skipif(torch.cuda.is_available(), reason="takes minutes on a GPU")
def test_the_gpu_table_needs_nothing_but_pytorch_and_triton():
    done = subprocess.run(
        [sys.executable, "-c", BARE, ",".join(MISSING)],
        cwd=Path(__file__).parents[1],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.split()[1] == "9"
