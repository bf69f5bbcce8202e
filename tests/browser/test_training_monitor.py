"""Curves of a run that grow in JupyterLab, and the button that ends it."""

import re
import time
from statistics import median

import pytest

PRETEND = """
import math, time
from hyenascope.training.progress import RunPlan, StepReport
from hyenascope.widgets.training_monitor import TrainingMonitor

def train(monitor, steps=50_000):
    monitor.begin(RunPlan("tiny <b>1k</b>", steps, 32_768, 442_368), [])
    for step in range(1, steps + 1):
        time.sleep(0.01)
        falls = math.exp(-step / 100)
        loss = 1.33 + falls / 15 + 1.3 * math.exp(-step / 4) + math.sin(step**2) / 90
        monitor.step(StepReport(
            step, step * 32_768, 1_024 if step < 60 else 4_096, loss,
            6e-4 * min(1, step / 50), 1.0, 0.01, 1_200_000_000,
            validation=1.34 + falls / 20 if step % 20 == 0 else None,
            skipped="the loss was not finite" if step == 80 else "",
        ))
        if monitor.stop_requested:
            break
    monitor.end(f"Stopped after step {step:,}.")
    return step
"""
BESIDE = "monitor = TrainingMonitor()\nmonitor.run(train)"
BUSY = "done = train(TrainingMonitor())"
STEPS, BASES = 200, 8 * 256
REAL = f"""
import resource, tempfile
from pathlib import Path
import hyenascope as hs

folder = Path(tempfile.mkdtemp())
fasta = hs.example_locus(folder).fasta
config = hs.HyenaConfig(d_model=32, n_layer=2, d_inner=64, l_max=256)
options = hs.PretrainOptions(steps={STEPS}, batch_size=8, length=256, micro_batch=8)
cpu = hs.Hardware(device="cpu")
"""
SHOW = "monitor = hs.TrainingMonitor()\ndisplay(monitor)"
TRAIN = """result = hs.pretrain(
    config, fasta, options=options, hardware=cpu, validation=0.1, validate_every=40,
    out=folder / "tiny", monitor=monitor,
)"""
STOP = ".jupyter-button"
# Not `run`, which waits for the end of the cell.
START = """(source) => {
  const { content } = jupyterapp.shell.currentWidget;
  content.activeCellIndex = content.widgets.length - 1;
  content.activeCell.model.sharedModel.setSource(source);
  jupyterapp.commands.execute("notebook:run-cell");
}"""
INTERRUPT = """() =>
  jupyterapp.shell.currentWidget.sessionContext.session.kernel.interrupt()"""
ENDED = """(said) => document.querySelector(".jp-Notebook").textContent.includes(said)
  && document.querySelector(".jupyter-button").disabled"""
LONGER = "(least) => gd._fullData[0]?.x?.length > least"
FRAMED = "(ends) => String(gd._fullLayout.yaxis.range) === String(ends)"
# A long curve is thinned, and so has no more points later.
LATER = "(base) => gd._fullData[0]?.x?.at(-1) >= base"
LAST = "(last) => gd._fullData[0]?.x?.at(-1) === last"
SHOWN = """() => [...document.querySelectorAll(".widget-html-content")]
  .map((line) => line.textContent).find((text) => text.startsWith("step"))"""
LINE = re.compile(
    r"step (\d+) / 200 · 256 bp · (\d\.\d{3}) nats · (?:validation .* · )?"
    r"([\d,]+) tokens/s · (\d+) (s|min) left · ([\d.]+) (MB|GB)"
)
NAMES = "() => gd._fullData.map((trace) => trace.name)"
KERNEL_NAMES = "[trace.name for trace in monitor.figure().data]"
REPORTS = "[[r.step, r.loss, r.seconds, r.memory] for r in result.reports]"
CHECKPOINT = "max(path.name for path in (folder / 'tiny/checkpoints').glob('step-*'))"
# What is saved for a reader without a kernel.
SAVED = """(points) => {
  const { cells } = jupyterapp.shell.currentWidget.content.model;
  const { data } = cells.get(1).outputs.get(0);
  const { dtype, bdata } = data["application/vnd.plotly.v1+json"].data[0].y;
  return atob(bdata).length / Number(dtype.at(-1)) === points;
}"""


def start(page, source: str) -> None:
    """Write into the last cell and run it, as long as that takes."""
    page.page.evaluate(START, source)


def wait_steps(page, more: int) -> None:
    """Wait until a picture shows so many steps more of the pretended run."""
    page.figure().wait(LATER, page.figure().values(0, "x")[-1] + more * 32_768)


