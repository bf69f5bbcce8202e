import pytest
import torch
from torch.nn import functional

from hyenascope.ops.projection import project_in, project_out


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    made = torch.randn(*shape, generator=generator, dtype=torch.float64)
    return made.requires_grad_()


@pytest.mark.parametrize(("batch", "length"), [(1, 1), (3, 7), (2, 1), (0, 4)])
def test_into_channel_first_is_a_linear_map(batch, length):
    x, weight, bias = draw(batch, length, 4), draw(6, 4, seed=1), draw(6, seed=2)
    expected = functional.linear(x, weight, bias).transpose(1, 2)
    torch.testing.assert_close(project_in(x, weight, bias), expected)


@pytest.mark.parametrize(("batch", "length"), [(1, 1), (3, 7), (2, 1), (0, 4)])
def test_out_of_channel_first_is_a_linear_map(batch, length):
    y, weight, bias = draw(batch, 6, length), draw(4, 6, seed=1), draw(4, seed=2)
    expected = functional.linear(y.transpose(1, 2), weight, bias)
    torch.testing.assert_close(project_out(y, weight, bias), expected)


def test_gradients():
    into = [draw(3, 7, 4), draw(6, 4, seed=1), draw(6, seed=2)]
    out = [draw(3, 6, 7), draw(4, 6, seed=1), draw(4, seed=2)]
    assert torch.autograd.gradcheck(project_in, into)
    assert torch.autograd.gradcheck(project_out, out)


def test_no_sequences_give_gradients_of_zero():
    for project, x in ((project_in, draw(0, 7, 4)), (project_out, draw(0, 4, 7))):
        weight, bias = draw(6, 4, seed=1), draw(6, seed=2)
        project(x, weight, bias).sum().backward()
        assert x.grad.shape == x.shape
        assert not weight.grad.any()
        assert not bias.grad.any()


def test_takes_strided_input():
    x, weight, bias = draw(3, 14, 4)[:, ::2], draw(6, 4, seed=1), draw(6, seed=2)
    assert torch.autograd.gradcheck(project_in, [x, weight, bias])
    assert torch.autograd.gradcheck(
        project_out, [project_in(x, weight, bias), draw(4, 6, seed=1), draw(4)]
    )
