"""Text from files is text in every output that something reads as HTML."""

import base64
import gzip
import json
from pathlib import Path
from typing import Any

import anndata as ad
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import hyenascope as hs
from hyenascope.cli import main
from hyenascope.data.bed import read_bed
from hyenascope.data.meme import read_meme
from hyenascope.data.visible_text import visible_text
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.report import report_scores
from hyenascope.training.calibration import reliability
from hyenascope.training.progress import RunPlan, StepReport
from tests.hostile_files import (
    CONTIG,
    HOSTILE,
    LENGTH,
    TEXT,
    place,
    unspaced,
    write_hostile,
)
from tests.markup import Page, as_seen, texts_of

WHERE = hs.Interval(CONTIG, 0, LENGTH)
NAMES = list(HOSTILE.values())
SHOWN = [visible_text(name) for name in NAMES]
MIXED = "<i>&lt;%{x}$y$ and $z$"  # where room is short


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    return write_hostile(tmp_path_factory.mktemp("hostile"))


@pytest.fixture(scope="module")
def model():
    made = hs.HyenaLM(hs.HyenaConfig(d_model=8, n_layer=1, d_inner=16, l_max=66)).eval()
    made.name = "".join(NAMES[:3])
    return made


@pytest.fixture(scope="module")
def scores(files, model):
    return hs.score_variants(model, hs.read_vcf(files.vcf), files.fasta, context=32)


def drawn(figure) -> list[str]:
    """Return what a figure shows; refuse what it would run."""
    return [as_seen(text) for _, text in texts_of(figure.to_plotly_json())]


def shown(figure, names=SHOWN) -> None:
    """Refuse a figure that does not show every name letter by letter."""
    seen = "\n".join(drawn(figure))
    missing = [name for name in names if name not in seen]
    assert not missing


def track(*names: str) -> hs.TrackData:
    values = np.random.default_rng(1).normal(size=(LENGTH, len(names)))
    return hs.TrackData(values, names, WHERE, MIXED)


def variants(files) -> pd.DataFrame:
    rows = [(v.chrom, v.pos, v.ref, v.alt, v.id) for v in hs.read_vcf(files.vcf)]
    frame = pd.DataFrame(rows, columns=["chrom", "pos", "ref", "alt", "id"])
    frame["conditional"] = np.linspace(-1, 1, len(frame))
    frame["said"] = NAMES
    frame["several"] = [(name, "<i>") for name in NAMES]
    frame["<u>column</u>"] = 1.0
    frame.loc[0, "conditional"] = np.nan
    return frame.assign(reason=NAMES)


def hits(files) -> pd.DataFrame:
    names = list(read_meme(files.meme))
    starts = [place(number) for number in range(len(names))]
    frame = pd.DataFrame({"motif": names, "start": starts, "chrom": CONTIG})
    return frame.assign(end=frame["start"] + 4, strand="+", note=NAMES)


COMPONENTS = {
    "genes of GTF": lambda f: hs.Genes(f.gtf),
    "genes of GFF3": lambda f: hs.Genes(f.gff, display="squish"),
    "transcripts": lambda f: hs.Genes(f.gtf, detail="transcript", display="dense"),
    "intervals": lambda f: hs.Intervals(read_bed(f.bed)),
    "motifs": lambda f: hs.Motifs(hits(f), max_rows=20),
    "variants": lambda f: hs.Variants(variants(f)),
    "variants by word": lambda f: hs.Variants(variants(f), colour="said"),
    "rows of a heatmap": lambda f: hs.Heatmap(track(*NAMES)),
    "lines": lambda f: hs.Line(track(*NAMES)),
}
WRITTEN = {  # as these formats can have them
    "genes of GTF": [name.replace('"', "'") for name in SHOWN],
    "transcripts": [name.replace('"', "'") for name in SHOWN],
    "motifs": [unspaced(name) for name in NAMES],
}


@pytest.mark.parametrize("kind", COMPONENTS)
def test_names_in_files_are_text_in_figures(kind, files):
    figure = hs.plot_locus([COMPONENTS[kind](files)], WHERE)
    shown(figure, [CONTIG, *WRITTEN.get(kind, SHOWN)])


