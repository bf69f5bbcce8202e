"""Curves of a run that grow in JupyterLab, and the button that ends it."""

TRAIN = """
import math, time
from hyenascope.training.progress import RunPlan, StepReport
from hyenascope.widgets.training_monitor import TrainingMonitor

def train(monitor, steps=2_000):
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
# Run twice: the first time lets the page get ready.
BUSY = 'if "ready" in globals(): done = train(TrainingMonitor())\nready = True'
STOP = ".jupyter-button"
ENDED = """() => document.querySelector(".jp-Notebook").textContent
  .includes("Stopped after step") && document.querySelector(".jupyter-button").disabled
"""
LONGER = "(least) => gd._fullData[0].x?.length > least"
LAST = "(last) => gd._fullData[0].x.at(-1) === last"
# What is saved for a reader without a kernel.
SAVED = """() => {
  const { cells } = jupyterapp.shell.currentWidget.content.model;
  const { data } = cells.get(1).outputs.get(0);
  const { dtype, bdata } = data["application/vnd.plotly.v1+json"].data[0].y;
  return atob(bdata).length / Number(dtype.at(-1));
}"""


def stop(page) -> None:
    """Press the button and wait for the end."""
    page.page.locator(STOP).click()
    page.page.wait_for_function(ENDED)


def test_curves_grow_and_the_button_ends_a_run_beside_the_notebook(notebook):
    page = notebook(TRAIN, BESIDE)
    page.figure().wait(LONGER, 30)
    page.figure().wait(LONGER, len(page.figure().values(0, "x")) + 60)
    assert page.page.locator(STOP).text_content() == "Stop"
    assert not page.value("monitor.stop_requested")
    stop(page)
    assert page.value("monitor.stop_requested")
    done = page.value("monitor.result(10.0)")
    assert 90 < done < 2_000
    shown = page.figure()
    shown.wait(LAST, done * 32_768)
    assert shown.read("() => gd._fullData.map((trace) => trace.name)") == [
        "each step",
        f"mean of {11 if done >= 440 else 5} steps",
        "held-out text",
        "learning rate",
        "skipped",
    ]
    assert page.page.locator(".js-plotly-plot").count() == 1
    assert page.page.locator("b", has_text="tiny <b>1k</b>").count() == 1
    assert page.page.evaluate(SAVED) == done


def test_a_zoom_stays_while_the_curve_grows(notebook):
    page = notebook(TRAIN, BESIDE)
    page.figure().wait(LONGER, 60)
    page.figure().wheel(1_000_000, 1.386, -200)
    closer = page.figure().layout("yaxis.range")
    page.figure().wait(LONGER, len(page.figure().values(0, "x")) + 100)
    assert page.figure().layout("yaxis.range") == closer
    stop(page)


def test_the_button_ends_a_run_that_keeps_its_cell_busy(notebook):
    page = notebook(TRAIN, BUSY)
    page.page.evaluate(
        "() => { jupyterapp.commands.execute('notebook:run-all-cells'); }"
    )
    page.figure().wait(LONGER, 30)
    stop(page)
    assert 30 < page.value("done") < 2_000
