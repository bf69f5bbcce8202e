"""What `plot_locus` returns, shown in JupyterLab and as a file on disk."""

import plotly.graph_objects as go
import pytest

from hyenascope.viz.components import Genes, Sequence, Variants
from hyenascope.viz.export import write_html
from hyenascope.viz.figure import plot_locus
from tests.browser.watched_page import SavedPage
from tests.toy_locus import LOCUS, PAYLOAD, build_gene, toy_variants

CELL = """
import hyenascope as hs
from hyenascope.viz.components import Genes, Sequence, Variants
from tests.toy_locus import LOCUS, PAYLOAD, build_gene, toy_variants

genes = Genes([build_gene(PAYLOAD, 1010, 20, 40, 20)])
figure = hs.plot_locus([genes, Variants(toy_variants()), Sequence("ACGT" * 25)], LOCUS)
figure
"""


@pytest.fixture
def figure() -> go.Figure:
    genes = Genes([build_gene(PAYLOAD, 1010, 20, 40, 20)])
    lanes = [genes, Variants(toy_variants()), Sequence("ACGT" * 25)]
    return plot_locus(lanes, LOCUS)


@pytest.fixture
def on_disk(figure, saved_page, tmp_path):
    write_html(figure, tmp_path / "locus.html")
    return saved_page(tmp_path / "locus.html")


def test_a_notebook_shows_every_lane_and_text_as_text(notebook):
    page = notebook(CELL)
    shown = page.figure()
    assert shown.layout("xaxis.range") == [1000.5, 1100.5]
    assert shown.traces() == page.value("len(figure.data)")
    assert "chr1:1,050 C>CTT" in shown.hover(1050, 0.5, "y2")
    assert PAYLOAD in shown.hover(1001, -2.0, "y2")
    assert page.page.locator("img[src=x]").count() == 0


def test_a_notebook_figure_zooms_and_moves_and_offers_no_upload(notebook):
    page = notebook(CELL)
    shown = page.figure()
    buttons = page.page.locator(".modebar-btn")
    titles = buttons.evaluate_all("(all) => all.map((each) => each.dataset.title)")
    assert "Zoom in" in titles
    assert not [title for title in titles if "Share" in title]
    shown.point(1050, 0.5, "y2")  # buttons appear with the mouse
    page.page.locator('.modebar-btn[data-title="Zoom in"]').click()
    shown.wait_window(1025.5, 1075.5)
    shown.drag(1050, 1045, 0.5, "y2")
    shown.wait_window(1030.5, 1080.5)


def test_a_file_opens_offline_with_text_as_text(on_disk):
    shown = on_disk.figure()
    variant = shown.hover(1001, -2.0, "y2")
    assert "chr1:1,001 A>G SNV" in variant
    assert PAYLOAD in variant
    assert PAYLOAD in shown.hover(1020, -0.68)
    assert on_disk.page.locator("img").count() == 0
    assert on_disk.page.locator("svg a").count() == 0


def test_the_crosshair_crosses_all_lanes(figure, on_disk):
    on_disk.figure().hover(1050, 0.5, "y2")
    line = on_disk.page.locator(".spikeline").first
    top, bottom = (float(line.get_attribute(end)) for end in ("y1", "y2"))
    layout = figure.layout
    inner = layout.height - layout.margin.t - layout.margin.b
    assert abs(top - bottom) == pytest.approx(layout.yaxis.domain[1] * inner, abs=2)


def test_a_page_that_asks_for_something_is_caught(chrome, tmp_path):
    path = tmp_path / "leak.html"
    path.write_text(
        "<script src='http://example.org/x.js'></script><script>oops()</script>"
    )
    page = SavedPage(chrome, path)
    found = "\n".join(page.unasked())
    page.context.close()
    assert "request: http://example.org/x.js" in found
    assert "oops is not defined" in found
