"""Trinucleotide and CpG baselines: hand values, and the same on either strand."""

from itertools import product

import numpy as np
import pytest

from hyenascope.sequence.context import (
    TrinucleotideFrequency,
    cpg_change,
    trinucleotide_context,
)
from hyenascope.sequence.dna import BASES, reverse_complement

SUBSTITUTIONS = [
    (left, ref, alt, right)
    for left, ref, alt, right in product(BASES, repeat=4)
    if ref != alt
]


def other_strand(left, ref, alt, right):
    return tuple(map(reverse_complement, (right, ref, alt, left)))


@pytest.mark.parametrize(
    ("change", "label"),
    [
        (("A", "C", "T", "G"), "ACG>ATG"),
        (("C", "G", "A", "T"), "ACG>ATG"),
        (("t", "a", "c", "g"), "CTA>CGA"),
        (("T", "T", "A", "T"), "TTT>TAT"),
    ],
)
def test_labels_are_seen_from_the_pyrimidine(change, label):
    assert trinucleotide_context(*change) == label


def test_there_are_96_labels_the_same_on_both_strands():
    labels = [trinucleotide_context(*change) for change in SUBSTITUTIONS]
    assert len(set(labels)) == 96
    assert {label[1] for label in labels} == {"C", "T"}
    mirrored = [
        trinucleotide_context(*other_strand(*change)) for change in SUBSTITUTIONS
    ]
    assert mirrored == labels


@pytest.mark.parametrize(
    "change", [("N", "C", "T", "G"), ("A", "C", "C", "G"), ("", "C", "T", "G")]
)
def test_no_label_without_three_bases_and_a_change(change):
    assert trinucleotide_context(*change) is None


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (("A", "C", "T", "G"), -1),
        (("C", "G", "A", "A"), -1),
        (("C", "A", "G", "T"), 1),
        (("T", "T", "C", "G"), 1),
        (("C", "G", "C", "G"), 0),
        (("C", "T", "A", "G"), 0),
        (("a", "c", "t", "g"), -1),
        (("", "C", "T", "G"), -1),
        (("N", "C", "T", "N"), 0),
        (("TTC", "A", "GCG", "T"), 2),
    ],
)
def test_cpg_gained_less_lost(change, expected):
    assert cpg_change(*change) == expected


def test_cpg_change_is_the_same_on_both_strands():
    for change in SUBSTITUTIONS:
        assert cpg_change(*other_strand(*change)) == cpg_change(*change)


def test_frequencies_are_counts_with_one_pseudo_count():
    frequency = TrinucleotideFrequency.fit(["AAAAC", "GGNTT"], both_strands=False)
    assert frequency.of["AAA"] == pytest.approx((2 + 1) / (3 + 64))
    assert frequency.of["AAC"] == pytest.approx((1 + 1) / (3 + 64))
    assert frequency.of["GGT"] == pytest.approx(1 / (3 + 64))
    assert sum(frequency.of.values()) == pytest.approx(1)


def test_log_ratio_is_that_of_the_frequencies_on_both_strands():
    text = "".join(np.random.default_rng(0).choice(list("AACGT"), 400))
    frequency = TrinucleotideFrequency.fit([text])
    for left, ref, alt, right in SUBSTITUTIONS:
        ratio = frequency.of[left + alt + right] / frequency.of[left + ref + right]
        found = frequency.log_ratio(left, ref, alt, right)
        assert found == pytest.approx(np.log(ratio))
        mirrored = frequency.log_ratio(*other_strand(left, ref, alt, right))
        assert mirrored == pytest.approx(found)


def test_log_ratio_of_n_is_nan_and_case_is_ignored():
    frequency = TrinucleotideFrequency.fit(["ACGTACGGT"])
    assert np.isnan(frequency.log_ratio("N", "A", "C", "G"))
    lower, upper = (frequency.log_ratio(*change) for change in ("acgt", "ACGT"))
    assert lower == upper


@pytest.mark.parametrize("seq", ["", "A", "AC"])
def test_short_sequences_count_nothing(seq):
    frequency = TrinucleotideFrequency.fit([seq])
    assert set(frequency.of.values()) == {1 / 64}
