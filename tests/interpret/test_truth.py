"""The demo model against the grammar: what must stay true of the truth table.

Only what is so with a wide margin is held on to. That importance finds planted motifs
is not among it: the demo model has hardly learnt them (``docs/truth-synthetic.md``).
"""

import tempfile
from itertools import pairwise

import numpy as np
import pytest

from hyenascope.data.example import demo_genome, demo_training_genome
from hyenascope.data.fasta import FastaReader
from hyenascope.data.synthetic import synthetic_genome
from hyenascope.models.checkpoint import load_pretrained
from tests.benchmarks.agreement import auprc, spearman
from tests.benchmarks.explanations import (
    Case,
    model_methods,
    of_contributions,
    of_effects,
    of_losses,
    of_slopes,
    reference_methods,
)
from tests.benchmarks.planted_loci import held_out_genome, planted_loci
from tests.benchmarks.truth_synthetic import MODEL, Truth, count_words

METHODS = ("ISM, conditional", "ISM, downstream 128 bp", "first-order ISM")
REFERENCES = ("random", "Markov", "oracle: conservation", "oracle: true effects")


@pytest.fixture(scope="module")
def genome():
    return held_out_genome()


@pytest.fixture(scope="module")
def loci(genome):
    return planted_loci(genome, 3, length=250, margin=1024)


@pytest.fixture(scope="module")
def truth(genome, loci):
    return Truth.of(genome, loci)


@pytest.fixture(scope="module")
def found(genome, loci):
    """Importance and effects over all loci, by method."""
    read = synthetic_genome(seed=5, contigs={"chrRead": 1_000_000})
    words = count_words(read.sequences.values(), order=6)  # best of the orders at 1 Mb
    methods = {**reference_methods(genome, words), **model_methods()}
    model = load_pretrained(MODEL)
    with (
        tempfile.TemporaryDirectory() as folder,
        FastaReader(genome.write(folder).fasta) as reader,
    ):
        cases = [Case(model, reader, locus) for locus in loci]
        each = {
            name: [methods[name](case) for case in cases]
            for name in (*REFERENCES, *METHODS)
        }
    return {
        name: (
            np.concatenate([one.importance for one in parts]),
            np.concatenate([one.effects for one in parts]),
        )
        for name, parts in each.items()
    }


def agreement(found, truth, name):
    """Spearman of predicted with true effects in plain sequence."""
    rows = truth.alternate & truth.plain[:, None]
    metric = spearman(found[name][1][rows], truth.effects[rows])
    return metric(np.ones(rows.sum()))


def finding(found, truth, name):
    """AUPRC of planted bases."""
    return auprc(found[name][0], truth.planted)(np.ones(len(truth.planted)))


def test_exact_ism_ranks_plain_effects_better_than_counting_words(found, truth):
    ours = agreement(found, truth, "ISM, downstream 128 bp")
    assert ours > 0.75
    assert ours > agreement(found, truth, "Markov") + 0.03


def test_looking_downstream_beats_the_conditional_score(found, truth):
    conditional = agreement(found, truth, "ISM, conditional")
    assert conditional > 0.6
    assert agreement(found, truth, "ISM, downstream 128 bp") > conditional + 0.1


def test_a_gradient_is_a_preview_of_exact_ism(found, truth):
    preview = agreement(found, truth, "first-order ISM")
    exact = agreement(found, truth, "ISM, downstream 128 bp")
    assert 0.5 < preview < exact - 0.1


def test_no_information_is_worth_nothing(found, truth):
    assert abs(agreement(found, truth, "random")) < 0.1
    base = truth.planted.mean()
    assert finding(found, truth, "random") == pytest.approx(base, abs=0.06)


def test_the_oracle_bounds_what_importance_can_find(found, truth):
    assert agreement(found, truth, "oracle: true effects") == pytest.approx(1)
    assert finding(found, truth, "oracle: true effects") > 0.4
    assert finding(found, truth, "oracle: conservation") > 0.6


@pytest.mark.slow
def test_the_loci_are_held_out(genome, loci):
    assert genome.seed not in {demo_genome().seed, demo_training_genome().seed}
    texts = [genome.fetch(locus) for locus in loci]
    training = demo_training_genome().sequences.values()
    assert not any(
        text[i : i + 50] in one
        for one in training
        for text in texts
        for i in (0, 100, 200)
    )


def test_each_locus_holds_what_it_should(genome, loci, truth):
    assert len(loci) == 3
    assert not any(a.overlaps(b) for a, b in pairwise(loci))
    for i in range(len(loci)):
        here = truth.block == i
        for name in ("promoter A", "promoter B", "start codon", "splice acceptor"):
            assert truth.elements[name][here].any(), name
    assert not (truth.plain & truth.planted).any()
    assert (truth.plain | truth.planted).all()


def test_one_rule_per_kind_of_result():
    letters = np.array([[0.0, 1, 0, 0]])
    effects = of_effects(np.array([[-1.0, 0, -2, -3]]))
    assert effects.importance == [2.0]
    slopes = of_slopes(np.array([[1.0, -2, 0, 1]]), letters)
    assert slopes.importance == [1.0]
    np.testing.assert_array_equal(slopes.effects, [[3.0, 0, 2, 3]])
    contributions = of_contributions(np.array([[1.0, 5, 0, 1]]), letters)
    assert contributions.importance == [5.0]
    np.testing.assert_array_equal(contributions.effects, [[-4.0, 0, -5, -4]])
    losses = of_losses(np.array([2.0]), letters)
    assert losses.importance == [2.0]
    np.testing.assert_array_equal(losses.effects, [[-2.0, 0, -2, -2]])
