"""Folds: every row once, classes spread, what belongs together stays so."""

import numpy as np
import pytest

from hyenascope.data.interval import Interval
from hyenascope.data.labelled_sequences import LabelError, LabelledSequences
from hyenascope.sequence.dna import reverse_complement
from hyenascope.training.label_folds import label_folds


def data(texts, labels, chroms=()):
    return LabelledSequences(
        "toy",
        tuple(texts),
        np.array(labels),
        ("no", "yes"),
        ("all",) * len(texts),
        "binary",
        intervals=tuple(Interval(c, 0, len(t)) for c, t in zip(chroms, texts)),  # noqa: B905
    )


def texts(count):
    rng = np.random.default_rng(0)
    return ["".join(rng.choice(list("ACGT"), 15)) for _ in range(count)]


def test_classes_are_spread_over_folds():
    labels = [1] * 23 + [0] * 100
    found = label_folds(data(texts(123), labels), 5, seed=3)
    counts = [
        np.bincount(found[np.array(labels) == label], minlength=5) for label in (0, 1)
    ]
    assert counts[0].tolist() == [20] * 5
    assert sorted(counts[1].tolist()) == [4, 4, 5, 5, 5]
    assert label_folds(data(texts(123), labels), 5, seed=3).tolist() == found.tolist()
    assert label_folds(data(texts(123), labels), 5, seed=4).tolist() != found.tolist()


def test_twins_on_either_strand_share_a_fold():
    some = texts(40)
    both = [*some, *map(reverse_complement, some)]
    found = label_folds(data(both, [0, 1] * 40), 4)
    assert found[:40].tolist() == found[40:].tolist()
    assert np.bincount(found).tolist() == [20] * 4


def test_chromosomes_stay_whole():
    chroms = ["I"] * 30 + ["II"] * 20 + ["III"] * 10 + ["IV"] * 20
    found = label_folds(data(texts(80), [0, 1] * 40, chroms), 3, together="chrom")
    by_chrom = {c: set(found[np.array(chroms) == c]) for c in set(chroms)}
    assert all(len(folds) == 1 for folds in by_chrom.values())
    assert sorted(np.bincount(found).tolist()) == [20, 30, 30]


def test_what_cannot_be_folded():
    with pytest.raises(LabelError, match="folds must be at least 2; got 1"):
        label_folds(data(texts(4), [0, 1, 0, 1]), 1)
    with pytest.raises(LabelError, match="different sequences, 2; got 3"):
        label_folds(data(["AC", "GT", "AA"], [0, 1, 0]), 3)
    with pytest.raises(LabelError, match="must have intervals for together='chrom'"):
        label_folds(data(texts(4), [0, 1, 0, 1]), 2, together="chrom")
