"""A kernel that is busy or gone: the page says so and keeps the last picture."""

import psutil
import pytest

SETUP = """
import os
import hyenascope as hs
from hyenascope.widgets.locus_browser import LocusBrowser

locus = hs.example_locus()
browser = LocusBrowser(None, locus.fasta, hs.Interval("chrDemo", 8_000, 8_100))
"""
KILL = "() => jupyterapp.shell.currentWidget.sessionContext.shutdown()"
SAYS = "text => document.querySelector('.hs-status').textContent.includes(text)"


@pytest.fixture
def browser(notebook):
    return notebook(SETUP, "browser")


def drawn(page) -> list[float]:
    return page.figure().layout("xaxis.range")


def jump(page) -> None:
    page.page.evaluate(
        "() => { document.querySelector('.hs-locus').view.go(50_000.5, 50_100.5); }"
    )


def test_a_stuck_kernel_is_named_and_catches_up(browser):
    page, kernel = browser.page, psutil.Process(browser.value("os.getpid()"))
    kernel.suspend()  # sleeping is not enough: widgets have a thread of their own
    jump(browser)
    page.wait_for_function(SAYS, arg="busy or gone")
    assert page.locator(".hs-plot .main-svg").count()  # the picture is still there
    kernel.resume()
    page.wait_for_function("document.querySelector('.hs-status').textContent === ''")
    browser.figure().wait("""() => {
      const [{ x0, z }] = gd._fullData;
      return x0 < 50_000 && x0 + z[0].length > 50_100;
    }""")
    assert browser.interval("browser") == [50_000, 50_100]


def test_a_dead_kernel_is_named_and_the_picture_stays(browser):
    page = browser.page
    browser.settle(KILL)
    jump(browser)
    page.wait_for_function(SAYS, arg="busy or gone")
    assert page.locator(".hs-plot .main-svg").count()
    assert drawn(browser) == [50_000.5, 50_100.5]
    page.keyboard.press("Tab")  # still answers


def test_two_views_of_one_browser_move_on_their_own(notebook):
    page = notebook(SETUP, "browser", "browser")
    first, second = page.figure(0), page.figure(1)
    page.page.evaluate(
        "() => { document.querySelectorAll('.hs-locus')[1].view.zoom(0.5); }"
    )
    second.wait_window(8_025.5, 8_075.5)
    assert first.layout("xaxis.range") == [8_000.5, 8_100.5]


def test_a_reloaded_page_finds_its_kernel_again(browser):
    browser.reload()
    browser.page.wait_for_selector('.hs-locus[data-state="ready"]', timeout=60_000)
    assert drawn(browser) == [8_000.5, 8_100.5]
