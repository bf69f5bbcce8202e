"""Memory does not grow with the rows of a run, from the plan to the last table."""

import subprocess
import sys

import numpy as np
import pytest

LONG = "G" * 300  # of a row far more than of what every process holds anyway

SHARDS = """
import resource
import sys

import anndata as ad
import numpy as np
from distributed import LocalCluster

from hyenascope.cli import main
from hyenascope.cluster import jobs
from hyenascope.cluster.worker import ShardResult
from hyenascope.interpret.scoring_options import ScoringOptions


def say_peak():
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, flush=True)


class Nothing:
    # All there is to see is what surrounds the scoring.

    def __init__(self, run):
        say_peak()  # planning is over
        self.columns = ScoringOptions.from_record(run.options).columns()

    def run(self, rows):
        obs = rows[["chrom", "pos", "ref", "alt", "id"]].assign(status="ok")
        obs["input_row"], obs.index = rows["input_row"], rows["name"].tolist()
        zeros = np.zeros((len(rows), len(self.columns)))
        layers = {"ref": zeros, "alt": zeros}
        agreement = {"compared": 0, "match": 0, "mismatch_reverse_complement": 0}
        return ShardResult(
            ad.AnnData(zeros, obs, self.columns, layers=layers),
            {"status": {"ok": len(rows)}, "ref_agreement": agreement, "engine": ""},
        )


def begin(vcf, fasta, *out):
    jobs.VariantTask = Nothing
    with LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        protocol="tcp",
        dashboard_address="127.0.0.1:0",
    ) as cluster:
        outs = [item for path in out for item in ("--out", path)]
        main(
            ["score", vcf, "--fasta", fasta, *outs, "--model", "demo-synthetic",
             "--device", "cpu", "--quiet", "--scheduler", cluster.scheduler_address],
            standalone_mode=False,
        )
    say_peak()


begin(*sys.argv[1:])
"""


def peaks(tmp_path, rows):
    """Return the most memory that was held up to the end of the plan, and of all."""
    folder = tmp_path / str(rows)
    folder.mkdir()
    vcf, fasta = folder / "v.vcf", folder / "g.fa"
    fasta.write_text(f">I\n{'ACGT' * 500}\n")
    with vcf.open("w") as file:
        file.write(
            "##fileformat=VCFv4.3\n#CHROM\tPOS\tID\tREF\tALT\tQUAL\tFILTER\tINFO\n"
        )
        for i in range(rows):
            file.write(f"I\t{1 + i // 200}\trs{i:0300}\tA\t{LONG}\t.\t.\t.\n")
    tables = [folder / "s.tsv", folder / "s.parquet"]
    command = [sys.executable, "-c", SHARDS, vcf, fasta, *tables]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert not done.returncode, done.stderr
    with tables[0].open() as file:
        assert sum(1 for _ in file) == rows + 1
    lines = done.stdout.splitlines()
    return np.array([int(lines[0]), int(lines[-1])])


@pytest.mark.slow
def test_memory_does_not_grow_with_rows(tmp_path):
    pytest.importorskip("resource")
    few, many = (peaks(tmp_path, rows) for rows in (10_000, 100_000))
    assert (many < np.array([1.05, 1.2]) * few).all(), f"{few} to {many} KB"
