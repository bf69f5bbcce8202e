"""Tiles of an interval: cores touch, windows reach, bins line up."""

from itertools import pairwise

import pytest

from hyenascope.data.interval import Interval
from hyenascope.models.track_tiles import track_tiles


def tiles(start, end, size, **how):
    return list(track_tiles(Interval("c", start, end), size, **how))


@pytest.mark.parametrize("start", [0, 1, 2, 3, 7, 50])
@pytest.mark.parametrize("end", [51, 90, 97, 100])
@pytest.mark.parametrize("margin", [0, 4, 8])
def test_cores_cover_the_interval_once_and_lie_in_their_windows(start, end, margin):
    found = tiles(start, end, 100, window=20, margin=margin, bin_size=4)
    assert found[0].core.start == start
    assert found[-1].core.end == end
    for one, after in pairwise(found):
        assert one.core.end == after.core.start
    for tile in found:
        assert tile.window.contains(tile.core)
        assert tile.window.start >= 0
        assert tile.window.end <= 100
        assert tile.window.length <= 20
        assert (tile.window.start - start) % 4 == 0
        assert (tile.core.start - start) % 4 == 0
        left, right = tile.core.start, 100 - tile.core.end
        assert tile.core.start - tile.window.start >= min(margin, left - left % 4)
        assert tile.window.end - tile.core.end >= min(margin, right)


@pytest.mark.parametrize("margin", [10, 3, -4])
def test_a_margin_that_leaves_no_core_or_cuts_bins_is_refused(margin):
    with pytest.raises(ValueError, match="margin must be a multiple of 4 bp from 0 to"):
        tiles(0, 50, 100, window=20, margin=margin, bin_size=4)
