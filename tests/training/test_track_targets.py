"""Targets over intervals and bins, by hand."""

import numpy as np
import pytest

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.data.track_data import TrackData
from hyenascope.training.collect_targets import collect_targets

NAN = float("nan")


@pytest.fixture
def genome(tmp_path):
    path = tmp_path / "tiny.fa"
    path.write_text(f">chr1\n{'ACGT' * 25}\n>chr2\n{'GGCA' * 10}\n")
    return FastaReader(path)


def track(values, start=0, *, names=("a",)):
    values = np.asarray(values, dtype=float)
    return TrackData(values, names, Interval("chr1", start, start + len(values)))


def regression(tracks, genome):
    return collect_targets(tracks, genome, task="regression")


def test_values_over_an_interval_are_those_of_all_stretches_in_it(genome):
    found = regression([track([1, 2, 3], 10), track([4, NAN, 6], 14)], genome)
    over = found.over(Interval("chr1", 11, 18))[:, 0]
    assert np.array_equal(over, [2, 3, NAN, 4, NAN, 6, NAN], equal_nan=True)
    bins = found.over(Interval("chr1", 9, 18), 4)[:, 0]
    # 9–12: nothing, 1, 2, 3; 13–16: nothing, 4, nothing, 6; 17: nothing
    assert np.array_equal(bins, [2, 5, NAN], equal_nan=True)
    assert np.isnan(found.over(Interval("chr2", 0, 5))).all()


def test_moments_are_those_of_known_bases(genome):
    two = [[1, 10], [NAN, 30], [3, NAN]]
    found = regression(
        [track(two, names=("a", "b")), track([[5, 20]], 9, names=("a", "b"))], genome
    )
    mean, spread = found.moments()
    assert mean == pytest.approx([3, 20])
    assert spread == pytest.approx([np.std([1, 3, 5]), np.std([10, 30, 20])])


def test_moments_and_ends_of_bins_are_those_of_their_means(genome):
    found = regression([track([1, 5, 2, 4, 9, NAN, NAN, NAN])], genome)
    mean, spread = found.moments(2)
    assert mean == pytest.approx([np.mean([3, 3, 9])])
    assert spread == pytest.approx([np.std([3, 3, 9])])
    low, high = found.ends()
    assert (low.tolist(), high.tolist()) == ([1.0], [9.0])
