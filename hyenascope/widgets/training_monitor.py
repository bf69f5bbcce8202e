"""A training run as it goes on: curves, numbers, and a button that ends it well.

The run must never wait for a picture. What it reports is put down; a thread of its
own draws what there is, twice a second and for a small share of its time at most.
"""

import logging
import threading
import weakref
from collections.abc import Callable, Sequence
from time import thread_time
from typing import Any

import pandas as pd
import plotly.graph_objects as go
from IPython import get_ipython
from IPython.display import DisplayHandle
from ipywidgets import (  # type: ignore[import-untyped]
    HTML,
    Button,
    HBox,
    Layout,
    VBox,
)

from hyenascope.training.progress import Monitor, RunPlan, StepReport
from hyenascope.viz.packing import encoded
from hyenascope.viz.style import ThemeName
from hyenascope.viz.text import escape_text, shorten
from hyenascope.viz.training_curves import plot_training
from hyenascope.widgets.busy_cell import hear_while_busy
from hyenascope.widgets.live_curves import LiveCurves
from hyenascope.widgets.locus_host import in_words
from hyenascope.widgets.run_log import RunLog
from hyenascope.widgets.worker import Job, Progress, Result, Worker

_LOGGER = logging.getLogger("hyenascope")
_MIME = "application/vnd.plotly.v1+json"
_REST = 20.0  # pause between two pictures, in times that one computes
_LAST_STEP = 10.0  # seconds that the end of Python waits for a checkpoint
_STOP, _STOPPING = "Stop", "Stopping after this step …"


