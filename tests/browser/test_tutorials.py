"""Tutorials as a reader has them: opened in JupyterLab, all cells run, then touched.

Those with a live figure, those that take data of the reader's own, and that of other
people's models, whose libraries may put warnings on the page; `make test` runs the
others, and these without such data, by nbmake.
"""

import re

import nbformat
import pytest

from tests.browser.lab_server import REPOSITORY
from tests.browser.notebook_page import NotebookPage
from tests.browser.plotly_figure import PlotlyFigure
from tests.conftest import SHARED

RAN = """() => jupyterapp.shell.currentWidget.content.widgets.every(
  ({ model }) => model.type !== "code" || model.executionCount)"""
LONG = 600_000  # ms, for a whole notebook on a busy machine
PLOTLY = "application/vnd.plotly.v1+json"
YEAST = "yeast_R64/Saccharomyces_cerevisiae.R64-1-1"
REAL = {  # what a reader may put beside a tutorial, and where it lies
    "02_pretrain_from_fasta": {
        f"genome.fa.gz{index}": f"{YEAST}.fa.gz{index}"
        for index in ("", ".fai", ".gzi")
    },
    "06_variant_effects": {"elements.tsv.gz": "mpra_satmut/satmut_mpra.tsv.gz"},
    "08_fine_tuning": {"mouse_3": "gue/mouse_3"},
}
REAL["07_genome_browser"] = REAL["02_pretrain_from_fasta"] | {
    f"genes.gtf.gz{index}": f"{YEAST}.96.gtf.gz{index}" for index in ("", ".tbi")
}
FOUND = {  # what a tutorial says of them
    "02_pretrain_from_fasta": [r"Markov, order 9 +1\.3\d+\s+mine +1\.3\d+"],
    "06_variant_effects": [r"952 changes of F9: Spearman -?0\.\d\d"],
    "08_fine_tuning": [
        r"kmer +test +0\.898",
        r"fine-tuned +test +0\.[89]\d",
        r"frozen HyenaDNA +test +0\.587 .* Feng et al\. 2025",
    ],
}
SKIPPED = "is not here: skipped."


@pytest.fixture
def beside(lab):
    """Put a tutorial's real data beside it, where they are at hand; say if they are."""
    put = []

    def link(name: str) -> bool:
        for there, here in REAL.get(name, {}).items() if SHARED.is_dir() else ():
            (lab.root / there).symlink_to(SHARED / "data" / here)
            put.append(lab.root / there)
        return bool(put)

    yield link
    for path in put:
        path.unlink()


@pytest.fixture
def tutorial(chrome, lab, pages):
    """Open a tutorial with its outputs, and run it from top to bottom."""

    def run(name: str) -> NotebookPage:
        page = NotebookPage(chrome)
        pages.append(page)
        docs = lab.root.parent / "docs"  # as in a checkout
        if not docs.exists():
            docs.symlink_to(REPOSITORY / "docs")
        page.open_copy(lab, REPOSITORY / "notebooks" / f"{name}.ipynb")
        page.run(timeout=LONG)
        return page

    yield run
    for page in pages:
        page.listen_no_more()
    lab.end_sessions()


def in_widget(page: NotebookPage) -> PlotlyFigure:
    """Return the figure of the page's only live widget."""
    number = page.page.evaluate(
        "() => [...document.querySelectorAll('.js-plotly-plot')]"
        ".findIndex((gd) => gd.closest('.hs-locus'))"
    )
    return page.figure(number)


def said(page: NotebookPage, text: str | re.Pattern[str]) -> int:
    """Count outputs of cells that hold a text."""
    return page.page.locator(".jp-OutputArea-output").filter(has_text=text).count()


def test_quickstart_zooms_to_a_variant(tutorial):
    page = tutorial("01_quickstart")
    shown = page.figure()
    assert shown.layout("xaxis.range") == [7_900.5, 12_900.5]
    shown.point(10_000, 0.0, "y3")  # buttons appear with the mouse
    page.page.locator('.modebar-btn[data-title="Zoom in"]').first.click()
    shown.wait_window(9_150.5, 11_650.5)
    assert page.value("scores.n_obs") == 121


def test_mutagenesis_takes_an_edit_and_gives_it_back(tutorial):
    page = tutorial("05_mutagenesis")
    first = page.value("list(explorer.history.listing())")
    assert len(first) == 1
    figure = in_widget(page)
    base = 8_090  # 1-based
    old = page.value(f"explorer.history.reference[{base} - 1 - 8_045]")
    new = next(each for each in "ACGT" if each != old)
    # genes, change, arcs, haplotype, sequence
    figure.click(base, 0.5, "y5")
    page.page.click(f".hs-menu .hs-{new}")
    said = f"chrDemo:{base:,} {old}>{new}"
    page.page.wait_for_selector(f'.hs-chip button:text-is("{said}")')
    assert page.value("list(explorer.history.listing())") == [*first, said]
    page.page.click('button[aria-label^="Undo"]')
    page.page.wait_for_function(
        "document.querySelectorAll('.hs-chip').length === 1", timeout=30_000
    )
    assert page.value("list(explorer.history.listing())") == first


def test_browser_goes_to_a_gene(tutorial):
    page = tutorial("07_genome_browser")
    search = page.page.locator(".hs-search")
    search.fill("chrDemo_g0007")
    search.press("Enter")
    gene = page.value("vars(browser._index.find('chrDemo_g0007')[0].interval)")
    page.page.wait_for_function(
        "document.querySelector('.hs-search').value !== 'chrDemo_g0007'"
    )
    start, end = page.interval("browser")
    assert start <= gene["start"] < gene["end"] <= end


def test_browser_reads_a_genome_of_the_readers_own(tutorial, beside, shared):
    assert beside("07_genome_browser")
    page = tutorial("07_genome_browser")
    assert not said(page, SKIPPED)
    assert page.value("[own.interval.start, own.interval.end]") == [462_999, 468_000]
    assert page.value("own._model_tracks.model.name") == "yeast-1k"


@pytest.mark.parametrize("name", [*FOUND, "12_bring_your_own_model"])
def test_runs_from_top_to_bottom(tutorial, beside, name):
    real = beside(name)
    page = tutorial(name)
    assert page.page.evaluate(RAN)
    assert said(page, SKIPPED) == int(name in REAL and not real)
    for found in FOUND[name] if real else ():
        assert said(page, re.compile(found)) == 1
    more = int(real and name == "02_pretrain_from_fasta")  # curves of a second run
    assert figures(page) - more == kept_figures(name) > 0


def figures(page: NotebookPage) -> int:
    """Count what Plotly has drawn."""
    return page.page.locator(".js-plotly-plot").count()


def kept_figures(name: str) -> int:
    """Count the figures that a tutorial is committed with."""
    notebook = nbformat.read(REPOSITORY / "notebooks" / f"{name}.ipynb", 4)
    kept = [each for cell in notebook.cells for each in cell.get("outputs", [])]
    return sum(PLOTLY in each.get("data", {}) for each in kept)
