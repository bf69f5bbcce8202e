"""Windows over long sequences: all bases are covered, and each is new once."""

import numpy as np
import pytest

from hyenascope.models.chunks import chunk_starts, new_in_chunks


@pytest.mark.parametrize(
    ("chunk", "overlap"),
    [(1, 0), (2, 0), (2, 1), (7, 0), (7, 3), (10, 0), (10, 1), (10, 3), (10, 9)],
)
@pytest.mark.parametrize("length", [1, 2, 9, 10, 11, 20, 21, 64])
def test_every_base_is_covered_and_new_in_the_first_window_that_has_it(
    length, chunk, overlap
):
    starts = chunk_starts(length, chunk, overlap)
    size = min(chunk, length)
    inside = np.zeros((len(starts), length))
    for row, start in zip(inside, starts.tolist(), strict=True):
        row[start : start + size] = 1
        assert row.sum() == size
    assert (inside.sum(0) >= 1).all()
    expected = np.bincount(inside.argmax(0), minlength=len(starts))
    np.testing.assert_array_equal(new_in_chunks(starts, length, chunk), expected)


def test_what_fits_is_one_window():
    for length in (1, 3, 10):
        starts = chunk_starts(length, 10, 4)
        assert starts.tolist() == [0]
        assert new_in_chunks(starts, length, 10).tolist() == [length]


def test_one_base_too_many_makes_two_windows_that_end_with_the_sequence():
    assert chunk_starts(11, 10).tolist() == [0, 1]
    assert new_in_chunks(np.array([0, 1]), 11, 10).tolist() == [10, 1]


@pytest.mark.parametrize("overlap", [-1, 10])
def test_overlaps_that_do_not_move_on_are_refused(overlap):
    with pytest.raises(ValueError, match=rf"overlap must be 0 to 9 bp; got {overlap}"):
        chunk_starts(30, 10, overlap)
    with pytest.raises(ValueError, match="chunk must be at least 1 bp; got 0"):
        chunk_starts(30, 0)