def wait_end(page, said: str) -> None:
    page.page.wait_for_function(ENDED, arg=said, timeout=120_000)


def stop(page) -> None:
    """Press the button and wait for the end."""
    page.page.locator(STOP).click()
    wait_end(page, "Stopped after ")


def test_curves_grow_and_the_button_ends_a_run_beside_the_notebook(notebook):
    page = notebook(PRETEND, BESIDE)
    page.figure().wait(LONGER, 30)
    wait_steps(page, 60)
    assert page.page.locator(STOP).text_content() == "Stop"
    assert not page.value("monitor.stop_requested")
    stop(page)
    assert page.value("monitor.stop_requested")
    done = page.value("monitor.result(10.0)")
    assert 90 < done < 50_000
    shown = page.figure()
    shown.wait(LAST, done * 32_768)
    assert shown.read(NAMES) == page.value(KERNEL_NAMES)
    assert page.page.locator(".js-plotly-plot").count() == 1
    assert page.page.locator("b", has_text="tiny <b>1k</b>").count() == 1
    points = page.value("len(monitor.figure().data[0].x)")  # at most one a pixel
    page.page.wait_for_function(SAVED, arg=points)


@pytest.mark.parametrize("cell", [BESIDE, BUSY], ids=["beside", "busy"])
def test_a_zoom_stays_while_the_curve_grows(notebook, cell):
    page = notebook(PRETEND, "")
    start(page, cell)
    page.figure().wait(LONGER, 60)
    page.figure().wheel(1_000_000, 1.386, -200)
    closer = page.figure().layout("yaxis.range")
    wait_steps(page, 100)
    page.figure().wait(FRAMED, closer)  # again, if a frame crossed it on its way
    wait_steps(page, 100)
    assert page.figure().layout("yaxis.range") == closer
    stop(page)


def test_a_real_run_in_a_cell_is_watched_stopped_and_ended(notebook):
    """By the button, then by an interrupt; the same cell goes on to the end."""
    page = notebook(REAL, SHOW, "")
    began = time.monotonic()
    start(page, TRAIN)
    page.figure().wait(LONGER, 25)
    line = page.page.evaluate(SHOWN)
    took = time.monotonic() - began
    stop(page)
    reports = page.value(REPORTS)
    done = len(reports)
    most = page.value("resource.getrusage(resource.RUSAGE_SELF).ru_maxrss")
    check_line(line, reports, most=most, took=took)
    said = f"Stopped after {done} of {STEPS} steps; the same call goes on from there."
    assert page.value("[result.finished, result.message]") == [False, said]
    assert page.value(CHECKPOINT) == f"step-{done:08d}.pt"
    assert page.page.get_by_text(said).count() == 1
    page.figure().wait(LAST, done * BASES)

    start(page, TRAIN)
    page.figure().wait(LONGER, done + 20)
    page.settle(INTERRUPT)
    wait_end(page, "Stopped after ")
    assert page.value(REPORTS)[:done] == reports
    assert done + 20 < page.value("len(result.reports)") < STEPS

    start(page, TRAIN)
    wait_end(page, f"Finished after {STEPS} steps.")
    assert page.value("[result.finished, len(result.reports)]") == [True, STEPS]
    assert page.value(REPORTS)[:done] == reports
    page.figure().wait(LAST, STEPS * BASES)
    assert page.page.locator(".js-plotly-plot").count() == 1
    page.page.wait_for_function(SAVED, arg=STEPS)


def check_line(
    line: str, reports: list[list[float]], *, most: int, took: float
) -> None:
    """Hold what a page said against the kernel's reports.

    ``most`` kB were used by the kernel, ``took`` seconds had passed.
    """
    found = LINE.fullmatch(line)
    assert found, line
    step, loss, pace, left, unit, memory, size = found.groups()
    done, to_do = int(step), STEPS - int(step)
    _, last, _, used = reports[done - 1]
    assert float(loss) == pytest.approx(last, abs=5.1e-4)
    usual = median(seconds for _, _, seconds, _ in reports[:done][-50:])
    assert float(pace.replace(",", "")) == pytest.approx(BASES / usual, rel=6e-3)
    away = int(left) * {"s": 1, "min": 60}[unit]
    within = {"s": 0.51, "min": 30.1}[unit]
    assert usual * to_do - within <= away
    assert away <= (usual + took / (done - 1)) * to_do + within
    shown = float(memory) * {"MB": 1e6, "GB": 1e9}[size]
    assert shown == pytest.approx(used, rel=0.05)
    assert most * 512 < shown < most * 1.05 * 1_024
