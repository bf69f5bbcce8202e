"""Tests in a real browser: JupyterLab, and saved pages opened from disk.

A test asks for `notebook` or `saved_page`, does what a reader does, and looks at what
the page shows and what the kernel received::

    def test_a_click_reaches_the_kernel(notebook):
        page = notebook(SETUP, "browser")  # one string per cell
        page.figure().click(1050, 0.5, "y2")
        page.page.wait_for_selector(".hs-picked")
        assert page.value("browser.picked") == 1050

Both fixtures refuse what nobody asked for: JavaScript errors, dialogs, Python
tracebacks and lines on stderr, and, for saved pages, every request. They keep a picture
of the end of each test in build/screenshots, or where HYENASCOPE_SCREENSHOTS says.
Playwright's own page is ``page.page``; no sleeps, wait for what should happen.
Everything here that needs Chromium is marked `browser`, and with JupyterLab `slow`.
"""

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.browser.lab_server import REPOSITORY, LabServer
from tests.browser.notebook_page import NotebookPage
from tests.browser.watched_page import SavedPage, WatchedPage
from tests.chromium import ARGS, require_chromium


def pytest_itemcollected(item: pytest.Item) -> None:
    needs = getattr(item, "fixturenames", ())
    if "chrome" in needs:
        item.add_marker("browser")
    if "lab" in needs:
        item.add_marker("slow")


@pytest.fixture(scope="session")
def chrome() -> Iterator[Any]:
    path = require_chromium()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=path, args=list(ARGS))
        yield browser
        browser.close()


@pytest.fixture(scope="session")
def lab(tmp_path_factory) -> Iterator[LabServer]:
    """JupyterLab as a reader has it, without any of the reader's settings."""
    server = LabServer(tmp_path_factory.mktemp("lab"))
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def screenshots() -> Path:
    chosen = os.environ.get("HYENASCOPE_SCREENSHOTS")
    return Path(chosen) if chosen else REPOSITORY / "build" / "screenshots"


@pytest.fixture
def pages(screenshots, request) -> Iterator[list[WatchedPage]]:
    """Pages of one test: pictured and closed at its end, and nothing amiss."""
    opened: list[WatchedPage] = []
    yield opened
    unasked = []
    for number, page in enumerate(opened, start=1):
        unasked += page.unasked()
        page.close(screenshots, f"{request.path.stem}-{request.node.name}-{number}")
    assert not unasked, "\n".join(unasked)


@pytest.fixture
def notebook(chrome, lab, pages) -> Iterator[Callable[..., NotebookPage]]:
    """Run cells in a fresh notebook; return its page once everything is drawn."""

    def run(*cells: str, timeout: float = 120_000) -> NotebookPage:
        page = NotebookPage(chrome)
        pages.append(page)
        name = f"notebook-{secrets.token_hex(4)}.ipynb"
        page.open_notebook(lab, name, *cells, timeout=timeout)
        page.run(timeout=timeout)
        return page

    yield run
    for page in pages:
        page.listen_no_more()  # a kernel that is ended may grumble
    lab.end_sessions()


@pytest.fixture(scope="module")
def _kept(chrome, lab) -> Iterator[dict[tuple[str, ...], NotebookPage]]:
    kept: dict[tuple[str, ...], NotebookPage] = {}
    yield kept
    for page in kept.values():
        page.context.close()
    lab.end_sessions()


@pytest.fixture
def kept_notebook(
    chrome, lab, screenshots, request, _kept
) -> Iterator[Callable[..., NotebookPage]]:
    """Like `notebook`, but a module's tests share page and kernel: the cells run anew.

    A quarter of the time; for widgets that the first cell makes.
    """
    used: list[NotebookPage] = []

    def run(*cells: str, timeout: float = 120_000) -> NotebookPage:
        if cells not in _kept:
            _kept[cells] = NotebookPage(chrome)
            name = f"notebook-{secrets.token_hex(4)}.ipynb"
            _kept[cells].open_notebook(lab, name, *cells, timeout=timeout)
        used.append(_kept[cells])
        used[-1].run(timeout=timeout)
        return used[-1]

    yield run
    for page in used:
        page.picture(screenshots, f"{request.path.stem}-{request.node.name}-1")
        unasked = page.unasked()
        page.forget()
        assert not unasked, "\n".join(unasked)


@pytest.fixture
def saved_page(chrome, pages) -> Callable[[Path], SavedPage]:
    """Open a file from disk, without a network."""

    def open_file(path: Path) -> SavedPage:
        page = SavedPage(chrome, path)
        pages.append(page)
        return page

    return open_file
