"""Means over parts: which count, which do not, and what is said of it."""

import numpy as np
import pytest

from hyenascope.training.metric_estimate import MeanOfParts, estimate_metrics


def share(rows):
    """Return how often some of ten rows were drawn, as a part of all draws."""
    return lambda counts: counts[rows].sum(axis=0) / 10


def only_with(row, statistic):
    """Return a statistic that a resample without a row does not have."""
    return lambda counts: np.where(counts[row] > 0, statistic(counts), np.nan)


def nothing(counts):
    return np.full(counts.shape[1], np.nan)


def estimate(*parts, **options):
    return estimate_metrics([MeanOfParts(parts, "parts", "no reason")], 10, **options)[
        0
    ]


def test_the_mean_is_over_the_parts_that_have_a_value():
    found = estimate(share([0]), share([1, 2]), nothing)
    assert found.value == pytest.approx((0.1 + 0.2) / 2)
    assert found.note == "1 of 3 parts left out: no reason"
    assert found.low < found.value < found.high


def test_no_part_with_a_value_is_no_number_and_a_reason():
    found = estimate(nothing, nothing)
    assert np.isnan([found.value, found.low, found.high]).all()
    assert found.note == "no reason"


def test_resamples_are_left_out_or_over_fewer_parts():
    """A row is not drawn in (9/10)^10 of the resamples, about 35 in 100."""
    alone = estimate(only_with(0, share([0])))
    said = alone.note.split(" of 1,000 resamples left out: no reason; ")
    assert int(said[0]) == pytest.approx(349, abs=60)
    assert said[1] == "too few for an interval"
    assert np.isnan(alone.low)
    beside = estimate(only_with(0, share([0])), share([1]))
    assert beside.note == f"{said[0]} of 1,000 resamples over fewer parts"
    assert np.isfinite(beside.low)


def test_no_resamples_say_nothing():
    found = estimate(share([0]), resamples=0)
    assert found.note == ""
    assert np.isnan(found.low)


def test_metrics_together_see_the_same_resamples():
    one, other = (MeanOfParts([share([i])], "parts", "") for i in (0, 0))
    found = estimate_metrics([one, other], 10)
    assert found[0] == found[1] == estimate(share([0]))
