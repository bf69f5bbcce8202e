"""The genome browser as a reader uses it, in JupyterLab."""

from xml.etree import ElementTree

import pytest

SETUP = """
import hyenascope as hs
from hyenascope.widgets.locus_browser import LocusBrowser
from hyenascope.widgets.model_tracks import lanes_of

locus = hs.example_locus()
model = hs.load_pretrained("demo-synthetic")
table = hs.wide(hs.score_variants(model, locus.variants, locus.fasta))
browser = LocusBrowser(
    model,
    locus.fasta,
    hs.Interval("chrDemo", 8_000, 8_200),
    tracks=("ism",),
    genes=locus.genes,
    variants=table,
    window=32,
)
"""
LANES = {"genes": "y", "variants": "y2", "ism": "y3", "sequence": "y4"}

# Neither where it began nor what was typed.
ELSEWHERE = """() => {
  const { value } = document.querySelector(".hs-search");
  return value.startsWith("chrDemo:") && value !== "chrDemo:8,001-8,200";
}"""


@pytest.fixture
def browser(kept_notebook):
    return kept_notebook(SETUP, "browser")


def window(page) -> list[int]:
    return page.interval("browser")


def wait_place(page, text: str) -> None:
    page.page.wait_for_function(
        "text => document.querySelector('.hs-search').value === text", arg=text
    )


def search(page, text: str) -> None:
    page.page.fill(".hs-search", text)
    page.page.press(".hs-search", "Enter")


def test_search_zoom_and_history(browser):
    page = browser.page
    search(browser, "chrDemo: 20,001 - 20,100")
    wait_place(browser, "chrDemo:20,001-20,100")
    figure = browser.figure()
    figure.wait_window(20_000.5, 20_100.5)
    figure.wait("() => gd.layout.shapes.some((shape) => shape.fillrule === 'evenodd')")
    assert window(browser) == [20_000, 20_100]
    page.wait_for_function("!document.querySelector('[aria-label^=\"Back\"]').disabled")
    page.keyboard.press("Alt+ArrowLeft")
    wait_place(browser, "chrDemo:8,001-8,200")
    page.keyboard.press("Alt+ArrowRight")
    wait_place(browser, "chrDemo:20,001-20,100")
    page.keyboard.press("-")
    figure.wait_window(19_950.5, 20_150.5)
    page.keyboard.press("Home")
    wait_place(browser, "chrDemo:8,001-8,200")


def test_a_gene_is_found_and_a_wrong_one_brings_near_names(browser):
    search(browser, "chrdemo_G0007")
    browser.page.wait_for_function(ELSEWHERE)
    gene = browser.value("vars(browser._index.find('chrDemo_g0007')[0].interval)")
    start, end = window(browser)
    assert start <= gene["start"] < gene["end"] <= end
    search(browser, "chrDemo_g00077")
    browser.page.wait_for_selector(".hs-status.hs-error")
    assert "chrDemo_g0007" in browser.page.text_content(".hs-status")


def test_mutagenesis_arrives_and_the_kernel_holds_it(browser):
    figure = browser.figure()
    figure.wait(
        "() => gd._fullData.some((t) => t.type === 'heatmap' && t.z?.length === 4)",
        timeout=120_000,
    )
    browser.page.wait_for_selector(".hs-work", state="hidden", timeout=120_000)
    known = "lanes_of(browser.tracks)[0].signals(browser.interval)"
    shape = browser.value(f"list({known}.values.shape)")
    assert shape == [200, 4]
    assert browser.value(f"bool(__import__('numpy').isfinite({known}.values).all())")
    text = figure.hover(8_100, 1, LANES["ism"])
    assert "chrDemo:8,100" in text


