"""Two processes see what one sees."""

import csv
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

REPOSITORY = Path(__file__).parents[2]


def run(out, *launcher, devices):
    command = [*launcher, "-m", "tests.training.small_run", str(out)]
    subprocess.run(
        [sys.executable, *command, "--devices", str(devices), "--dropout", "0"],
        cwd=REPOSITORY,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        check=True,
        timeout=300,
        stdout=subprocess.DEVNULL,
    )
    with (out / "steps.tsv").open() as file:
        rows = list(csv.DictReader(file, delimiter="\t"))
    return np.array([[float(row["loss"]), float(row["gradient_norm"])] for row in rows])


@pytest.mark.slow
@pytest.mark.parametrize("launcher", ["torchrun", "Fabric"])
def test_two_processes_have_the_losses_of_one(tmp_path, launcher):
    torchrun = ("-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2")
    start = torchrun if launcher == "torchrun" else ()
    alone = run(tmp_path / "one", devices=1)
    both = run(tmp_path / "two", *start, devices=2)
    np.testing.assert_allclose(both, alone, rtol=1e-5)
    one, two = (load_file(tmp_path / n / "model.safetensors") for n in ("one", "two"))
    for name, weight in one.items():
        np.testing.assert_allclose(two[name], weight, atol=1e-4)
