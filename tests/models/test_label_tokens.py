"""Letters of classes, against the language model's own logits."""

import pytest
import torch

from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.models.label_tokens import LabelTokenModel, label_letters
from hyenascope.models.sequence_task import SequenceTask
from hyenascope.sequence.tokenizer import PAD_TOKEN

BINARY = SequenceTask("binary", ("no", "yes"))
THREE = SequenceTask("multiclass", ("x", "y", "z"))


def backbone(**numbers):
    config = HyenaConfig(d_model=8, n_layer=2, d_inner=16, l_max=34, **numbers)
    generator = torch.Generator().manual_seed(0)
    return HyenaLM(config, generator=generator).double().eval()


@pytest.mark.parametrize(
    ("task", "letters", "expected"),
    [
        (BINARY, None, "AN"),
        (THREE, None, "AGN"),
        (SequenceTask("multiclass", tuple("abcd")), None, "ACGT"),
        (SequenceTask("multiclass", tuple("abcde")), None, "ACGTN"),
        (BINARY, "TC", "TC"),
    ],
)
def test_letters(task, letters, expected):
    assert label_letters(task, letters) == expected


@pytest.mark.parametrize(
    ("task", "letters", "message"),
    [
        (SequenceTask("regression", ("x", "y")), None, "got regression with 2"),
        (SequenceTask("multiclass", tuple("abcdef")), None, "got multiclass with 6"),
        (BINARY, "AGN", "letters must be 2 different ones of ACGTN.*got 'AGN'"),
        (BINARY, "AA", "got 'AA'"),
        (BINARY, "an", "got 'an'"),
    ],
)
def test_refusals(task, letters, message):
    with pytest.raises(ValueError, match=message):
        label_letters(task, letters)


def test_logits_are_those_of_the_letters_after_the_last_real_token():
    language, rows = backbone(), [[7, 8, 9, 1], [10, 7, 1]]
    tokens = torch.tensor([rows[0], [*rows[1], PAD_TOKEN]])
    binary = LabelTokenModel(language, BINARY)(tokens)
    three = LabelTokenModel(language, THREE, letters="CGT")(tokens)
    for number, row in enumerate(rows):
        plain = language(torch.tensor([row]))[0, -1]
        chance = plain[[7, 11]].softmax(0)[1:]  # of N beside A
        torch.testing.assert_close(binary[number].sigmoid(), chance)
        torch.testing.assert_close(three[number], plain[[8, 9, 10]])


def test_a_two_sided_model_is_refused():
    with pytest.raises(ValueError, match="must be causal"):
        LabelTokenModel(backbone(bidirectional=True), BINARY)
