"""Fine-tuning in a JupyterLab cell: its curves grow, Stop leaves a good model."""

import re

import pytest

from tests.browser.test_training_monitor import (
    LAST,
    LATER,
    NAMES,
    SHOWN,
    STOP,
    start,
    wait_end,
)

# How far it has learnt when it is stopped is the machine's: its few validation rows may
# all be right by then, and the log says so.
SETUP = """
import logging, tempfile
from pathlib import Path
import numpy as np
import hyenascope as hs

rng = np.random.default_rng(0)
def draw(rich):
    chances = [rich, 0.5 - rich, 0.5 - rich, rich]
    return "".join(rng.choice(list("ACGT"), 30, p=chances))
texts = [draw(0.35 if number % 2 else 0.2) for number in range(240)]
labels = ["hot" if number % 2 else "cold" for number in range(240)]
config = hs.HyenaConfig(d_model=16, n_layer=1, d_inner=32, l_max=34)
folder = Path(tempfile.mkdtemp()) / "model"
logging.getLogger("hyenascope").addFilter(
    lambda record: "validation rows has no least value" not in record.getMessage()
)

def tune(epochs):
    options = hs.FinetuneOptions(epochs=epochs, patience=None, learning_rate=1e-2)
    return hs.finetune(
        config, texts, labels=labels, options=options, device="cpu", out=folder,
        monitor=monitor, progress=False,
    )
"""
SHOW = "monitor = hs.TrainingMonitor()\ndisplay(monitor)"
PER_EPOCH = 7  # steps: 216 rows by 32
EPOCH_BASES = 216 * 30
LOOKS = "(least) => gd._fullData[2]?.x?.length >= least"
TITLE = "() => gd._fullLayout.yaxis.title.text"
BESIDE = """() => [gd.layout.shapes ?? [], gd.layout.annotations ?? []]
  .flat().map(({ text, y0, y1 }) => text ?? `line ${y0} ${y1}`)"""
LINE = re.compile(
    r"step ([\d,]+) / 35,000 · 30 bp · (\d\.\d{3}) nats · "
    r"validation (\d\.\d{3}) at step ([\d,]+) · [\d,]+ tokens/s · .* left · "
    r"[\d.]+ [MG]B"
)
REPORTS = "[[r.epoch, r.train_loss, r.loss] for r in result.reports]"
SAME = "(hs.load_fine_tuned(folder).predict(texts) == result.model.predict(texts))"
RIGHT = "((result.model.predict(texts)['hot'] > 0.5) == [x == 'hot' for x in labels])"
CARD = "(folder / 'README.md').read_text()"


def test_fine_tuning_in_a_cell_is_watched_and_stopped_with_its_best_model(notebook):
    page = notebook(SETUP, SHOW, "")
    start(page, "result = tune(epochs=5_000)")
    page.figure().wait(LOOKS, 4, timeout=120_000)
    page.figure().wait(LATER, page.figure().values(0, "x")[-1] + 2 * EPOCH_BASES)
    assert page.figure().read(TITLE) == "nats per sequence"
    beside = page.figure().read(BESIDE)
    # No line of a guess; how high the first steps go may be said, if they are far up.
    assert [text for text in beside if not re.fullmatch(r"↑ \d\.\d\d", text)] == []
    line = LINE.fullmatch(page.page.evaluate(SHOWN))
    assert line
    page.page.locator(STOP).click()
    wait_end(page, "Stopped ")
    reports = page.value(REPORTS)
    best = page.value("result.best_epoch")
    step, _, validation, looked = (text.replace(",", "") for text in line.groups())
    assert int(looked) == int(step) // PER_EPOCH * PER_EPOCH
    _, _, loss = reports[int(looked) // PER_EPOCH - 1]
    assert float(validation) == pytest.approx(loss, abs=5.1e-4)

    assert not page.value("result.finished")
    said = page.value("result.message")
    ends = f"in epoch {len(reports) + 1}", f"after epoch {len(reports)}"
    kept = f"the weights are those of epoch {best}."
    assert said in [f"Stopped {end}; {kept}" for end in ends]
    assert page.page.get_by_text(said).count() == 1
    assert best == min(reports, key=lambda report: report[2])[0]
    assert page.value(f"bool({SAME}.all(axis=None))")
    assert page.value(f"float({RIGHT}.mean())") > 0.8
    card = page.value(CARD)
    assert said in card
    assert f"| **{best}** (best) |" in card


def test_a_run_that_ends_shows_the_loss_of_every_epoch(notebook):
    page = notebook(SETUP, SHOW, "")
    start(page, "result = tune(epochs=6)")
    wait_end(page, "Finished after 6 epochs")
    page.figure().wait(LAST, 6 * EPOCH_BASES, timeout=120_000)
    reports = page.value(REPORTS)
    shown = page.figure()
    assert "validation" in shown.read(NAMES)
    assert page.page.locator("b", has_text="a new model").count() == 1
    assert shown.values(2, "y") == pytest.approx([loss for _, _, loss in reports])
    assert shown.values(2, "x") == [n * EPOCH_BASES for n in range(1, 7)]
    assert len(shown.values(0, "x")) == 6 * PER_EPOCH
    assert page.page.locator(".js-plotly-plot").count() == 1
