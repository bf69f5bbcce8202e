import math

import numpy as np
import pytest
import torch

from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.predict import log_probs
from hyenascope.sequence.markov import MarkovModel
from hyenascope.sequence.tokenizer import tokenize
from hyenascope.training import perplexity
from hyenascope.training.perplexity import (
    JudgedWindow,
    base_nats,
    evaluate,
    window_nats,
)
from tests.toy_models import chain, first_order, step

CONFIG = HyenaConfig(d_model=16, n_layer=1, d_inner=32, l_max=66)
TWO_SIDED = HyenaConfig(d_model=8, n_layer=1, d_inner=8, l_max=34, bidirectional=True)


def dna(length, seed=0, letters="ACGT"):
    return "".join(np.random.default_rng(seed).choice(list(letters), length))


@pytest.fixture(scope="module")
def model() -> HyenaLM:
    """Weights in float64, large enough that every base of context matters."""
    generator = torch.Generator().manual_seed(0)
    model = HyenaLM(CONFIG, generator=generator).double().eval()
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.randn(p.shape, generator=generator) * 0.3)
    return model


def one_pass_per_base(model, text, length):
    """The documented rule, base by base: which window judges it, and from what."""
    tokens = torch.from_numpy(tokenize(text))
    nats = np.full(len(text), np.nan)
    for i in range(1, len(text)):
        if tokens[i] != 11:
            half = length // 2
            start = max(0, (i - length) // half + 1) * half
            logits = model(tokens[None, start:i])[0, -1, 7:11]
            nats[i] = -logits.log_softmax(-1)[tokens[i] - 7].item()
    return nats


@pytest.mark.parametrize("length", [2, 16, 17, 64])
@pytest.mark.parametrize("total", [0, 1, 2, 15, 16, 17, 24, 25, 70])
def test_equals_one_pass_per_base(model, length, total):
    texts = [dna(total), dna(40, seed=1, letters="ACGTN")]
    found = base_nats(model, texts, length=length, batch_size=3, device="cpu")
    expected = [one_pass_per_base(model, text, length) for text in texts]
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)
    mean = evaluate(model, texts, length=length, batch_size=3, device="cpu")
    assert mean == pytest.approx(np.nanmean(np.concatenate(expected)), rel=1e-9)


def test_every_base_but_the_first_is_judged_with_half_a_window():
    windows = perplexity._overlapping([dna(1000), "", "A", dna(9)], 64)
    judged = [(w.text, i) for w in windows for i in range(w.start + w.skip, w.end)]
    assert sorted(judged) == [(0, i) for i in range(1000)] + [(3, i) for i in range(9)]
    assert all(w.skip == 32 for w in windows if w.start)
    assert max(w.end - w.start for w in windows) == 64


def test_by_hand():
    """A first-order model needs no context."""
    [nats] = base_nats(first_order(), ["ACCGt"], length=4, device="cpu")
    steps = [step(*pair) for pair in ("AC", "CC", "CG", "GT")]
    np.testing.assert_allclose(nats, [math.nan, *(-x for x in steps)])
    text = dna(150)
    found = evaluate(first_order(), [text], length=32, device="cpu")
    assert found == pytest.approx(-chain(text) / 149)


def test_one_window_is_log_probs(model):
    text = dna(64, letters="ACGTN")
    table = log_probs(model, text, device="cpu")[0]
    rows = np.arange(64)[tokenize(text) != 11]
    expected = np.full(64, np.nan)
    expected[rows] = -table[rows, tokenize(text)[rows] - 7]
    [found] = base_nats(model, [text], length=64, device="cpu")
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("batch_size", [1, 4, "auto"])
@pytest.mark.parametrize("at_once", [1, 100, 2**20])
def test_batches_and_pieces_do_not_matter(model, batch_size, at_once, monkeypatch):
    monkeypatch.setattr(perplexity, "_TOKENS_AT_ONCE", at_once)
    texts = [dna(n, n) for n in (70, 3, 200, 64)]
    found = base_nats(
        model, texts, length=16, batch_size=batch_size, device="cpu", progress=True
    )
    for text, nats in zip(texts, found, strict=True):
        [alone] = base_nats(model, [text], length=16, batch_size=1, device="cpu")
        np.testing.assert_allclose(nats, alone, rtol=1e-9)


def test_length_defaults_to_the_context(model):
    text = dna(300)
    [found] = base_nats(model, [text], device="cpu")
    [expected] = base_nats(model, [text], length=64, device="cpu")
    np.testing.assert_array_equal(found, expected)


def test_lower_case_counts_as_upper_case(model):
    found = evaluate(model, [dna(99).lower()], length=16, device="cpu")
    assert found == evaluate(model, [dna(99)], length=16, device="cpu")


def test_markov_judges_the_first_base_too():
    markov = MarkovModel.fit([dna(2000)], order=3)
    texts = [dna(50, seed=1, letters="ACGTN"), ""]
    found = base_nats(markov, texts)
    np.testing.assert_array_equal(found[0], -markov.log_probs(texts[0]))
    assert len(found[1]) == 0
    assert evaluate(markov, texts) == markov.mean_nats(texts)


def test_nothing_to_say_without_bases():
    assert math.isnan(evaluate(first_order(), ["", "A", "NNNN"], length=8))
    [empty, one, unknown] = base_nats(first_order(), ["", "A", "NNNN"], length=8)
    assert len(empty) == 0
    assert np.isnan(one).all()
    assert np.isnan(unknown).all()


def test_model_comes_back_in_training_mode_also_when_nobody_reads_on():
    model = first_order().train()
    windows = [JudgedWindow(0, 0, 8), JudgedWindow(0, 8, 16)]
    reading = window_nats(model, [dna(16)], windows, device="cpu")
    next(reading)
    assert not model.training
    reading.close()
    assert model.training


@pytest.mark.parametrize("function", [base_nats, evaluate])
@pytest.mark.parametrize(
    ("length", "texts", "message"),
    [
        (1, ["ACGT"], r"length must be 2 to 1026 bp, the model's longest .* got 1\."),
        (1027, ["ACGT"], r"length must be 2 to 1026 bp.*; got 1027\."),
        (8, ["ACGT", "AC!T"], r"sequences\[1\]: seq must hold .*'!' at index 2"),
    ],
)
def test_refuses(function, length, texts, message):
    with pytest.raises(ValueError, match=message):
        function(first_order(), texts, length=length, device="cpu")


def test_refuses_one_text_for_a_list():
    with pytest.raises(TypeError, match=r"must be a list of DNA .* got one .* 4 bp"):
        evaluate(first_order(), "ACGT")


def test_refuses_a_two_sided_model():
    with pytest.raises(ValueError, match=r"model must be causal .* two-sided"):
        evaluate(HyenaLM(TWO_SIDED), ["ACGT"])
