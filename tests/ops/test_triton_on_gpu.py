"""The fused kernels on a GPU, against PyTorch's transforms in float64."""

import pytest
import torch

from hyenascope.ops.fft_conv import gated_fft_conv

pytestmark = pytest.mark.gpu

LENGTHS = [1, 2, 3, 17, 255, 256, 257, 1_000, 1_024, 2_047, 4_096]
LONG = [4_097, 8_192, 16_385, 65_537, 131_072, 300_001, 2**20]
WITHIN = {torch.float32: 5e-6, torch.float16: 4e-3, torch.bfloat16: 3e-2}


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64).cuda()


def results(given, dtype, backend):
    """Result and all gradients of the gated convolution."""
    *rows, k, skip = given
    wide = dtype if dtype == torch.float64 else torch.float32
    leaves = [*(x.to(dtype) for x in rows), k.to(wide), skip.to(wide)]
    leaves = [x.detach().requires_grad_() for x in leaves]
    y = gated_fft_conv(
        leaves[2], leaves[3], (leaves[0], leaves[1]), bias=leaves[4], backend=backend
    )
    return [y, *torch.autograd.grad(y.float().square().sum(), leaves)]


def inputs(batch, channels, length):
    rows = [draw(batch, channels, length, seed=seed) for seed in range(3)]
    return [*rows, draw(channels, length, seed=3) / length**0.5, draw(channels, seed=4)]


@pytest.mark.parametrize("dtype", list(WITHIN), ids=str)
@pytest.mark.parametrize("length", LENGTHS)
@pytest.mark.parametrize("shape", [(1, 1), (3, 5), (8, 32)], ids=str)
def test_values_and_gradients_are_those_of_float64(shape, length, dtype):
    given = [x.to(dtype).double() for x in inputs(*shape, length)]
    expected = results(given, torch.float64, "torch")
    found = results(given, dtype, "triton")
    for a, b in zip(found, expected, strict=True):
        assert (a.double() - b).abs().max() <= WITHIN[dtype] * b.abs().max()


@pytest.mark.parametrize("dtype", list(WITHIN), ids=str)
@pytest.mark.parametrize("length", LONG)
@pytest.mark.parametrize("shape", [(1, 1), (3, 5)], ids=str)
def test_long_ones_too(shape, length, dtype):
    test_values_and_gradients_are_those_of_float64(shape, length, dtype)


@pytest.mark.parametrize("dtype", list(WITHIN), ids=str)
@pytest.mark.parametrize("length", [1_000, 20_000])
def test_the_same_bits_each_time(length, dtype):
    given = inputs(5, 7, length)
    first, second = (results(given, dtype, "triton") for _ in range(2))
    assert all(map(torch.equal, first, second))
