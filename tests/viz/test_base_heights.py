"""Heights of letters against their definitions."""

import numpy as np
import pytest

from hyenascope.viz.base_heights import (
    LETTERS,
    as_probabilities,
    information,
    one_letter_heights,
    reach,
    stack_letters,
)

RNG = np.random.default_rng(0)


def defined_stack(row):
    """Return base to (bottom, top), one row, the slow and plain way."""
    found, up, down = {}, 0.0, 0.0
    for base in sorted(range(len(row)), key=lambda base: abs(row[base])):
        if row[base] > 0:
            found[base] = (up, up + row[base])
            up += row[base]
        elif row[base] < 0:
            found[base] = (down, down + row[base])
            down += row[base]
    return found


def test_stacks_follow_their_definition():
    heights = RNG.normal(size=(50, 4))
    heights[3] = 0.0
    heights[4, 1] = np.nan
    stacks = stack_letters(heights)
    assert (np.diff(stacks.row) >= 0).all()
    for number, row in enumerate(heights):
        chosen = stacks.row == number
        drawn = zip(
            stacks.base[chosen], stacks.bottom[chosen], stacks.top[chosen], strict=True
        )
        expected = defined_stack(np.nan_to_num(row))
        found = {base: (bottom, top) for base, bottom, top in drawn}
        assert found.keys() == expected.keys()
        for base, ends in found.items():
            assert ends == pytest.approx(expected[base])


def test_letter_is_as_high_as_its_number_with_its_sign():
    heights = RNG.normal(size=(20, 4))
    stacks = stack_letters(heights)
    np.testing.assert_allclose(
        stacks.top - stacks.bottom, heights[stacks.row, stacks.base]
    )


def test_reach_is_where_the_outermost_letters_end():
    heights = RNG.normal(size=(20, 4))
    stacks = stack_letters(heights)
    up, down = reach(heights)
    for number in range(20):
        ends = stacks.top[stacks.row == number]
        assert up[number] == pytest.approx(max(ends.max(), 0.0))
        assert down[number] == pytest.approx(min(ends.min(), 0.0))


def test_information_is_two_bits_less_the_entropy():
    p = RNG.dirichlet([0.5] * 4, size=30)
    entropy = [-sum(x * np.log2(x) for x in row) for row in p]
    np.testing.assert_allclose(information(p), 2 - np.array(entropy), atol=1e-12)


def test_half_and_half_is_one_bit():
    assert information(np.array([[0.5, 0.0, 0.5, 0.0]])).tolist() == [1.0]


def test_logarithms_and_probabilities_are_told_apart():
    p = RNG.dirichlet([1.0] * 4, size=10)
    np.testing.assert_allclose(as_probabilities(p), p)
    np.testing.assert_allclose(as_probabilities(np.log(p)), p)


def test_mean_of_two_strands_is_scaled_to_add_up_to_one():
    two = np.log(RNG.dirichlet([1.0] * 4, size=(2, 10)))
    mean = np.exp(two.mean(axis=0))
    np.testing.assert_allclose(
        as_probabilities(two.mean(axis=0)), mean / mean.sum(axis=1, keepdims=True)
    )


def test_never_is_a_probability_and_no_number_a_gap():
    with np.errstate(divide="ignore"):
        logs = np.log(np.array([[1.0, 0.0, 0.0, 0.0], [0.25, 0.25, 0.25, np.nan]]))
    p = as_probabilities(logs)
    assert p[0].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert np.isnan(p[1]).all()


def test_refuses_other_numbers():
    with pytest.raises(ValueError, match=r"their natural logarithms; got numbers from"):
        as_probabilities(np.array([[0.5, -0.5, 0.5, 0.5]]))
    with pytest.raises(ValueError, match=r"add up to one at every base; got 2\."):
        as_probabilities(np.array([[0.25] * 4, [0.5] * 4]))


def test_each_base_has_the_height_that_stands_at_it():
    heights = one_letter_heights(np.array([1.0, 2.0, 3.0, -4.0, 5.0, 6.0]), "ACgTNR")
    assert [LETTERS[row.argmax()] for row in np.abs(heights)] == list("ACGTNN")
    assert heights.sum(axis=1).tolist() == [1.0, 2.0, 3.0, -4.0, 5.0, 6.0]
