import pytest
import torch
from torch.nn import functional

from hyenascope.ops.gelu import gelu_tanh, gelu_with_slope


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 1e-6), (torch.float64, 1e-14)]
)
def test_equals_the_tanh_form(dtype, tolerance):
    x = torch.linspace(-12, 12, 4001, dtype=dtype)[None]
    before = x.clone()
    exact = functional.gelu(x.double(), approximate="tanh")
    with torch.no_grad():
        found = gelu_tanh(x)
    assert found.dtype == dtype
    assert torch.equal(x, before)
    torch.testing.assert_close(found.double(), exact, rtol=0, atol=tolerance)


def test_far_tails():
    x = torch.tensor([[-1e30, -1e4, -50.0, 0.0, 50.0, 1e4, 1e30]])
    with torch.no_grad():
        found = gelu_tanh(x)
    assert torch.equal(found, torch.tensor([[0, 0, 0, 0, 50, 1e4, 1e30]]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_with_gradients_or_in_half_precision_it_is_torch(dtype):
    x = torch.randn(3, 5, dtype=dtype, generator=torch.manual_seed(0))
    expected = functional.gelu(x, approximate="tanh")
    assert torch.equal(gelu_tanh(x), expected)
    with torch.no_grad():
        torch.testing.assert_close(gelu_tanh(x), expected)


def test_gradient():
    x = torch.linspace(-4, 4, 17, dtype=torch.float64).requires_grad_()
    assert torch.autograd.gradcheck(gelu_tanh, x)


def both(x):
    out, slope = torch.empty_like(x), torch.empty_like(x)
    gelu_with_slope(x, out=out, slope=slope)
    return out, slope


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float32, 3e-6), (torch.float64, 1e-14)]
)
def test_slope_is_the_derivative(dtype, tolerance):
    """The rounding of ``1 - s`` counts ``x dz/dx`` times, up to 35 where it matters."""
    narrow = torch.linspace(-12, 12, 4001, dtype=dtype)[None]
    x = narrow.double().clone().requires_grad_()
    exact = functional.gelu(x, approximate="tanh")
    (slope,) = torch.autograd.grad(exact.sum(), x)
    for found, expected in zip(both(narrow), (exact.detach(), slope), strict=True):
        assert found.dtype == dtype
        torch.testing.assert_close(found.double(), expected, rtol=0, atol=tolerance)


def test_slope_far_out():
    x = torch.tensor([[-1e6, -50.0, 0.0, 50.0, 1e6]])
    assert torch.equal(both(x)[1], torch.tensor([[0, 0, 0.5, 1, 1]]))
