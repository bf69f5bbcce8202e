"""Jobs beside the notebook; events say when a job has come to a point, never sleep."""

import logging
import subprocess
import sys
import threading

import pytest

from hyenascope.widgets.worker import Progress, Worker

SOON = 20.0  # seconds after which a test gives up


@pytest.fixture
def worker():
    worker = Worker()
    yield worker
    worker.close(timeout=SOON)


class Gate:
    """A job of parts that wait for leave, and everything that was told about it."""

    def __init__(self, total: int = 3, result: object = "done") -> None:
        self.total, self.result = total, result
        self.reached = [threading.Event() for _ in range(total)]
        self.leave = [threading.Event() for _ in range(total)]
        self.closed = threading.Event()
        self.told: list[object] = []
        self.threads: set[str] = set()

    def job(self):
        try:
            for i in range(self.total):
                self.reached[i].set()
                assert self.leave[i].wait(SOON)
                yield Progress(i + 1, self.total)
            return self.result
        finally:
            self.closed.set()

    def tell(self, what: object) -> None:
        self.threads.add(threading.current_thread().name)
        self.told.append(what)

    def submit(self, worker: Worker) -> None:
        worker.submit(
            self.job(),
            on_progress=lambda p: self.tell(p.done),
            on_result=self.tell,
            on_error=lambda e: self.tell(repr(e)),
            on_cancel=lambda: self.tell("cancelled"),
        )

    def open(self) -> "Gate":
        for event in self.leave:
            event.set()
        return self


def test_a_job_runs_in_its_own_thread_to_its_result(worker):
    gate = Gate().open()
    gate.submit(worker)
    assert worker.wait(SOON)
    assert gate.told == [1, 2, 3, "done"]
    assert gate.threads == {"hyenascope-worker"}
    assert not worker.busy


def test_submitting_does_not_wait(worker):
    gate = Gate()
    gate.submit(worker)  # returns although the job has not been let go on
    assert gate.reached[0].wait(SOON)
    assert worker.busy
    assert not worker.wait(0.0)
    gate.open()
    assert worker.wait(SOON)


def test_cancelling_takes_effect_between_parts(worker):
    gate = Gate()
    gate.submit(worker)
    gate.leave[0].set()
    assert gate.reached[1].wait(SOON)
    assert worker.cancel()
    assert not gate.closed.is_set()  # the part goes on
    gate.open()
    assert worker.wait(SOON)
    assert gate.told == [1, "cancelled"]
    assert gate.closed.is_set()
    assert not worker.cancel()


def test_cancelling_in_the_last_part_gives_no_result(worker):
    def job():
        yield Progress(1, 1)
        reached.set()
        assert leave.wait(SOON)
        return "stale"

    reached, leave, told = threading.Event(), threading.Event(), []
    worker.submit(
        job(), on_result=told.append, on_cancel=lambda: told.append("cancelled")
    )
    assert reached.wait(SOON)
    worker.cancel()
    leave.set()
    assert worker.wait(SOON)
    assert told == ["cancelled"]


def test_the_latest_job_wins(worker):
    running, waiting, latest = Gate(), Gate(), Gate().open()
    running.submit(worker)
    assert running.reached[0].wait(SOON)
    waiting.submit(worker)
    latest.submit(worker)
    assert waiting.told == ["cancelled"]
    assert not waiting.reached[0].is_set()
    running.open()
    assert worker.wait(SOON)
    assert running.told == ["cancelled"]
    assert latest.told == [1, 2, 3, "done"]


def test_an_error_is_delivered_and_the_next_job_runs(worker):
    def job(error: BaseException):
        yield Progress(0, 1)
        raise error

    for error in (ValueError("bad"), SystemExit(3), KeyboardInterrupt()):
        seen: list[object] = []
        worker.submit(job(error), on_result=seen.append, on_error=seen.append)
        assert worker.wait(SOON)
        assert seen == [error]
    gate = Gate().open()
    gate.submit(worker)
    assert worker.wait(SOON)
    assert gate.told[-1] == "done"


@pytest.mark.parametrize("where", ["on_progress", "on_result"])
def test_an_error_of_a_callback_is_delivered(worker, where):
    def broken(value: object) -> None:
        raise LookupError(where)

    seen: list[BaseException] = []
    gate = Gate().open()
    worker.submit(gate.job(), on_error=seen.append, **{where: broken})
    assert worker.wait(SOON)
    assert [repr(error) for error in seen] == [f"LookupError('{where}')"]
    assert gate.closed.is_set()


def test_an_error_that_nobody_takes_is_logged(worker, caplog):
    def job():
        yield Progress(0, 1)
        raise ValueError("lost?")

    def broken(error: BaseException) -> None:
        raise LookupError("worse")

    with caplog.at_level(logging.ERROR, logger="hyenascope"):
        worker.submit(job())
        assert worker.wait(SOON)
        assert "lost?" in caplog.text
        worker.submit(job(), on_error=broken)
        assert worker.wait(SOON)
    assert "worse" in caplog.text


def test_a_callback_may_submit_the_next_job(worker):
    second = Gate().open()
    worker.submit(Gate().open().job(), on_result=lambda _: second.submit(worker))
    assert second.closed.wait(SOON)
    assert worker.wait(SOON)
    assert second.told == [1, 2, 3, "done"]


def test_closing_stops_waits_and_can_be_repeated():
    worker = Worker()
    running, waiting = Gate(), Gate()
    running.submit(worker)
    assert running.reached[0].wait(SOON)
    waiting.submit(worker)
    running.open()
    worker.close(timeout=SOON)
    worker.close(timeout=SOON)
    assert running.told[-1] == "cancelled"
    assert waiting.told == ["cancelled"]
    assert not worker.busy
    with pytest.raises(RuntimeError, match=r"worker must be open; it was closed\."):
        Gate().submit(worker)


def test_closing_an_unused_worker_and_closing_in_a_callback():
    Worker().close()
    worker, closed = Worker(), threading.Event()

    def close(_: object) -> None:
        worker.close()
        closed.set()

    worker.submit(Gate().open().job(), on_result=close)
    assert closed.wait(SOON)
    assert worker.wait(SOON)


def test_a_running_job_does_not_keep_the_process_alive():
    code = (
        "import threading\n"
        "from hyenascope.widgets.worker import Worker\n"
        "def job():\n"
        "    reached.set()\n"
        "    threading.Event().wait()\n"
        "    yield\n"
        "reached = threading.Event()\n"
        "Worker().submit(job())\n"
        "reached.wait()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], timeout=60, check=False)
    assert done.returncode == 0
