"""A backbone under a readout: reading, strands, padding, units."""

import numpy as np
import pytest
import torch

from hyenascope.interpret.head_output import HeadOutput
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.sequence_input import SequenceInput
from hyenascope.models.sequence_model import Readout, SequenceModel
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.sequence.dna import reverse_complement
from hyenascope.sequence.tokenizer import tokenize

BINARY = SequenceTask("binary", ("no", "yes"))
TEXTS = ["ACGTTGCA", "GG", "TTTTNACGTACC"]


def model(task=BINARY, *, bidirectional=False, **options):
    config = HyenaConfig(
        d_model=8, n_layer=1, d_inner=16, l_max=34, bidirectional=bidirectional
    )
    generator = torch.Generator().manual_seed(0)
    found = SequenceModel(
        HyenaLM(config, generator=generator), task, generator=generator, **options
    )
    for weight in found.readout.parameters():  # far from the start, where all is 0.5
        torch.nn.init.normal_(weight, generator=generator)
    return found.double().eval()


@pytest.mark.parametrize(
    "pooling", ["mean", "last", "first", "max", "sum", "attention"]
)
@pytest.mark.parametrize("bidirectional", [False, True])
def test_a_sequence_is_read_alike_alone_and_in_a_batch(pooling, bidirectional):
    found = model(pooling=pooling, bidirectional=bidirectional)
    together = found.predict(TEXTS)
    for number, text in enumerate(TEXTS):
        alone = found.predict(text).to_numpy()[0]
        np.testing.assert_allclose(together.to_numpy()[number], alone, atol=1e-12)
    assert together["yes"].nunique() == 3


def test_strands_are_averaged_as_logits():
    logits = {
        strands: model(reading=SequenceInput(32, strands=strands)).logits(
            [tokenize(text) for text in TEXTS]
        )
        for strands in ("forward", "reverse", "both")
    }
    mean = (logits["forward"] + logits["reverse"]) / 2
    np.testing.assert_allclose(logits["both"], mean, atol=1e-12)
    assert not np.allclose(logits["forward"], logits["reverse"])
    both = model()
    turned = both.predict([reverse_complement(text) for text in TEXTS])
    np.testing.assert_allclose(both.predict(TEXTS), turned, atol=1e-12)


def test_the_readout_is_linear_in_the_pooled_states():
    found = model(reading=SequenceInput(32, strands="forward"))
    tokens = torch.from_numpy(tokenize("ACGTA"))[None]
    pooled = found.backbone.hidden(tokens).mean(1)
    linear = found.readout.linear
    expected = pooled @ linear.weight.T + linear.bias
    torch.testing.assert_close(found(tokens), expected)
    chance = float(1 / (1 + torch.exp(-expected.detach()[0, 0])))
    assert found.predict("ACGTA").loc["0", "yes"] == pytest.approx(chance)


def test_temperature_and_units():
    found = model()
    before = found.predict(TEXTS)
    found.temperature.fill_(4.0)
    odds = np.log(before["yes"] / before["no"])
    after = found.predict(TEXTS)
    np.testing.assert_allclose(np.log(after["yes"] / after["no"]), odds / 4)
    numbers = model(SequenceTask("regression", ("strength", "noise")))
    raw = numbers.predict(TEXTS)
    numbers.centre.copy_(torch.tensor([10.0, 0.0]))
    numbers.scale.copy_(torch.tensor([2.0, 1.0]))
    scaled = numbers.predict(TEXTS)
    np.testing.assert_allclose(scaled["strength"], 10 + 2 * raw["strength"])
    np.testing.assert_allclose(scaled["noise"], raw["noise"])


@pytest.mark.parametrize(
    ("too_long", "read"), [("centre", "CGT"), ("start", "ACG"), ("end", "TAA")]
)
def test_what_is_too_long_is_cut_only_if_asked(too_long, read):
    reading = SequenceInput(3, too_long)
    assert reading.rows(["a"], ["ACGTAA"])[0].tolist() == tokenize(read).tolist()
    assert reading.rows(["a"], ["AC"])[0].tolist() == tokenize("AC").tolist()


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["A", "ACGT"], r"at most 3 bp; got 4 in b\. Give too_long='centre'"),
        (["A", ""], "must hold bases; got none in b"),
    ],
)
def test_what_cannot_be_read_is_refused(texts, message):
    with pytest.raises(ValueError, match=message):
        SequenceInput(3).rows(["a", "b"], texts)


def test_numbers_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="longest must fit l_max=34; got 35"):
        model(reading=SequenceInput(35))
    with pytest.raises(ValueError, match="longest must be at least 1"):
        SequenceInput(0)


def test_the_readout_is_a_score_to_mutate():
    """What interpret calls a head, over the states of one whole window."""
    found = model(reading=SequenceInput(32, strands="forward"))
    tokens = torch.from_numpy(tokenize("ACGTA"))[None]
    target = HeadOutput(found.readout)
    torch.testing.assert_close(
        target(found.backbone.hidden(tokens)), found(tokens)[:, 0]
    )


def test_dropout_acts_in_training_only():
    readout = Readout(8, 1, pooling="mean", dropout=0.5)
    hidden = torch.ones(1, 3, 8)
    torch.manual_seed(0)
    assert not torch.equal(readout(hidden), readout(hidden))
    readout.eval()
    assert torch.equal(readout(hidden), readout(hidden))
