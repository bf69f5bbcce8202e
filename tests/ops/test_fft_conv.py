import sys
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch

from hyenascope.ops.fft_conv import (
    fft_conv,
    fft_length,
    filter_spectrum,
    gated_fft_conv,
    next_fast_length,
    spectral_conv,
    spectral_gradients,
    two_sided_spectrum,
)
from hyenascope.ops.reference import direct_conv, direct_two_sided_conv

GOLDEN = np.load(Path(__file__).parent / "golden" / "fftconv.npz")
LENGTHS = [1, 2, 3, 4, 5, 7, 17, 64, 97, 131, 258]


def draw(*shape, dtype=torch.float64, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).to(dtype)


@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("skip", [True, False], ids=["skip", "no-skip"])
def test_equals_the_definition(length, skip):
    u, k = draw(3, 4, length), draw(4, length, seed=1)
    bias = draw(4, seed=2) if skip else None
    torch.testing.assert_close(fft_conv(u, k, bias=bias), direct_conv(u, k, bias=bias))


@pytest.mark.parametrize("length", LENGTHS)
def test_own_gradients_are_those_of_the_definition(length):
    u, k = draw(3, 4, length).requires_grad_(), draw(4, length, seed=1)
    grad, k = draw(3, 4, length, seed=2), k.requires_grad_()
    of_u, of_k = torch.autograd.grad(direct_conv(u, k), (u, k), grad)
    spectrum = filter_spectrum(k, length)
    found = spectral_gradients(grad, u.detach(), spectrum.detach())
    torch.testing.assert_close(found.u, of_u)
    (through,) = torch.autograd.grad(spectrum, k, found.spectrum)
    torch.testing.assert_close(through, of_k)


@pytest.mark.parametrize("taps", [1, 2, 16, 17, 40])
def test_filter_may_be_shorter_or_longer_than_the_input(taps):
    u, k = draw(2, 3, 17), draw(3, taps, seed=1)
    torch.testing.assert_close(fft_conv(u, k), direct_conv(u, k))


@pytest.mark.parametrize("length", LENGTHS)
def test_two_sided_equals_the_definition(length):
    u = draw(2, 3, length)
    k, k_reverse, bias = draw(3, length), draw(3, length, seed=1), draw(3, seed=2)
    spectrum = two_sided_spectrum(k, k_reverse, length)
    torch.testing.assert_close(
        spectral_conv(u, spectrum, bias=bias),
        direct_two_sided_conv(u, k, k_reverse, bias=bias),
    )


def test_two_sided_impulse_by_hand():
    u = torch.zeros(1, 1, 5)
    u[0, 0, 2] = 1.0
    k, k_reverse = (
        torch.tensor([[1.0, 2, 3, 4, 5]]),
        torch.tensor([[10.0, 20, 30, 40, 50]]),
    )
    y = spectral_conv(u, two_sided_spectrum(k, k_reverse, 5))
    torch.testing.assert_close(y, torch.tensor([[[20.0, 10, 1, 2, 3]]]))


@pytest.mark.parametrize("length", [1, 2, 3, 7])
def test_gradients(length):
    inputs = draw(2, 3, length), draw(3, length, seed=1), draw(3, seed=2)
    inputs = [x.requires_grad_() for x in inputs]
    assert torch.autograd.gradcheck(
        lambda u, k, bias: fft_conv(u, k, bias=bias), inputs
    )


@pytest.mark.parametrize("length", [1, 2, 3, 7])
def test_two_sided_gradients(length):
    inputs = draw(2, 3, length), draw(3, length, seed=1), draw(3, length, seed=2)

    def run(u, k, k_reverse):
        return spectral_conv(u, two_sided_spectrum(k, k_reverse, length))

    assert torch.autograd.gradcheck(run, [x.requires_grad_() for x in inputs])


