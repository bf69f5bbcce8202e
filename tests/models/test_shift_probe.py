"""The likelihood of DNA tells the modulation shift of training."""

import logging
from dataclasses import replace

import numpy as np
import pytest
import torch

from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.predict import logits
from hyenascope.models.shift_probe import _PROBE_BASES, _windows, likelier_shift
from hyenascope.models.state_layouts import build_model, model_tensors
from hyenascope.sequence.tokenizer import detokenize, tokenize

CONFIG = HyenaConfig(d_model=16, n_layer=1, d_inner=32, l_max=66, embed_dropout=0.0)


@pytest.fixture(scope="module")
def tensors():
    """Random weights, loud enough that the shift matters."""
    model = HyenaLM(CONFIG, generator=torch.Generator().manual_seed(3))
    buffers = dict(model.named_buffers())
    return {
        name: tensor if name in buffers or tensor.ndim < 2 else 6 * tensor
        for name, tensor in model_tensors(model).items()
    }


def sampled(model, count):
    """DNA drawn from the model itself, 64 bases each."""
    generator = torch.Generator().manual_seed(5)
    tokens = torch.randint(7, 11, (count, 1), generator=generator)
    with torch.inference_mode():
        for _ in range(63):
            chances = model(tokens)[:, -1, 7:11].softmax(-1)
            drawn = 7 + torch.multinomial(chances, 1, generator=generator)
            tokens = torch.cat([tokens, drawn], dim=1)
    return [detokenize(row) for row in tokens.numpy()]


@pytest.mark.parametrize("truth", [0.0, 0.05])
def test_finds_the_shift_that_made_the_dna(tensors, truth, caplog):
    texts = sampled(build_model(replace(CONFIG, modulation_shift=truth), tensors), 24)
    with caplog.at_level(logging.INFO, "hyenascope"):
        found = likelier_shift(lambda c: build_model(c, tensors), CONFIG, texts)
    assert found == truth
    assert f"over {24 * 63} bases are 0.05: " in caplog.text
    assert f"taking {truth}." in caplog.text


def test_logged_numbers_are_mean_nats_of_scored_bases(tensors, caplog):
    text = "ACGTNNGATTACA"
    with caplog.at_level(logging.INFO, "hyenascope"):
        likelier_shift(lambda c: build_model(c, tensors), CONFIG, [text])
    for shift in (0.05, 0.0):
        model = build_model(replace(CONFIG, modulation_shift=shift), tensors)
        table = torch.tensor(logits(model, text)[0][:-1, 7:11]).double().log_softmax(-1)
        picked = [table[i, t - 7] for i, t in enumerate(tokenize(text)[1:]) if t < 11]
        assert len(picked) == 10
        assert f"{shift}: {-sum(picked) / 10:.5f}" in caplog.text


def test_windows_of_a_fasta_are_spread_evenly(tmp_path):
    path = tmp_path / "genome.fa"
    rng = np.random.default_rng(1)
    long, short = ("".join(rng.choice(list("ACGT"), n)) for n in (1000, 500))
    path.write_text(f">a\n{long}\n>b\n{short}\n")
    windows = list(_windows(path, 100))
    assert len(windows) == 15
    whole = long + short
    assert windows == [whole[i : i + 100] for i in range(0, 1500, 100)]
    assert windows == list(_windows([long, short], 100))


def test_windows_are_limited_in_number():
    text = "A" * (3 * _PROBE_BASES)
    windows = list(_windows([text], 1024))
    assert sum(map(len, windows)) == _PROBE_BASES


def test_windows_stay_within_their_sequence():
    assert list(_windows(["ACG", "T" * 300, "GGCC"], 100)) == [*["T" * 100] * 3]
    assert list(_windows(["GG", "ACGTA"], 100)) == ["ACGTA"]


@pytest.mark.parametrize("texts", [[], [""], ["A"], ["NNNNN"]], ids=str)
def test_nothing_to_score_is_refused(texts):
    with pytest.raises(ValueError, match="fasta must hold a base"):
        likelier_shift(HyenaLM, CONFIG, texts)
