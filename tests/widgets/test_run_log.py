"""What a run has told, in numbers and words that can be worked out by hand."""

import math
from dataclasses import replace

import pytest

from hyenascope.training.progress import RunPlan, StepReport
from hyenascope.widgets.run_log import RunLog, in_bytes, in_time

PLAN = RunPlan("tiny", 5_000, 32_768, 442_368)
STEP = StepReport(1, 32_768, 1_024, 1.337, 6e-4, 0.5, 2.0, 1_200_000_000)


def log_of(*reports: StepReport, plan: RunPlan | None = PLAN) -> RunLog:
    log = RunLog(plan)
    for report in reports:
        log.add(report)
    return log


def test_pace_is_the_median_of_the_last_fifty_steps():
    slow = [replace(STEP, seconds=9.0)] * 60
    quick = [replace(STEP, step=120, seconds=2.0)] * 49
    log = log_of(*slow, *quick, replace(STEP, step=120, seconds=1_000.0))
    assert log.seconds_left == 2.0 * (5_000 - 120)
    assert log.tokens_per_second == 32_768 / 2.0


def test_an_even_number_of_steps_has_the_mean_of_the_middle_two():
    log = log_of(*(replace(STEP, seconds=s) for s in (1.0, 2.0, 4.0, 50.0)))
    assert log.seconds_left == 3.0 * 4_999


def test_an_earlier_process_does_not_say_how_fast_this_one_is():
    log = RunLog(PLAN)
    log.add(replace(STEP, step=100, seconds=9.0), earlier=True)
    assert log.step == 100
    assert log.seconds_left is None
    assert log.tokens_per_second is None
    log.add(replace(STEP, step=101, seconds=1.0))
    assert log.seconds_left == 4_899.0


def test_what_follows_a_step_takes_time_too():
    """Steps of 2 s end at 10, 12, 19 and 21 s: 5 s in three were for something else."""
    ticks = iter([10.0, 12.0, 19.0, 21.0])
    log = RunLog(PLAN, clock=lambda: next(ticks))
    log.add(replace(STEP, step=99, seconds=9.0), earlier=True)
    for step in range(100, 104):
        log.add(replace(STEP, step=step))
    assert log.seconds_left == pytest.approx((2.0 + 5.0 / 3) * 4_897)
    assert log.tokens_per_second == 32_768 / 2.0


def test_the_line_of_a_run():
    looked = replace(STEP, step=100, validation=1.331)
    log = log_of(looked, replace(STEP, step=120, seconds=2.0))
    assert log.facts() == [
        "step 120 / 5,000",
        "1,024 bp",
        "1.337 nats",
        "validation 1.331 at step 100",
        "16,400 tokens/s",
        "2 h 43 min left",
        "1.2 GB",
    ]


def test_a_skipped_step_says_why_and_later_ones_how_many():
    bad = replace(STEP, step=2, loss=math.nan, skipped="the loss was not finite")
    assert "skipped: the loss was not finite" in log_of(STEP, bad).facts()
    assert not [fact for fact in log_of(STEP, bad).facts() if "nats" in fact]
    assert "1 skipped" in log_of(STEP, bad, STEP).facts()
    assert "2 skipped" in log_of(bad, bad).facts()


def test_no_time_is_left_at_the_end():
    log = log_of(replace(STEP, step=5_000))
    assert log.seconds_left == 0.0
    log.message = "Stopped."
    assert not [fact for fact in [*log.facts()] if "left" in fact]


@pytest.mark.parametrize("seconds", [0.0, 1e-9])
def test_steps_that_take_no_time_are_no_error(seconds):
    log = log_of(replace(STEP, seconds=seconds))
    assert log.facts()[-1] == "1.2 GB"


def test_nothing_is_said_of_nothing():
    assert RunLog().facts() == []
    assert RunLog(PLAN).facts() == ["step 0 / 5,000"]


def test_the_table_has_a_row_per_step_and_numbers_where_nothing_was_measured():
    table = log_of(STEP, replace(STEP, step=2, validation=1.3)).table()
    assert table["step"].tolist() == [1, 2]
    assert table["validation"].isna().tolist() == [True, False]
    assert table["validation"].dtype == RunLog().table()["validation"].dtype == float


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.4, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min"),
        (3_569.0, "59 min"),
        (3_571.0, "1 h 0 min"),
        (86_369.0, "23 h 59 min"),
        (86_400.0, "1 d 0 h"),
        (90_000.0, "1 d 1 h"),
    ],
)
def test_times(seconds, text):
    assert in_time(seconds) == text


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 MB"), (999_499_999, "999 MB"), (999_500_000, "1.0 GB")],
)
def test_sizes(count, text):
    assert in_bytes(count) == text
