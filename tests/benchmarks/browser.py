"""Time what a reader waits for, in JupyterLab and headless Chromium.

Run it with ``hyenascope bench --browser``. Software drawing, two cores: the numbers
are comparable with one another and with the budgets, which were set on such a machine.
Nothing here passes or fails.
"""

import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any, Literal

import numpy as np
from playwright.sync_api import sync_playwright

from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.viz.components import Line
from hyenascope.viz.saved_page import write_locus_html
from tests.browser.lab_server import LabServer
from tests.browser.notebook_page import NotebookPage
from tests.chromium import ARGS, MISSING, find_chromium

MEGABASE = 1_000_000
TRACKS = 4
MOVES = 9
BROWSER = f"""
import numpy as np, tempfile, pathlib
import hyenascope as hs
from hyenascope.viz.components import Line
from hyenascope.widgets.live_tracks import LiveTracks

rng = np.random.default_rng(0)
path = pathlib.Path(tempfile.mkdtemp(), "megabase.fa")
path.write_text(">chr1\\n" + "".join(rng.choice(list("ACGT"), size={MEGABASE})) + "\\n")
place = hs.Interval("chr1", 0, {MEGABASE})
live = LiveTracks(hs.FastaReader(path), place)
for number in range({TRACKS}):
    values = rng.normal(size={MEGABASE}).astype("f4")
    data = hs.TrackData(values, ("signal",), place)
    live.tracks.add(f"signal {{number}}", Line(data))
"""
EXPLORER = """
import torch
import hyenascope as hs
from hyenascope.widgets.mutagenesis_explorer import MutagenesisExplorer

torch.set_num_threads(2)
torch.manual_seed(0)
shape = hs.HyenaConfig(d_model=128, n_layer=2, d_inner=512, l_max=1026)
locus = hs.example_locus()
place = hs.Interval("chrDemo", 8_000, 9_000)
explorer = MutagenesisExplorer(hs.HyenaLM(shape).eval(), locus.fasta, place)
"""
_MARKS = """() => {
  const at = (name) => performance.getEntriesByName(name).at(-1).startTime;
  return at("hyenascope-drawn") - at("hyenascope-library");
}"""
# A frame of a drag: from the mouse to the picture after it.
_WATCH_DRAG = """() => {
  const { view } = document.querySelector(".hs-locus");
  window.frames_ = [];
  let moved = null;
  window.addEventListener("mousemove", () => { moved ??= performance.now(); }, true);
  view.plot.on("plotly_relayouting", () => {
    const from = moved;
    moved = null;
    requestAnimationFrame(() => setTimeout(() => {
      if (from !== null) frames_.push(performance.now() - from);
    }));
  });
}"""
# From the moment a movement ends to the picture with new numbers.
_DETAIL = """async ([left, right]) => {
  const { view } = document.querySelector(".hs-locus");
  const drawn = new Promise((done) => {
    const listener = () => done(performance.now());
    view.listeners.tile = [listener];
  });
  const begin = performance.now();
  await view.go(left, right);
  return (await drawn) - begin;
}"""
_WATCH_EDIT = """() => {
  const { view } = document.querySelector(".hs-locus");
  window.edits_ = [];
  let begin = null;
  window.addEventListener("mousedown", (event) => {
    if (event.target.closest(".hs-base")) begin = performance.now();
  }, true);
  view.on("tile", () => requestAnimationFrame(() => setTimeout(() => {
    if (begin !== null) edits_.push(performance.now() - begin);
    begin = null;
  })));
}"""


def first_draw(page: NotebookPage) -> float:
    """Return ms from plotly.js ready to the first picture."""
    return page.page.evaluate(_MARKS)


def drag_frames(page: NotebookPage) -> list[float]:
    """Drag to and fro; return ms from each movement of the mouse to its picture."""
    figure = page.figure()
    figure.read(_WATCH_DRAG)
    page.settle(_DETAIL, [450_000.5, 550_000.5])
    for _ in range(3):
        figure.drag(500_000, 480_000, 0, "y")
        figure.drag(500_000, 520_000, 0, "y")
    return page.page.evaluate("frames_")


