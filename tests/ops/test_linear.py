"""Linear maps of a forward pass, in oneDNN or not."""

import pytest
import torch
from torch.nn import functional

from hyenascope.ops import linear as module
from hyenascope.ops.linear import in_onednn, linear, linear_gelu

needs_onednn = pytest.mark.skipif(
    not module._onednn_works(), reason="needs an x86 CPU and PyTorch with oneDNN"
)
ROWS = pytest.mark.parametrize("shape", [(0, 5), (1, 5), (15, 5), (16, 5), (3, 40, 5)])


def operands(shape):
    generator = torch.Generator().manual_seed(0)
    x = 3 * torch.randn(*shape, generator=generator)
    return x, torch.randn(7, 5, generator=generator), torch.linspace(-2, 2, 7)


@ROWS
@torch.no_grad()
def test_equals_the_definition_in_float64(shape):
    x, weight, bias = operands(shape)
    y = x.double() @ weight.double().T + bias.double()
    torch.testing.assert_close(linear(x, weight, bias).double(), y, rtol=0, atol=1e-5)
    torch.testing.assert_close(
        linear_gelu(x, weight, bias).double(),
        functional.gelu(y, approximate="tanh"),
        rtol=0,
        atol=1e-5,
    )
    torch.testing.assert_close(linear(x, weight).double(), y - bias, rtol=0, atol=1e-5)


@needs_onednn
@torch.no_grad()
def test_transposed_and_strided_input_is_read_right():
    x, weight, bias = operands((64, 5))
    want = linear(x, weight, bias)
    torch.testing.assert_close(linear(x.T.contiguous().T, weight, bias), want)
    wide = torch.zeros(64, 9)
    wide[:, 2:7] = x
    torch.testing.assert_close(linear(wide[:, 2:7], weight, bias), want)
    assert in_onednn(wide[:, 2:7], weight)


@needs_onednn
@torch.no_grad()
def test_not_a_number_stays_where_it_is():
    x, weight, bias = operands((64, 5))
    x[3, 1] = torch.nan
    lost = linear_gelu(x, weight, bias).isnan()
    assert lost[3].all()
    assert lost.sum() == 7


def test_is_differentiable():
    x, weight, bias = (a.double().requires_grad_() for a in operands((16, 5)))
    torch.autograd.gradcheck(linear_gelu, (x, weight, bias))
    torch.autograd.gradcheck(linear, (x, weight, bias))


@torch.no_grad()
def test_only_float32_without_autocast_goes_to_onednn():
    x, weight, _ = operands((64, 5))
    assert in_onednn(x, weight) == module._onednn_works()
    assert not in_onednn(x[:15], weight)
    for dtype in (torch.float64, torch.bfloat16, torch.float16):
        assert not in_onednn(x.to(dtype), weight.to(dtype))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert not in_onednn(x, weight)
        assert linear(x, weight).dtype == torch.bfloat16
    with torch.enable_grad():
        assert not in_onednn(x, weight)


@pytest.mark.parametrize("error", [AttributeError, RuntimeError, TypeError])
@torch.no_grad()
def test_without_the_call_pytorchs_own_steps_run(error, monkeypatch):
    def broken(*given):
        raise error

    x, weight, bias = operands((64, 5))
    want = linear_gelu(x, weight, bias)
    monkeypatch.setattr(torch.ops.mkldnn, "_linear_pointwise", broken)
    module._onednn_works.cache_clear()
    assert not in_onednn(x, weight)
    got = linear_gelu(x, weight, bias)
    monkeypatch.undo()
    module._onednn_works.cache_clear()
    torch.testing.assert_close(got, want)
