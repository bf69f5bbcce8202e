"""A toy locus, and a real browser that reports every way out of a page."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pandas as pd
import pytest

from hyenascope.data.gene import Gene, Transcript
from hyenascope.data.interval import Interval

CHROMIUM = Path("/usr/bin/chromium")
PAYLOAD = "<img src=x onerror=alert(1)>"


@pytest.fixture
def locus() -> Interval:
    return Interval("chr1", 1000, 1100)


@pytest.fixture
def variants() -> pd.DataFrame:
    """Five kinds of change; the last has no score."""
    rows = [
        ("chr1", 1001, "A", "G", PAYLOAD, -2.0, ""),
        ("chr1", 1050, "C", "CTT", "rs2", 0.5, ""),
        ("chr1", 1060, "GAT", "G", ".", 1.0, ""),
        ("chr1", 1070, "AC", "GT", ".", 0.25, ""),
        ("chr1", 1100, "T", "<DEL>", "sv1", float("nan"), "ALT is symbolic: <DEL>"),
    ]
    names = ["chrom", "pos", "ref", "alt", "id", "conditional", "reason"]
    frame = pd.DataFrame(rows, columns=names)
    return frame.assign(markov_3=[0.1, 0.2, 0.3, 0.4, 0.5], cpg=[True] + [False] * 4)


def build_gene(name: str, start: int, *lengths: int, strand: str = "+") -> Gene:
    """Build a gene of one transcript from exon, intron, exon … lengths.

    All but the first base of the first exon and the last of the last is coding.
    """
    exons, at = [], start
    for number, length in enumerate(lengths):
        if number % 2 == 0:
            exons.append(Interval("chr1", at, at + length, strand))
        at += length
    whole = Interval("chr1", start, at, strand)
    coding = Interval("chr1", start + 1, at - 1, strand)
    cds = tuple(part for exon in exons if (part := exon.intersect(coding)))
    transcript = Transcript(f"{name}-201", whole, tuple(exons), cds, "protein_coding")
    return Gene(name, f"{name}-id", whole, (transcript,))


@pytest.fixture
def make_gene() -> Callable[..., Gene]:
    return build_gene


@pytest.fixture
def payload() -> str:
    return PAYLOAD


@dataclass
class Watched:
    """A page of a real browser, and what it did that it should not."""

    page: "object"
    requests: list[str] = field(default_factory=list)
    alarms: list[str] = field(default_factory=list)

    def open(self, path: Path) -> None:
        self.page.goto(path.as_uri())
        self.page.wait_for_selector(".plotly-graph-div .main-svg")

    def hover(self, yaxis: str, x: float, y: float) -> str:
        """Point at axis coordinates of the first figure; return the hover text."""
        place = self.page.evaluate(
            """([yaxis, x, y]) => {
              const figure = document.querySelector(".plotly-graph-div");
              figure.scrollIntoView();
              const box = figure.getBoundingClientRect();
              const { xaxis, [yaxis]: vertical } = figure._fullLayout;
              return [box.left + xaxis._offset + xaxis.c2p(x),
                      box.top + vertical._offset + vertical.c2p(y)];
            }""",
            [yaxis, x, y],
        )
        self.page.mouse.move(place[0] - 3, place[1])
        self.page.mouse.move(*place)
        self.page.wait_for_selector(".hoverlayer .hovertext", state="attached")
        self.page.wait_for_timeout(150)
        lines = self.page.locator(".hoverlayer .hovertext tspan.line")
        texts = (
            lines.all_text_contents()
            or self.page.locator(".hoverlayer .hovertext").all_text_contents()
        )
        return "\n".join(texts)


@pytest.fixture(scope="session")
def chromium() -> Iterator["object"]:
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if not CHROMIUM.exists():
        pytest.skip(f"needs Chromium at {CHROMIUM}")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(
            executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"]
        )
        yield browser
        browser.close()


@pytest.fixture
def watched(chromium) -> Iterator[Watched]:
    page = chromium.new_page(viewport={"width": 1200, "height": 900})
    watch = Watched(page)
    page.on("request", lambda request: watch.requests.append(request.url))
    page.on("pageerror", lambda error: watch.alarms.append(str(error)))
    page.on("console", lambda line: watch.alarms.append(line.text))
    page.on("dialog", lambda dialog: (watch.alarms.append("dialog"), dialog.dismiss()))
    yield watch
    page.close()
