"""``hyenascope browse`` makes the page of a result and opens it."""

import webbrowser

import pytest
from click.testing import CliRunner

from hyenascope.cli import main
from hyenascope.data.example import example_locus


@pytest.fixture(scope="module")
def locus(tmp_path_factory):
    return example_locus(tmp_path_factory.mktemp("example"))


@pytest.fixture(scope="module")
def scores(locus, tmp_path_factory):
    out = tmp_path_factory.mktemp("scores") / "scores.h5ad"
    lines = locus.variants.read_text().splitlines(keepends=True)
    few = out.with_name("few.vcf")
    header = [line for line in lines if line.startswith("#")]
    few.write_text("".join([*header, *lines[len(header) :][:9]]))
    run("score", few, "--fasta", locus.fasta, "--out", out, *MODEL, "--quiet")
    return out


MODEL = ("--model", "demo-synthetic")


def run(*arguments, code=0):
    result = CliRunner().invoke(main, [str(argument) for argument in arguments])
    assert result.exit_code == code, result.output
    return result.output


@pytest.mark.parametrize("opens", [True, False])
def test_writes_the_page_and_opens_it(locus, scores, tmp_path, monkeypatch, opens):
    opened = []
    monkeypatch.setattr(webbrowser, "open", lambda uri: opened.append(uri) or opens)
    page = tmp_path / "page.html"
    told = run(
        "browse", scores, "--fasta", locus.fasta, "--genes", locus.genes, *MODEL,
        "--out", page,
    )  # fmt: skip
    assert opened == [page.as_uri()]
    assert ("No browser could be opened" in told) != opens
    assert f"wrote {page}: chrDemo:" in told
    assert "plotly" in page.read_text().lower()


def test_opens_nothing_where_asked(locus, scores, tmp_path, monkeypatch):
    monkeypatch.setattr(webbrowser, "open", None)
    asked = ("browse", scores, "--fasta", locus.fasta, *MODEL, "--no-open")
    run(*asked, "--region", "chrDemo:1,000-3,000", "--out", tmp_path / "page.html")
    assert (tmp_path / "page.html").is_file()


def test_refuses(locus, scores, tmp_path):
    asked = ("--fasta", locus.fasta, "--no-open", "--out", tmp_path / "page.html")
    other = run("browse", scores, *asked, "--model", "yeast-1k", code=1)
    assert "--model must be what scored" in other
    assert "RESULT must be an h5ad" in run(
        "browse", locus.fasta, *asked, *MODEL, code=1
    )
    assert "must be the folder of a run" in run(
        "browse", tmp_path, *asked, *MODEL, code=1
    )
    assert not (tmp_path / "page.html").exists()