def new_detail(page: NotebookPage) -> list[float]:
    """Jump to places 100 kb wide; return ms until each is drawn."""
    starts = np.linspace(0, 800_000, MOVES).astype(int)
    return [page.settle(_DETAIL, [s + 0.5, s + 100_000.5]) for s in starts.tolist()]


def edits(page: NotebookPage) -> list[float]:
    """Change bases by mouse; return ms from each click to the new picture."""
    figure = page.figure()
    figure.read(_WATCH_EDIT)
    for number in range(MOVES):
        base = 8_100 + 90 * number
        figure.click(base, 0.5, "y4")
        old = page.value(f"explorer.history.sequence()[{base - 1 - 8_000}]")
        new = "ACGT"["ACGT".index(old) - 1]
        page.page.click(f".hs-menu .hs-{new}")
        page.page.wait_for_function(f"edits_.length === {number + 1}")
    return page.page.evaluate("edits_")


def page_sizes() -> dict[str, float]:
    """Return MB of a saved page of a megabase, plotly.js inside and linked."""
    rng = np.random.default_rng(0)
    place = Interval("chr1", 0, MEGABASE)
    tracks = [
        Line(TrackData(rng.normal(size=MEGABASE).astype("f4"), ("signal",), place))
        for _ in range(TRACKS)
    ]
    sizes: dict[str, float] = {}
    ways: tuple[tuple[Literal["inside", "linked"], int], ...] = (
        ("inside", 8_000_000),
        ("linked", 4_000_000),
    )
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "page.html")
        for plotly, limit in ways:
            write_locus_html(tracks, place, path, plotly=plotly, max_bytes=limit)
            sizes[plotly] = path.stat().st_size / 1e6
    return sizes


def row(what: str, values: list[float], unit: str, budget: str) -> str:
    middle = statistics.median(values)
    spread = f"{min(values):.0f} to {max(values):.0f}" if len(values) > 1 else ""
    return f"{what:<52} {middle:>8.3g} {unit:<3} {spread:>14}  {budget}\n"


def measure(browser: Any, lab: LabServer) -> list[str]:
    """Return the lines of the table."""
    page = NotebookPage(browser)
    page.open_notebook(lab, "browser.ipynb", BROWSER, "live")
    page.run()
    what = f"1 Mb x {TRACKS} tracks"
    lines = [
        row(f"{what}: first picture, library loaded", [first_draw(page)], "ms", "2000"),
        row(f"{what}: a frame of a drag", drag_frames(page), "ms", "100"),
        row(f"{what}: new detail of 100 kb", new_detail(page), "ms", "400"),
    ]
    page.context.close()
    lab.end_sessions()
    page = NotebookPage(browser)
    page.open_notebook(lab, "explorer.ipynb", EXPLORER, "explorer")
    page.run()
    lines.append(row("1 kb, tiny model: click to picture", edits(page), "ms", "400"))
    page.context.close()
    for plotly, size in page_sizes().items():
        budget = "8" if plotly == "inside" else "4"
        lines.append(row(f"{what}: page, plotly.js {plotly}", [size], "MB", budget))
    return lines


def main() -> None:
    """Print the table."""
    chromium = find_chromium()
    if chromium is None:
        sys.exit(MISSING)
    head = f"{'':<52} {'median':>8}     {'range':>14}  budget\n"
    with tempfile.TemporaryDirectory() as home, sync_playwright() as driver:
        lab = LabServer(Path(home))
        lab.start()
        browser = driver.chromium.launch(executable_path=chromium, args=list(ARGS))
        try:
            sys.stdout.write(head + "".join(measure(browser, lab)))
        finally:
            browser.close()
            lab.stop()


if __name__ == "__main__":
    main()
