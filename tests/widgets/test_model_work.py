"""One piece of work at a time: what begins, what waits, what gives way."""

import gc
import threading
from collections.abc import Generator

import pytest

from hyenascope.data.interval import Interval
from hyenascope.widgets.computed_lane import ComputedLane
from hyenascope.widgets.model_work import ModelWork
from hyenascope.widgets.worker import Progress

HERE, THERE = Interval("I", 0, 10), Interval("I", 10, 20)


class SlowLane(ComputedLane):
    """A lane that computes a part whenever it is let, and can be made to fail."""

    def __init__(self, label: str = "slow", parts: int = 3) -> None:
        self.label = label
        self.parts = parts
        self.begun: list[Interval] = []
        self.known: set[Interval] = set()
        self.let = threading.Semaphore(0)
        self.running = threading.Event()
        self.error: Exception | None = None

    def wants(self, window: Interval) -> bool:
        return window not in self.known

    def compute(self, window: Interval) -> Generator[Progress, None, None]:
        self.begun.append(window)
        for done in range(1, self.parts + 1):
            self.running.set()
            assert self.let.acquire(timeout=10.0)
            if self.error is not None:
                raise self.error
            yield Progress(done, self.parts, window)
        self.known.add(window)

    def finish(self) -> None:
        self.let.release(self.parts)


class Watched:
    """A `ModelWork` and all that it tells."""

    def __init__(self) -> None:
        self.progress: list[tuple[str, int, int]] = []
        self.errors: list[str] = []
        self.news = 0
        self.work = ModelWork(
            lambda *step: self.progress.append(step), self.told, self.failed
        )

    def told(self) -> None:
        self.news += 1

    def failed(self, error: BaseException) -> None:
        self.errors.append(str(error))


@pytest.fixture
def watched():
    made = Watched()
    yield made
    made.work.close()


def test_a_window_is_filled_once(watched):
    lane = SlowLane()
    watched.work.fill([lane], HERE)
    assert lane.running.wait(10.0)
    watched.work.fill([lane], HERE)  # the page drew again meanwhile
    assert watched.work.busy
    lane.finish()
    assert watched.work.wait(10.0)
    watched.work.fill([lane], HERE)
    assert lane.begun == [HERE]
    assert not watched.work.busy
    assert watched.news >= 1


def test_nothing_wanted_is_nothing_done(watched):
    lane = SlowLane()
    lane.known.add(HERE)
    watched.work.fill([lane], HERE)
    watched.work.fill([], HERE)
    assert not watched.work.busy
    assert watched.progress == []


def test_the_newest_window_takes_the_place_of_an_older(watched):
    lane = SlowLane()
    watched.work.fill([lane], HERE)
    assert lane.running.wait(10.0)
    watched.work.fill([lane], THERE)
    lane.finish()
    lane.finish()
    assert watched.work.wait(10.0)
    assert lane.known == {THERE}


def test_work_is_complete_only_when_its_result_is_in(watched):
    lane = SlowLane(parts=4)
    lane.finish()
    watched.work.fill([lane], HERE)
    assert watched.work.wait(10.0)
    steps = [("slow", done, 4) for done in (1, 2, 3, 3)]
    assert watched.progress == [*steps, ("slow", 1, 1)]


def test_lanes_follow_one_another_as_one_piece_of_work(watched):
    first, second = SlowLane("first"), SlowLane("second")
    for lane in (first, second):
        lane.finish()
    watched.work.fill([first, second], HERE)
    assert watched.work.wait(10.0)
    shares = [done / total for _, done, total in watched.progress]
    assert {label for label, *_ in watched.progress} == {"first · second"}
    assert shares == sorted(shares)
    assert first.known == second.known == {HERE}


def test_a_result_is_told_before_the_news(watched):
    told = []
    lane = SlowLane()
    lane.finish()
    watched.work.run("job", lane.compute(HERE), lambda result: told.append("result"))
    assert watched.work.wait(10.0)
    assert told == ["result"]
    assert watched.progress[-1] == ("job", 1, 1)


