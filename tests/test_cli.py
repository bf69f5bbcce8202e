import json
import logging
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import get_args

import anndata as ad
import numpy as np
import pandas as pd
import pysam
import pytest
from click.testing import CliRunner

from hyenascope import cli, cli_score
from hyenascope.cli import main
from hyenascope.data.example import example_locus
from hyenascope.interpret.scores import PUBLISHED, ScoreName

MODEL = ("--model", "demo-synthetic")


@pytest.fixture(scope="module")
def locus(tmp_path_factory):
    return example_locus(tmp_path_factory.mktemp("example"))


@pytest.fixture(scope="module")
def few(locus, tmp_path_factory):
    """The first twelve example variants, one made to disagree with the genome."""
    lines = locus.variants.read_text().splitlines()
    header = [line for line in lines if line.startswith("#")]
    records = [line.split("\t") for line in lines if not line.startswith("#")][:12]
    records[3][3] = next(b for b in "ACGT" if b not in "".join(records[3][3:5]))
    path = tmp_path_factory.mktemp("few") / "few.vcf"
    rows = ["\t".join(record) for record in records]
    path.write_text("\n".join([*header, *rows]) + "\n")
    return path


@pytest.fixture(autouse=True)
def quiet_logging():
    logger = logging.getLogger("hyenascope")
    level = logger.level
    yield
    logger.setLevel(level)


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output


def score(few, locus, *out, **options):
    flags = [item for pair in options.items() for item in pair]
    outs = [item for path in out for item in ("--out", path)]
    return run("score", few, "--fasta", locus.fasta, *MODEL, *outs, "--quiet", *flags)


def test_score_writes_four_formats_that_agree(few, locus, tmp_path):
    names = ("s.h5ad", "s.tsv", "s.parquet", "s.vcf")
    paths = [tmp_path / name for name in names]
    output = score(few, locus, *paths)
    assert "REF agreement" in output
    assert "1 ref_mismatch" in output
    scores = ad.read_h5ad(paths[0])
    table = pd.read_csv(paths[1], sep="\t", keep_default_na=False, na_values=[""])
    parquet = pd.read_parquet(paths[2])
    expected = np.asarray(scores.X)[:, 0]
    np.testing.assert_allclose(table["conditional"], expected)
    np.testing.assert_allclose(parquet["conditional"], expected)
    with pysam.VariantFile(str(paths[3])) as vcf:
        found = [
            value
            for record in vcf
            for value in record.info.get("HS_conditional", (None,) * len(record.alts))
        ]
    written = [np.nan if value is None else value for value in found]
    np.testing.assert_allclose(written, expected, rtol=1e-5)


def test_score_takes_presets(few, locus, tmp_path):
    path = tmp_path / "s.h5ad"
    score(few, locus, path, **{"--score": "bend", "--strands": "forward"})
    assert next(iter(ad.read_h5ad(path).var["score"])) == "variant_cosine"
    # Listed by hand, so that the help needs neither torch nor pandas.
    assert set(cli_score._SCORES) == {*get_args(ScoreName), *PUBLISHED}


def test_score_can_write_a_report(few, locus, tmp_path):
    page = tmp_path / "r.html"
    options = {"--report": page, "--genes": locus.genes, "--score": "conditional"}
    output = score(few, locus, tmp_path / "s.tsv", **options)
    assert f"wrote {page}" in output
    text = page.read_text(encoding="utf-8")
    assert "REF agreement" in text
    assert "chrDemo" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--out", "s.xlsx"), "--out must end in one of"),
        (("--out", "nowhere/s.tsv"), "folder of nowhere/s.tsv must exist"),
        (("--out", "s.tsv", "--model", "tiny-9k"), "tiny-9k"),
        (("--out", "s.tsv", "--context", "9999999"), "--context must be 4 to"),
        (("--out", "s.tsv", "--on-error", "raise"), "1 of 12 "),
        (("--out", "s.tsv", "--region", "chrDemo:9-1"), "region|interval|start"),
    ],
)
def test_score_refuses(few, locus, tmp_path, monkeypatch, arguments, message):
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(
        main,
        ["score", str(few), "--fasta", str(locus.fasta), *MODEL, "--quiet", *arguments],
    )
    assert result.exit_code == 1
    assert "Traceback" not in result.output
    assert pd.Series([result.output]).str.contains(message).all(), result.output
    assert not list(tmp_path.glob("s.*"))


def test_outputs_never_replace_inputs(few, locus, tmp_path):
    genome = locus.fasta.read_bytes()
    for flags in (
        ("--out", few),
        ("--out", tmp_path / "s.tsv", "--out", tmp_path / "s.tsv"),
        ("--out", tmp_path / "s.tsv", "--report", locus.fasta),
    ):
        command = ("score", few, "--fasta", locus.fasta, *MODEL, *flags)
        assert "must" in run(*command, code=1)
    assert locus.fasta.read_bytes() == genome


