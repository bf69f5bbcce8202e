"""A pretended run, its monitor, and what a reader sees of it."""

import logging
import subprocess
import sys
import threading
import time
from base64 import b64decode
from dataclasses import replace

import numpy as np
import pytest

from hyenascope.training.progress import RunPlan, StepReport
from hyenascope.widgets import training_monitor
from hyenascope.widgets.training_monitor import TrainingMonitor

PLAN = RunPlan("tiny", 10, 64, 1_000)
STEP = StepReport(1, 64, 32, 1.4, 6e-4, 1.0, 0.5, 10**9)
SOON = 20.0  # seconds after which a test gives up
NEVER = 1e6


def steps(first: int, last: int) -> list[StepReport]:
    numbers = range(first, last + 1)
    return [replace(STEP, step=n, tokens=64 * n, loss=1.4 - n / 100) for n in numbers]


def train(monitor, last: int = 10) -> int:
    """Do what a run does with its monitor."""
    monitor.begin(PLAN, [])
    for report in steps(1, last):
        monitor.step(report)
        if monitor.stop_requested:
            break
    monitor.end(f"Done after step {report.step}.")
    return report.step


def parts(monitor):
    """Return heading, button, line and curves."""
    top, line, curves = monitor.children
    heading, button = top.children
    return heading, button, line, curves


def drawn(monitor) -> int:
    return len(parts(monitor)[3].data[0].x)


def wait_until(true) -> None:
    deadline = time.monotonic() + SOON
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def monitor():
    return TrainingMonitor(every=0.0)


def test_the_end_shows_every_step_and_what_was_said(monitor):
    assert train(monitor) == 10
    heading, button, line, curves = parts(monitor)
    assert curves.data[0].y.tolist() == [1.4 - n / 100 for n in range(1, 11)]
    assert (
        heading.value == "<b>tiny</b> · 1,000 parameters · <b>Done after step 10.</b>"
    )
    assert line.value == "step 10 / 10 · 32 bp · 1.300 nats · 128 tokens/s · 1.0 GB"
    assert line.value == monitor.status
    assert button.disabled


def test_a_run_says_what_its_loss_is(monitor):
    plan = replace(PLAN, unit="squared deviations", guess=None)
    monitor.begin(plan, [])
    monitor.step(STEP)
    monitor.end("Done.")
    _, _, line, curves = parts(monitor)
    assert "1.400 squared" in line.value
    assert curves.layout.yaxis.title.text == "squared deviations"
    assert "squared deviations" in curves.data[0].hovertemplate
    assert not curves.layout.annotations
    assert monitor.figure().layout.yaxis.title.text == "squared deviations"
    train(monitor)  # the next run is one of a language model again
    assert curves.layout.yaxis.title.text == "nats per base"
    assert "uniform guess" in curves.layout.annotations[0].text


def test_a_step_is_shown_without_another_one(monitor):
    monitor.begin(PLAN, [])
    for count, report in enumerate(steps(1, 3), start=1):
        monitor.step(report)
        wait_until(lambda count=count: drawn(monitor) == count)
    assert "1.370 nats" in parts(monitor)[2].value


def test_between_two_pictures_is_the_time_asked_for():
    monitor = TrainingMonitor(every=NEVER)
    pauses, pause = [], monitor._hurry.wait
    monitor._hurry.wait = lambda seconds: (pauses.append(seconds), pause(seconds))
    monitor.begin(PLAN, [])
    wait_until(lambda: pauses == [NEVER])
    assert "step 0 / 10" in parts(monitor)[2].value
    for report in steps(1, 10):
        monitor.step(report)
    assert drawn(monitor) == 0
    monitor.end("Done.")
    assert drawn(monitor) == 10


def test_a_costly_picture_is_drawn_the_more_seldom(monitor, monkeypatch):
    """One that takes 0.1 s of a core is followed by a pause of 2 s; none is waited."""
    pauses, ticks = [], iter(i / 10 for i in range(10_000))
    monkeypatch.setattr(training_monitor, "thread_time", lambda: next(ticks))
    monitor._hurry.wait = pauses.append
    monitor.begin(PLAN, [])
    wait_until(lambda: pauses)
    monitor.end("Done.")
    assert pauses[0] == pytest.approx(2.0)


