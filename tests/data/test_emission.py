"""Probabilities of bases against the joint definition, spelt out factor by factor."""

import numpy as np
import pytest

from hyenascope.data.emission import (
    draw_bases,
    log_probs,
    pick,
    substitution_effects,
)
from hyenascope.data.genome_layout import REGIONS, draw_layout
from hyenascope.data.grammar import SENSE, Grammar

LENGTH = 60_000


@pytest.fixture(scope="module")
def grammar():
    return Grammar.default()


@pytest.fixture(scope="module")
def layout(grammar):
    return draw_layout(grammar, LENGTH, np.random.default_rng(3))


@pytest.fixture(scope="module")
def codes(grammar, layout):
    return draw_bases(grammar, layout, np.random.default_rng(4))


def joint(grammar, layout, codes):
    """log p(sequence | layout) as a product over factors, one Python step each."""
    total = 0.0
    padded = [4, 4, 4, *codes]
    for i in np.flatnonzero(layout.codon < 0):
        if layout.column[i] >= 0:
            total += grammar.log_columns[layout.column[i], codes[i]]
        else:
            total += np.log(grammar.chain[tuple(padded[i : i + 4])])
    for triple, table in zip(layout.codons, layout.codon_tables, strict=True):
        total += grammar.log_codons[table, *codes[triple]]
    return total


@pytest.fixture(scope="module")
def small(grammar):
    """A contig short enough to go through base by base, many times over."""
    layout = draw_layout(grammar, 8000, np.random.default_rng(6))
    assert set(layout.region) == set(range(len(REGIONS)))
    return layout, draw_bases(grammar, layout, np.random.default_rng(4))


def some_of_each_region(layout):
    edges = [0, 1, 2, 3, len(layout.region) - 2, len(layout.region) - 1]
    generator = np.random.default_rng(0)
    return edges + [
        int(at)
        for region in range(len(REGIONS))
        for at in generator.choice(np.flatnonzero(layout.region == region), 3)
    ]


def test_bases_multiply_to_the_joint_probability(grammar, small):
    layout, codes = small
    rows = log_probs(grammar, layout, codes, 0, len(codes))
    expected = joint(grammar, layout, codes)
    assert pick(rows, codes).sum() == pytest.approx(expected, rel=1e-12)


def test_rows_are_distributions_and_windows_agree(grammar, layout, codes):
    rows = log_probs(grammar, layout, codes, 0, LENGTH)
    np.testing.assert_allclose(np.exp(rows).sum(1), 1)
    for start in (0, 1, 5000, 12_345):
        window = log_probs(grammar, layout, codes, start, start + 700)
        np.testing.assert_array_equal(window, rows[start : start + 700])


def test_effects_are_differences_of_the_joint_probability(grammar, small):
    layout, codes = small
    effects = substitution_effects(grammar, layout, codes, 0, len(codes))
    reference = joint(grammar, layout, codes)
    for at in some_of_each_region(layout):
        changed = codes.copy()
        changed[at] = (codes[at] + 1) % 4
        expected = joint(grammar, layout, changed) - reference
        assert effects[at, changed[at]] == pytest.approx(expected, abs=1e-8)


def test_effects_of_windows_agree_and_the_reference_has_none(grammar, layout, codes):
    effects = substitution_effects(grammar, layout, codes, 0, LENGTH)
    assert not pick(effects, codes).any()
    for start in (0, 2, 5000, LENGTH - 700):
        window = substitution_effects(grammar, layout, codes, start, start + 700)
        np.testing.assert_allclose(window, effects[start : start + 700], atol=1e-12)


def chi_square(counts, probabilities):
    expected = counts.sum() * probabilities
    used = probabilities > 0
    assert not counts[~used].any()
    return ((counts - expected)[used] ** 2 / expected[used]).sum(), used.sum() - 1


def assert_drawn_from(counts, probabilities):
    """Six standard deviations of a chi-square: one seed in a billion fails."""
    statistic, freedom = chi_square(counts, probabilities)
    assert statistic < freedom + 6 * np.sqrt(2 * freedom)


def test_codons_are_drawn_by_their_table(grammar, layout, codes):
    for strand in (0, 3):
        triples = codes[layout.codons[layout.codon_tables == SENSE + strand]]
        words = np.ravel_multi_index(triples.T, (4, 4, 4))
        counts = np.bincount(words, minlength=64)
        assert counts.sum() > 2000
        assert_drawn_from(counts, grammar.forward_codons[SENSE + strand].ravel())


def test_motif_columns_are_drawn_by_their_table(grammar, layout, codes):
    for row in np.unique(layout.column[layout.column >= 0]):
        counts = np.bincount(codes[layout.column == row], minlength=4)
        if grammar.columns[row].max() < 1:
            assert_drawn_from(counts, grammar.columns[row])
        else:
            assert counts[grammar.columns[row].argmax()] == counts.sum()


def test_background_words_follow_the_chain(grammar, layout, codes):
    chain = np.flatnonzero((layout.column < 0) & (layout.codon < 0))
    chain = chain[chain >= 3]
    words = [codes[chain - distance].astype(int) for distance in (3, 2, 1, 0)]
    counts = np.bincount(np.ravel_multi_index(words, (4,) * 4), minlength=256)
    counts = counts.reshape(4, 4, 4, 4)
    statistics = [
        chi_square(counts[context], grammar.chain[context])
        for context in np.ndindex(4, 4, 4)
    ]
    total = sum(statistic for statistic, _ in statistics)
    freedom = sum(freedom for _, freedom in statistics)
    assert freedom == 192
    assert total < freedom + 6 * np.sqrt(2 * freedom)


def test_a_codon_split_by_an_intron_is_still_one_factor(grammar, layout, codes):
    split = layout.codons[np.ptp(layout.codons, axis=1) > 2]
    tables = layout.codon_tables[np.ptp(layout.codons, axis=1) > 2]
    assert len(split) > 10
    effects = substitution_effects(grammar, layout, codes, 0, LENGTH)
    for triple, table in zip(split, tables, strict=True):
        bases = codes[triple]
        changed = [bases[0], (bases[1] + 2) % 4, bases[2]]
        log_p = grammar.log_codons[table]
        expected = log_p[*changed] - log_p[*bases]
        # No chain base is near: exons and splice sites are longer than its order.
        assert effects[triple[1], changed[1]] == pytest.approx(expected)


def test_bases_are_drawn_again_from_the_same_seed(grammar, layout, codes):
    again = draw_bases(grammar, layout, np.random.default_rng(4))
    np.testing.assert_array_equal(again, codes)
