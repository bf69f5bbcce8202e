"""Losses by hand, and what the masked objective hides."""

import math

import numpy as np
import pytest
import torch

from hyenascope.sequence.tokenizer import MASK_TOKEN, SEP_TOKEN
from hyenascope.training.objectives import IGNORED, loss_sum, masked, next_token
from hyenascope.training.windows import Window


def window(tokens, asked=None):
    tokens = np.array(tokens)
    asked = np.ones(len(tokens), bool) if asked is None else np.array(asked, bool)
    return Window(tokens, asked)


def test_next_token_asks_only_for_what_may_be_asked():
    example = next_token(window([7, 8, 11, 10], [1, 1, 0, 1]))
    assert example.inputs.tolist() == [7, 8, 11, 10]
    assert example.targets.tolist() == [8, IGNORED, 10, IGNORED]


def test_sep_is_asked_for_after_the_last_base():
    example = next_token(window([7, 8]), append_sep=True)
    assert example.inputs.tolist() == [7, 8, SEP_TOKEN]
    assert example.targets.tolist() == [8, SEP_TOKEN, IGNORED]


def test_loss_by_hand():
    """Only A → C and T → G count here; the rest is read, never asked for."""
    targets = torch.tensor([[8, IGNORED, IGNORED], [10, 9, IGNORED]])
    logits = torch.zeros(2, 3, 16)
    logits[0, 0, 8] = math.log(3)  # 3 / 18
    logits[1, 0, 10] = math.log(5)  # 5 / 20
    logits[1, 1, 9] = math.log(17)  # 17 / 32
    expected = -(math.log(3 / 18) + math.log(5 / 20) + math.log(17 / 32))
    assert float(loss_sum(logits, targets)) == pytest.approx(expected)
    half = loss_sum(logits.bfloat16(), targets)
    assert half.dtype == torch.float32


def test_masked_bases_are_shown_as_in_bert():
    size = 100_000
    tokens = np.random.default_rng(1).integers(7, 11, size)
    asked = np.arange(size) % 2 == 0
    example = masked(window(tokens, asked), rng=np.random.default_rng(0))
    hidden = example.targets != IGNORED
    assert not (hidden & ~asked).any()
    assert np.array_equal(example.targets[hidden], tokens[hidden])
    assert np.array_equal(example.inputs[~hidden], tokens[~hidden])
    assert hidden[asked].mean() == pytest.approx(0.15, abs=0.005)
    shown = example.inputs[hidden]
    assert (shown == MASK_TOKEN).mean() == pytest.approx(0.8, abs=0.02)
    # 10 % any base, of which a quarter is the right one, and 10 % as it is.
    assert (shown == tokens[hidden]).mean() == pytest.approx(0.125, abs=0.02)
    assert set(shown) == {MASK_TOKEN, 7, 8, 9, 10}


def test_the_same_generator_hides_the_same_bases():
    read = window(np.full(50, 7))
    one, other = (masked(read, rng=np.random.default_rng(5)) for _ in range(2))
    assert np.array_equal(one.inputs, other.inputs)
