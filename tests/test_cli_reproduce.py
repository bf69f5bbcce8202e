"""``hyenascope reproduce``, as typed."""

import json

import numpy as np
import pandas as pd
import pytest
import torch
from click.testing import CliRunner

from hyenascope.cli import main
from hyenascope.models.checkpoint import save_pretrained
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.viz import export

FAMILY = "nucleotide_transformer"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A small pretrained model and two tasks, on a machine without a browser."""
    rng = np.random.default_rng(0)
    chances = np.array([[0.25] * 4, [0.4, 0.1, 0.1, 0.4]])
    for task in ("H3", "promoter_tata"):
        folder = tmp_path / "data" / FAMILY / task
        folder.mkdir(parents=True)
        for split, count in {"train": 40, "test": 20}.items():
            texts = [
                "".join(rng.choice(list("ACGT"), 24, p=chances[n % 2]))
                for n in range(count)
            ]
            rows = [f">s{n}|{n % 2}\n{text}\n" for n, text in enumerate(texts)]
            (folder / f"{split}.fna").write_text("".join(rows))
    small = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)
    generator = torch.Generator().manual_seed(0)
    save_pretrained(HyenaLM(small, generator=generator), tmp_path / "small")

    def no_browser(figure, path):
        raise RuntimeError("write_image needs Chrome")

    monkeypatch.setattr(export, "write_image", no_browser)
    return tmp_path


def run(place, *words):
    usual = ["--out", place / "out", "--data", place / "data", "--no-download"]
    usual += ["--model", place / "small", "--device", "cpu", "--quiet"]
    return CliRunner().invoke(main, ["reproduce", *map(str, [*words, *usual])])


def test_writes_table_page_and_figure(place):
    done = run(place, f"{FAMILY}/H3", "--seeds", "0,1", "--epochs", 1, "--both-strands")
    assert done.exit_code == 0, done.output
    out = place / "out"
    table = pd.read_csv(out / "H3.tsv", sep="\t")
    assert set(table["model"]) == {
        *("small", "kmer", "HyenaDNA as published", "HyenaDNA, re-run"),
    }
    ours = table[(table["model"] == "small") & (table["metric"] == "mcc")]
    assert ours["seed"].tolist() in ([0, 1], [1, 0])
    page = (out / "H3.md").read_text()
    line = next(line for line in page.splitlines() if line.startswith("| H3 | "))
    assert f"| {ours['value'].mean():.3f} (" in line
    assert line.endswith("| 0.817 | 0.779 |")
    assert "epochs 1 (the recipe: 100)" in page
    assert "strands both (the recipe: forward)" in page
    assert "</html>" in (out / "H3-mcc.html").read_text(encoding="utf-8")
    assert "no H3-mcc.png: write_image needs Chrome" in done.stderr
    assert f"wrote {out / 'H3-mcc.html'}" in done.stdout
    kept = json.loads((out / FAMILY / "H3" / "small-1" / "config.json").read_text())
    options = kept["metadata"]["options"]
    wanted = {"epochs": 1, "batch_size": 128, "seed": 1, "reverse_complement": True}
    assert {name: options[name] for name in wanted} == wanted


def test_a_whole_table_in_one_command(place, monkeypatch):
    from hyenascope.training import benchmark_recipes

    few = [
        it
        for it in benchmark_recipes.RECIPES
        if it.name in (f"{FAMILY}/H3", f"{FAMILY}/promoter_tata")
    ]
    monkeypatch.setattr(benchmark_recipes, "RECIPES", tuple(few))
    done = run(place, FAMILY, "--epochs", 1, "--baselines", "none")
    assert done.exit_code == 0, done.output
    out = place / "out"
    table = pd.read_csv(out / f"{FAMILY}.tsv", sep="\t")
    assert table["task"].unique().tolist() == ["H3", "promoter_tata"]
    for task in ("H3", "promoter_tata"):
        part = pd.read_csv(out / FAMILY / task / "scores.tsv", sep="\t")
        own = table[table["task"] == task].reset_index(drop=True)
        pd.testing.assert_frame_equal(part, own, check_dtype=False)
    for metric in ("mcc", "f1_macro"):
        assert (out / f"{FAMILY}-{metric}.html").is_file()
    kept = [
        json.loads(path.read_text())["metadata"]["options"]["select_by"]
        for path in sorted((out / FAMILY).glob("*/small-0/config.json"))
    ]
    assert kept == ["mcc", "f1_macro"]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["TF"], "name must be a recipe, such as genomic_benchmarks"),
        ([f"{FAMILY}/H3", "--seeds", "a"], "--seeds must be whole numbers"),
        ([f"{FAMILY}/H3", "--baselines", "svm"], "kmer, cnn, scratch, or none; got"),
        (
            ["genomic_benchmarks", "--genome", "GRCh38=nowhere.fa"],
            "--genome must be a FASTA or ASSEMBLY=FASTA; got GRCh38=nowhere.fa",
        ),
    ],
)
def test_what_is_wrong_is_said_in_a_line(place, words, message):
    done = run(place, *words)
    assert done.exit_code == 1
    assert message in done.stderr


def test_genomes_are_told_apart_by_assembly(place):
    fasta = place / "g.fa"
    fasta.write_text(">1\nACGT\n")
    words = ["genomic_benchmarks", "--genome", f"GRCh38={fasta}"]
    done = run(place, *words, "--genome", f"GRCm38={fasta}")
    assert "from GRCm38, GRCh38-cdna, GRCh38, WBcel235" in done.stderr
    assert "got GRCh38, GRCm38." in done.stderr


def test_help_says_what_becomes_of_a_run_that_is_stopped():
    text = " ".join(CliRunner().invoke(main, ["reproduce", "--help"]).output.split())
    assert "the seed that was being trained begins again" in text
    assert "OUT/TABLE/TASK/scores.tsv as soon as it is done" in text