class TrainingMonitor(VBox):  # type: ignore[misc]
    """Live curves of a run, how fast it goes, when it ends, and a stop button.

    Give it to `pretrain` as ``monitor``: it shows itself under the cell. The button
    ends the run after the step it is in, with a checkpoint to go on from. A cell that
    trains keeps a kernel from hearing the button, unless Jupyter brings messages in a
    thread of their own, as JupyterLab 4.4 with ipykernel 7 does; interrupting the
    kernel ends such a run as well, in any Jupyter. A page loaded anew shows nothing
    until such a cell is done. `run` trains beside the notebook: the button always
    works, and the next cell is free. Outside a notebook nothing is shown. A saved
    notebook shows the curves as they ended, unless its page was loaded anew meanwhile.

    Parameters
    ----------
    theme
        ``"light"`` or ``"dark"``.
    width
        Of the curves in pixels.
    every
        Seconds between two pictures, at least; the last step is always shown.

    Raises
    ------
    ValueError
        If an option is out of range.

    Examples
    --------
    >>> monitor = TrainingMonitor()
    >>> monitor.begin(RunPlan("tiny", 100, 64, 1000), [])
    >>> monitor.step(StepReport(1, 64, 32, 1.4, 6e-4, 1.0, 0.5, 10**9))
    >>> monitor.status
    'step 1 / 100 · 32 bp · 1.400 nats · 128 tokens/s · 50 s left · 1.0 GB'
    >>> monitor.stop()
    >>> monitor.stop_requested
    True
    >>> monitor.end("Stopped after step 1.")
    """

    def __init__(
        self, *, theme: ThemeName = "light", width: int = 900, every: float = 0.5
    ) -> None:
        if every < 0:
            raise ValueError(f"every must be at least 0 seconds; got {every}.")
        self._log = RunLog()
        self._theme: ThemeName = theme
        self._width = width
        self._every = every
        self._state = threading.RLock()  # held for a moment
        self._pen = threading.RLock()  # held while drawing
        self._stop, self._hurry = threading.Event(), threading.Event()
        self._over, self._stale, self._drawing = True, False, False
        self._shown, self._complained = False, False
        self._place = DisplayHandle()
        self._outcome: Callable[[], Any] | None = None
        self._drawer = Worker(name="hyenascope-monitor")
        self._jobs = Worker(name="hyenascope-training")
        # A thread in the model at the interpreter's end would abort the process.
        weakref.finalize(
            self, _leave, self._stop, self._hurry, self._jobs, self._drawer
        )
        self._curves = LiveCurves(self._log.table(), theme=theme, width=width)
        self._heading, self._line = HTML(layout=Layout(flex="1 1 auto")), HTML()
        self._button = Button(
            description=_STOP,
            icon="stop",
            disabled=True,
            tooltip="End the run after this step; what it has learnt is kept",
            layout=Layout(width="auto"),
        )
        self._button.on_click(lambda button: self.stop())
        self._write()
        super().__init__(
            [HBox([self._heading, self._button]), self._line, self._curves],
            layout=Layout(width=f"{width}px"),
        )
        hear_while_busy(self._button)

    def begin(self, plan: RunPlan, past: Sequence[StepReport]) -> None:
        """Hear what is to come, and of the steps an earlier process has done."""
        with self._state:
            if self._over:
                self._ready()
            self._log = RunLog(plan)
            for report in past:
                self._log.add(report, earlier=True)
        self._carefully(self._show)
        self._draw_soon()

    def step(self, report: StepReport) -> None:
        """Hear of one step."""
        with self._state:
            self._log.add(report)
        self._draw_soon()

    def end(self, message: str) -> None:
        """Hear in a sentence how the run ended, and show its last step."""
        with self._state:
            self._log.message = message
            self._over = True
        self._hurry.set()
        self._carefully(self._draw, self._keep)

    @property
    def stop_requested(self) -> bool:
        """Whether to stop after this step, with a checkpoint."""
        return self._stop.is_set()

    def stop(self) -> None:
        """Ask the run to end after this step, as the button does."""
        with self._state:
            if self._over:
                return
            self._stop.set()
            self._button.disabled = True
            self._button.description = _STOPPING

    def run(self, job: Callable[[Monitor], Result]) -> None:
        """Train beside the notebook: return at once, show what happens.

        Interrupting the kernel does not reach the run; the button does.

        Parameters
        ----------
        job
            Called with this monitor, in a thread of its own: ``lambda monitor:
            pretrain(config, genome, monitor=monitor)``.

        Raises
        ------
        RuntimeError
            If an earlier job is not done.
        """
        if self._jobs.busy:
            raise RuntimeError("run must wait for the earlier job; it is not done.")
        with self._state:
            self._outcome = None
            self._log = RunLog()
            self._ready()
        self._show()
        self._draw_soon()
        self._jobs.submit(
            _one_part(job, self), on_result=self._succeeded, on_error=self._failed
        )

    def result(self, timeout: float | None = None) -> Any:  # noqa: ANN401, of any job
        """Wait for the job of `run`; return what it returned, or raise its error.

        Interrupting this gives the notebook back; the run goes on.

        Raises
        ------
        TimeoutError
            If it takes longer than ``timeout`` seconds.
        RuntimeError
            If there was none.
        """
        if not self._jobs.wait(timeout):
            raise TimeoutError(f"the run must end within {timeout:g} s; it goes on.")
        if self._outcome is None:
            raise RuntimeError("result must come after run; nothing was run.")
        return self._outcome()

    @property
    def status(self) -> str:
        """Where the run is, in one line."""
        with self._state:
            return " · ".join(self._log.facts())

    def reports(self) -> pd.DataFrame:
        """Return a row per step, as `plot_training` reads it."""
        return self._log.table()  # without the lock: a step must not wait for it

    def figure(
        self, *, theme: ThemeName | None = None, width: int | None = None
    ) -> go.Figure:
        """Return the curves as a plain figure, which needs no kernel."""
        plan = self._log.plan
        plan = plan or RunPlan("Training", 1, 1, 1)
        return plot_training(
            self.reports(),
            title=plan.name,
            unit=plan.unit,
            guess=plan.guess,
            theme=theme or self._theme,
            width=width or self._width,
        )

    def __repr__(self) -> str:
        return f"TrainingMonitor({self.status or 'no run yet'})"

    def _ready(self) -> None:
        """Wait for a run that may be stopped."""
        self._over = self._drawing = False
        self._stop.clear()
        self._hurry.clear()
        self._button.disabled = False
        self._button.description = _STOP

    def _succeeded(self, value: object) -> None:
        self._outcome = lambda: value
        if not self._over:
            self.end("Done.")

    def _failed(self, error: BaseException) -> None:
        def again() -> None:
            raise error

        self._outcome = again
        if not self._over:
            self.end(f"Failed: {in_words(error)}")

    def _draw_soon(self) -> None:
        """Let the other thread draw, unless it is about to."""
        with self._state:
            self._stale = True
            if not self._drawing:
                self._drawing = True
                self._drawer.submit(self._draw_while_stale())

    def _draw_while_stale(self) -> Job[None]:
        while self._has_news():
            began = thread_time()  # not what it waited for on a busy machine
            self._carefully(self._draw)
            self._hurry.wait(max(self._every, _REST * (thread_time() - began)))
            yield Progress(0, 1)

    def _has_news(self) -> bool:
        with self._state:
            self._drawing = self._stale
            return self._stale

    def _carefully(self, *actions: Callable[[], object]) -> None:
        """Do what shows a run; where that fails the run goes on."""
        try:
            for act in actions:
                act()
        except Exception as error:
            if not self._complained:
                _LOGGER.warning("training curves failed: %s", error, exc_info=error)
            self._complained = True

    def _draw(self) -> None:
        """Show what is known now."""
        with self._pen:
            self._stale = False
            self._write()
            if (plan := self._log.plan) is not None:
                self._curves.measure(plan.unit, plan.guess)
            self._curves.draw(self.reports())

    def _keep(self) -> None:
        """Let the page keep the end and not the beginning: saved, or loaded anew."""
        if self._shown:
            self._place.update(self._bundle(), raw=True)
        else:
            self._curves.refresh()

    def _write(self) -> None:
        with self._state:
            log, over = self._log, self._over
            facts, message = log.facts(), escape_text(log.message)
            if over:
                self._button.disabled, self._button.description = True, _STOP
        head = []
        if log.plan is not None:
            name = escape_text(shorten(log.plan.name, 60))
            head = [f"<b>{name}</b>", f"{log.plan.parameters:,} parameters"]
        if message:
            head.append(f"<b>{message}</b>")
        waits = "No run yet" if over else "Getting ready …"
        self._heading.value = " · ".join(head) or waits
        self._line.value = " · ".join(map(escape_text, facts))

    def _show(self) -> None:
        """Appear under the cell that runs, unless there is a view already."""
        if not self._shown and getattr(get_ipython(), "kernel", None) is not None:
            self._ipython_display_()

    def _ipython_display_(self) -> None:
        """Appear where somebody shows this, and remember where that is."""
        self._shown = True
        self._place.display(self._bundle(), raw=True)

    def _bundle(self) -> dict[str, Any]:
        """Return the widget, and a plain figure for where no widget can live."""
        self._curves.refresh()
        view = {"text/plain": repr(self)}
        if self.comm is not None:  # as it is of a widget that was closed
            view = self._repr_mimebundle_()
        return {**view, _MIME: encoded(self.figure().to_plotly_json())}


def _one_part(job: Callable[[Monitor], Result], monitor: Monitor) -> Job[Result]:
    yield Progress(0, 1)
    return job(monitor)


def _leave(
    stop: threading.Event, hurry: threading.Event, jobs: Worker, drawer: Worker
) -> None:
    """Let a run end with a checkpoint before Python does."""
    stop.set()
    hurry.set()
    jobs.close(timeout=_LAST_STEP)
    drawer.close(timeout=1.0)
