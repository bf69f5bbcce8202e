"""Make the pictures of the README, with the package itself.

``python scripts/readme_pictures.py`` (or ``make pictures``) makes all of them; names
after it make only those. Still figures are drawn by `hyenascope.write_image`, live ones
are photographed in a real JupyterLab with what the browser tests use. Needs Chromium;
takes some minutes.
"""

import argparse
import io
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from click.testing import CliRunner
from PIL import Image
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ViewportSize,
    sync_playwright,
)

import hyenascope as hs
from hyenascope.cli import main as main_command
from hyenascope.data.bed import read_bed
from hyenascope.data.bigwig import write_bigwig
from hyenascope.data.example import ExampleLocus
from hyenascope.interpret.edits import Edit
from hyenascope.interpret.haplotype_effects import HaplotypeReading
from hyenascope.viz.components import Haplotype
from tests.browser.lab_server import LabServer
from tests.browser.notebook_page import NotebookPage
from tests.chromium import ARGS, MISSING, find_chromium

DOCS = Path(__file__).parents[1] / "docs"
WIDTH = 900
REPORT: ViewportSize = {"width": 1100, "height": 960}
SHARP = 2  # pixels of the file per pixel of the page
# JupyterLab's own margins around an output, its sidebar closed.
LAB_MARGINS = 180
DARK = (
    "jupyterapp.commands.execute('apputils:change-theme', {theme: 'JupyterLab Dark'})"
)
# Every lane has been drawn with all it has to show.
COMPUTED = """() => {
  const shown = document.querySelector(".hs-plot").textContent;
  return !/not computed|waiting for/.test(shown);
}"""
BROWSER = """
import hyenascope as hs

locus = hs.example_locus()
model = hs.load_pretrained("demo-synthetic")
scores = hs.score_variants(model, locus.variants, locus.fasta)
browser = hs.LocusBrowser(
    model,
    locus.fasta,
    hs.Interval("chrDemo", 9_900, 9_985),
    tracks=("ism", "conditional"),
    genes=locus.genes,
    variants=hs.wide(scores),
)
browser
"""
EXPLORER = """
import hyenascope as hs

locus = hs.example_locus()
model = hs.load_pretrained("demo-synthetic")
explorer = hs.MutagenesisExplorer(
    model, locus.fasta, hs.Interval("chrDemo", 9_905, 9_985), genes=locus.genes
)
explorer
"""
MONITOR = """
import tempfile
from pathlib import Path
import hyenascope as hs

folder = Path(tempfile.mkdtemp())
fasta = hs.example_locus(folder).fasta
monitor = hs.TrainingMonitor()
monitor.run(lambda monitor: hs.pretrain(
    hs.HyenaConfig(d_model=32, n_layer=2, d_inner=64, l_max=512),
    fasta,
    options=hs.PretrainOptions(
        steps=600,
        batch_size=4,
        length=512,
        stages=hs.length_stages(512, 600, start=128),
    ),
    validation=0.1,
    out=folder / "demo-model",
    validate_every=25,
    monitor=monitor,
    progress=False,
))
"""
SHOWN_STEPS = 450
LATE = f"(steps) => gd._fullData[0]?.x?.at(-1) >= steps * {4 * 512}"


class Studio:
    """A JupyterLab and a browser whose pages are as sharp as the files."""

    def __init__(self, browser: Browser, lab: LabServer) -> None:
        self._browser = browser
        self.lab = lab

    def new_context(self, **options: object) -> BrowserContext:
        """Return what a page asks for, sharper and as wide as a picture."""
        size = {"width": WIDTH + LAB_MARGINS, "height": 1400}
        return self._browser.new_context(
            **{**options, "viewport": size, "device_scale_factor": SHARP}
        )

    @contextmanager
    def notebook(self, code: str) -> Iterator[NotebookPage]:
        """Run one cell, with nothing beside the notebook."""
        page = NotebookPage(self)
        page.open_notebook(self.lab, "picture.ipynb", code)
        page.settle("() => jupyterapp.commands.execute('application:toggle-left-area')")
        page.run()
        yield page
        page.context.close()
        self.lab.end_sessions()