def golden_run(length, dtype, backend="torch"):
    """Output and gradients of sum(y * cotangent) for one golden length."""
    device = "cuda" if torch.cuda.is_available() else "cpu"
    u, k, bias = (
        torch.from_numpy(GOLDEN[f"L{length}.{name}"]).to(device, dtype).requires_grad_()
        for name in ("u", "k", "D")
    )
    y = fft_conv(u, k, bias=bias, backend=backend)
    y.backward(torch.from_numpy(GOLDEN[f"L{length}.cotangent"]).to(device, dtype))
    found = {"y": y.detach(), "grad_u": u.grad, "grad_k": k.grad, "grad_D": bias.grad}
    return {name: value.cpu().numpy() for name, value in found.items()}


GOLDEN_LENGTHS = (1, 2, 3, 5, 17, 64, 100, 258)


@pytest.mark.parametrize("length", GOLDEN_LENGTHS)
def test_float64_equals_the_reference(length):
    for name, found in golden_run(length, torch.float64).items():
        expected = GOLDEN[f"L{length}.f64.{name}"]
        assert abs(found - expected).max() <= 1e-10 * abs(expected).max(), name


@pytest.mark.parametrize("name", ["y", "grad_u", "grad_k", "grad_D"])
def test_float32_errs_no_more_than_twice_the_reference(name):
    """Lengths up to 5 hold 4–40 values; their largest error is luck, so they pool."""
    ours, reference = {}, {}
    for length in GOLDEN_LENGTHS:
        exact = GOLDEN[f"L{length}.f64.{name}"]
        pool = max(length, 5)
        for errors, array in (
            (ours, golden_run(length, torch.float32)[name]),
            (reference, GOLDEN[f"L{length}.f32.{name}"]),
        ):
            errors[pool] = max(errors.get(pool, 0), abs(array - exact).max())
    if name == "grad_D":  # four sums: pool all lengths
        ours, reference = {0: max(ours.values())}, {0: max(reference.values())}
    for pool, error in ours.items():
        assert error <= 2 * reference[pool], pool


@pytest.mark.parametrize("name", ["y", "grad_u", "grad_k", "grad_D"])
def test_triton_errs_no_more_than_twice_the_reference(name):
    """Its shortest transform has 512 points, so lengths answer together."""
    pytest.importorskip("triton", reason="needs Triton: pip install triton")
    ours, reference = [], []
    for length in GOLDEN_LENGTHS:
        exact = GOLDEN[f"L{length}.f64.{name}"]
        found = golden_run(length, torch.float32, "triton")[name]
        for errors, array in (
            (ours, found),
            (reference, GOLDEN[f"L{length}.f32.{name}"]),
        ):
            errors.append(abs(array - exact).max() / abs(exact).max())
    assert max(ours) <= 2 * max(reference)


def test_no_golden_array_is_left_out():
    names = {"u", "k", "D", "cotangent"} | {
        f"{p}.{n}"
        for p, n in product(("f32", "f64"), ("y", "grad_u", "grad_k", "grad_D"))
    }
    expected = {f"L{length}.{name}" for length in GOLDEN_LENGTHS for name in names}
    assert set(GOLDEN.files) == expected


def test_kept_spectrum_gives_the_same():
    u, k = draw(2, 3, 31), draw(3, 31, seed=1)
    with torch.no_grad():
        assert torch.equal(spectral_conv(u, filter_spectrum(k, 31)), fft_conv(u, k))


def test_path_without_gradients_gives_the_same_and_spares_its_arguments():
    u, k, bias = draw(2, 3, 31).requires_grad_(), draw(3, 31, seed=1), draw(3, seed=2)
    spectrum = filter_spectrum(k, 31)
    kept = [x.detach().clone() for x in (u, spectrum, bias)]
    expected = spectral_conv(u, spectrum, bias=bias).detach()
    with torch.no_grad():
        assert torch.equal(spectral_conv(u, spectrum, bias=bias), expected)
    assert all(map(torch.equal, (u, spectrum, bias), kept))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_is_computed_in_float32(dtype):
    u, k = draw(2, 3, 65, dtype=dtype), draw(3, 65, seed=1, dtype=dtype)
    y = fft_conv(u, k)
    assert y.dtype == dtype
    assert filter_spectrum(k, 65).dtype == torch.complex64
    assert torch.equal(y, fft_conv(u.float(), k.float()).to(dtype))


