from collections import Counter
from itertools import pairwise

import numpy as np
import pytest

from hyenascope.interpret.attribution_baselines import baseline_rows
from hyenascope.sequence.one_hot import from_one_hot, one_hot

TEXT = "ACGGTTAACGATCG"


def test_n_is_nothing():
    assert not baseline_rows("n", TEXT, shuffles=3, seed=0).any()


def test_shuffles_keep_dinucleotides_and_follow_the_seed():
    made = baseline_rows("shuffle", TEXT.lower(), shuffles=3, seed=1)
    assert made.shape == (3, len(TEXT), 4)
    for rows in made:
        assert Counter(pairwise(from_one_hot(rows))) == Counter(pairwise(TEXT))
    again = baseline_rows("shuffle", TEXT, shuffles=3, seed=1)
    other = baseline_rows("shuffle", TEXT, shuffles=3, seed=2)
    np.testing.assert_array_equal(made, again)
    assert not np.array_equal(made, other)


@pytest.mark.parametrize("baseline", ["uniform", "shuffle", np.ones((6, 4))])
def test_n_in_the_sequence_is_n_in_the_baseline(baseline):
    made = baseline_rows(baseline, "ACNGTA", shuffles=2, seed=0)
    assert not made[:, 2].any()


def test_given_rows_are_taken_as_they_are():
    rows = np.stack([one_hot("TTTT"), one_hot("GGGG")])
    np.testing.assert_array_equal(baseline_rows(rows, "ACGT", shuffles=1, seed=0), rows)


@pytest.mark.parametrize(
    ("baseline", "shuffles", "message"),
    [
        ("shuffle", 0, "shuffles must be at least 1; got 0"),
        (np.zeros((3, 4)), 1, r"of shape \(4, 4\) or .* got float64 of shape \(3, 4\)"),
        (np.full((4, 4), np.nan), 1, "baseline must hold finite numbers"),
        (np.zeros((0, 4, 4)), 1, "baseline must hold finite numbers"),
    ],
)
def test_refuses(baseline, shuffles, message):
    with pytest.raises(ValueError, match=message):
        baseline_rows(baseline, "ACGT", shuffles=shuffles, seed=0)
