"""Runs by the jobs of a SLURM cluster; skipped where there is none.

Needs sbatch with a partition of two cores that sees this folder, and dask-jobqueue.
"""

import shutil
import subprocess
import sys
import threading
import time

import numpy as np
import pandas as pd
import pytest
import torch

from hyenascope.cluster import jobs
from hyenascope.data.variant import Variant
from hyenascope.interpret.variant_effect import score_variants
from hyenascope.models.hyena import HyenaConfig, HyenaLM

dask_jobqueue = pytest.importorskip("dask_jobqueue")

TEXT = "".join(np.random.default_rng(4).choice(list("ACGT"), 30_000))


@pytest.fixture
def slurm(tmp_path):
    if shutil.which("sbatch") is None:
        pytest.skip("needs SLURM")
    with dask_jobqueue.SLURMCluster(
        cores=1,
        processes=1,
        memory="2GB",
        walltime="00:20:00",
        python=sys.executable,
        interface="lo",
        log_directory=str(tmp_path / "logs"),
        job_script_prologue=["export OMP_NUM_THREADS=1"],
        scheduler_options={"dashboard_address": "127.0.0.1:0"},
    ) as cluster:
        cluster.adapt(minimum_jobs=2, maximum_jobs=2)
        yield cluster


def _cancel_one(folder, cancelled):
    """End a job of ours once the first shard is done."""
    while not any(folder.glob("shards/*.json")):
        time.sleep(0.1)
    ours = ["squeue", "--me", "--states", "RUNNING", "--name", "dask-worker"]
    ours += ["--noheader", "--format", "%i"]
    job = subprocess.check_output(ours, text=True).split()[0]
    subprocess.run(["scancel", job], check=True)
    cancelled.append(job)


@pytest.mark.slow
def test_a_job_is_cancelled(slurm, tmp_path):
    config = HyenaConfig(d_model=32, n_layer=2, d_inner=64, l_max=258)
    model = HyenaLM(config, generator=torch.Generator().manual_seed(1)).double()
    (tmp_path / "g.fa").write_text(f">I\n{TEXT}\n")
    variants = [
        Variant("I", pos, TEXT[pos - 1], "ACGT"["CGTA".index(TEXT[pos - 1])])
        for pos in range(300, 29_000, 60)
    ]
    options = {"context": 256, "scores": ("conditional", "likelihood")}
    cancelled: list[str] = []
    threading.Thread(
        target=_cancel_one, args=(tmp_path / "run", cancelled), daemon=True
    ).start()
    run = jobs.score_variants(
        model,
        variants,
        tmp_path / "g.fa",
        tmp_path / "run",
        scheduler=slurm.scheduler_address,
        shard_size=8,
        **options,
    )
    assert len(cancelled) == 1
    found = run.read()
    expected = score_variants(model, variants, tmp_path / "g.fa", **options)
    obs = found.obs.drop(columns="input_row")
    pd.testing.assert_frame_equal(obs, expected.obs)
    np.testing.assert_allclose(found.X, expected.X, rtol=1e-9, atol=1e-11)
