"""Pooling against its definition."""

import pytest
import torch

from hyenascope.models.pooling import AttentionPool, pool

MODES = ("mean", "last", "first", "max", "sum")


@pytest.mark.parametrize("mode", MODES)
def test_pool_is_its_definition_over_real_tokens(mode):
    hidden = torch.randn(64, 9, 4, generator=torch.Generator().manual_seed(0)).double()
    mask = torch.rand(64, 9, generator=torch.Generator().manual_seed(1)) < 0.4
    mask[:, 4] = True
    by_hand = {
        "mean": lambda rows: rows.mean(0),
        "sum": lambda rows: rows.sum(0),
        "max": lambda rows: rows.max(0).values,
        "last": lambda rows: rows[-1],
        "first": lambda rows: rows[0],
    }[mode]
    expected = torch.stack([by_hand(h[m]) for h, m in zip(hidden, mask, strict=True)])
    torch.testing.assert_close(
        pool(hidden.masked_fill(~mask[..., None], torch.nan), mode, mask), expected
    )
    everything = torch.stack([by_hand(h) for h in hidden])
    torch.testing.assert_close(pool(hidden, mode), everything)


@pytest.mark.parametrize("mode", MODES)
def test_gradients_of_pooling(mode):
    hidden = torch.randn(
        2, 4, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(2)
    ).requires_grad_()
    mask = torch.tensor([[True, True, False, True], [False, False, True, False]])
    assert torch.autograd.gradcheck(lambda h: pool(h, mode, mask), hidden)
    pool(hidden, mode, mask).sum().backward()
    assert (hidden.grad[~mask] == 0).all()


@pytest.mark.parametrize("mode", MODES)
def test_rows_without_a_real_token_are_refused(mode):
    mask = torch.tensor([[True, False], [False, False]])
    with pytest.raises(ValueError, match="at least 1 real tokens; got 0 in row 1"):
        pool(torch.zeros(2, 2, 1), mode, mask)


def attention():
    layer = AttentionPool(3).double()
    generator = torch.Generator().manual_seed(3)
    for weight in layer.parameters():
        torch.nn.init.normal_(weight, generator=generator)
    return layer


def test_attention_begins_as_the_mean_and_is_its_formula_later():
    generator = torch.Generator().manual_seed(2)
    hidden = torch.randn(2, 4, 3, generator=generator).double()
    mask = torch.tensor([[True, True, False, True], [False, False, True, False]])
    fresh = AttentionPool(3).double()(hidden, mask)
    torch.testing.assert_close(fresh, pool(hidden, "mean", mask))
    layer = attention()
    real = hidden[0, mask[0]]
    scores = torch.tanh(real @ layer.look.weight.T + layer.look.bias)
    weights = torch.exp(scores @ layer.judge.weight[0])
    expected = (weights / weights.sum()) @ real
    torch.testing.assert_close(layer(hidden, mask)[0], expected)
    torch.testing.assert_close(layer(hidden, mask)[1], hidden[1, 2])


def test_attention_does_not_see_what_is_no_token():
    hidden = torch.zeros(1, 4, 3, dtype=torch.float64)
    hidden[0, :2] = torch.tensor([[1.0, -2.0, 0.5], [0.3, 0.2, -1.0]])
    hidden[0, 2:] = torch.nan
    hidden.requires_grad_()
    mask = torch.tensor([[True, True, False, False]])
    layer = attention()
    found = layer(hidden, mask)
    torch.testing.assert_close(found, layer(hidden[:, :2]))
    found.sum().backward()
    assert (hidden.grad[0, 2:] == 0).all()
    assert hidden.grad[0, :2].isfinite().all()
    assert all(weight.grad.isfinite().all() for weight in layer.parameters())
    with pytest.raises(ValueError, match="at least 1 real tokens"):
        layer(hidden, torch.zeros(1, 4, dtype=torch.bool))