def test_wide_types_stay():
    for dtype in (torch.float32, torch.float64):
        assert (
            fft_conv(draw(1, 1, 4, dtype=dtype), draw(1, 4, dtype=dtype)).dtype == dtype
        )


def test_input_and_filter_may_differ_in_type():
    u, k = draw(2, 3, 65, dtype=torch.bfloat16), draw(3, 65, seed=1)
    y = fft_conv(u, k.float(), bias=k[:, 0])
    assert y.dtype == torch.bfloat16
    expected = direct_conv(u.double(), k, bias=k[:, 0])
    torch.testing.assert_close(y.double(), expected, rtol=0.01, atol=0.01)


def test_float16_does_not_overflow_within():
    u = torch.full((1, 1, 400), 300.0, dtype=torch.float16)
    y = fft_conv(u, torch.full((1, 400), 0.5))  # the spectrum of u reaches 120,000
    expected = 150.0 * torch.arange(1, 401, dtype=torch.float64)
    torch.testing.assert_close(y[0, 0].double(), expected, rtol=1e-3, atol=1)


@pytest.mark.parametrize("grad", [True, False])
def test_nan_stays_in_its_channel_and_sequence(grad):
    u, k = draw(2, 3, 50), draw(3, 50, seed=1)
    u[0, 1, 20] = torch.nan
    with torch.set_grad_enabled(grad):
        lost = fft_conv(u, k).isnan().any(-1)
    assert lost.tolist() == [[False, True, False], [False] * 3]


def test_strided_input_is_read_as_it_lies():
    u, k = draw(2, 50, 3).mT, draw(3, 50, seed=1)
    assert not u.is_contiguous()
    torch.testing.assert_close(fft_conv(u, k), fft_conv(u.contiguous(), k))


@pytest.mark.parametrize("length", LENGTHS)
def test_gates_around_it(length):
    v, x0, x1 = (draw(3, 4, length, seed=i) for i in range(3))
    k, bias = draw(4, length, seed=3), draw(4, seed=4)
    torch.testing.assert_close(
        gated_fft_conv(v, k, (x0, x1), bias=bias),
        x0 * direct_conv(v * x1, k, bias=bias),
    )


def test_empty_batch():
    assert fft_conv(draw(0, 3, 8), draw(3, 8)).shape == (0, 3, 8)


@pytest.mark.usefixtures("unchecked")
def test_refuses():
    u, k = draw(1, 3, 8), draw(3, 8)
    with pytest.raises(ValueError, match=r"per channel of u \(3\); got 2 filters\."):
        fft_conv(u, k[:2])
    with pytest.raises(ValueError, match=r"'torch' or 'triton'; got 'cuda'\."):
        fft_conv(u, k, backend="cuda")


def test_triton_that_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "triton", None)
    monkeypatch.delitem(sys.modules, "hyenascope.ops._triton_fft_conv", raising=False)
    with pytest.raises(ImportError, match=r"needs Triton: pip install triton; got "):
        fft_conv(draw(1, 3, 8), draw(3, 8), backend="triton")


def is_smooth(n):
    for factor in (2, 3, 5, 7):
        while n % factor == 0:
            n //= factor
    return n == 1


def test_next_fast_length_is_smooth_even_and_near():
    for n in range(3, 3000):
        found = next_fast_length(n)
        assert n <= found <= max(n + 3, 1.13 * n)
        assert is_smooth(found)
        power = found & (found - 1) == 0
        step = 2 if n <= 1000 else 32
        assert found % step == 0 or power
        between = range(-(-n // step) * step, found, step)
        assert power or not any(map(is_smooth, between))


@pytest.mark.parametrize("l_max", [1026, 16_386, 32_770, 160_002, 450_002, 1_000_002])
def test_fast_length_of_the_published_contexts_is_near(l_max):
    assert 2 * l_max - 1 <= fft_length(l_max) < 1.1 * 2 * l_max
