"""The tables of the grammar are probabilities with the symmetries they claim."""

import numpy as np
import pytest

from hyenascope.data.grammar import (
    GENETIC_CODE,
    SENSE,
    START,
    STOP,
    STOPS,
    Grammar,
    encode_bases,
)
from hyenascope.sequence.dna import reverse_complement


@pytest.fixture(scope="module")
def grammar():
    return Grammar.default()


def codon(table, text):
    return table[tuple(encode_bases(text))]


def four_mer_law(grammar):
    """Stationary law of the chain by iterating it, not by its eigenvectors."""
    step = grammar.chain[:4, :4, :4]
    law = np.full((4, 4, 4), 1 / 64)
    for _ in range(200):
        law = (law[..., None] * step).sum(0)
    return law[..., None] * step


def test_every_table_sums_to_one(grammar):
    contexts = grammar.chain.reshape(-1, 4)
    used = contexts[~np.isnan(contexts).any(1)]
    assert len(used) == 64 + 16 + 4 + 1
    np.testing.assert_allclose(used.sum(1), 1)
    np.testing.assert_allclose(grammar.columns.sum(1), 1)
    np.testing.assert_allclose(grammar.codons.sum((1, 2, 3)), 1)
    np.testing.assert_allclose(np.exp(grammar.log_columns).sum(1), 1)
    np.testing.assert_allclose(np.exp(grammar.log_codons).sum((1, 2, 3)), 1)
    np.testing.assert_allclose(np.exp(grammar.log_codon_steps).sum(-1), 1)


def test_the_chain_looks_the_same_on_both_strands(grammar):
    law = four_mer_law(grammar)
    reverse = law.transpose(3, 2, 1, 0)[::-1, ::-1, ::-1, ::-1]
    np.testing.assert_allclose(law, reverse, rtol=1e-9)


def test_the_chain_is_poor_in_cpg(grammar):
    pairs = four_mer_law(grammar).sum((2, 3))
    single = pairs.sum(1)
    observed_over_expected = pairs[1, 2] / (single[1] * single[2])
    assert observed_over_expected < 0.5
    assert pairs[1, 2] == pairs.min()


def test_contexts_off_the_contig_hold_the_marginals_of_the_chain(grammar):
    law = four_mer_law(grammar)
    np.testing.assert_allclose(grammar.chain[4, 4, 4], law.sum((0, 1, 2)), rtol=1e-9)
    expected = law.sum(0)[1, 2] / law.sum(0)[1, 2].sum()
    np.testing.assert_allclose(grammar.chain[4, 1, 2], expected, rtol=1e-9)


def test_codon_tables_follow_the_genetic_code(grammar):
    sense = grammar.codons[SENSE]
    assert codon(grammar.codons[START], "ATG") == 1
    assert all(codon(sense, stop) == 0 for stop in STOPS)
    assert np.count_nonzero(sense) == 61 == len(GENETIC_CODE.replace("*", ""))
    # Leucine, 20 of 108; its CTG has 0.79 + TTG 0.14 + ... of the family's weights.
    family = 0.03 + 0.12 + 0.79 + 0.06 + 0.04 + 0.14
    assert codon(sense, "CTG") == pytest.approx(20 / 108 * 0.79 / family)
    assert codon(grammar.codons[STOP], "TGA") == 0.35


def test_a_forbidden_entry_gets_the_floor_and_the_others_shrink(grammar):
    table = np.exp(grammar.log_codons[START])
    assert codon(table, "ATA") == pytest.approx(1e-4)
    assert codon(table, "ATG") == pytest.approx(1 - 63e-4)
    core = np.exp(grammar.log_columns[grammar.column_starts["donor", "+"]])
    np.testing.assert_allclose(core, [1e-4, 1e-4, 1 - 3e-4, 1e-4])


@pytest.mark.parametrize("text", ["ATG", "CTG", "GGT", "TAA"])
def test_minus_codons_read_as_the_reverse_complement(grammar, text):
    plus, minus = grammar.log_codons[:3], grammar.log_codons[3:]
    for table in (START, SENSE, STOP):
        other = reverse_complement(text)
        assert codon(plus[table], text) == codon(minus[table], other)


def test_codon_steps_multiply_to_the_codon(grammar):
    steps = grammar.log_codon_steps
    for table in range(6):
        for a, b, c in [(0, 3, 2), (1, 3, 2), (2, 0, 1)]:
            whole = steps[table, 0, 0, 0, a] + steps[table, 1, a, 0, b]
            whole += steps[table, 2, a, b, c]
            assert whole == pytest.approx(grammar.log_codons[table, a, b, c])


def test_minus_motifs_are_reverse_complements(grammar):
    for name, matrix in grammar.motifs.items():
        plus, minus = (grammar.column_starts[name, strand] for strand in "+-")
        forward = grammar.columns[plus : plus + len(matrix)]
        reverse = grammar.columns[minus : minus + len(matrix)]
        np.testing.assert_array_equal(forward, matrix)
        np.testing.assert_array_equal(reverse, matrix[::-1, ::-1])
