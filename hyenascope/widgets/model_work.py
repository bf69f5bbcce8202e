"""The model at work beside the notebook: what it computes next, how far it is."""

import time
import weakref
from collections.abc import Callable, Generator, Sequence
from typing import NamedTuple

from hyenascope.data.interval import Interval
from hyenascope.widgets.computed_lane import ComputedLane
from hyenascope.widgets.worker import Job, Progress, Result, Worker

_LAST_CHUNK = 5.0  # seconds
_REDRAW = 0.4  # seconds between pictures while the model computes


class _Filling(NamedTuple):
    """Work that fills a window of some lanes."""

    window: Interval
    lanes: tuple[int, ...]


class _Asked:
    """Work that a person asked for."""


class ModelWork:
    """One piece of work at a time; a newer one takes the place of an older.

    What a person asked for is not displaced by what merely fills the window: that
    waits until it is done.

    Parameters
    ----------
    on_progress
        Called with a label, parts done and parts in all; in the thread that works.
    on_news
        Called when there is something new to draw; in the thread that works.
    on_error
        Called with what went wrong; in the thread that works.
    """

    def __init__(
        self,
        on_progress: Callable[[str, int, int], object],
        on_news: Callable[[], object],
        on_error: Callable[[BaseException], object],
    ) -> None:
        self._on_progress = on_progress
        self._on_news = on_news
        self._on_error = on_error
        self._worker = Worker()
        # A thread in the model at the interpreter's end would abort the process.
        weakref.finalize(self, self._worker.close, timeout=_LAST_CHUNK)
        self._doing: object = None
        self._drawn = 0.0

    @property
    def busy(self) -> bool:
        """Whether the model is computing."""
        return self._worker.busy

    def fill(self, lanes: Sequence[ComputedLane], window: Interval) -> None:
        """Compute what the lanes lack of a window, unless that is being done.

        Nothing happens while work is done that a person asked for by `run`.
        """
        wanting = [lane for lane in lanes if lane.wants(window)]
        doing = _Filling(window, tuple(map(id, wanting)))
        waits = self.busy and (doing == self._doing or isinstance(self._doing, _Asked))
        if wanting and not waits:
            label = " · ".join(lane.label for lane in wanting)
            job = _one_after_another(wanting, window)
            self._start(doing, label, job, lambda done: None)

    def run(
        self, label: str, job: Job[Result], on_result: Callable[[Result], object]
    ) -> None:
        """Carry out a job; ``on_result`` is called in the thread that works."""
        self._start(_Asked(), label, job, on_result)

    def cancel(self) -> None:
        """Stop at the next opportunity; what is computed stays."""
        if self._worker.cancel():
            self._doing = None
            self._on_progress("", 1, 1)

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing is left to do; whether that came about in time."""
        return self._worker.wait(timeout)

    def close(self) -> None:
        """Stop for good."""
        self._worker.close(timeout=1.0)

    def _start(
        self,
        doing: object,
        label: str,
        job: Job[Result],
        on_result: Callable[[Result], object],
    ) -> None:
        self._doing = doing

        def ended() -> None:
            if self._doing is doing:  # else other work has begun
                self._doing = None
            self._on_progress(label, 1, 1)

        def done(result: Result) -> None:
            on_result(result)
            ended()
            self._on_news()

        def failed(error: BaseException) -> None:
            ended()
            self._on_error(error)  # no news: a page that draws again would ask again

        self._worker.submit(
            job,
            on_progress=lambda step: self._tell(label, step),
            on_result=done,
            on_error=failed,
        )

    def _tell(self, label: str, step: Progress) -> None:
        self._on_progress(label, min(step.done, step.total - 1), step.total)
        now = time.monotonic()
        if now - self._drawn > _REDRAW:
            self._drawn = now
            self._on_news()


def _one_after_another(
    lanes: Sequence[ComputedLane], window: Interval
) -> Generator[Progress, None, None]:
    """Yield the progress of all lanes as one."""
    for number, lane in enumerate(lanes):
        for step in lane.compute(window):
            whole = step.total * len(lanes)
            yield Progress(number * step.total + step.done, whole, step.place)
