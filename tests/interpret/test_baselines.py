import numpy as np
import pytest

from hyenascope.data.fasta import FastaReader
from hyenascope.data.variant import Variant
from hyenascope.interpret.baselines import Baselines, context_label
from hyenascope.sequence.dna import reverse_complement

TEXT = "".join(
    np.random.default_rng(4).choice(list("ACGT"), 5000, p=[0.4, 0.1, 0.2, 0.3])
)


@pytest.fixture(scope="module")
def baselines(tmp_path_factory):
    path = tmp_path_factory.mktemp("genome") / "g.fa"
    path.write_text(f">I\n{TEXT}\n>II\n{'N' * 100}\n")
    with FastaReader(path) as genome:
        return Baselines.fit(genome, markov_order=3)


def judged(baselines, variant):
    flank = baselines.flank(variant)
    left = TEXT[max(0, variant.start - flank) : variant.start]
    return baselines.judge(variant, left, TEXT[variant.end : variant.end + flank])


def test_n_does_not_count(baselines):
    assert baselines.fitted_bases == 5000


@pytest.mark.parametrize("pos", [2, 40, 2500, 4999])
def test_markov_of_an_snv_is_the_ratio_of_whole_texts(baselines, pos):
    ref = TEXT[pos - 1]
    variant = Variant("I", pos, ref, "ACGT"["ACGT".index(ref) - 1])
    ref_value, alt_value = judged(baselines, variant)["markov"]
    near = TEXT[max(0, pos - 41) : pos + 40]
    changed = variant.apply(near, max(0, pos - 41))
    score = baselines.markov.log_likelihood
    expected = score(changed) - score(near)
    expected += score(reverse_complement(changed)) - score(reverse_complement(near))
    # A flank of 40 bases holds every word that the change touches; edges cancel.
    assert alt_value - ref_value == pytest.approx(expected / 2, abs=1e-4)


def test_an_indel_is_judged_over_equally_many_bases(baselines):
    variant = Variant("I", 2500, TEXT[2499], TEXT[2499] + "GATTACA")
    ref_value, alt_value = judged(baselines, variant)["markov"]
    # Eleven random bases on both sides: the ratio is not seven bases' worth of nats.
    assert abs(alt_value - ref_value) < 7
    k, left = 3, TEXT[:2499][-3:]
    length = 8 + k
    forward = baselines.markov.log_probs(left + TEXT[2499 : 2499 + length])[k:].sum()
    after = reverse_complement(TEXT[2500:2503])
    before = reverse_complement(TEXT[2500 - length : 2500])
    backward = baselines.markov.log_probs(after + before)[k:].sum()
    assert ref_value == pytest.approx((forward + backward) / 2)


def test_cpg(baselines):
    assert baselines.judge(Variant("I", 9, "C", "T"), "AA", "GA")["cpg"] == (1, 0)
    assert baselines.judge(Variant("I", 9, "A", "G"), "AC", "TA")["cpg"] == (0, 1)
    assert baselines.judge(Variant("I", 9, "A", "ACGCG"), "AA", "TA")["cpg"] == (0, 2)


def test_trinucleotide_counts_both_strands(baselines):
    ref_value, _ = baselines.judge(Variant("I", 9, "C", "T"), "A", "A")["trinucleotide"]
    both = TEXT, reverse_complement(TEXT)
    count = sum(text[i : i + 3] == "ACA" for text in both for i in range(len(text) - 2))
    total = 2 * (len(TEXT) - 2) + 2 * 64  # one pseudo-count for each, per strand
    assert ref_value == pytest.approx(np.log((count + 2) / total), abs=2e-3)
    other = baselines.judge(Variant("I", 9, "CA", "C"), "A", "A")["trinucleotide"]
    assert np.isnan(other).all()


def test_context_label():
    assert context_label(Variant("I", 2, "C", "T"), "A", "G") == "ACG>ATG"
    assert context_label(Variant("I", 2, "CA", "C"), "A", "G") == ""
    assert context_label(Variant("I", 2, "C", "T"), "", "G") == ""


def test_a_large_genome_is_sampled_the_same_every_time(tmp_path):
    path = tmp_path / "g.fa"
    rng = np.random.default_rng(0)
    path.write_text(">I\n" + "".join(rng.choice(list("ACGT"), 400_000)) + "\n")
    fits = [Baselines.fit(path, markov_order=2, max_bases=100_000) for _ in range(2)]
    assert fits[0].fitted_bases == fits[1].fitted_bases
    assert 100_000 <= fits[0].fitted_bases < 200_000
    np.testing.assert_array_equal(fits[0].markov.tables[2], fits[1].markov.tables[2])