SINGLE = {
    "area": lambda f: hs.Area(track(MIXED)),
    "file name": lambda f: hs.BigWig(f.bigwig, units=MIXED),
    "logo": lambda f: hs.Logo(track(MIXED), sequence=TEXT),
    "reference": lambda f: hs.RefAlt(track(MIXED), track(MIXED)),
    "BED": lambda f: hs.Intervals(f.bed),
    "label": lambda f: hs.Motifs(hits(f), label=MIXED),
    "score": lambda f: hs.Variants(
        variants(f).rename(columns={"conditional": MIXED}), score=MIXED
    ),
}


@pytest.mark.parametrize("kind", SINGLE)
def test_one_name_is_text_in_a_figure(kind, files):
    figure = hs.plot_locus([SINGLE[kind](files)], WHERE, title=MIXED)
    shown(figure, [MIXED])


def scored(files) -> pd.DataFrame:
    frame = variants(files).drop(columns="several").rename(columns={"said": "gene"})
    frame["conditional"] = np.linspace(-1, 1, len(frame))
    sides = {"conditional_ref": 0.0, "conditional_alt": frame["conditional"]}
    classes = [MIXED if row % 2 else "<DEL>" for row in range(len(frame))]
    return frame.assign(status=NAMES, truth=classes, **sides)


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("distribution", {}),
        ("ref_alt", {}),
        ("genes", {}),
        ("genome", {}),
        ("truth", {"truth": "truth", "positive": MIXED}),
        ("truth", {"truth": "number"}),
    ],
)
def test_names_of_variants_are_text_in_pictures_of_many(kind, options, files):
    table = scored(files).assign(number=np.arange(len(NAMES)) * 1.5)
    figure = hs.plot_variants(
        table, kind=kind, score="conditional", title=MIXED, **options
    )
    ids = [] if kind == "distribution" else [unspaced(name) for name in NAMES]
    shown(figure, [MIXED, *ids])


def test_names_of_scores_and_their_units_are_text(scores):
    renamed = scores.copy()
    renamed.var["unit"] = MIXED
    renamed.var_names = [f"{MIXED}{number}" for number in range(scores.n_vars)]
    for kind in ("distribution", "genome", "ref_alt"):
        shown(hs.plot_variants(renamed, kind=kind), [MIXED])


def test_labels_models_and_sources_are_text_in_pictures_of_learning():
    obs = pd.DataFrame({"label": NAMES, "note": NAMES}, index=NAMES)
    data = ad.AnnData(np.random.default_rng(0).normal(size=(len(NAMES), 3)), obs)
    data.uns["hyenascope"] = {"data": MIXED, "model": MIXED}
    shown(hs.plot_embedding(data, hover=["note"]), [MIXED, *SHOWN])
    rows = {"task": NAMES, "model": MIXED, "value": 0.5, "source": NAMES}
    shown(hs.plot_benchmark(pd.DataFrame(rows)), [MIXED, *SHOWN])
    task = SequenceTask("binary", ("no", "yes"))
    bins = reliability(np.array([0, 1] * 20), np.tile([[0.7, 0.3]], (40, 1)), task)
    shown(hs.plot_reliability(dict.fromkeys(NAMES, bins), title=MIXED), [MIXED, *SHOWN])


REPORTS = pd.DataFrame(
    {"step": range(len(NAMES)), "tokens": 64, "length": 32, "loss": 1.4}
    | {"learning_rate": 6e-4, "gradient_norm": 1.0, "validation": None}
    | {"skipped": NAMES}
)


def test_what_a_run_says_is_text_in_curves_and_in_the_monitor():
    shown(hs.plot_training(REPORTS, title=MIXED, unit=MIXED), [MIXED, *SHOWN])
    monitor = hs.TrainingMonitor()
    monitor.begin(RunPlan(MIXED, 10, 64, 1000, unit=MIXED), [])
    monitor.step(StepReport(1, 64, 32, 1.4, 6e-4, 1.0, 0.5, 10**9, skipped=MIXED))
    monitor.end(f"Failed: {HOSTILE['image']}")
    lines = [page.value for page in (monitor._heading, monitor._line)]
    assert {tag for line in lines for tag in Page(line).tags} == {"b"}
    assert MIXED in Page(lines[0]).text
    assert HOSTILE["image"] in Page(lines[0]).text
    assert f"skipped: {MIXED}" in Page(lines[1]).text
    shown(monitor.figure(), [MIXED])
    shown(monitor._curves, [MIXED])


