from itertools import chain, pairwise

import numpy as np
import pytest

from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.sequence.markov import MarkovModel
from hyenascope.training.nats_by_position import context_edges, nats_by_position
from hyenascope.training.perplexity import base_nats
from tests.toy_models import first_order, step


def dna(length, seed=0, letters="ACGT"):
    return "".join(np.random.default_rng(seed).choice(list(letters), length))


TEXTS = [dna(200, letters="ACGTN"), dna(45, 1), "", "A", dna(32, 2)]


def by_definition(nats_of, length):
    """Cut every text side by side and sort what each window gives by place."""
    places = [[] for _ in range(length)]
    for text in TEXTS:
        for start in range(0, len(text), length):
            for i, value in enumerate(nats_of(text[start : start + length])):
                if not np.isnan(value):
                    places[i].append(value)
    edges = context_edges(length)
    return [list(chain(*places[a:b])) for a, b in pairwise(edges)]


def check(found, expected):
    assert found.bases.tolist() == [len(values) for values in expected]
    for nats, error, values in zip(
        found.nats, found.standard_error, expected, strict=True
    ):
        if not values:
            assert np.isnan(nats)
            assert np.isnan(error)
            continue
        assert nats == pytest.approx(np.mean(values))
        assert error == pytest.approx(np.std(values, ddof=1) / len(values) ** 0.5)


def test_model_by_definition():
    model = HyenaLM(HyenaConfig(d_model=16, n_layer=1, d_inner=32, l_max=34))

    def nats_of(window):
        return base_nats(model, [window], length=32, batch_size=1, device="cpu")[0]

    found = nats_by_position(model, TEXTS, device="cpu")
    assert found.edges.tolist() == [0, 1, 2, 4, 8, 16, 32]  # the context of 32
    assert found.bases[0] == 0
    check(found, by_definition(nats_of, 32))


def test_markov_by_definition():
    markov = MarkovModel.fit([dna(3000, 3)], order=4)
    found = nats_by_position(markov, TEXTS, length=20)
    check(found, by_definition(lambda window: -markov.log_probs(window), 20))


def test_by_hand():
    """Windows ACG, TTA and C: no context but what lies in the window."""
    found = nats_by_position(first_order(), ["ACGTTAC"], length=3, device="cpu")
    assert found.edges.tolist() == [0, 1, 2, 3]
    assert found.bases.tolist() == [0, 2, 2]
    one = -(step("A", "C") + step("T", "T")) / 2
    two = -(step("C", "G") + step("T", "A")) / 2
    np.testing.assert_allclose(found.nats, [np.nan, one, two])


def test_frame_names_the_bins_that_hold_bases():
    frame = nats_by_position(first_order(2002), [dna(4000)], length=2000).frame
    assert frame["context"].tolist()[:4] == ["1", "2–3", "4–7", "8–15"]
    assert frame["context"].iloc[-1] == "1,024–1,999"
    assert frame["bases"].sum() == 4000 - 2


@pytest.mark.parametrize("length", [1, 2, 3, 8, 9, 1000, 1024])
def test_edges_double_and_cover_the_window(length):
    edges = context_edges(length)
    assert edges[0] == 0
    assert edges[-1] == length
    assert (np.diff(edges) > 0).all()
    assert all(b == 2 * a for a, b in pairwise(edges[1:-1]))


def test_one_judged_base_has_no_standard_error():
    found = nats_by_position(first_order(), ["AC"], length=2, device="cpu")
    assert found.nats[1] == pytest.approx(-step("A", "C"))
    assert np.isnan(found.standard_error).all()


@pytest.mark.parametrize("length", [None, 1])
def test_refuses_a_markov_model_without_a_window(length):
    markov = MarkovModel.fit(["ACGT"], order=1)
    with pytest.raises(ValueError, match=f"length must be at least 2 .* got {length}"):
        nats_by_position(markov, TEXTS, length=length)


def test_refuses_a_window_beyond_the_context():
    with pytest.raises(ValueError, match=r"length must be 2 to 34 bp.*; got 35\."):
        nats_by_position(first_order(34), TEXTS, length=35)
    with pytest.raises(ValueError, match=r"length must be at least 1; got 0\."):
        context_edges(0)
