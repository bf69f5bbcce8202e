import pytest
import torch

from hyenascope.ops.reference import direct_short_conv
from hyenascope.ops.short_conv import short_conv, short_conv_gradients


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("length", [1, 2, 3, 4, 17])
@pytest.mark.parametrize(
    ("taps", "lookahead"), [(1, 0), (2, 0), (3, 0), (3, 1), (4, 1), (5, 2), (5, 4)]
)
@pytest.mark.parametrize("grad", [True, False], ids=["grouped", "shifted"])
def test_equals_the_definition(length, taps, lookahead, grad):
    u, weight, bias = draw(2, 3, length), draw(3, taps, seed=1), draw(3, seed=2)
    with torch.set_grad_enabled(grad):
        found = short_conv(u, weight, bias, lookahead=lookahead)
    expected = direct_short_conv(u, weight, bias, lookahead=lookahead)
    torch.testing.assert_close(found, expected)


def test_causal_form_is_the_published_convolution():
    """`nn.Conv1d` padded on both sides and cut to the length."""
    conv = torch.nn.Conv1d(4, 4, 3, groups=4, padding=2).double()
    u = draw(2, 4, 9)
    found = short_conv(u, conv.weight[:, 0], conv.bias)
    torch.testing.assert_close(found, conv(u)[..., :9])


def test_works_on_a_strided_view_and_leaves_it_alone():
    u, weight, bias = draw(2, 6, 9), draw(3, 3, seed=1), draw(3, seed=2)
    before = u.clone()
    with torch.no_grad():
        found = short_conv(u[:, ::2], weight, bias)
    torch.testing.assert_close(found, direct_short_conv(u[:, ::2], weight, bias))
    assert torch.equal(u, before)


@pytest.mark.parametrize("length", [1, 2, 3, 4, 17])
@pytest.mark.parametrize(
    ("taps", "lookahead"), [(1, 0), (2, 0), (3, 0), (3, 1), (4, 1), (5, 2), (5, 4)]
)
def test_own_gradients_are_those_of_the_definition(length, taps, lookahead):
    given = [draw(2, 3, length), draw(3, taps, seed=1), draw(3, seed=2)]
    given = [x.requires_grad_() for x in given]
    y, grad = direct_short_conv(*given, lookahead=lookahead), draw(2, 3, length, seed=3)
    u, weight, _ = (x.detach() for x in given)
    found = short_conv_gradients(grad, u, weight, lookahead=lookahead)
    torch.testing.assert_close(tuple(found), torch.autograd.grad(y, given, grad))


def test_gradients():
    inputs = [draw(2, 3, 5), draw(3, 3, seed=1), draw(3, seed=2)]
    assert torch.autograd.gradcheck(short_conv, [x.requires_grad_() for x in inputs])
