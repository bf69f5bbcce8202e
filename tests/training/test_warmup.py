"""Stages of growing windows."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hyenascope.training.warmup import Stage, length_stages


def test_the_published_example():
    """Two epochs at 1,024 to 8,192, four at 16,384 and 32,768: 16 shares in all."""
    stages = length_stages(32_768, 1_600)
    assert [stage.length for stage in stages] == [2**k for k in range(10, 16)]
    assert [stage.steps for stage in stages] == [200, 200, 200, 200, 400, 400]


@given(st.integers(0, 8), st.integers(1, 400), st.sampled_from([2, 64, 1024]))
def test_lengths_double_and_no_step_is_lost(doublings, steps, start):
    length = start * 2**doublings
    if steps < doublings + 1:
        with pytest.raises(ValueError, match="one per stage"):
            length_stages(length, steps, start=start)
        return
    stages = length_stages(length, steps, start=start)
    assert [s.length for s in stages] == [start * 2**k for k in range(doublings + 1)]
    assert sum(stage.steps for stage in stages) == steps
    assert min(stage.steps for stage in stages) >= 1


@pytest.mark.parametrize("length", [1000, 1023, 512, 3072])
def test_lengths_that_no_doubling_reaches(length):
    with pytest.raises(ValueError, match="doubled some times"):
        length_stages(length, 100)


@pytest.mark.parametrize("start", [0, -1])
def test_a_start_that_never_grows_is_refused(start):
    with pytest.raises(ValueError, match=f"start must be at least 1; got {start}"):
        length_stages(1024, 10, start=start)


def test_a_stage_has_steps_and_bases():
    with pytest.raises(ValueError, match="steps must be at least 1; got 0"):
        Stage(10, 0)
