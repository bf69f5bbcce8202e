"""``hyenascope ism`` and ``embed``, by one process and by many."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner
from distributed import LocalCluster

from hyenascope.cli import main
from hyenascope.data.example import example_locus
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.interpret.ism import saturation_mutagenesis
from hyenascope.models.checkpoint import load_pretrained

MODEL = ("--model", "demo-synthetic", "--quiet")


@pytest.fixture(scope="module")
def locus(tmp_path_factory):
    return example_locus(tmp_path_factory.mktemp("example"))


@pytest.fixture(scope="module")
def region(locus):
    start = locus.interval.start
    return Interval(locus.interval.chrom, start + 100, start + 112)


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


@pytest.fixture(scope="module")
def expected(locus, region):
    model = load_pretrained("demo-synthetic")
    return saturation_mutagenesis(model, locus.fasta, region, window=32)


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output


@pytest.mark.parametrize("suffix", [".parquet", ".tsv", ".html"])
def test_maps_one_place(locus, region, expected, tmp_path, suffix):
    out = tmp_path / f"map{suffix}"
    told = run(
        "ism", locus.fasta, "--region", region, "--out", out, "--window", 32, *MODEL
    )
    assert f"wrote {out}: 12 bases × 4" in told
    if suffix == ".parquet":
        found = TrackData.from_parquet(out)
        np.testing.assert_allclose(found.values, expected.values, atol=1e-6)
    elif suffix == ".tsv":
        table = pd.read_csv(out, sep="\t")
        np.testing.assert_allclose(table[list("ACGT")], expected.values, atol=1e-6)
    else:
        assert "mutagenesis" in out.read_text()


@pytest.mark.parametrize("suffix", [".h5ad", ".csv", ".tsv", ".parquet"])
def test_maps_many_places(locus, region, expected, scheduler, tmp_path, suffix):
    bed, out = tmp_path / "places.bed", tmp_path / f"map{suffix}"
    bed.write_text(f"{region.chrom}\t{region.start}\t{region.end}\tsite\n")
    asked = ["ism", locus.fasta, "--bed", bed, "--out", out, "--window", 32]
    run(*asked, "--scheduler", scheduler, "--shard-size", 5, *MODEL)
    if suffix == ".h5ad":
        found = ad.read_h5ad(out)
        table = found.obs.join(found.to_df())
    elif suffix == ".parquet":
        table = pd.read_parquet(out)
    else:
        table = pd.read_csv(out, sep="," if suffix == ".csv" else "\t")
    assert table["pos"].tolist() == list(range(region.start + 1, region.end + 1))
    assert set(table["name"]) == {"site"}
    np.testing.assert_allclose(table[list("ACGT")], expected.values, atol=1e-5)
    assert "finished" in run("status", tmp_path / f"map{suffix}.run", "--json")


def test_embeds_in_shards(locus, scheduler, tmp_path):
    bed = tmp_path / "places.bed"
    chrom, start = locus.interval.chrom, locus.interval.start
    bed.write_text(
        "".join(f"{chrom}\t{start + 9 * i}\t{start + 99 + 9 * i}\n" for i in range(5))
    )
    asked = ["embed", bed, "--genome", locus.fasta, *MODEL]
    run(*asked, "--out", tmp_path / "one.npz")
    split = ["--scheduler", scheduler, "--shard-size", 2]
    run(*asked, "--out", tmp_path / "many.npz", *split)
    with np.load(tmp_path / "one.npz") as one, np.load(tmp_path / "many.npz") as many:
        assert one["names"].tolist() == many["names"].tolist()
        np.testing.assert_allclose(many["embedding"], one["embedding"], atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "give --region or --bed, one of them"),
        (["--region", "chrDemo:1-9", "--bed", "BED"], "give --region or --bed"),
        (["--bed", "BED"], "--bed must come with --workers or --scheduler"),
        (["--region", "chrDemo:1-9", "--run", "x"], "--run must come with --workers"),
        (["--region", "chrDemo:1-9", "--workers", "1"], "out must end in .h5ad"),
        (["--region", "chrNo:1-9"], "chrNo"),
    ],
)
def test_ism_refuses(locus, tmp_path, options, message):
    bed = tmp_path / "x.bed"
    bed.write_text("chrDemo\t0\t9\n")
    given = [str(bed) if option == "BED" else option for option in options]
    out = tmp_path / "map.html"
    told = run("ism", locus.fasta, "--out", out, *given, *MODEL, code=1)
    assert message in told
    assert not out.exists()
