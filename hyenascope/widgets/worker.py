"""One job at a time beside the notebook: the newest wins, any can be cancelled.

A job is a generator. What it yields is `Progress`; what it returns is its result.
Between two yields nothing can interrupt it, so a yield after every second or less
of work is what makes a cancel button quick.
"""

import logging
import threading
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from hyenascope.data.interval import Interval

_LOGGER = logging.getLogger("hyenascope")

Result = TypeVar("Result")


class Progress(NamedTuple):
    """How far a job is.

    ``done`` of ``total`` parts; ``place`` is the part just done, 0-based half-open,
    or None.
    """

    done: int
    total: int
    place: Interval | None = None


Job = Generator[Progress, None, Result]
"""Yields progress between its parts and returns the result."""


@dataclass(eq=False)
class _Ticket(Generic[Result]):
    """A job, whom it tells, and whether it shall stop."""

    job: Job[Result]
    on_progress: Callable[[Progress], object] | None
    on_result: Callable[[Result], object] | None
    on_error: Callable[[BaseException], object] | None
    on_cancel: Callable[[], object] | None
    stop: threading.Event = field(default_factory=threading.Event)


class Worker:
    """Runs jobs one after another in one background thread.

    The thread starts with the first job and is a daemon: it never keeps a kernel
    alive. Callbacks run **in that thread**, not in the caller's: keep them short,
    and guard what they share. Only the ``on_cancel`` of a job that never started is
    called by whoever replaced, cancelled or closed. Each job ends with one of
    ``on_result``, ``on_error`` and ``on_cancel``; what a callback itself raises goes
    to ``on_error``, too.

    Parameters
    ----------
    name
        Of the thread, for debuggers.

    Examples
    --------
    >>> def count(to):
    ...     for i in range(to):
    ...         yield Progress(i + 1, to)
    ...     return "counted"
    >>> worker, seen = Worker(), []
    >>> worker.submit(count(2), on_progress=seen.append, on_result=seen.append)
    >>> worker.wait()
    True
    >>> [part[:2] if isinstance(part, Progress) else part for part in seen]
    [(1, 2), (2, 2), 'counted']
    >>> worker.close()
    """

    def __init__(self, *, name: str = "hyenascope-worker") -> None:
        self._name = name
        self._changed = threading.Condition()
        self._pending: _Ticket[Any] | None = None
        self._running: _Ticket[Any] | None = None
        self._thread: threading.Thread | None = None
        self._closed = False

    @property
    def busy(self) -> bool:
        """Whether a job is running or waiting."""
        with self._changed:
            return self._is_busy()

    def submit(
        self,
        job: Job[Result],
        *,
        on_progress: Callable[[Progress], object] | None = None,
        on_result: Callable[[Result], object] | None = None,
        on_error: Callable[[BaseException], object] | None = None,
        on_cancel: Callable[[], object] | None = None,
    ) -> None:
        """Run a job in place of whatever runs or waits; return at once.

        A waiting job never starts; a running one stops at its next yield, and what
        it has put into a cache by then stays there.

        Parameters
        ----------
        job
            A fresh generator.
        on_progress
            Called with each `Progress` that the job yields.
        on_result
            Called with what the job returns.
        on_error
            Called with what the job, or a callback of it, raises; without it the
            error is logged to the logger ``"hyenascope"``.
        on_cancel
            Called if the job was stopped or replaced.

        Raises
        ------
        RuntimeError
            If the worker is closed.
        """
        ticket = _Ticket(job, on_progress, on_result, on_error, on_cancel)
        with self._changed:
            if self._closed:
                raise RuntimeError("worker must be open; it was closed.")
            replaced = self._stop()
            self._pending = ticket
            self._start()
            self._changed.notify_all()
        _cancelled(replaced)

    def cancel(self) -> bool:
        """Drop the waiting job and stop the running one at its next yield.

        Returns
        -------
        bool
            Whether there was one. `wait` waits until the running one has stopped.
        """
        with self._changed:
            busy = self._is_busy()
            dropped = self._stop()
            self._changed.notify_all()
        _cancelled(dropped)
        return busy

    def wait(self, timeout: float | None = None) -> bool:
        """Wait until nothing runs or waits, at most ``timeout`` seconds.

        Returns
        -------
        bool
            Whether that came about. Never wait in a callback: it runs in the thread
            that it would wait for.
        """
        with self._changed:
            return self._changed.wait_for(lambda: not self._is_busy(), timeout)

    def close(self, timeout: float | None = None) -> None:
        """Cancel everything and wait, at most ``timeout`` seconds, for the thread.

        Closing twice is fine; so is closing from a callback, which does not wait.
        """
        with self._changed:
            self._closed = True
            dropped = self._stop()
            thread = self._thread
            self._changed.notify_all()
        _cancelled(dropped)
        if thread is not None and thread is not threading.current_thread():
            thread.join(timeout)

    def _is_busy(self) -> bool:
        return self._pending is not None or self._running is not None

    def _stop(self) -> "_Ticket[Any] | None":
        """Tell the running job to stop; return the waiting one, dropped."""
        if self._running is not None:
            self._running.stop.set()
        dropped, self._pending = self._pending, None
        return dropped

    def _start(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(
                target=self._work, name=self._name, daemon=True
            )
            self._thread.start()

    def _work(self) -> None:
        while self._do_next():
            pass  # and hold nothing of the last job while waiting

    def _do_next(self) -> bool:
        """Wait for a job and carry it out; False once the worker is closed."""
        ticket = self._next()
        if ticket is None:
            return False
        try:
            _run(ticket)
        finally:
            with self._changed:
                self._running = None
                self._changed.notify_all()
        return True

    def _next(self) -> "_Ticket[Any] | None":
        """Wait for a job and take it; None once the worker is closed."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or self._pending is not None)
            self._running, self._pending = self._pending, None
            return self._running


def _run(ticket: _Ticket[Result]) -> None:
    """Carry out a job and call the one callback that ends it."""
    try:
        results = _results(ticket)
        # A result that comes after a stop is no longer wanted.
        if not results or ticket.stop.is_set():
            _cancelled(ticket)
        elif ticket.on_result is not None:
            ticket.on_result(results[0])
    except BaseException as error:  # SystemExit too would end the thread unheard
        _failed(ticket, error)


def _results(ticket: _Ticket[Result]) -> list[Result]:
    """Run to the end, or to the first yield after a stop, which gives no result."""
    try:
        while not ticket.stop.is_set():
            try:
                progress = next(ticket.job)
            except StopIteration as end:
                return [end.value]
            if ticket.on_progress is not None and not ticket.stop.is_set():
                ticket.on_progress(progress)
        return []
    finally:
        ticket.job.close()


def _failed(ticket: _Ticket[Result], error: BaseException) -> None:
    if ticket.on_error is None:
        _LOGGER.error("a background job failed: %s", error, exc_info=error)
        return
    try:
        ticket.on_error(error)
    except BaseException as second:
        _LOGGER.error("a callback for errors failed: %s", second, exc_info=second)


def _cancelled(ticket: _Ticket[Result] | None) -> None:
    """Close a job that is not to end, and say so."""
    if ticket is None:
        return
    try:
        ticket.job.close()
        if ticket.on_cancel is not None:
            ticket.on_cancel()
    except BaseException as error:
        _failed(ticket, error)