def test_what_comes_into_sight_by_a_drag_is_computed(browser):
    browser.page.wait_for_selector(".hs-work", state="hidden", timeout=120_000)
    browser.figure().drag(8_150, 8_050, 0.5, LANES["sequence"])
    known = "lanes_of(browser.tracks)[0].signals(browser.interval)"
    browser.figure().wait("() => gd._fullLayout.xaxis.range[0] > 8_090")
    browser.page.wait_for_function(
        "document.querySelector('.hs-search').value.startsWith('chrDemo:8,1')"
    )
    assert window(browser)[0] > 8_090
    assert browser.value("browser.wait(60)")
    assert browser.value(f"bool(__import__('numpy').isfinite({known}.values).all())")


def test_drag_wheel_and_marking(browser):
    figure, page = browser.figure(), browser.page
    figure.drag(8_100, 8_050, 0.5, LANES["sequence"])
    figure.wait_window(8_050.5, 8_250.5, within=1.5)
    figure.wheel(8_150, 0.5, -400, LANES["sequence"], held="Control")
    page.wait_for_function(
        "document.querySelector('.hs-span').textContent === '100 bp'"
    )
    left, right = figure.layout("xaxis.range")
    assert abs((8_150 - left) / (right - left) - 0.5) < 0.02
    figure.drag(8_120, 8_139, 0.5, LANES["sequence"], held="Shift")
    page.wait_for_selector(".hs-regionbar:visible")
    selected = "[browser.selection.start, browser.selection.end]"
    assert browser.value(selected) == [8_119, 8_139]
    page.keyboard.press("Enter")
    figure.wait_window(8_119.5, 8_139.5)


def test_tracks_move_hide_and_come_back(browser):
    page = browser.page
    page.click('button:text-is("Tracks")')
    page.click('button[aria-label="Move up sequence"]')
    labels = "[t.label for t in browser.tracks.tracks]"
    page.wait_for_function(
        "document.querySelectorAll('.hs-panel li')[2].textContent.includes('sequence')"
    )
    assert browser.value(labels) == ["genes", "variants", "sequence", "mutagenesis"]
    page.uncheck('.hs-panel label:has-text("variants") input')
    browser.figure().wait("() => !gd._fullLayout.yaxis4")
    page.click('button:text-is("Undo")')
    browser.figure().wait("() => gd._fullLayout.yaxis4")
    page.click('button:text-is("+ log p per base")')
    browser.figure().wait("() => gd._fullLayout.yaxis5")
    assert browser.value(labels)[-1] == "log p per base"


def test_a_row_of_the_table_leads_to_its_variant(browser):
    page = browser.page
    page.click(".hs-variants summary")
    cells = page.locator(".hs-variants tbody tr").nth(3).locator("td")
    pos = int(cells.nth(1).text_content().replace(",", ""))
    cells.nth(1).click()
    page.wait_for_function(
        "document.querySelector('.hs-search').value !== 'chrDemo:8,001-8,200'"
    )
    start, end = window(browser)
    assert start < pos <= end
    assert end - start <= 100


def test_the_theme_of_the_notebook_is_followed(browser):
    page = browser.page
    page.evaluate(
        "jupyterapp.commands.execute('apputils:change-theme', "
        "{ theme: 'JupyterLab Dark' })"
    )
    page.wait_for_selector('.hs-locus[data-theme="dark"]')
    browser.figure().wait("() => gd.layout.font.color === '#e4e9ef'")
    assert browser.value("browser.theme") == "dark"


def test_files_are_saved(browser, tmp_path):
    page = browser.page
    browser.page.wait_for_selector(".hs-work", state="hidden", timeout=120_000)
    kinds = {"png": ".png", "svg": ".svg", "tsv": ".tsv", "html": ".html"}
    for kind, suffix in kinds.items():
        with page.expect_download() as waiting:
            page.click('button[aria-label="Save or copy this view"]')
            page.click(f".hs-menubutton [data-kind={kind}]")
        path = tmp_path / waiting.value.suggested_filename
        waiting.value.save_as(path)
        assert path.suffix == suffix
        assert path.stat().st_size > 1000
        if kind == "svg":
            title = ElementTree.parse(path).find("{http://www.w3.org/2000/svg}title")
            assert title.text == "Genome tracks at chrDemo:8,001-8,200"
