"""The kernels of long inputs in Triton's interpreter, against the definition."""

import pytest
import torch

from hyenascope.ops.fft_conv import (
    fft_conv,
    filter_spectrum,
    gated_fft_conv,
    spectral_conv,
)

pytest.importorskip("triton", reason="needs Triton: pip install triton")
if torch.cuda.is_available():
    pytest.skip("kernels are compiled where there is a GPU", allow_module_level=True)
from hyenascope.ops import (
    _triton_fft_conv,
    _triton_long_conv,
    _triton_long_kernels,
)
from hyenascope.ops._triton_long_conv import Plan
from tests.ops.test_triton_fft_conv import (
    SHARED,
    Unbuilt,
    agree,
    compiled,
    draw,
    fused,
    inputs,
    nothing_is_left_unwritten,  # noqa: F401  a fixture
    unbroken,  # noqa: F401  a fixture
    with_gradients,
)


def by_pytorch(x0, x1, v, k, skip):
    u = v * x1
    return x0 * spectral_conv(u, filter_spectrum(k, u.shape[-1]), bias=skip)


@pytest.fixture
def short(monkeypatch):
    """Let the long kernels take what one program could."""
    monkeypatch.setattr(_triton_fft_conv, "_IN_ONE", 4_096)


@pytest.mark.parametrize("shape", [(1, 1, 4_099), (3, 1, 2_049)], ids=str)
@pytest.mark.usefixtures("short")
def test_values_and_gradients_are_those_of_float64(shape):
    given, cotangent = inputs(*shape), draw(*shape, seed=5)
    expected = with_gradients(by_pytorch, given, cotangent)
    single = [x.float() for x in given]
    agree(with_gradients(fused, single, cotangent), expected, 3e-6)


def test_is_used_above_what_one_program_takes():
    """The last position that one holds, and the first that it does not."""
    for length in (4_096, 4_097):
        u, k = draw(1, 1, length).float(), draw(1, 5, seed=1).float()
        found = fft_conv(u, k, backend="triton")
        torch.testing.assert_close(found, fft_conv(u, k), rtol=0, atol=1e-5)


@pytest.mark.usefixtures("short")
def test_half_precision_is_summed_in_float32():
    shape, dtype = (2, 1, 2_100), torch.bfloat16
    given = inputs(*shape)
    given[:3] = [x.to(dtype).double() for x in given[:3]]
    cotangent = draw(*shape, seed=5).to(dtype).double()
    expected = with_gradients(by_pytorch, given, cotangent)
    half = [*(x.to(dtype) for x in given[:3]), *(x.float() for x in given[3:])]
    found = with_gradients(fused, half, cotangent)
    assert [x.dtype for x in found] == [dtype] * 4 + [torch.float32] * 2
    agree(found[:4], expected[:4], 4 * torch.finfo(dtype).eps)
    agree(found[-2:], expected[-2:], 3e-6)


@pytest.mark.parametrize("taps", [1, 3_000])
@pytest.mark.usefixtures("short")
def test_plain_convolution_with_any_number_of_taps(taps):
    u, k = draw(1, 2, 2_100).float(), draw(2, taps, seed=1).float() / taps**0.5

    def plain(u, k, backend="triton"):
        return fft_conv(u, k, backend=backend)

    expected = with_gradients(
        lambda u, k: plain(u, k, "torch"), [u.double(), k.double()], u
    )
    agree(with_gradients(plain, [u, k], u), expected, 3e-6)


@pytest.mark.usefixtures("short")
def test_a_few_channels_at_a_time_change_nothing(monkeypatch):
    given = [x.float() for x in inputs(1, 2, 2_060)]
    together = with_gradients(fused, given, given[0])
    monkeypatch.setattr(_triton_long_conv, "WORK_BYTES", 1)
    alone = with_gradients(fused, given, given[0])
    agree(alone, [x.double() for x in together], 1e-6)


@pytest.mark.usefixtures("short")
def test_strided_views_are_read_as_they_lie():
    x0, x1, v = draw(2, 6, 2_060).float().chunk(3, dim=1)
    k, skip = draw(2, 2_060, seed=3).float(), draw(2, seed=4).float()
    expected = fused(*(x.clone() for x in (x0, x1, v)), k, skip)
    assert torch.equal(fused(x0, x1, v, k, skip), expected)


@pytest.mark.parametrize("power", range(13, 22))
def test_a_plan_of_any_size_can_be_multiplied_and_undone(power):
    plan = Plan(2**power, torch.device("cpu"))
    assert plan.n1 * plan.n2 == 2**power
    assert plan.m1 * plan.m2 == plan.n2
    # No side of a product may be below 16, and no row above what a program holds.
    assert min(plan.n1 // 2, plan.m1, plan.m2) >= 16
    assert plan.n2 <= 4_096
    taps = torch.arange(6.0).view(2, 3)
    back = plan.taps(plan.spectrum(taps) * 2**power, 3)
    torch.testing.assert_close(back, taps, rtol=0, atol=1e-4)


@pytest.mark.usefixtures("short", "unbroken")
@pytest.mark.parametrize("kernel", ["rows", "rows_back"])
def test_pytorch_stands_in_for_what_does_not_compile(kernel, monkeypatch):
    given = [x.float() for x in inputs(2, 1, 2_060)]
    expected = with_gradients(by_pytorch, [x.double() for x in given], given[0])

    def gated(x0, x1, v, k, skip):
        return gated_fft_conv(v, k, (x0, x1), bias=skip, backend="triton")

    monkeypatch.setattr(_triton_long_kernels, kernel, Unbuilt(RuntimeError("no ptxas")))
    with pytest.warns(UserWarning, match="falls back to 'torch': .*no ptxas"):
        agree(with_gradients(gated, given, given[0]), expected, 3e-6)


@pytest.mark.slow
@pytest.mark.parametrize(("size", "dtype"), [(2**16, "bf16"), (2**21, "fp32")])
def test_compiles_for_a_gpu_that_is_not_here(size, dtype, tmp_path):
    kernels = ["enter", "rows", "leave", "rows_back", "leave_back"]
    assert max(compiled(kernels, size, dtype, tmp_path)) <= SHARED
