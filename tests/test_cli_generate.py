"""``hyenascope generate``, as typed."""

import torch
from click.testing import CliRunner

from hyenascope.cli import main
from hyenascope.models.checkpoint import load_pretrained
from hyenascope.models.generate import generate

WORDS = ("generate", "ACGT", "--model", "demo-synthetic", "-n", "12", "--quiet")


def run(*words):
    return CliRunner().invoke(main, [*WORDS, *map(str, words)])


def test_writes_what_the_function_writes(tmp_path):
    out = tmp_path / "x.fa"
    done = run("--samples", 2, "--seed", 3, "--temperature", 0.5, "--out", out)
    assert done.exit_code == 0, done.output
    texts = generate(
        load_pretrained("demo-synthetic"),
        "ACGT",
        n=12,
        samples=2,
        temperature=0.5,
        generator=torch.Generator().manual_seed(3),
    )
    assert out.read_text().splitlines() == [
        ">demo-synthetic_1 seed=3",
        texts[0],
        ">demo-synthetic_2 seed=3",
        texts[1],
    ]


def test_standard_output_and_banned_letters():
    done = run("--banned", "GC")
    name, dna = done.stdout.splitlines()
    assert name == ">demo-synthetic_1 seed=0"
    assert len(dna) == 12
    assert set(dna) <= {"A", "T"}


def test_what_is_wrong_is_said_in_a_line():
    done = run("-n", 5000)
    assert done.exit_code == 1
    assert done.stderr.startswith("Error: ")
    assert done.stderr.count("\n") == 1
