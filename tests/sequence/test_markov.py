"""The Markov baseline against hand counts, its definition and the yeast genome."""

import numpy as np
import pytest

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.sequence.dna import BASES, reverse_complement
from hyenascope.sequence.markov import MarkovModel

HELD_OUT = ("VIII", "XVI")


def random_dna(length, seed, letters="ACGT"):
    generator = np.random.default_rng(seed)
    return "".join(generator.choice(list(letters), length))


def defined(sequences, word, concentration):
    """p(last base | the bases before it) straight from the formula."""
    if not word:
        return 0.25

    def occurrences(text):
        return sum(
            seq.startswith(text, i) for seq in sequences for i in range(len(seq))
        )

    context = word[:-1]
    seen = sum(occurrences(context + base) for base in BASES)
    below = defined(sequences, word[1:], concentration) if context else 0.25
    own = occurrences(word) + concentration * below
    return own / (seen + concentration)


def test_order_0_is_the_smoothed_base_composition():
    model = MarkovModel.fit(["AAAC"], order=0, both_strands=False, concentration=4.0)
    # (3 + 4/4) / 8, (1 + 1) / 8, 1 / 8, 1 / 8
    np.testing.assert_allclose(np.exp(model.tables[0]), [[0.5, 0.25, 0.125, 0.125]])


def test_order_1_backs_off_by_hand():
    model = MarkovModel.fit(["AAAC"], order=1, both_strands=False, concentration=4.0)
    # After A: 2 A and 1 C in 3, mixed with 4 of the order-0 law above.
    expected = [(2 + 4 * 0.5) / 7, (1 + 4 * 0.25) / 7, 0.5 / 7, 0.5 / 7]
    np.testing.assert_allclose(np.exp(model.tables[1][0]), expected, rtol=1e-6)
    # After G nothing was seen: the order-0 law itself.
    np.testing.assert_allclose(model.tables[1][2], model.tables[0][0], rtol=1e-6)


@pytest.mark.parametrize("order", [0, 1, 2, 3, 5])
def test_log_probs_follow_the_definition(order):
    train = [random_dna(60, 1, "ACGTN"), random_dna(3, 2), random_dna(40, 3)]
    model = MarkovModel.fit(train, order, both_strands=False, concentration=2.5)
    seq = random_dna(30, 4)
    words = [seq[max(i - order, 0) : i + 1] for i in range(len(seq))]
    expected = [np.log(defined(train, word, 2.5)) for word in words]
    np.testing.assert_allclose(model.log_probs(seq), expected, rtol=1e-5)


def test_both_strands_is_training_on_the_reverse_complement_too():
    train = [random_dna(200, 5, "ACGTTTN")]
    other = [reverse_complement(seq) for seq in train]
    both = MarkovModel.fit(train, order=3)
    spelt_out = MarkovModel.fit(train + other, order=3, both_strands=False)
    for table, expected in zip(both.tables, spelt_out.tables, strict=True):
        np.testing.assert_array_equal(table, expected)


def test_every_row_of_every_order_is_a_distribution():
    model = MarkovModel.fit([random_dna(500, 6)], order=6)
    for table in model.tables:
        np.testing.assert_allclose(np.exp(table).sum(1), 1, rtol=1e-5)


def test_n_is_nan_and_what_follows_uses_lower_orders():
    model = MarkovModel.fit([random_dna(300, 7)], order=2)
    found = model.log_probs("ACNGTA")
    parts = np.concatenate([model.log_probs("AC"), [np.nan], model.log_probs("GTA")])
    np.testing.assert_array_equal(found, parts)
    assert np.isnan(model.log_probs("NRY")).all()


def test_letter_case_does_not_matter():
    seq = random_dna(100, 8)
    lower, upper = (MarkovModel.fit([text], 3) for text in (seq.lower(), seq))
    np.testing.assert_array_equal(lower.log_probs(seq), upper.log_probs(seq.lower()))


def test_mean_nats_weighs_sequences_by_their_bases():
    model = MarkovModel.fit([random_dna(300, 9)], order=2)
    first, second = random_dna(50, 10), random_dna(7, 11) + "NNN"
    total = model.log_likelihood(first) + model.log_likelihood(second)
    assert model.mean_nats([first, second]) == pytest.approx(-total / 57)
    assert np.isnan(model.mean_nats(["NN", ""]))


@pytest.mark.parametrize(("ref", "alt"), [("A", "G"), ("AC", "TT"), ("A", "AGG")])
def test_log_ratio_is_the_change_of_the_whole_sequence(ref, alt):
    model = MarkovModel.fit([random_dna(2000, 12)], order=4)
    left, right = random_dna(20, 13), random_dna(20, 14)
    before, after = (model.log_probs(left + a + right) for a in (ref, alt))
    whole = after.sum() - before.sum()
    assert model.log_ratio(left, ref, alt, right) == pytest.approx(whole)
    # Only four bases on either side can matter.
    short = model.log_ratio(left[-4:], ref, alt, right[:4])
    assert short == model.log_ratio(left, ref, alt, right)


def test_log_ratio_with_n():
    model = MarkovModel.fit([random_dna(500, 15)], order=3)
    assert np.isnan(model.log_ratio("ACG", "N", "A", "ACG"))
    assert np.isfinite(model.log_ratio("ANG", "C", "A", "NCG"))
    assert model.log_ratio("ACG", "C", "C", "ACG") == 0


def test_order_0_log_ratio_needs_no_flanks():
    model = MarkovModel.fit(["AAAC"], order=0, both_strands=False, concentration=4.0)
    assert model.log_ratio("GG", "A", "C", "") == pytest.approx(np.log(0.25 / 0.5))


def test_arguments_are_checked():
    with pytest.raises(ValueError, match="order must be 0 to 13; got 14"):
        MarkovModel.fit(["ACGT"], order=14)
    with pytest.raises(ValueError, match=r"concentration must be positive; got 0\.0"):
        MarkovModel.fit(["ACGT"], order=1, concentration=0.0)
    with pytest.raises(ValueError, match="got 'Z' at index 2"):
        MarkovModel.fit(["ACZT"], order=1)


@pytest.fixture(scope="module")
def yeast(shared):
    path = shared / "data/yeast_R64/Saccharomyces_cerevisiae.R64-1-1.fa.gz"
    with FastaReader(path) as fasta:
        return {
            chrom: fasta.fetch(Interval(chrom, 0, length))
            for chrom, length in fasta.contigs.items()
        }


@pytest.mark.parametrize(
    ("order", "nats"),
    [
        (1, 1.3513),
        (4, 1.3450),
        (8, 1.3389),
        pytest.param(10, 1.3293, marks=pytest.mark.slow),
        pytest.param(12, 1.3166, marks=pytest.mark.slow),
    ],
)
def test_yeast_nuclear_chromosomes_without_the_held_out(yeast, order, nats):
    train = [text for chrom, text in yeast.items() if chrom not in (*HELD_OUT, "Mito")]
    model = MarkovModel.fit(train, order)
    found = model.mean_nats([yeast[chrom] for chrom in HELD_OUT])
    assert found == pytest.approx(nats, abs=6e-5)
