import pytest
import torch
from torch.nn import functional

from hyenascope.ops import cache_pieces
from hyenascope.ops.mlp import mlp


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    made = torch.randn(*shape, generator=generator, dtype=torch.float64)
    return made.requires_grad_()


def weights():
    return draw(6, 4, seed=1), draw(6, seed=2), draw(4, 6, seed=3), draw(4, seed=4)


@pytest.mark.parametrize("rest", [(), (1,), (7,), (2, 5), (0, 3)])
@pytest.mark.parametrize("cache", [1, 2 * 6 * 8, 2**20], ids="{}-bytes".format)
def test_is_two_linear_maps_around_gelu(monkeypatch, rest, cache):
    monkeypatch.setattr(cache_pieces, "_CACHE_BYTES", cache)
    x, (into, bias, out, end) = draw(*rest, 4), weights()
    inner = functional.gelu(functional.linear(x, into, bias), approximate="tanh")
    expected = functional.linear(inner, out, end)
    found = mlp(x, into, bias, out, end)
    torch.testing.assert_close(found, expected)
    grad = draw(*rest, 4, seed=5)
    given = [x, into, bias, out, end]
    torch.testing.assert_close(
        torch.autograd.grad(found, given, grad),
        torch.autograd.grad(expected, given, grad),
    )


def test_takes_strided_input():
    x = draw(4, 5, 2).transpose(0, 2)
    assert torch.autograd.gradcheck(mlp, [x, *weights()])


def test_of_frozen_weights_only_the_input_learns():
    x, rest = draw(5, 4), [each.detach() for each in weights()]
    y, grad = mlp(x, *rest), draw(5, 4, seed=5)
    inner = functional.gelu(functional.linear(x, *rest[:2]), approximate="tanh")
    (expected,) = torch.autograd.grad(functional.linear(inner, *rest[2:]), x, grad)
    torch.testing.assert_close(torch.autograd.grad(y, x, grad)[0], expected)
