"""Thinning against its definition: every bin keeps its own two extremes."""

import numpy as np
import pytest

from hyenascope.viz.downsample import thin


@pytest.mark.parametrize("length", [5, 10, 11, 99, 1000, 4001, 20_003])
@pytest.mark.parametrize("max_points", [2, 3, 10, 400])
@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_every_bin_keeps_its_extremes(length, max_points, missing):
    rng = np.random.default_rng(length + max_points)
    values = rng.normal(size=length)
    values[rng.random(length) < missing] = np.nan
    thinned = thin(values, max_points)
    assert len(thinned.offsets) <= max_points
    assert (np.diff(thinned.offsets) > 0).all()
    for start in range(0, length, thinned.bin_size):
        bases = np.arange(start, min(start + thinned.bin_size, length))
        kept = values[np.intersect1d(thinned.offsets, bases)]
        if np.isnan(values[bases]).all():
            assert np.isnan(kept).all()
            assert len(kept) >= 1
        else:
            assert np.nanmin(kept) == np.nanmin(values[bases])
            assert np.nanmax(kept) == np.nanmax(values[bases])


def test_a_lone_spike_survives_at_its_own_base():
    values = np.zeros(100_000)
    values[54_321] = -7.0
    thinned = thin(values, 4000)
    assert 54_321 in thinned.offsets
    assert thinned.bin_size == 50


def test_short_signals_are_untouched():
    values = np.array([1.0, np.nan, 3.0])
    assert thin(values, 3).offsets.tolist() == [0, 1, 2]
    assert thin(values, 3).bin_size == 1


def test_an_empty_signal_stays_empty():
    assert thin(np.empty(0), 10).offsets.tolist() == []


def test_an_empty_bin_stays_a_gap():
    values = np.array([1.0, 2.0, np.nan, np.nan, 5.0, 4.0])
    thinned = thin(np.repeat(values, 2), 6)
    assert np.isnan(np.repeat(values, 2)[thinned.offsets]).sum() == 1


def test_needs_room_for_two():
    with pytest.raises(ValueError, match="max_points must be at least 2; got 1"):
        thin(np.zeros(5), 1)