def read_page(path: Path, *more: str) -> Page:
    """Read a page; refuse an element or attribute that is not ours."""
    page = Page(path.read_text(encoding="utf-8"))
    frame = {"html", "head", "meta", "title", "style", "script", "body", "div"}
    assert page.tags <= frame | set(more)
    assert not {name for name in page.attributes if name.startswith("on")}
    assert not page.attributes & {"href", "src", "srcdoc", "formaction", "xlink:href"}
    return page


def test_names_are_text_in_the_report(files, model, scores, tmp_path):
    path = tmp_path / "report.html"
    title = HOSTILE["script"]
    report_scores(
        scores, model, files.fasta, path, genes=files.gtf, title=title, loci=1
    )
    tables = {"table", "thead", "tbody", "tr", "th", "td"}
    lists = {"dl", "dt", "dd", "section", "main", "h1", "h2", "h3", "p", "span"}
    page = read_page(path, *tables, *lists, "button", "input")
    assert len(page.scripts) == 3  # plotly.js, the figure, and that of the page
    assert all(value in page.text for value in (title, CONTIG, model.name))
    labels = [of.get("title") or "" for tag, of in page.elements if tag == "td"]
    told = page.text + "\n".join(labels)  # a long one is whole under the mouse
    assert not [name for name in NAMES if unspaced(name) not in told]


def carried(page: Page) -> dict[str, Any]:
    """Return what the page draws from, as its script reads it."""
    scripts = [of for tag, of in page.elements if tag == "script"]
    at = [of.get("id") for of in scripts].index("hs-pyramid")
    content = gzip.decompress(base64.b64decode(page.scripts[at]))
    size = int.from_bytes(content[:4], "little")
    return json.loads(content[4 : 4 + size])


def test_names_are_text_in_the_page_of_a_locus(files, tmp_path):
    path = tmp_path / "locus.html"
    lanes = [kind(files) for kind in COMPONENTS.values()]
    hs.write_locus_html(lanes, WHERE, path)
    page = read_page(path, "h1", "noscript")
    headline = f"{CONTIG}:1-3,000"
    assert page.text.count(headline) == 2  # once in the tab
    held = carried(page)
    assert held["label"] == headline
    found = {each["name"] for each in held["names"]}
    assert found >= {*SHOWN, *map(unspaced, NAMES)}
    seen = "\n".join(as_seen(text) for _, text in texts_of(held["levels"]))
    assert not [name for name in SHOWN if name not in seen]


def test_names_are_text_in_the_page_of_browse(files, model, scores, tmp_path):
    hs.save_pretrained(model, tmp_path / "model")
    scores.write_h5ad(tmp_path / "<b>scores.h5ad")
    page = tmp_path / "page.html"
    asked = ["browse", tmp_path / "<b>scores.h5ad", "--fasta", files.fasta]
    asked += ["--model", tmp_path / "model", "--genes", files.gtf, "--out", page]
    told = CliRunner().invoke(main, [*map(str, asked), "--no-open"])
    assert told.exit_code == 0, told.output
    held = carried(read_page(page, "h1", "noscript"))
    assert {each["name"] for each in held["names"]} >= set(map(unspaced, NAMES))
    for _, text in texts_of(held["levels"]):
        as_seen(text)


def test_the_browser_in_a_notebook_gets_plain_text_and_escaped_figures(files):
    frame = variants(files).drop(columns="several")
    browser = hs.LocusBrowser(None, files.fasta, WHERE, genes=files.gff, variants=frame)
    facts = browser.facts()
    assert facts["label"] == f"Genome tracks at {CONTIG}:1-3,000"
    cells = {cell for row in facts["table"]["rows"] for cell in row["cells"]}
    assert "<DEL>" in cells
    shown(browser.figure(), [CONTIG, "<DEL>"])
    sides = {"chrom": CONTIG, "left": 0.5, "right": 300.5}
    for name in (HOSTILE["bold"], HOSTILE["deletion"], HOSTILE["entity"]):
        [choice] = browser.answer_find({"query": name, **sides})["choices"]
        assert name in choice["label"]
        assert f" {CONTIG}:" in choice["label"]
