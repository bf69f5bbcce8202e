"""Windows over long sequences: all bases are covered, and each counts once."""

import numpy as np
import pytest

from hyenascope.models.chunks import chunk_shares, chunk_starts


@pytest.mark.parametrize(
    ("chunk", "overlap"),
    [(1, 0), (2, 0), (2, 1), (7, 0), (7, 3), (10, 0), (10, 1), (10, 3), (10, 9)],
)
@pytest.mark.parametrize("length", [1, 2, 9, 10, 11, 20, 21, 64])
def test_every_base_is_covered_and_divided_among_its_windows(length, chunk, overlap):
    starts = chunk_starts(length, chunk, overlap)
    size = min(chunk, length)
    inside = np.zeros((len(starts), length))
    for row, start in zip(inside, starts.tolist(), strict=True):
        row[start : start + size] = 1
        assert row.sum() == size
    assert (inside.sum(0) >= 1).all()
    expected = (inside / inside.sum(0)).sum(1) / length
    np.testing.assert_allclose(chunk_shares(starts, length, chunk), expected)


def test_what_fits_is_one_window_of_share_one():
    for length in (1, 3, 10):
        starts = chunk_starts(length, 10, 4)
        assert starts.tolist() == [0]
        assert chunk_shares(starts, length, 10).tolist() == [1.0]


def test_one_base_too_many_makes_two_windows_that_end_with_the_sequence():
    assert chunk_starts(11, 10).tolist() == [0, 1]
    assert chunk_shares(np.array([0, 1]), 11, 10).tolist() == [0.5, 0.5]


@pytest.mark.parametrize("overlap", [-1, 10])
def test_overlaps_that_do_not_move_on_are_refused(overlap):
    with pytest.raises(ValueError, match=rf"overlap must be 0 to 9 bp; got {overlap}"):
        chunk_starts(30, 10, overlap)
    with pytest.raises(ValueError, match="chunk must be at least 1 bp; got 0"):
        chunk_starts(30, 0)
