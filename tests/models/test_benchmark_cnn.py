"""The network of Genomic Benchmarks: its layers, padding, strands and units."""

import numpy as np
import pytest
import torch
from torch.nn import functional

from hyenascope.models.benchmark_cnn import SHORTEST, BenchmarkCNN
from hyenascope.models.sequence_input import SequenceInput
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.sequence.dna import reverse_complement
from hyenascope.sequence.tokenizer import PAD_TOKEN, tokenize

BINARY = SequenceTask("binary", ("no", "yes"))
TEXTS = ["ACGTTGCA" * 9, "GG", "TTTTNACGTACC" * 5]


def model(task=BINARY, longest=80, strands="both", seed=0):
    generator = torch.Generator().manual_seed(seed)
    reading = SequenceInput(longest, strands=strands)
    found = BenchmarkCNN(task, reading=reading, generator=generator).double()
    for norm in found.modules():
        if isinstance(norm, torch.nn.BatchNorm1d):  # as after some training
            norm.running_mean.uniform_(-1, 1, generator=generator)
            norm.running_var.uniform_(0.5, 2, generator=generator)
    return found.eval()


def test_the_layers_are_those_of_the_publication():
    found = model(longest=61, strands="forward")
    state = found.state_dict()
    tokens = torch.from_numpy(np.r_[tokenize("ACGTN" * 12), PAD_TOKEN])[None]
    signal = state["embeddings.weight"][tokens].transpose(1, 2)
    for number, at in enumerate((0, 4, 7)):
        layer = {
            k.removeprefix(f"convolutions.{at}."): v
            for k, v in state.items()
            if k.startswith(f"convolutions.{at}.")
        }
        norm = {
            k.removeprefix(f"convolutions.{at + 1}."): v
            for k, v in state.items()
            if k.startswith(f"convolutions.{at + 1}.")
        }
        assert layer["weight"].shape == [(16, 100, 8), (8, 16, 8), (4, 8, 8)][number]
        windows = signal.unfold(2, 8, 1)
        signal = torch.einsum("bilk,oik->bol", windows, layer["weight"])
        signal = signal + layer["bias"][:, None]
        spread = torch.sqrt(norm["running_var"] + 1e-5)
        signal = (signal - norm["running_mean"][:, None]) / spread[:, None]
        signal = signal * norm["weight"][:, None] + norm["bias"][:, None]
        if number == 0:
            signal = signal.clamp(min=0)
        even = signal.shape[2] // 2 * 2
        signal = torch.maximum(signal[..., 0:even:2], signal[..., 1:even:2])
    flat = signal.flatten(1)
    assert state["dense.0.weight"].shape == (512, flat.shape[1])
    hidden = functional.linear(flat, state["dense.0.weight"], state["dense.0.bias"])
    expected = functional.linear(hidden, state["dense.1.weight"], state["dense.1.bias"])
    torch.testing.assert_close(found(tokens[:, :60]), expected)


def test_a_sequence_is_read_alike_alone_and_in_a_batch():
    found = model()
    together = found.predict(TEXTS)
    for number, text in enumerate(TEXTS):
        alone = found.predict(text).to_numpy()[0]
        np.testing.assert_allclose(together.to_numpy()[number], alone, atol=1e-12)
    assert together["yes"].nunique() == 3


def test_what_is_masked_has_no_influence():
    found = model()
    tokens = torch.from_numpy(tokenize(TEXTS[0]))[None]
    mask = torch.arange(tokens.shape[1])[None] < 60
    other = tokens.clone()
    other[:, 60:] = 9
    masked = found(tokens, mask=mask)
    torch.testing.assert_close(masked, found(other, mask=mask))
    torch.testing.assert_close(masked, found(tokens[:, :60]))
    assert not torch.allclose(masked, found(tokens))


def test_both_strands_are_averaged_as_logits():
    rows = [tokenize(text) for text in TEXTS]
    forward, reverse = model(strands="forward"), model(strands="reverse")
    mean = (forward.logits(rows) + reverse.logits(rows)) / 2
    np.testing.assert_allclose(model().logits(rows), mean)
    turned = [reverse_complement(text) for text in TEXTS]
    np.testing.assert_allclose(model().predict(turned), model().predict(TEXTS))


def test_temperature_and_units():
    found = model()
    before = found.predict(TEXTS)
    found.temperature.fill_(4.0)
    after = found.predict(TEXTS)
    odds = np.log(before["yes"] / before["no"])
    np.testing.assert_allclose(np.log(after["yes"] / after["no"]), odds / 4)
    numbers = model(SequenceTask("regression", ("strength",)))
    raw = numbers.predict(TEXTS)
    numbers.centre.fill_(10.0)
    numbers.scale.fill_(2.0)
    np.testing.assert_allclose(numbers.predict(TEXTS), 10 + 2 * raw)


def test_weights_are_those_of_the_generator_and_spread_as_torchs_own():
    torch.manual_seed(1)
    before = torch.get_rng_state()
    one, other, third = model(), model(), model(seed=1)
    assert torch.equal(torch.get_rng_state(), before)
    for name, value in one.state_dict().items():
        assert torch.equal(value, other.state_dict()[name])
    assert not torch.equal(one.dense[0].weight, third.dense[0].weight)
    for layer, inputs in ((one.convolutions[0], 800), (one.dense[1], 512)):
        top = layer.weight.abs().max().item() * inputs**0.5
        assert 0.9 < top <= 1


def test_lengths_that_do_not_fit_are_refused():
    assert model(longest=SHORTEST).dense[0].in_features == 4
    with pytest.raises(ValueError, match="at least 57, for three convolutions; got 56"):
        model(longest=56)
    tokens = torch.full((1, 81), 7)
    with pytest.raises(ValueError, match="tokens must be at most 80, the length"):
        model()(tokens)
    with pytest.raises(ValueError, match="at most 80 bp; got 81"):
        model().predict("A" * 81)
