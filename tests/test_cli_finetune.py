"""``hyenascope finetune`` and ``predict``, as typed."""

import json

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from hyenascope.cli import main
from hyenascope.models.fine_tuned import load_fine_tuned

SMALL = "--width 8 --layers 1 --context 32 --epochs 2 --device cpu --quiet"


@pytest.fixture
def table(tmp_path):
    rng = np.random.default_rng(0)
    texts = ["".join(rng.choice(list("ACGT"), 20)) for _ in range(40)]
    labels = ["rich" if t.count("A") + t.count("T") > 10 else "poor" for t in texts]
    path = tmp_path / "t.csv"
    pd.DataFrame({"sequence": texts, "label": labels}).to_csv(path, index=False)
    return path


def run(*words):
    return CliRunner().invoke(main, list(map(str, words)))


def test_trains_and_predicts(table, tmp_path):
    out = tmp_path / "model"
    done = run("finetune", table, "--out", out, *SMALL.split())
    assert done.exit_code == 0, done.output
    assert "Finished after 2 epochs; the weights are those of epoch " in done.output
    assert "auroc" in done.output
    facts = json.loads((out / "config.json").read_text())["metadata"]
    assert facts["made_from"]["files"][0]["file"] == "t.csv"
    assert facts["rows"] == {"training": 36, "validation": 4}
    fasta = tmp_path / "s.fa"
    fasta.write_text(">a\nACGT\n>b\nTTTTT\n")
    said = run("predict", fasta, "--model", out, "--out", tmp_path / "p.tsv", "--quiet")
    assert said.exit_code == 0, said.output
    found = pd.read_csv(tmp_path / "p.tsv", sep="\t", index_col="name")
    expected = load_fine_tuned(out).predict(["ACGT", "TTTTT"], device="cpu")
    assert list(found.index) == ["a", "b"]
    np.testing.assert_allclose(found, expected)
    parquet = tmp_path / "p.parquet"
    run("predict", fasta, "--model", out, "--out", parquet, "--quiet")
    np.testing.assert_allclose(pd.read_parquet(parquet), expected)


def test_a_split_that_chose_nothing_is_judged_on_the_card(table, tmp_path):
    frame = pd.read_csv(table)
    twin = frame.iloc[[0]].assign(split="test")
    frame["split"] = ["train"] * 28 + ["dev"] * 6 + ["test"] * 6
    pd.concat([frame, twin]).to_csv(table, index=False)
    words = ("--out", tmp_path / "m", *SMALL.split(), "--judge")
    done = run("finetune", table, *words, "test")
    assert done.exit_code == 0, done.output
    assert "test rows, without 1 that leak:" in done.output
    chances = load_fine_tuned(tmp_path / "m").predict(frame["sequence"].tolist()[34:])
    right = (chances["rich"] > 0.5).to_numpy() == (frame["label"][34:] == "rich")
    accuracy = f"{right.mean():.4f}"
    assert accuracy in done.output
    card = (tmp_path / "m" / "README.md").read_text()
    assert "Scores of" in card
    assert accuracy.rstrip("0") in card
    lost = run("finetune", table, *words, "holdout")
    assert lost.exit_code == 1
    assert "holdout" in lost.stderr


def test_options_reach_the_run(table, tmp_path):
    out = tmp_path / "model"
    words = (
        "--pooling attention --freeze 1 --balanced --forward-only --longest 15 "
        "--too-long end --select-by auroc --patience 1 --dropout 0.3 --validation 0.3"
    )
    done = run("finetune", table, "--out", out, *SMALL.split(), *words.split())
    assert done.exit_code == 0, done.output
    kept = json.loads((out / "config.json").read_text())["metadata"]["options"]
    wanted = {
        "pooling": "attention",
        "frozen": 1,
        "class_weights": "balanced",
        "reverse_complement": False,
        "select_by": "auroc",
        "patience": 1,
        "dropout": 0.3,
    }
    assert {name: kept[name] for name in wanted} == wanted
    model = load_fine_tuned(out)
    assert model.reading.strands == "forward"
    assert (model.reading.longest, model.reading.too_long) == (15, "end")


def test_what_is_wrong_is_said_in_a_line(table, tmp_path):
    long = run(
        "finetune", table, "--out", tmp_path / "m", *SMALL.split(), "--longest", 9
    )
    assert long.exit_code == 1
    assert "sequences must have at most 9 bp; got 20 in row " in long.stderr
    lost = run("finetune", table, "--out", tmp_path / "m", "--labels", "kind")
    assert lost.exit_code == 1
    assert "kind" in lost.stderr
    none = run("predict", table, "--model", tmp_path, "--out", tmp_path / "p.tsv")
    assert none.exit_code == 1
    assert "of a fine-tuned model" in none.stderr
    wrong = run("predict", table, "--model", tmp_path, "--out", tmp_path / "p.txt")
    assert "--out must end in .tsv, .csv or .parquet; got p.txt" in wrong.stderr