def test_a_file_too_large_for_the_disk_is_an_error_not_a_crash(few, locus, tmp_path):
    pytest.importorskip("resource")
    code = (
        "import resource, sys; from hyenascope.cli import main;"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096)); main(sys.argv[1:])"
    )
    out = tmp_path / "s.h5ad"
    command = ["score", few, "--fasta", locus.fasta, *MODEL, "--quiet", "--out", out]
    done = subprocess.run(
        [sys.executable, "-c", code, *map(str, command)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert f"cannot write {out}" in done.stderr
    assert not list(tmp_path.iterdir())


def test_modulation_shift_takes_a_number_or_auto(few, locus, tmp_path):
    command = ("score", few, "--fasta", locus.fasta, *MODEL, "--quiet")
    out = ("--out", tmp_path / "s.h5ad", "--score", "conditional")
    for shift, expected in (("0.0", {0.0}), ("auto", {0.0, 0.05})):
        run(*command, *out, "--modulation-shift", shift)
        found = ad.read_h5ad(tmp_path / "s.h5ad").uns["hyenascope"]
        assert found["modulation_shift"] in expected
    text = run(*command, *out, "--modulation-shift", "maybe", code=2)
    assert "must be a number or auto; got maybe" in text


def test_model_must_be_named(few, locus, tmp_path):
    command = ("score", few, "--fasta", locus.fasta, "--out", tmp_path / "s.tsv")
    assert "--model" in run(*command, code=2)


def test_embed_writes_a_row_per_sequence(locus, tmp_path):
    fasta = tmp_path / "x.fa"
    fasta.write_text(">one\nACGTACGT\n>two\nGATTACA\n")
    for name in ("e.npz", "e.tsv", "e.parquet"):
        run("embed", fasta, *MODEL, "--out", tmp_path / name, "--quiet")
    with np.load(tmp_path / "e.npz") as found:
        assert list(found["names"]) == ["one", "two"]
        matrix = found["embedding"]
    table = pd.read_csv(tmp_path / "e.tsv", sep="\t", index_col="name")
    np.testing.assert_allclose(table.to_numpy(), matrix, rtol=1e-6)


def test_models_lists_the_published_and_the_bundled():
    found = json.loads(run("models", "--json"))
    names = {row["name"] for row in found}
    assert {"tiny-1k", "large-1m", "demo-synthetic", "yeast-1k"} <= names


def test_doctor_names_the_extra_that_holds_a_package():
    path = Path(__file__).parents[1] / "pyproject.toml"
    extras = tomllib.loads(path.read_text())["project"]["optional-dependencies"]
    for package, extra in cli._EXTRAS.items():
        assert any(each.startswith(f"{package}>=") for each in extras[extra]), package


def test_doctor_reports():
    facts = json.loads(run("doctor", "--json"))
    assert {"hyenascope", "torch", "device", "memory"} <= set(facts)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("flags", "modules"),
    [
        (
            (),
            [
                *("speed", "training", "variants", "mutagenesis"),
                *("generation", "finetuning", "shards"),
            ],
        ),
        (("--browser",), ["browser"]),
    ],
)
def test_bench_runs_the_benchmarks_of_the_checkout(monkeypatch, flags, modules):
    ran = []

    def run_module(command, *, cwd, check):
        del check
        assert command[:2] == [sys.executable, "-m"]
        assert (cwd / command[2].replace(".", "/")).with_suffix(".py").is_file()
        ran.append(command[2].removeprefix("tests.benchmarks."))
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(cli.subprocess, "run", run_module)
    run("bench", *flags)
    assert ran == modules


def test_bench_saves_the_table_of_the_network(monkeypatch, tmp_path):
    ran = []

    def run_module(command, **_):
        ran.append(command[3:])
        return subprocess.CompletedProcess(command, 0)

    monkeypatch.setattr(cli.subprocess, "run", run_module)
    run("bench", "--save", tmp_path / "speed.json")
    assert ran == [["--save", str(tmp_path / "speed.json")], *[[]] * 6]
    said = run("bench", "--browser", "--save", tmp_path / "x.json", code=1)
    assert "--save must go without --browser" in said


def test_bench_stops_at_the_first_failure(monkeypatch):
    def fail(command, **_):
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr(cli.subprocess, "run", fail)
    run("bench", code=3)


def test_bench_needs_a_checkout(monkeypatch, tmp_path):
    monkeypatch.setattr(cli, "_CHECKOUT", tmp_path)
    assert "bench needs a checkout of hyenascope" in run("bench", "--browser", code=1)


def test_demo_runs_offline(tmp_path):
    output = run("demo", "--out", tmp_path / "demo")
    assert "The ten strongest variants" in output
    for name in ("report.html", "scores.h5ad", "scores.vcf"):
        assert (tmp_path / "demo" / name).stat().st_size > 0


def test_hostile_ids_are_text_in_the_report(few, locus, tmp_path):
    payload = "<img src=x onerror=alert(1)>"
    source = tmp_path / "hostile.vcf"
    lines = few.read_text().splitlines()
    rows = [
        line
        if line.startswith("#")
        else "\t".join([*line.split("\t")[:2], payload, *line.split("\t")[3:]])
        for line in lines
    ]
    source.write_text("\n".join(rows) + "\n")
    page = tmp_path / "r.html"
    options = {"--report": page, "--score": "conditional"}
    score(source, locus, tmp_path / "s.tsv", **options)
    text = page.read_text(encoding="utf-8")
    assert "<img" not in text.replace("\\u003cimg", "")
    assert "&lt;img src=x onerror=alert(1)&gt;" in text