def test_what_a_picture_waits_for_is_no_cost(monitor):
    """On a busy machine one takes long by the clock, and the next must not wait."""
    pauses, draw = [], parts(monitor)[3].draw
    monitor._hurry.wait = pauses.append
    parts(monitor)[3].draw = lambda reports: (time.sleep(0.5), draw(reports))
    monitor.begin(PLAN, [])
    wait_until(lambda: pauses)
    monitor.end("Done.")
    assert pauses[0] < training_monitor._REST * 0.5


def test_steps_of_an_earlier_process_are_drawn_at_once(monitor):
    monitor.begin(PLAN, steps(1, 6))
    wait_until(lambda: drawn(monitor) == 6)
    assert monitor.status == "step 6 / 10 · 32 bp · 1.340 nats · 1.0 GB"
    monitor.step(steps(7, 7)[0])
    assert "2 s left" in monitor.status
    assert monitor.reports()["step"].tolist() == [1, 2, 3, 4, 5, 6, 7]
    monitor.end("Done.")


def test_the_button_asks_the_run_to_stop(monitor):
    _, button, _, _ = parts(monitor)
    assert button.disabled  # nothing to stop yet
    monitor.begin(PLAN, [])
    assert not button.disabled
    assert not monitor.stop_requested
    button.click()
    assert monitor.stop_requested
    assert button.disabled
    assert button.description == "Stopping after this step …"
    monitor.step(STEP)
    monitor.end("Stopped after step 1.")
    assert monitor.stop_requested
    assert (button.disabled, button.description) == (True, "Stop")


def test_a_stop_is_of_one_run(monitor):
    monitor.stop()  # of none
    monitor.begin(PLAN, [])
    assert not monitor.stop_requested
    monitor.stop()
    monitor.end("Stopped.")
    assert train(monitor, 3) == 3
    assert not monitor.stop_requested
    assert monitor.reports()["step"].tolist() == [1, 2, 3]


def test_run_trains_in_another_thread_and_brings_the_result(monitor):
    names = []

    def job(given):
        names.append(threading.current_thread().name)
        assert given is monitor
        return train(given)

    monitor.run(job)
    assert monitor.result(SOON) == 10
    assert monitor.result() == 10  # as often as one likes
    assert names == ["hyenascope-training"]
    assert drawn(monitor) == 10


def test_a_run_can_be_stopped_before_it_begins(monitor):
    go = threading.Event()
    monitor.run(lambda given: go.wait(SOON) and train(given))
    heading, button, _, _ = parts(monitor)
    assert not button.disabled
    monitor.stop()
    with pytest.raises(RuntimeError, match=r"run must wait for the earlier job"):
        monitor.run(train)
    with pytest.raises(TimeoutError, match=r"must end within 0\.01 s; it goes on"):
        monitor.result(0.01)
    go.set()
    assert monitor.result(SOON) == 1
    assert "Done after step 1." in heading.value


def test_an_error_of_the_job_is_shown_and_raised(monitor):
    def job(given):
        given.begin(PLAN, [])
        raise ValueError("genome must hold <a> contig; got none.")

    monitor.run(job)
    with pytest.raises(ValueError, match="genome must hold <a> contig"):
        monitor.result(SOON)
    heading, button, _, _ = parts(monitor)
    assert "Failed: genome must hold &lt;a&gt; contig; got none." in heading.value
    assert button.disabled
    monitor.run(train)
    assert monitor.result(SOON) == 10


def test_how_the_run_ended_is_said_by_the_run_itself(monitor):
    def job(given):
        given.begin(PLAN, [])
        given.end("Interrupted after step 0.")
        raise KeyboardInterrupt

    monitor.run(job)
    with pytest.raises(KeyboardInterrupt):
        monitor.result(SOON)
    assert parts(monitor)[0].value.endswith("<b>Interrupted after step 0.</b>")