@contextmanager
def studio() -> Iterator[Studio]:
    """Open the studio, and close it."""
    chromium = find_chromium()
    if chromium is None:
        sys.exit(MISSING)
    with tempfile.TemporaryDirectory() as home, sync_playwright() as driver:
        lab = LabServer(Path(home))
        lab.start()
        browser = driver.chromium.launch(executable_path=chromium, args=list(ARGS))
        try:
            yield Studio(browser, lab)
        finally:
            browser.close()
            lab.stop()


def keep(picture: bytes, name: str) -> None:
    """Write a PNG with few colours; they suffice for drawings."""
    image = Image.open(io.BytesIO(picture)).convert("RGB")
    few = image.quantize(256, method=Image.Quantize.MAXCOVERAGE, kmeans=10)
    path = DOCS / f"{name}.png"
    few.save(path, optimize=True)
    sys.stdout.write(f"{path}: {image.size}, {path.stat().st_size / 1e3:.0f} kB\n")


def photograph(page: NotebookPage, name: str, part: str = ".hs-locus") -> None:
    """Keep the live figure, and nothing around it."""
    page.page.wait_for_timeout(500)
    keep(page.page.locator(part).screenshot(), name)


def draw(figure: go.Figure, name: str) -> None:
    """Keep a still figure."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "figure.png")
        hs.write_image(figure, path, width=WIDTH, scale=SHARP)
        keep(path.read_bytes(), name)


def browser_pictures() -> None:
    """Photograph a LocusBrowser at letters, light and dark."""
    with studio() as made, made.notebook(BROWSER) as page:
        page.page.wait_for_selector(".hs-work", state="hidden", timeout=300_000)
        page.page.wait_for_function(COMPUTED, timeout=300_000)
        page.figure().hover(9_967, 0, "y3")
        photograph(page, "browser")
        page.page.evaluate(DARK)
        page.page.wait_for_selector('.hs-locus[data-theme="dark"]')
        page.page.mouse.move(2, 2)
        photograph(page, "browser-dark")


def explorer_picture() -> None:
    """Break a splice site by mouse and keys; photograph what the model says."""
    with studio() as made, made.notebook(EXPLORER) as page:
        figure = page.figure()
        lane = f"y{page.value('len(explorer.tracks.tracks)')}"
        for edits, (position, keys) in enumerate(
            [(9_947, ["c"]), (9_938, ["Delete"]), (9_955, ["t"])], start=1
        ):
            figure.click(position, 0.5, lane)
            page.press(*keys)
            page.page.wait_for_function(
                "n => document.querySelectorAll('.hs-chip').length === n", arg=edits
            )
        figure.click(9_961, 0.5, lane)
        page.page.mouse.move(2, 2)
        photograph(page, "explorer")


def monitor_picture() -> None:
    """Photograph a small run on the example while it goes on, then stop it."""
    with studio() as made, made.notebook(MONITOR) as page:
        page.figure().wait(LATE, SHOWN_STEPS, timeout=200_000)
        page.page.mouse.move(2, 2)
        photograph(page, "training-monitor", ".widget-vbox")
        page.page.locator(".jupyter-button").click()
        page.value("monitor.result() and None")


def report_picture() -> None:
    """Photograph the top of the report that `make demo` writes."""
    chromium = find_chromium()
    if chromium is None:
        sys.exit(MISSING)
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as driver:
        done = CliRunner().invoke(main_command, ["demo", "--out", folder])
        if done.exit_code:
            sys.exit(done.output)
        browser = driver.chromium.launch(executable_path=chromium, args=list(ARGS))
        page = browser.new_page(viewport=REPORT)
        page.goto(Path(folder, "report.html").as_uri())
        page.wait_for_selector(".main-svg")
        page.wait_for_timeout(1000)
        keep(page.screenshot(), "demo-report")
        browser.close()


def tracks_picture() -> None:
    """Draw what shows at some thousand bases."""
    model, locus = hs.load_pretrained("demo-synthetic"), hs.example_locus()
    scores = hs.score_variants(model, locus.variants, locus.fasta)
    log_p = hs.log_prob_track(model, locus.fasta, locus.interval)
    means = log_p.rolling_mean(50)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "log p.bw")
        write_bigwig(path, log_p.track("both"), locus.interval)
        figure = hs.plot_locus(
            [
                hs.Genes(locus.genes),
                hs.Intervals(locus.motifs, label="promoter motifs"),
                hs.Variants(hs.wide(scores), by_allele=True),
                hs.Line(means.select("forward", "reverse"), reference=-np.log(4)),
                hs.Area(
                    means.select("both"), baseline=-np.log(4), label="above a guess"
                ),
                hs.BigWig(path, label="bigWig file", units="log p (nats)"),
                hs.Sequence(hs.FastaReader(locus.fasta)),
            ],
            locus.interval,
            width=WIDTH,
        )
        draw(figure, "tracks")


def bases_picture() -> None:
    """Draw what shows at a hundred bases: a promoter of the example."""
    model, locus = hs.load_pretrained("demo-synthetic"), hs.example_locus()
    genome, place = hs.FastaReader(locus.fasta), hs.Interval("chrDemo", 8_045, 8_135)
    edits = [(8_063, 8_064, "C"), (8_083, 8_085, "")]
    effects = hs.HaplotypeEffects(model, genome, place)
    reading = effects.read([Edit(*edit) for edit in edits], arcs=60)
    attribution = hs.integrated_gradients(
        model,
        genome,
        place,
        target=hs.LogLikelihood(hs.Interval("chrDemo", 8_100, 8_135)),
    )
    figure = hs.plot_locus(
        [
            hs.Genes(locus.genes),
            hs.Motifs(motif_hits(locus), locus.genome.grammar.motifs),
            hs.Logo(
                hs.conditional_map(model, genome, place),
                kind="information",
                label="expected bases",
            ),
            hs.Logo(attribution, genome, label="attribution"),
            hs.RefAlt(*ref_and_alt(effects, reading), label="log p, two haplotypes"),
            hs.Heatmap(hs.saturation_mutagenesis(model, genome, place), genome),
            hs.Dependency(hs.dependency_map(model, genome, place)),
            hs.Arcs(reading.arcs, value="change", units="log2 odds"),
            Haplotype(edits),
            hs.Sequence(genome),
        ],
        place,
        width=WIDTH,
    )
    draw(figure, "bases")


def variants_pictures() -> None:
    """Draw all example variants, against a background and against the truth."""
    model, locus = hs.load_pretrained("demo-synthetic"), hs.example_locus()
    scores = hs.score_variants(model, locus.variants, locus.fasta)
    background = hs.fit_background(model, locus.fasta, variants=1_000)
    draw(hs.plot_variants(scores, background=background), "variants-distribution")
    effects = [
        locus.genome.true_effect(variant) for variant in hs.read_vcf(locus.variants)
    ]
    scores.obs["effect"] = effects
    figure = hs.plot_variants(scores, kind="truth", truth="effect")
    draw(figure, "variants-truth")


def motif_hits(locus: ExampleLocus) -> pd.DataFrame:
    """Return the motifs of the example genome; decoys are matches like others."""
    found = read_bed(locus.motifs)
    return found.assign(motif=found["name"].str.removeprefix("decoy_"))


def ref_and_alt(
    effects: hs.HaplotypeEffects, reading: HaplotypeReading
) -> tuple[hs.TrackData, hs.TrackData]:
    """Return log p of every reference base, and of the same bases of a haplotype."""
    codes = ["ACGT".index(base) for base in effects.reference]
    log_probs = effects.log_probs["both"]
    ref = np.take_along_axis(log_probs.values, np.array(codes)[:, None], axis=1)[:, 0]
    alt = ref + reading.change.track("both")
    return tuple(
        hs.TrackData(values, (name,), effects.interval, "log p (nats)")
        for name, values in (("reference", ref), ("alternate", alt))
    )


PICTURES: dict[str, Callable[[], None]] = {
    "report": report_picture,
    "browser": browser_pictures,
    "explorer": explorer_picture,
    "monitor": monitor_picture,
    "tracks": tracks_picture,
    "bases": bases_picture,
    "variants": variants_pictures,
}


def main() -> None:
    """Make the pictures that were named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help=", ".join(PICTURES))
    for name in parser.parse_args().names or PICTURES:
        PICTURES[name]()


if __name__ == "__main__":
    main()
