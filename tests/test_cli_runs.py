"""What commands write from shards is what one process writes, and no more is held."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from distributed import LocalCluster

from hyenascope.cli import main
from hyenascope.cluster.run import Run
from hyenascope.data.example import example_locus

MODEL = ("--model", "demo-synthetic", "--quiet", "--device", "cpu")
TABLES = ("s.tsv", "s.csv.gz", "s.parquet")


@pytest.fixture(scope="module")
def locus(tmp_path_factory):
    return example_locus(tmp_path_factory.mktemp("example"))


@pytest.fixture(scope="module")
def scheduler():
    with LocalCluster(
        n_workers=1,
        threads_per_worker=1,
        processes=False,
        protocol="tcp",
        dashboard_address="127.0.0.1:0",
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture(scope="module", params=["sorted", "shuffled"])
def few(request, locus, tmp_path_factory):
    """Twelve variants, one twice, one that disagrees with the genome."""
    lines = locus.variants.read_text().splitlines()
    header = [line for line in lines if line.startswith("#")]
    records = [line.split("\t") for line in lines if not line.startswith("#")][:12]
    records[3][3] = next(b for b in "ACGT" if b not in "".join(records[3][3:5]))
    records.insert(6, records[5])
    if request.param == "shuffled":
        records = [records[i] for i in np.random.default_rng(1).permutation(13)]
    path = tmp_path_factory.mktemp("few") / "few.vcf"
    rows = ["\t".join(record) for record in records]
    path.write_text("\n".join([*header, *rows]) + "\n")
    return path


@pytest.fixture
def all_at_once(monkeypatch):
    """Count how often a whole result is read."""
    calls = []
    read = Run.read

    def counted(run):
        calls.append(run)
        return read(run)

    monkeypatch.setattr(Run, "read", counted)
    return calls


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output


def test_tables_of_a_run_are_those_of_one_process(
    few, locus, scheduler, tmp_path, all_at_once
):
    # A pass per window: how many share one may change the last digit.
    asked = ["score", few, "--fasta", locus.fasta, *MODEL, "--batch-size", 1]
    for name in ("one", "many"):
        (tmp_path / name).mkdir()
        outs = [item for file in TABLES for item in ("--out", tmp_path / name / file)]
        split = ["--scheduler", scheduler, "--shard-size", 5, "--run", tmp_path / "run"]
        told = run(*asked, *outs, *(split if name == "many" else []))
        (tmp_path / f"{name}.txt").write_text(told.replace(str(tmp_path / name), ""))
    for file in TABLES:
        one, many = (tmp_path / name / file for name in ("one", "many"))
        assert one.read_bytes() == many.read_bytes()
    assert (tmp_path / "one.txt").read_text() == (tmp_path / "many.txt").read_text()
    assert not all_at_once
    assert not [*(tmp_path / "run").glob("order-*")]


def test_a_run_is_a_result(few, locus, scheduler, tmp_path, all_at_once):
    folder = tmp_path / "run"
    asked = ["score", few, "--fasta", locus.fasta, *MODEL, "--scheduler", scheduler]
    told = run(*asked, "--run", folder)
    assert f"run {folder}: 13 variants" in told
    assert f"hyenascope.cluster.run.Run({str(folder)!r}).tables()" in told
    assert not all_at_once
    facts = json.loads(run(*asked, "--run", folder, "--json"))
    assert (facts["wrote"], facts["run"]) == ([], str(folder))
    assert facts["flagged"] == "1 (1 ref_mismatch)"
    assert len(pd.concat(Run(folder).tables())) == 13
    # The other formats come from the same run.
    run(*asked, "--run", folder, "--out", tmp_path / "s.vcf")
    assert len(all_at_once) == 1


def test_maps_and_embeddings_are_results_too(locus, scheduler, tmp_path, all_at_once):
    bed, chrom = tmp_path / "places.bed", locus.interval.chrom
    bed.write_text("".join(f"{chrom}\t{9 * i}\t{9 * i + 6}\tp{i}\n" for i in range(5)))
    share = [*MODEL, "--scheduler", scheduler, "--shard-size", 7]
    told = run("ism", locus.fasta, "--bed", bed, *share, "--run", tmp_path / "maps")
    assert f"run {tmp_path / 'maps'}: 30 bases × 4" in told
    asked = ["embed", bed, "--genome", locus.fasta]
    told = run(*asked, *share, "--run", tmp_path / "states")
    assert f"run {tmp_path / 'states'}: 5 sequences × " in told
    assert not all_at_once


@pytest.mark.parametrize("suffix", [".tsv", ".parquet"])
def test_embeddings_are_written_by_the_shard(
    locus, scheduler, tmp_path, all_at_once, suffix
):
    bed, chrom = tmp_path / "places.bed", locus.interval.chrom
    bed.write_text("".join(f"{chrom}\t{9 * i}\t{9 * i + 60}\n" for i in range(5)))
    asked = ["embed", bed, "--genome", locus.fasta, *MODEL, "--batch-size", 1]
    one, many = tmp_path / f"one{suffix}", tmp_path / f"many{suffix}"
    run(*asked, "--out", one)
    run(*asked, "--out", many, "--scheduler", scheduler, "--shard-size", 2)
    assert one.read_bytes() == many.read_bytes()
    assert not all_at_once


@pytest.mark.parametrize("command", ["score", "ism", "embed"])
def test_something_must_be_written(locus, tmp_path, command):
    bed = tmp_path / "places.bed"
    bed.write_text("chrDemo\t0\t9\n")
    asked = {
        "score": [locus.variants, "--fasta", locus.fasta],
        "ism": [locus.fasta, "--region", "chrDemo:1-9"],
        "embed": [bed, "--genome", locus.fasta],
    }[command]
    told = run(command, *asked, *MODEL, code=1)
    assert "--out must be given, or --run with --workers or --scheduler" in told
    told = run(command, *asked, *MODEL, "--workers", 1, code=1)
    assert "--out or --run must be given; got neither" in told
