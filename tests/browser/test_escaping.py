"""Text from files as a reader meets it: letter by letter, and nothing of it runs."""

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import hyenascope as hs
from hyenascope.cli import main
from hyenascope.data.bed import read_bed
from hyenascope.data.meme import read_meme
from hyenascope.report import report_scores
from hyenascope.viz.text import shorten
from tests.hostile_files import (
    CONTIG,
    HOSTILE,
    LENGTH,
    place,
    unspaced,
    write_hostile,
)

WHERE = hs.Interval(CONTIG, 0, LENGTH)
NAMES = [" ".join(text.split()) for text in HOSTILE.values()]
IDS = [unspaced(text) for text in HOSTILE.values()]


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_hostile(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def model():
    made = hs.HyenaLM(hs.HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=66)).eval()
    made.name = HOSTILE["image"]
    return made


@pytest.fixture(scope="module")
def scores(files, model):
    return hs.score_variants(model, hs.read_vcf(files.vcf), files.fasta, context=32)


def is_harmless(page) -> None:
    """Refuse a page with an element of a file, or where a script of one ran."""
    assert page.page.evaluate("window.pwned") is None
    strange = "img, iframe, a, [onload], [onerror], [href^='http'], [src^='http']"
    drawn = page.page.locator(strange).evaluate_all(
        "(all) => all.map((each) => each.outerHTML.slice(0, 200))"
    )
    assert [each for each in drawn if "modebar" not in each] == []


def variants(files) -> pd.DataFrame:
    rows = [(v.chrom, v.pos, v.ref, v.alt, v.id) for v in hs.read_vcf(files.vcf)]
    frame = pd.DataFrame(rows, columns=["chrom", "pos", "ref", "alt", "id"])
    frame["effect"] = np.linspace(-1, 1, len(frame))
    return frame.assign(lists=[(name,) for name in NAMES])


def lanes(files) -> list:
    hits = pd.DataFrame({"motif": list(read_meme(files.meme)), "chrom": CONTIG})
    hits["start"] = [place(number) for number in range(len(hits))]
    hits = hits.assign(end=hits["start"] + 40, strand="+")
    rows = np.random.default_rng(1).normal(size=(LENGTH, len(NAMES)))
    track = hs.TrackData(rows, tuple(NAMES), WHERE, "<i>%{z}</i>")
    with hs.FastaReader(files.fasta) as genome:
        bases = genome.fetch(WHERE)
    return [
        hs.Variants(variants(files), score="effect", colour="id"),
        hs.Heatmap(track),
        hs.Genes(files.gff, detail="transcript"),
        hs.Intervals(read_bed(files.bed)),
        hs.Motifs(hits),
        hs.BigWig(files.bigwig),
        hs.Line(track.select(NAMES[0])),
        hs.Sequence(bases),
    ]


def test_a_figure_of_all_tracks_shows_every_name_under_the_mouse(
    files, tmp_path, saved_page
):
    path = tmp_path / "figure.html"
    hs.write_html(hs.plot_locus(lanes(files), WHERE, title=NAMES[0]), path)
    page = saved_page(path)
    figure = page.figure()
    heights = np.linspace(-1, 1, len(IDS))
    for number, (name, height) in enumerate(zip(IDS, heights, strict=True)):
        told = figure.hover(place(number) + 1, float(height))
        assert name in told
        assert NAMES[number] in told  # of a list in the table
        assert f"{CONTIG}:{place(number) + 1:,}" in told
    row = figure.hover(place(3), NAMES.index("<DEL>"), "y2")
    assert "<DEL>" in row
    drawn = page.page.locator(".main-svg").evaluate_all(
        "(all) => all.map((each) => each.textContent).join('\\n')"
    )
    for name in ("<DEL>", "a<b and b>a", "$x^2$ and $y$", "<b>bold</b>"):
        assert name in drawn  # beside its gene, interval or row
    is_harmless(page)


