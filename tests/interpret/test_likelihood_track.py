import numpy as np
import pytest
import torch

from hyenascope.data.fasta import FastaReader
from hyenascope.data.interval import Interval
from hyenascope.interpret.likelihood_track import log_prob_track
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.predict import log_probs
from tests.toy_models import first_order, step

TEXT = "".join(np.random.default_rng(9).choice(list("ACGT"), 150))


@pytest.fixture(scope="module")
def genome(tmp_path_factory):
    path = tmp_path_factory.mktemp("genome") / "g.fa"
    path.write_text(f">I\n{TEXT}\n>short\n{TEXT[:20]}\n>gap\n{TEXT[:70]}N{TEXT[71:]}\n")
    with FastaReader(path) as reader:
        yield reader


@pytest.fixture(scope="module")
def model() -> HyenaLM:
    config = HyenaConfig(d_model=16, n_layer=2, d_inner=32, l_max=34)
    return HyenaLM(config, generator=torch.Generator().manual_seed(3)).double()


def test_first_order_by_hand(genome):
    track = log_prob_track(first_order(), genome, Interval("I", 50, 60))
    forward = [step(TEXT[i - 1], TEXT[i]) for i in range(50, 60)]
    np.testing.assert_allclose(track.track("forward"), forward)
    pair = str.maketrans("ACGT", "TGCA")
    reverse = [
        step(TEXT[i + 1].translate(pair), TEXT[i].translate(pair))
        for i in range(50, 60)
    ]
    np.testing.assert_allclose(track.track("reverse"), reverse)
    both = (np.array(forward) + np.array(reverse)) / 2
    np.testing.assert_allclose(track.track("both"), both)


@pytest.mark.parametrize(("start", "end"), [(0, 150), (0, 5), (60, 61), (133, 150)])
def test_every_base_is_read_with_half_a_context(genome, model, start, end):
    """Each value is log p in some window that shows at least half a context."""
    context, half = 32, 16
    lefts = range(150 - context + 1)
    windows = [TEXT[left : left + context] for left in lefts]
    track = log_prob_track(model, genome, Interval("I", start, end))
    for side in ("forward", "reverse"):
        tables = log_probs(model, windows, strands=side)
        for i in range(start, end):
            base = "ACGT".index(TEXT[i])
            allowed = [
                tables[left][i - left, base]
                for left in lefts
                if left <= i < left + context and _sees(i, left, side, half, context)
            ]
            value = track.track(side)[i - start]
            assert np.isclose(allowed, value, atol=1e-9, equal_nan=True).any()


def _sees(i: int, left: int, side: str, half: int, context: int) -> bool:
    seen = i - left if side == "forward" else left + context - 1 - i
    return seen >= half or left == (0 if side == "forward" else 150 - context)


def test_a_contig_shorter_than_the_context(genome, model):
    track = log_prob_track(model, genome, Interval("short", 0, 20), strands="forward")
    table = log_probs(model, TEXT[:20])[0]
    expected = [table[i, "ACGT".index(TEXT[i])] for i in range(20)]
    np.testing.assert_allclose(track.track("forward"), expected, atol=1e-9)


def test_n_has_no_value(genome, model):
    track = log_prob_track(model, genome, Interval("gap", 65, 75))
    assert list(np.flatnonzero(np.isnan(track.track("both")))) == [5]


def test_strand_of_the_interval_does_not_matter(genome, model):
    here = log_prob_track(model, genome, Interval("I", 30, 60))
    there = log_prob_track(model, genome, Interval("I", 30, 60, "-"))
    np.testing.assert_array_equal(here.values, there.values)


@pytest.mark.parametrize(("start", "end"), [(-1, 5), (140, 151), (7, 7)])
def test_refuses_what_leaves_the_contig(genome, model, start, end):
    with pytest.raises(ValueError, match=r"interval must hold bases of I.*150 bp"):
        log_prob_track(model, genome, Interval("I", start, end))
