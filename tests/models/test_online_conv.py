"""The convolution that runs while its input is made, against its definition."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from hyenascope.models.online_conv import TILE, OnlineConv, spill
from hyenascope.ops.reference import direct_conv

LENGTHS = [1, 2, TILE - 1, TILE, TILE + 1, 2 * TILE, 3 * TILE + 5, 257]


def random(*shape: int, seed: int = 0, dtype: torch.dtype = torch.float64):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=dtype)


def run(conv: OnlineConv, u: torch.Tensor) -> torch.Tensor:
    return torch.stack([conv.step(column) for column in u.unbind(-1)], dim=-1)


@settings(deadline=None, max_examples=30)
@given(
    before=st.sampled_from([0, 1, 2, 31, 100]),
    length=st.sampled_from(LENGTHS),
    skip=st.booleans(),
    seed=st.integers(0, 99),
)
def test_columns_are_those_of_the_whole_convolution(before, length, skip, seed):
    u = random(2, 3, before + length, seed=seed)
    k = random(3, before + length, seed=seed + 1)
    bias = random(3, seed=seed + 2) if skip else None
    past = spill(u[..., :before], k, length)
    y = run(OnlineConv(past, k, skip=bias), u[..., before:])
    whole = direct_conv(u, k, bias=bias)[..., before:]
    torch.testing.assert_close(y, whole, atol=1e-10, rtol=0)


def test_float32_errs_by_float32():
    length = 40 * TILE + 3
    u, k = random(1, 4, length), random(4, length, seed=1)
    y = run(OnlineConv(torch.zeros(1, 4, length), k.float()), u.float())
    whole = direct_conv(u, k)
    assert (y - whole).abs().max() < 1e-6 * whole.abs().max()


def test_half_precision_goes_in_and_comes_out_and_stays_float32_inside():
    length = TILE + 3
    u = random(1, 2, length).bfloat16()
    k = random(2, length, seed=1).float()
    y = run(OnlineConv(torch.zeros(1, 2, length), k), u)
    assert y.dtype == torch.bfloat16
    torch.testing.assert_close(y, direct_conv(u.float(), k).bfloat16())


def test_rows_that_are_taken_go_on_alone():
    length, at = 2 * TILE + 7, TILE + 3
    u, k = random(2, 3, length), random(3, length, seed=1)
    conv = OnlineConv(torch.zeros(2, 3, length, dtype=torch.float64), k)
    run(conv, u[..., :at])
    conv.take(torch.tensor([1, 0, 1]))
    changed = torch.cat([u[[1, 0]], random(1, 3, length, seed=2)])
    changed[2, :, :at] = u[1, :, :at]
    y = run(conv, changed[..., at:])
    torch.testing.assert_close(y, direct_conv(changed, k)[..., at:])


def test_one_column_too_many_is_refused():
    conv = OnlineConv(torch.zeros(1, 1, 1), torch.ones(1, 1))
    conv.step(torch.ones(1, 1))
    with pytest.raises(
        ValueError, match=r"u must be one of 1 columns .*; got one more"
    ):
        conv.step(torch.ones(1, 1))


def test_a_filter_that_is_too_short_is_refused():
    with pytest.raises(ValueError, match=r"k must have a tap .* 3 columns .*; got 2\."):
        OnlineConv(torch.zeros(1, 1, 3), torch.ones(1, 2))
