"""``hyenascope pretrain`` and ``evaluate``, as typed."""

import numpy as np
import pytest
from click.testing import CliRunner

from hyenascope.cli import main
from hyenascope.models.checkpoint import load_pretrained, save_pretrained
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.run_checkpoint import read_checkpoint

TINY = HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=34)
SMALL = "--width 8 --layers 1 --length 32 --batch-size 4 --steps 4 --device cpu --quiet"


@pytest.fixture
def fasta(tmp_path):
    rng = np.random.default_rng(0)
    lines = [f">{n}\n{''.join(rng.choice(list('ACGT'), 600))}\n" for n in ("I", "II")]
    path = tmp_path / "g.fa"
    path.write_text("".join(lines))
    return path


def run(*words):
    return CliRunner().invoke(main, ["pretrain", *map(str, words)])


def test_trains_and_goes_on(fasta, tmp_path):
    out = tmp_path / "run"
    first = run(fasta, "--out", out, "--validation", "II", *SMALL.split())
    assert first.exit_code == 0, first.output
    assert "Finished after 4 steps." in first.output
    assert "held-out loss: " in first.output
    model = load_pretrained(out)
    assert (model.config.d_model, model.context_length) == (8, 32)
    again = run(fasta, "--out", out, "--validation", "II", *SMALL.split())
    assert again.output == first.output
    other = run(fasta, "--out", out, "--validation", "I", *SMALL.split())
    assert other.exit_code == 1
    assert "these differ:\n  data.train: " in other.stderr


def test_options_reach_the_run(fasta, tmp_path):
    out = tmp_path / "run"
    words = (
        "--objective masked --start-length 8 --context 64 --lower-case mask "
        "--unknown target --forward-only --weight-decay 0.2 --clip 2 --keep 1"
    )
    done = run(fasta, "--out", out, *words.split(), *SMALL.split())
    assert done.exit_code == 0, done.output
    config = load_pretrained(out).config
    assert (config.bidirectional, config.l_max) == (True, 66)
    (checkpoint,) = (out / "checkpoints").glob("step-*.pt")
    made = read_checkpoint(checkpoint)["record"]["options"]
    assert (made["weight_decay"], made["clip"]) == (0.2, 2.0)
    rules = made["windows"]
    assert (rules["lower_case"], rules["unknown"]) == ("mask", "target")
    assert not rules["reverse_complement"]
    lengths = [
        line.split("\t")[2] for line in (out / "steps.tsv").read_text().splitlines()
    ]
    assert lengths == ["length", "8", "16", "32", "32"]


def test_goes_on_from_another_model(fasta, tmp_path):
    run(fasta, "--out", tmp_path / "one", *SMALL.split())
    done = run(
        fasta, "--out", tmp_path / "two", "--model", tmp_path / "one", *SMALL.split()
    )
    assert done.exit_code == 0, done.output
    assert load_pretrained(tmp_path / "two").config.d_model == 8


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (
            "--validation III",
            "--validation must name contigs of the genomes; got 'III'",
        ),
        ("--length 900", "genomes must hold a window of 900 bp"),
        ("--max-memory lots", "must be bytes such as 8G; got 'lots'"),
        ("--start-length 5", "--length must be start=5 doubled some times; got 32"),
        ("--device quantum", "--device must be"),
        ("--clip 0", "--clip must be positive; got 0.0"),
        (
            "--model tiny --objective masked",
            "--objective must be 'next_token' for a causal model",
        ),
    ],
)
def test_says_what_is_wrong_in_a_line(fasta, tmp_path, words, message):
    save_pretrained(HyenaLM(TINY), tmp_path / "tiny")
    typed = words.replace("tiny", str(tmp_path / "tiny")).split()
    done = run(fasta, "--out", tmp_path / "run", *SMALL.split(), *typed)
    assert done.exit_code in (1, 2)
    assert message in done.stderr
    assert "Traceback" not in done.output


def test_the_card_names_the_command_that_gives_its_numbers_again(fasta, tmp_path):
    out = tmp_path / "run"
    run(fasta, "--out", out, "--validation", "II", *SMALL.split())
    card = (out / "README.md").read_text()
    command = card[card.index("hyenascope evaluate") :].splitlines()[0]
    assert command == "hyenascope evaluate --model run g.fa --validation II"
    with_paths = [
        str(out) if word == "run" else str(fasta) if word == "g.fa" else word
        for word in command.split()[1:]
    ]
    done = CliRunner().invoke(main, [*with_paths, "--quiet", "--most-order", "2"])
    assert done.exit_code == 0, done.output
    rows = {line.split("  ")[0]: line.split() for line in done.stdout.splitlines()}
    for name in ("uniform", "Markov, order 2", "run"):
        assert f"| {name} | {float(rows[name][-1]):.4f} |" in card


def test_evaluate_needs_something_held_out(fasta):
    words = ["evaluate", str(fasta), "--model", "demo-synthetic", "--validation", "0"]
    done = CliRunner().invoke(main, [*words, "--quiet"])
    assert done.exit_code == 1
    assert "hold something out" in done.stderr
