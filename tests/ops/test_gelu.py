import pytest
import torch
from torch.nn import functional

from hyenascope.ops.gelu import gelu_tanh


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
