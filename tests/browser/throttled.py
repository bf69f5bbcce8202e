"""Does a widget always draw, even where JupyterLab is slow?

Opens fresh notebooks again and again, each with some cells that show a widget, slows
the page down by Chrome's own CPU throttling, runs all cells, and waits until every
widget is drawn or a limit has passed::

    python -m tests.browser.throttled --widget locus --runs 50 --rate 8 --cells 4
    python -m tests.browser.throttled --code "my.Widget()" --drawn ".mine canvas"

A run counts if all widgets drew and neither the page nor the kernel complained. The
time runs from "run all cells" to the last widget, imports in the kernel included. The
throttle starts once the notebook is open: what is tested is the widget, not JupyterLab.
"""

import argparse
import statistics
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from playwright.sync_api import TimeoutError as PlaywrightTimeoutError
from playwright.sync_api import sync_playwright

from tests.browser.lab_server import REPOSITORY, LabServer
from tests.browser.notebook_page import NotebookPage
from tests.chromium import ARGS, MISSING, find_chromium

FIGURE_WIDGET = """
import numpy as np, plotly.graph_objects as go
values = np.random.default_rng(0).normal(size=2000).cumsum()
go.FigureWidget(go.Scatter(y=values), layout={"height": 260})
"""
LOCUS = """
import numpy as np
import hyenascope as hs
from hyenascope.viz.components import Line, Sequence
from hyenascope.widgets.live_tracks import LiveTracks

genome = hs.FastaReader(hs.example_locus().fasta)
place = hs.Interval("chrDemo", 0, genome.contigs["chrDemo"])
values = np.random.default_rng(0).normal(size=place.length)
live = LiveTracks(genome, hs.Interval("chrDemo", 20_000, 22_000))
live.tracks.add("signal", Line(hs.TrackData(values, ("signal",), place, "nats")))
live.tracks.add("sequence", Sequence(genome))
live
"""
# What shows a widget, and the selector of one that is drawn.
WIDGETS = {
    "figurewidget": (FIGURE_WIDGET, ".js-plotly-plot:has(.main-svg)"),
    "locus": (LOCUS, '.hs-locus[data-state="ready"]:has(.main-svg)'),
}
_START = "() => { jupyterapp.commands.execute('notebook:run-all-cells'); }"
_COUNT = "(drawn) => document.querySelectorAll(drawn).length"
_ENOUGH = "([drawn, many]) => document.querySelectorAll(drawn).length >= many"


@dataclass(frozen=True)
class Run:
    """One notebook: seconds until all was drawn, or None; how many were; complaints."""

    seconds: float | None
    drawn: int
    problems: tuple[str, ...]

    @property
    def good(self) -> bool:
        return self.seconds is not None and not self.problems


def draw(page: NotebookPage, drawn: str, cells: int, *, limit: float) -> Run:
    """Run all cells of an open notebook and watch its widgets draw."""
    begin = time.perf_counter()
    page.page.evaluate(_START)
    try:
        page.page.wait_for_function(_ENOUGH, arg=[drawn, cells], timeout=1000 * limit)
        seconds = time.perf_counter() - begin
    except PlaywrightTimeoutError:
        seconds = None
    count = page.page.evaluate(_COUNT, drawn)
    return Run(seconds, count, tuple(page.unasked()))


@contextmanager
def throttled_notebook(
    browser: Any, lab: LabServer, cells: list[str], rate: float, picture: Path
) -> Iterator[NotebookPage]:
    """Open a fresh notebook, then slow its page down; picture it at the end."""
    page = NotebookPage(browser)
    page.open_notebook(lab, f"{picture.stem}.ipynb", *cells)
    tools = page.context.new_cdp_session(page.page)
    tools.send("Emulation.setCPUThrottlingRate", {"rate": rate})
    yield page
    tools.send("Emulation.setCPUThrottlingRate", {"rate": 1})
    page.close(picture.parent, picture.stem)
    lab.end_sessions()


def row(number: int, run: Run, cells: int) -> str:
    seconds = "-" if run.seconds is None else f"{run.seconds:.1f}"
    return f"{number:>4}  {seconds:>7}  {run.drawn:>3}/{cells}  {len(run.problems):>10}"


def complaints(runs: list[Run]) -> Iterator[str]:
    """Return the first line of every complaint, with how many runs had it."""
    lines = [{text.strip().split("\n")[0] for text in run.problems} for run in runs]
    for line, count in Counter(line for run in lines for line in run).most_common():
        yield f"in {count} of {len(runs)} runs: {line[:200]}"


def summary(runs: list[Run], cells: int, rate: float) -> str:
    times = [run.seconds for run in runs if run.seconds is not None]
    spread = (
        f"median {statistics.median(times):.1f} s, max {max(times):.1f} s"
        if times
        else "no times"
    )
    loud = sum(bool(run.problems) for run in runs)
    return (
        f"{len(times)} of {len(runs)} runs drew all {cells} at {rate:g}x; {spread}; "
        f"{loud} with complaints"
    )


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--widget", choices=WIDGETS, default="figurewidget")
    parser.add_argument("--code", help="show another widget; @path reads a file")
    parser.add_argument("--drawn", help="CSS selector of one that is drawn")
    parser.add_argument("--runs", type=int, default=50)
    parser.add_argument("--rate", type=float, default=8.0, help="how much slower")
    parser.add_argument("--cells", type=int, default=4, help="widgets per notebook")
    parser.add_argument("--limit", type=float, default=120.0, help="seconds to wait")
    options = parser.parse_args()
    code, drawn = WIDGETS[options.widget]
    if options.code is not None:
        code = options.code
        if code.startswith("@"):
            code = Path(code[1:]).read_text(encoding="utf-8")
    options.code, options.drawn = code, options.drawn or drawn
    return options


def main() -> int:
    """Print one line a run and a summary; 1 if any run was not good."""
    options = parse()
    chromium = find_chromium()
    if chromium is None:
        sys.exit(MISSING)
    pictures = REPOSITORY / "build" / "screenshots"
    runs = []
    with tempfile.TemporaryDirectory() as home, sync_playwright() as driver:
        lab = LabServer(Path(home))
        lab.start()
        browser = driver.chromium.launch(executable_path=chromium, args=list(ARGS))
        try:
            sys.stdout.write(" run  seconds  drawn  complaints\n")
            for number in range(1, options.runs + 1):
                cells = [options.code] * options.cells
                picture = pictures / f"throttled-{number}.png"
                with throttled_notebook(
                    browser, lab, cells, options.rate, picture
                ) as page:
                    run = draw(page, options.drawn, options.cells, limit=options.limit)
                runs.append(run)
                sys.stdout.write(row(number, run, options.cells) + "\n")
                sys.stdout.flush()
        finally:
            browser.close()
            lab.stop()
    closing = [summary(runs, options.cells, options.rate), *complaints(runs)]
    sys.stdout.write("\n".join(closing) + "\n")
    return 0 if all(run.good for run in runs) else 1


if __name__ == "__main__":
    sys.exit(main())
