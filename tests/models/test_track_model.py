"""A head at every base: which bases it sees, bins, padding, strands."""

import numpy as np
import pytest
import torch

from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.models.track_model import TrackModel
from hyenascope.sequence.dna import reverse_complement
from hyenascope.sequence.tokenizer import tokenize

TEXT = "ACGTTGCAAGGCTTAACCGTATGCA"


def model(kind="regression", names=("a", "b"), *, seed=0, bidirectional=False, **how):
    config = HyenaConfig(
        d_model=8,
        n_layer=1,
        d_inner=16,
        l_max=34,
        embed_dropout=0.0,
        bidirectional=bidirectional,
    )
    generator = torch.Generator().manual_seed(seed)
    backbone = HyenaLM(config, generator=generator).double()
    with torch.no_grad():
        for weight in backbone.parameters():
            weight.mul_(3.0)  # so that distant bases count
    task = SequenceTask(kind, names)
    return TrackModel(backbone, task, generator=generator, **how).double().eval()


def logits(found, text):
    return found.logits([tokenize(text)], device="cpu")[0]


def changed(found, at):
    """Bases whose answer another base at ``at`` changes."""
    other = TEXT[:at] + ("A" if TEXT[at] != "A" else "C") + TEXT[at + 1 :]
    moved = np.abs(logits(found, TEXT) - logits(found, other)).max(axis=1)
    return np.flatnonzero(moved > 1e-12)


def test_a_base_sees_what_its_strands_have_read():
    assert changed(model(strands="forward"), 10).tolist() == list(range(10, 25))
    assert changed(model(strands="reverse"), 10).tolist() == list(range(11))
    assert changed(model(strands="both"), 10).tolist() == list(range(25))


def test_the_head_gets_the_states_of_either_strand_at_the_same_base():
    found = model()
    rows = [
        torch.from_numpy(tokenize(t))[None] for t in (TEXT, reverse_complement(TEXT))
    ]
    with torch.no_grad():
        there, back = (found.backbone.hidden(row)[0] for row in rows)
        states = torch.cat([there, back.flip(0)], dim=1)
        inner = torch.nn.functional.gelu(found.readout.inner(states))
        expected = found.readout.linear(inner).numpy()
    assert np.abs(logits(found, TEXT) - expected).max() < 1e-12


def test_reading_the_other_strand_turns_a_forward_model_into_a_reverse_one():
    found = model(strands="forward")
    there = logits(found, reverse_complement(TEXT))[::-1]
    found.strands = "reverse"
    assert np.abs(logits(found, TEXT) - there).max() < 1e-12


@pytest.mark.parametrize("strands", ["forward", "reverse", "both"])
@pytest.mark.parametrize("bidirectional", [False, True])
def test_padding_changes_nothing(strands, bidirectional):
    found = model(strands=strands, bidirectional=bidirectional, window=32, bin_size=4)
    texts = [TEXT, TEXT[:9], "N", TEXT[3:20]]
    together = found.logits([tokenize(t) for t in texts], device="cpu")
    assert [len(each) for each in together] == [7, 3, 1, 5]
    for text, each in zip(texts, together, strict=True):
        assert np.abs(each - logits(found, text)).max() < 1e-9


def test_a_bin_is_the_head_of_the_mean_state_of_its_bases():
    found = model(window=30, bin_size=10, strands="forward")
    with torch.no_grad():
        states = found.backbone.hidden(torch.from_numpy(tokenize(TEXT))[None])[0]
        means = torch.stack(
            [states[:10].mean(0), states[10:20].mean(0), states[20:].mean(0)]
        )
        inner = torch.nn.functional.gelu(found.readout.inner(means))
        expected = found.readout.linear(inner).numpy()
    assert np.abs(logits(found, TEXT) - expected).max() < 1e-12


def test_answers_are_probabilities_or_numbers_in_their_units():
    classes = model("multiclass", ("a", "b", "c"))
    classes.temperature.fill_(0.1)
    found = classes.predict([TEXT], device="cpu")[0]
    assert found.shape == (25, 3)
    assert found.sum(axis=1) == pytest.approx(np.ones(25))
    scaled = logits(classes, TEXT) / 0.1
    expected = np.exp(scaled) / np.exp(scaled).sum(axis=1, keepdims=True)
    assert np.abs(found - expected).max() < 1e-9
    signal = model()
    signal.centre.copy_(torch.tensor([5.0, -1.0]))
    signal.scale.copy_(torch.tensor([2.0, 10.0]))
    expected = [5.0, -1.0] + np.array([2.0, 10.0]) * logits(signal, TEXT)
    assert np.abs(signal.predict([TEXT], device="cpu")[0] - expected).max() < 1e-9


def test_the_same_generator_gives_the_same_head_whatever_the_global_one():
    torch.manual_seed(1)
    first = model().readout.linear.weight
    torch.manual_seed(2)
    assert torch.equal(first, model().readout.linear.weight)
    assert not torch.equal(first, model(seed=1).readout.linear.weight)


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"window": 35}, "window must be 1 to 34 bp; got 35"),
        ({"window": 30, "bin_size": 4}, "bin_size must divide the window of 30 bp"),
        ({"bin_size": 0}, "bin_size must divide"),
        ({"kind": "binary"}, "got 'binary'. Yes or no at a base is 'multilabel'"),
    ],
)
def test_what_does_not_fit_is_refused(how, message):
    with pytest.raises(ValueError, match=message):
        model(**how)


def test_a_sequence_longer_than_the_window_is_refused():
    with pytest.raises(ValueError, match="at most 8 bp; got 25"):
        model(window=8).predict([TEXT])
