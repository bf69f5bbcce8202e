from collections import Counter
from itertools import pairwise, permutations

import numpy as np
import pytest

from hyenascope.sequence.shuffle import dinucleotide_shuffle


def dinucleotides(seq):
    return Counter(pairwise(seq))


def every_shuffle(seq):
    """All sequences with the ends and dinucleotides of ``seq``, by brute force."""
    middles = {"".join(middle) for middle in permutations(seq[1:-1])}
    candidates = {seq[0] + middle + seq[-1] for middle in middles}
    return {each for each in candidates if dinucleotides(each) == dinucleotides(seq)}


@pytest.mark.parametrize(
    "letters", ["ACGT", "ACGTN", "AC", "acgtACGT"], ids=lambda letters: letters
)
@pytest.mark.parametrize("length", [2, 3, 57, 1000])
def test_dinucleotide_counts_and_ends_are_exact(letters, length):
    generator = np.random.default_rng(length)
    seq = "".join(generator.choice(list(letters), length))
    shuffled = dinucleotide_shuffle(seq, generator=generator)
    assert dinucleotides(shuffled) == dinucleotides(seq)
    assert (shuffled[0], shuffled[-1]) == (seq[0], seq[-1])
    assert length < 57 or shuffled != seq


@pytest.mark.parametrize("seq", ["", "A", "AC", "AAAA", "ACGT"])
def test_sequences_with_one_arrangement_stay(seq):
    assert dinucleotide_shuffle(seq, generator=np.random.default_rng(0)) == seq


@pytest.mark.parametrize("seq", ["ACGACATCA", "AACATAGAC", "ANCANNGAG"])
def test_every_arrangement_is_equally_likely(seq):
    expected = every_shuffle(seq)
    assert len(expected) > 5
    generator = np.random.default_rng(7)
    draws = 200 * len(expected)
    seen = Counter(dinucleotide_shuffle(seq, generator=generator) for _ in range(draws))
    assert set(seen) == expected
    chi_square = sum((count - 200) ** 2 / 200 for count in seen.values())
    freedom = len(expected) - 1
    assert chi_square < freedom + 4 * np.sqrt(2 * freedom)


def test_the_generator_decides():
    seq = "ACGTTGCAACGTAGCT" * 4
    first, same, other = (
        dinucleotide_shuffle(seq, generator=np.random.default_rng(seed))
        for seed in (1, 1, 2)
    )
    assert first == same != other


def test_what_is_not_dna_is_refused():
    with pytest.raises(ValueError, match="got '-' at index 1"):
        dinucleotide_shuffle("A-C", generator=np.random.default_rng(0))