def test_the_page_of_a_locus_finds_and_tells_every_name(files, tmp_path, saved_page):
    path = tmp_path / "locus.html"
    hs.write_locus_html(lanes(files), WHERE, path)
    page = saved_page(path)
    page.page.wait_for_selector('#locus[data-state="ready"]')
    headline = f"{CONTIG}:1-3,000"
    assert page.page.locator("h1").text_content() == headline
    assert page.page.title() == headline
    label = page.page.locator(".hs-plot").get_attribute("aria-label")
    assert label == f"Genome tracks at {headline}"
    figure = page.figure()
    for number in (0, 6, 9):
        told = figure.hover(place(number) + 1, np.linspace(-1, 1, len(IDS))[number])
        assert IDS[number] in told
    assert NAMES[0] in page.page.text_content(".hs-readout")
    for name in (HOSTILE["image"], "<DEL>", HOSTILE["entity"]):
        page.page.fill(".hs-search", name)
        page.press("Enter")
        page.page.wait_for_function(
            "() => !document.querySelector('.hs-choices').hidden"
            " || hyenascopeView.span < 1000"
        )
        offered = page.page.locator(".hs-choices button").all_text_contents()
        assert all(name in each for each in offered)
        page.press("Escape", "Home")
    is_harmless(page)


def test_the_report_and_the_page_of_browse_run_nothing(
    files, model, scores, tmp_path, saved_page
):
    path = tmp_path / "report.html"
    options = {"genes": files.gff, "title": HOSTILE["script"], "loci": 1}
    report_scores(scores, model, files.fasta, path, **options)
    report = saved_page(path)
    report.figure()
    assert report.page.locator("h1").text_content() == HOSTILE["script"]
    assert HOSTILE["image"] in report.page.locator(".summary").text_content()
    cells = report.page.locator("td").all_text_contents()
    assert {shorten(name, 20) for name in IDS} <= set(cells)
    is_harmless(report)
    hs.save_pretrained(model, tmp_path / "model")
    scores.write_h5ad(tmp_path / "scores.h5ad")
    page = tmp_path / "page.html"
    asked = ["browse", tmp_path / "scores.h5ad", "--fasta", files.fasta, "--no-open"]
    asked += ["--model", tmp_path / "model", "--genes", files.gff, "--out", page]
    told = CliRunner().invoke(main, [str(each) for each in asked])
    assert told.exit_code == 0, told.output
    browse = saved_page(page)
    browse.page.wait_for_selector('#locus[data-state="ready"]')
    assert CONTIG in browse.page.locator("h1").text_content()
    is_harmless(browse)


CELLS = """
import tempfile
from pathlib import Path
import hyenascope as hs
from tests.hostile_files import CONTIG, LENGTH, write_hostile

files = write_hostile(Path(tempfile.mkdtemp()))
rows = [(v.chrom, v.pos, v.ref, v.alt, v.id, 1.0) for v in hs.read_vcf(files.vcf)]
import pandas as pd
frame = pd.DataFrame(rows, columns=["chrom", "pos", "ref", "alt", "id", "conditional"])
browser = hs.LocusBrowser(
    None, files.fasta, hs.Interval(CONTIG, 0, LENGTH), genes=files.gff, variants=frame
)
browser
"""


def test_the_browser_in_a_notebook_runs_nothing(notebook):
    page = notebook(CELLS)
    figure = page.figure()
    told = [figure.hover(place(number) + 1, 1.0, "y2") for number in (0, 6, 10)]
    assert all(
        IDS[number] in text for number, text in zip((0, 6, 10), told, strict=True)
    )
    label = page.page.locator(".hs-plot").get_attribute("aria-label")
    assert label == f"Genome tracks at {CONTIG}:1-3,000"
    page.page.locator(".hs-variants summary").click()
    cells = page.page.locator(".hs-variants td").all_text_contents()
    assert {shorten(CONTIG, 24), "<DEL>"} <= set(cells)
    assert page.page.evaluate("window.pwned") is None
    assert page.page.locator("img[src=x]").count() == 0
