"""K-mer frequencies against a count of windows."""

from collections import Counter
from itertools import product

import numpy as np
import pytest

from hyenascope.sequence.dna import reverse_complement
from hyenascope.sequence.kmer_frequencies import kmer_frequencies, kmer_names


def texts(count):
    rng = np.random.default_rng(0)
    return tuple(
        "".join(rng.choice(list("ACGT"), rng.integers(6, 30))) for _ in range(count)
    )


@pytest.mark.parametrize("canonical", [False, True])
def test_frequencies_are_those_of_a_count(canonical):
    sequences = (*texts(6), "ACGTNACGRT", "NNNN", "A", "acgtacgg")
    found = kmer_frequencies(sequences, (1, 3, 4), canonical=canonical)
    for row, text in zip(found, sequences, strict=True):
        expected = []
        for k in (1, 3, 4):
            windows = [text.upper()[i : i + k] for i in range(len(text) - k + 1)]
            kept = [w for w in windows if set(w) <= set("ACGT")]
            if canonical:
                kept = [min(w, reverse_complement(w)) for w in kept]
            counts = Counter(kept)
            words = ["".join(w) for w in product("ACGT", repeat=k)]
            if canonical:
                words = [w for w in words if w <= reverse_complement(w)]
            expected += [counts[word] / max(1, len(kept)) for word in words]
        np.testing.assert_allclose(row, expected, atol=1e-6)


def test_names_are_those_of_the_columns():
    names = kmer_names((1, 2), canonical=True)
    assert names[:2] == ("A", "C")
    assert len(names) == 2 + 10
    for at, name in enumerate(kmer_names((3,))):
        assert kmer_frequencies([name], (3,))[0, at] == 1
    for at, name in enumerate(kmer_names((3,), canonical=True)):
        turned = kmer_frequencies([reverse_complement(name)], (3,), canonical=True)
        assert turned[0, at] == 1


@pytest.mark.parametrize("canonical", [False, True])
def test_more_sequences_than_are_counted_at_a_time_are_counted_alike(canonical):
    many = texts(7) * 600
    found = kmer_frequencies(many, (2, 3), canonical=canonical)
    few = kmer_frequencies(many[:7], (2, 3), canonical=canonical)
    np.testing.assert_array_equal(found, np.tile(few, (600, 1)))


@pytest.mark.parametrize("k", [(), (0,), (3, 9)])
def test_lengths_out_of_range_are_refused(k):
    with pytest.raises(ValueError, match=r"k must be lengths from 1 to 8; got \("):
        kmer_frequencies(["ACGT"], k)
