"""The site as a reader opens it: from disk, its figures alive, its links leading on."""

import re
import shutil
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from tests.browser.lab_server import REPOSITORY
from tests.browser.watched_page import WatchedPage

pytestmark = pytest.mark.slow

LEFT_OUT = (".*", "build", "demo", "out", "runs", "__pycache__", "*.npz")


@pytest.fixture(scope="module")
def site(chrome, tmp_path_factory) -> Path:
    """Where it is, once it is built; a warning is an error, as in ``make docs``."""
    place = tmp_path_factory.mktemp("site")
    made = re.search(r"(?m)^\t\$\(BIN\)/(sphinx-build.*) \S+$", _makefile())
    command = [sys.executable, "-m", *made[1].replace("-build", "").split()]
    command += [str(place), "-d", str(tmp_path_factory.mktemp("doctrees"))]
    checkout = tmp_path_factory.mktemp("copy") / "hyenascope"  # a build writes in it
    shutil.copytree(REPOSITORY, checkout, ignore=shutil.ignore_patterns(*LEFT_OUT))
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return place


def _makefile() -> str:
    return Path(REPOSITORY, "Makefile").read_text(encoding="utf-8")


class SitePage(WatchedPage):
    """A page of the site, without a network."""

    def __init__(self, browser, path: Path, query: str = "") -> None:
        super().__init__(browser, offline=True)
        self.page.goto(path.as_uri() + query)

    def unasked(self) -> list[str]:
        local = ("file:", "data:", "blob:")
        outside = [url for url in self.requests if not url.startswith(local)]
        return [*self.problems, *(f"request: {url}" for url in outside)]


@pytest.fixture
def opened(chrome, pages, site):
    def open_page(name: str, query: str = "") -> SitePage:
        page = SitePage(chrome, site / name, query)
        pages.append(page)
        return page

    return open_page


def test_the_gallery_is_alive(opened):
    page = opened("docs/gallery.html")
    count = page.page.locator(".live-figure").count()
    assert count >= 8
    figures = [page.figure(number) for number in range(count)]
    first = figures[0]
    assert "both" in first.read("() => gd.data.map((t) => t.name)")
    left, right = first.read("() => gd._fullLayout.xaxis.range")
    first.read("() => Plotly.relayout(gd, {'xaxis.range': [8100, 8200]})")
    assert (right - left) > 4_000
    assert first.read("() => gd._fullLayout.xaxis.range") == [8100, 8200]


def test_figures_of_a_tutorial_are_alive(opened):
    page = opened("notebooks/07_genome_browser.html")
    count = page.page.locator(".live-figure").count()
    assert count == 3
    for number in range(count):
        page.figure(number)


def test_the_top_leads_to_the_first_page(opened):
    page = opened("index.html")
    page.page.wait_for_url("**/docs/index.html")
    assert page.page.title().startswith("hyenascope")


def test_search_finds_a_verb(opened):
    page = opened("search.html", "?q=score_haplotypes")
    found = page.page.locator("#search-results ul.search a").first
    found.wait_for()
    assert "score_haplotypes" in found.inner_text()


class Page(HTMLParser):
    """Addresses and anchors of one page."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.addresses: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.anchors |= {given[key] for key in ("id", "name") if given.get(key)}
        self.addresses |= {given[key] for key in ("href", "src") if given.get(key)}


def test_every_link_within_leads_somewhere(site):
    pages = {
        path: Page(path)
        for path in sorted(site.rglob("*.html"))
        if "_static" not in path.parts  # the theme's own
    }
    assert len(pages) > 100
    lost = [
        f"{path.relative_to(site)}: {address}"
        for path, page in pages.items()
        for address in page.addresses
        if not leads_somewhere(path, address, pages)
    ]
    assert not lost, "\n".join(lost[:40])


def leads_somewhere(path: Path, address: str, pages: dict[Path, Page]) -> bool:
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return True  # `make links` asks those
    target = Path(path.parent, unquote(parts.path)).resolve() if parts.path else path
    if parts.fragment and target in pages:
        return unquote(parts.fragment) in pages[target].anchors
    return target.exists()
