"""Few markers, and still the same picture."""

import numpy as np
import pytest

from hyenascope.viz.variant_figures.thinning import apart, peaks, sideways, spread


@pytest.fixture
def cloud() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(1)
    return generator.random(50_000), generator.normal(size=50_000)


def test_peaks_hold_every_columns_extremes(cloud):
    x, y = cloud
    kept = peaks(x, y, columns=100)
    unit = (x - x.min()) / np.ptp(x)
    column = np.minimum((unit * 100).astype(int), 99)
    for number in range(100):
        whole, few = y[column == number], y[kept[column[kept] == number]]
        assert sorted(few) == [whole.min(), whole.max()]


def test_spread_reaches_all_filled_places(cloud):
    x, y = cloud
    kept = spread(x, y, most=500, pixels=(400, 400))
    assert 300 < len(kept) <= 500
    assert (x[kept].min(), y[kept].max()) == (x.min(), y.max())
    counts, _, _ = np.histogram2d(x, y, bins=8)
    few, _, _ = np.histogram2d(x[kept], y[kept], bins=8, range=[
        [x.min(), x.max()], [y.min(), y.max()]
    ])  # fmt: skip
    assert (few[counts > 500] > 0).all()


def test_ten_thousand_in_one_place_are_one_marker():
    same = np.full(10_000, 7.0)
    assert len(spread(same, same, most=100, pixels=(400, 400))) <= 5
    assert len(peaks(same, np.arange(10_000.0), columns=100)) == 2


def test_strips_are_wide_where_values_crowd():
    values = np.r_[np.zeros(200), np.arange(1.0, 50.0)]
    moved = sideways(values)
    assert np.abs(moved).max() <= 1
    assert np.ptp(moved[:200]) > 1.5
    assert np.abs(moved[200:]).max() < 0.2


def test_only_few_whole_numbers_are_moved_apart():
    assert np.abs(apart(np.array([0.0, 0.0, 1.0]))).max() <= 0.3
    assert not apart(np.array([0.0, 0.5])).any()
