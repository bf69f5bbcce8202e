"""Click a base, change it: what the kernel then holds, and what the page shows."""

import pytest

SETUP = """
import hyenascope as hs
from hyenascope.widgets.mutagenesis_explorer import MutagenesisExplorer

locus = hs.example_locus()
model = hs.load_pretrained("demo-synthetic")
place = hs.Interval("chrDemo", 8_000, 8_060)
explorer = MutagenesisExplorer(model, locus.fasta, place)
"""
BASE = 8_030  # 1-based
LANE = "y4"  # change, arcs, haplotype, sequence


@pytest.fixture
def explorer(kept_notebook):
    return kept_notebook(SETUP, "explorer")


def listing(page) -> list[str]:
    return page.value("list(explorer.history.listing())")


def wait_chip(page, text: str) -> None:
    page.page.wait_for_selector(f'.hs-chip button:text-is("{text}")')


def test_a_click_changes_a_base_and_undo_takes_it_back(explorer):
    page, figure = explorer.page, explorer.figure()
    old = explorer.value(f"explorer.history.reference[{BASE} - 1 - 8_000]")
    new = next(base for base in "ACGT" if base != old)
    figure.click(BASE, 0.5, LANE)
    page.click(f".hs-menu .hs-{new}")
    said = f"chrDemo:{BASE:,} {old}>{new}"
    wait_chip(explorer, said)
    assert listing(explorer) == [said]
    changed = explorer.value("float(explorer.reading.totals.loc['both', 'total'])")
    shown = page.text_content(".hs-outcome tbody td:last-child")
    assert shown.replace("−", "-") == f"{changed:.3f}"
    page.click('button[aria-label^="Undo"]')
    page.wait_for_function("!document.querySelector('.hs-chip')")
    assert listing(explorer) == []


def test_keys_alone_substitute_delete_insert_undo_and_redo(explorer):
    page, figure = explorer.page, explorer.figure()
    figure.click(BASE, 0.5, LANE)
    page.wait_for_selector(".hs-menu:visible")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Delete")
    wait_chip(explorer, f"chrDemo: del {BASE + 1:,}")
    page.keyboard.press("i")
    page.keyboard.type("gg")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelectorAll('.hs-chip').length === 1")
    page.wait_for_function(
        "document.querySelector('.hs-chip').textContent.includes('GG')"
    )
    both = listing(explorer)
    page.keyboard.press("Control+z")
    wait_chip(explorer, f"chrDemo: del {BASE + 1:,}")
    page.keyboard.press("Control+y")
    page.wait_for_function(
        "document.querySelector('.hs-chip').textContent.includes('GG')"
    )
    assert listing(explorer) == both


def test_a_wrong_variant_is_refused_in_words(explorer):
    page = explorer.page
    page.fill('input[aria-label^="Apply a variant"]', "8,030 NNNN")
    page.press('input[aria-label^="Apply a variant"]', "Enter")
    page.wait_for_selector(".hs-status.hs-error")
    assert "variant must" in page.text_content(".hs-status")
    assert listing(explorer) == []
