"""Windows against their rules: every base once per epoch, one order for everybody."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hyenascope.sequence.dna import reverse_complement
from hyenascope.sequence.tokenizer import N_TOKEN, detokenize, tokenize
from hyenascope.training.open_genomes import open_genomes
from hyenascope.training.windows import WindowRules, Windows


def text(length, seed=0, letters="ACGT"):
    return "".join(np.random.default_rng(seed).choice(list(letters), length))


def made(genomes, length, *, seed=3, validation=0.0, intervals=None, **rules):
    split = {"intervals": intervals} if intervals else {"validation": validation}
    data = open_genomes(genomes, **split)
    return Windows(data, length, seed=seed, rules=WindowRules(**rules))


@given(
    st.lists(st.integers(1, 90), min_size=1, max_size=4),
    st.integers(1, 30),
    st.integers(0, 5),
)
@settings(deadline=None, max_examples=40)
def test_an_epoch_reads_each_base_at_most_once_and_nearly_all(sizes, length, seed):
    genome = {f"c{number}": text(size, number) for number, size in enumerate(sizes)}
    if max(sizes) < length:
        with pytest.raises(ValueError, match="must hold a window"):
            made(genome, length, seed=seed)
        return
    windows = made(genome, length, seed=seed)
    seen = Counter()
    for index in range(windows.per_epoch):
        region = windows.place(index).region
        assert region.length == length
        seen.update((region.chrom, at) for at in range(region.start, region.end))
    assert set(seen.values()) == {1}
    for name, size in zip(genome, sizes, strict=True):
        read = sum(chrom == name for chrom, _ in seen)
        assert read <= size
        if size >= length:
            assert size - read < 2 * length  # what an offset leaves at either end


def test_tokens_are_the_bases_of_the_place():
    genome = {"I": text(300), "II": text(200, 1)}
    windows = made(genome, 25)
    strands = set()
    for index in range(2 * windows.per_epoch):
        place, window = windows.place(index), windows[index]
        region = place.region
        bases = genome[region.chrom][region.start : region.end]
        expected = reverse_complement(bases) if place.reverse else bases
        assert detokenize(window.tokens) == expected
        assert window.asked.all()
        strands.add(place.reverse)
    assert strands == {False, True}
    forward = made(genome, 25, reverse_complement=False)
    assert not any(forward.place(i).reverse for i in range(40))


def test_offsets_and_order_change_with_the_epoch_and_the_seed():
    windows = made({"I": text(1000)}, 50)
    starts = [[], [], []]
    for index in range(60):
        place = windows.place(index)
        if place.epoch < 3:
            starts[place.epoch].append(place.region.start)
    phases = [{start % 50 for start in epoch} for epoch in starts]
    assert all(len(phase) == 1 for phase in phases)
    assert len(set.union(*phases)) > 1
    assert starts[0] != sorted(starts[0])
    again = [windows.place(i) for i in range(60)]
    assert again == [made({"I": text(1000)}, 50).place(i) for i in range(60)]
    other = made({"I": text(1000)}, 50, seed=4)
    assert again != [other.place(i) for i in range(60)]


def test_a_stretch_without_a_window_in_some_epochs_is_no_trouble():
    """Of 12 bases, a window of 10 has too much N at one offset of three."""
    windows = made({"I": "ACGTACGTANNN"}, 10, max_unknown=0.2)
    starts = [windows.place(index).region.start for index in range(30)]
    assert set(starts) <= {0, 1}
    epochs = [windows.place(index).epoch for index in range(30)]
    assert epochs == sorted(epochs)
    assert epochs[-1] > 29


def test_any_window_can_be_asked_for_first():
    """Workers, ranks and resumed runs ask for windows out of turn."""
    genome = {"I": text(500), "II": text(300, 1)}
    in_turn = [made(genome, 40).place(i) for i in range(100)]
    alone = [made(genome, 40).place(i) for i in (99, 0, 57)]
    assert alone == [in_turn[99], in_turn[0], in_turn[57]]


@pytest.mark.parametrize("rule", ["ignore", "target"])
def test_unknown_bases_are_read_and_asked_for_by_rule(rule):
    bases = text(100)
    bases = bases[:40] + "NNNR" + bases[44:]
    windows = made({"I": bases}, 100, unknown=rule, reverse_complement=False)
    window = windows[0]
    assert (window.tokens[40:44] == N_TOKEN).all()
    expected = np.ones(100, bool)
    expected[40:44] = rule == "target"
    assert np.array_equal(window.asked, expected)


def test_windows_with_too_much_n_are_not_drawn():
    """Ten stretches of ten; in stretch k, k letters are N."""
    stretches = [text(10 - k, k) + "N" * k for k in range(10)]
    windows = made({"I": "".join(stretches)}, 10, max_unknown=0.3)
    for index in range(8 * windows.per_epoch):
        assert (windows[index].tokens == N_TOKEN).sum() <= 3
    with pytest.raises(ValueError, match="more than 10% N"):
        made({"I": "N" * 95}, 10)


def test_lower_case_by_rule():
    bases = "ACGT" * 5 + "acgt" * 5
    kept = made({"I": bases}, 40, reverse_complement=False)[0]
    assert kept.asked.all()
    assert detokenize(kept.tokens) == bases.upper()
    masked = made({"I": bases}, 40, lower_case="mask", reverse_complement=False)[0]
    assert np.array_equal(masked.tokens, kept.tokens)
    assert masked.asked.tolist() == [True] * 20 + [False] * 20
    skipping = made({"I": bases * 30}, 10, lower_case="skip", max_lower_case=0.2)
    texts = (bases * 30, reverse_complement(bases * 30))
    for index in range(60):
        region = skipping.place(index).region
        read = texts[0][region.start : region.end]
        assert sum(letter.islower() for letter in read) <= 2


def test_the_mask_turns_with_the_strand():
    bases = "ACGTACGTAC" + "gggggggggg"
    windows = made({"I": bases}, 20, lower_case="mask")
    for index in range(20):
        window, place = windows[index], windows.place(index)
        expected = [True] * 10 + [False] * 10
        assert window.asked.tolist() == (expected[::-1] if place.reverse else expected)


def test_short_intervals_are_widened_but_never_into_what_is_held_out(tmp_path):
    bed = tmp_path / "split.bed"
    rows = ["I 40 60 train", "I 0 4 train", "I 110 120 train", "I 122 160 test"]
    bed.write_text("\n".join(rows).replace(" ", "\t") + "\n")
    windows = made({"I": text(200)}, 30, intervals=bed)
    seen = {windows.place(i).region for i in range(20)}
    assert {(r.start, r.end) for r in seen} == {(35, 65), (0, 30)}
    assert windows.dropped == 1


def test_nothing_held_out_is_reached_under_another_name(tmp_path):
    bed = tmp_path / "split.bed"
    bed.write_text("I\t0\t100\ttrain\nI\t200\t400\ttrain\nII\t120\t200\tvalid\n")
    one = text(400)
    windows = made({"I": one, "II": one}, 200, intervals=bed)
    assert windows.dropped == 1
    seen = {windows.place(i).region for i in range(20)}
    assert {(r.start, r.end) for r in seen} == {(200, 400)}


def test_small_genomes_can_come_as_often_as_large_ones():
    genomes = [{"big": text(5000)}, {"small": text(120, 1)}]
    fair = made(genomes, 50, balance="genomes")
    count = Counter(fair.place(i).region.genome for i in range(100))
    assert count == {0: 50, 1: 50}
    by_size = made(genomes, 50, balance="bases")
    count = Counter(by_size.place(i).region.genome for i in range(by_size.per_epoch))
    assert count[0] > 40 * count[1] / 2


def test_no_genome_is_forgotten_when_each_is_to_come_as_often():
    genomes = [{"big": text(5000)}, {"small": text(40, 1)}]
    with pytest.raises(ValueError, match=r"1 stretches of genome 2, .* of 40 bp"):
        made(genomes, 50, balance="genomes")
    assert made(genomes, 50).dropped == 1


def test_rules_are_checked():
    with pytest.raises(ValueError, match="max_unknown must be from 0 to 1"):
        WindowRules(max_unknown=1.5)
    rules = WindowRules()
    object.__setattr__(rules, "lower_case", "drop")  # past the checked annotations
    with pytest.raises(ValueError, match="one of 'keep', 'mask', 'skip'; got 'drop'"):
        rules.__post_init__()


def test_a_contig_shorter_than_a_window_is_said():
    with pytest.raises(ValueError, match=r"1,000 bp .* longest of 500 bp"):
        made({"I": text(500)}, 1000)


def test_tokens_match_what_scoring_reads():
    windows = made({"I": "acgtn" * 10}, 50, reverse_complement=False, max_unknown=0.5)
    assert np.array_equal(windows[0].tokens, tokenize("ACGTN" * 10))