def test_what_was_asked_for_is_not_displaced_by_drawing(watched):
    asked, lane = SlowLane("asked"), SlowLane("lane")
    results: list[object] = []
    watched.work.run("asked", asked.compute(THERE), results.append)
    assert asked.running.wait(10.0)
    for window in (HERE, THERE):
        watched.work.fill([lane], window)  # the page drew, and moved
    asked.finish()
    assert watched.work.wait(10.0)
    assert results == [None]
    assert lane.begun == []
    lane.finish()
    watched.work.fill([lane], HERE)
    assert watched.work.wait(10.0)
    assert lane.known == {HERE}


def test_a_newer_wish_takes_the_place_of_an_older(watched):
    first, second = SlowLane(), SlowLane()
    results: list[str] = []
    watched.work.run("1", first.compute(HERE), lambda done: results.append("first"))
    assert first.running.wait(10.0)
    watched.work.run("2", second.compute(HERE), lambda done: results.append("second"))
    first.finish()
    second.finish()
    assert watched.work.wait(10.0)
    assert results == ["second"]


def test_cancelled_work_says_that_it_is_over_and_can_begin_again(watched):
    lane = SlowLane()
    watched.work.fill([lane], HERE)
    assert lane.running.wait(10.0)
    watched.work.cancel()
    assert watched.progress[-1] == ("", 1, 1)
    lane.finish()
    assert watched.work.wait(10.0)
    assert lane.known == set()
    lane.finish()
    watched.work.fill([lane], HERE)
    assert watched.work.wait(10.0)
    assert lane.known == {HERE}


def test_cancelling_what_was_asked_for_lets_windows_be_filled(watched):
    asked, lane = SlowLane(), SlowLane()
    watched.work.run("asked", asked.compute(HERE), lambda done: None)
    assert asked.running.wait(10.0)
    watched.work.cancel()
    asked.finish()
    lane.finish()
    watched.work.fill([lane], HERE)
    assert watched.work.wait(10.0)
    assert lane.known == {HERE}


def test_cancelling_nothing_says_nothing(watched):
    watched.work.cancel()
    assert watched.progress == []


@pytest.mark.parametrize("ask", [True, False], ids=["asked", "filled"])
def test_an_error_is_told_once_and_ends_the_work(watched, ask):
    lane = SlowLane()
    lane.error = RuntimeError("out of memory")
    lane.finish()
    if ask:
        watched.work.run("job", lane.compute(HERE), lambda done: None)
    else:
        watched.work.fill([lane], HERE)
    assert watched.work.wait(10.0)
    assert watched.errors == ["out of memory"]
    assert watched.progress[-1][1:] == (1, 1)
    assert watched.news == 0  # a page that drew again would ask again
    lane.error = None
    lane.finish()
    watched.work.fill([lane], HERE)
    assert watched.work.wait(10.0)
    assert lane.known == {HERE}


def test_an_error_in_what_takes_the_result_is_told(watched):
    lane = SlowLane()
    lane.finish()

    def fail(result: None) -> None:
        raise ValueError("no room for a track")

    watched.work.run("job", lane.compute(HERE), fail)
    assert watched.work.wait(10.0)
    assert watched.errors == ["no room for a track"]
    assert watched.progress[-1] == ("job", 1, 1)


def test_a_thread_ends_with_the_work_it_was_for():
    before = set(threading.enumerate())
    watched, lane = Watched(), SlowLane()
    lane.finish()
    watched.work.fill([lane], HERE)
    assert watched.work.wait(10.0)
    [thread] = set(threading.enumerate()) - before
    watched.work = None
    gc.collect()
    thread.join(10)
    assert not thread.is_alive()


def test_closing_twice_is_fine(watched):
    watched.work.close()
    watched.work.close()