def test_without_a_run_there_is_no_result(monitor):
    with pytest.raises(RuntimeError, match="result must come after run"):
        monitor.result()


def test_text_of_others_is_text(monitor):
    monitor.begin(replace(PLAN, name="<img src=x>"), [])
    monitor.step(replace(STEP, skipped="<script>"))
    monitor.end("<b>over</b>")
    heading, _, line, _ = parts(monitor)
    assert "&lt;img src=x&gt;" in heading.value
    assert "&lt;b&gt;over&lt;/b&gt;" in heading.value
    assert "skipped: &lt;script&gt;" in line.value


def test_a_picture_that_fails_does_not_end_the_run(monitor, caplog, monkeypatch):
    def fail(reports):
        raise RuntimeError("no ink")

    monkeypatch.setattr(type(parts(monitor)[3]), "draw", lambda self, _: fail(_))
    with caplog.at_level(logging.WARNING, "hyenascope"):
        assert train(monitor) == 10
        assert train(monitor) == 10
    assert [record.getMessage() for record in caplog.records] == [
        "training curves failed: no ink"
    ]


def test_a_plain_figure_needs_no_kernel(monitor):
    train(monitor)
    figure = monitor.figure(theme="dark", width=700)
    assert type(figure).__name__ == "Figure"
    assert figure.layout.title.text == "<b>tiny</b>"
    assert figure.layout.width == 700
    assert len(figure.data[0].x) == 10
    bundle = monitor._bundle()
    saved = bundle["application/vnd.plotly.v1+json"]
    assert [trace["name"] for trace in saved["data"]] == [t.name for t in figure.data]
    assert bundle["text/plain"].startswith("TrainingMonitor(step 10 / 10 · 32 bp")


class Place:
    """Where something was shown: how, and the losses of its plain figure."""

    def __init__(self):
        self.seen = []

    def display(self, bundle, *, raw):
        self.note("display", bundle, raw)

    def update(self, bundle, *, raw):
        self.note("update", bundle, raw)

    def note(self, how, bundle, raw):
        assert raw
        packed = bundle[training_monitor._MIME]["data"][0]["y"]
        losses = np.frombuffer(b64decode(packed["bdata"]), packed["dtype"])
        self.seen.append((how, losses.tolist()))


def test_where_somebody_shows_it_the_end_is_kept(monitor):
    monitor._place = place = Place()
    monitor._ipython_display_()
    train(monitor, 3)
    train(monitor, 2)
    losses = [1.4 - n / 100 for n in (1, 2, 3)]
    assert place.seen == [
        ("display", []),
        ("update", losses),
        ("update", losses[:2]),
    ]


def test_a_run_outlives_its_view(monitor, caplog):
    monitor._place = place = Place()
    monitor._ipython_display_()
    monitor.close()
    with caplog.at_level(logging.WARNING, "hyenascope"):
        assert train(monitor) == 10
    assert not caplog.records
    assert len(place.seen[-1][1]) == 10


def test_refuses_a_time_below_zero():
    with pytest.raises(ValueError, match="every must be at least 0 seconds; got -1"):
        TrainingMonitor(every=-1.0)


_SCRIPT = """
from hyenascope.training.progress import RunPlan, StepReport
from hyenascope.widgets.training_monitor import TrainingMonitor

def forever(monitor):
    monitor.begin(RunPlan("tiny", 10, 64, 1000), [])
    begun.set()
    while not monitor.stop_requested:
        monitor.step(StepReport(1, 64, 32, 1.4, 6e-4, 1.0, 0.5, 10**9))
    open("checkpoint", "w").close()
    monitor.end("Stopped.")

import threading
begun = threading.Event()
TrainingMonitor(every=1e6).run(forever)
begun.wait(20)
"""


def test_a_script_is_silent_and_its_end_waits_for_the_checkpoint(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (tmp_path / "checkpoint").exists()
