"""The fused mixer core beside its definition, values and gradients."""

import pytest
import torch

from hyenascope.ops import cache_pieces
from hyenascope.ops.fft_conv import filter_spectrum, two_sided_spectrum
from hyenascope.ops.gated_conv import gated_conv
from hyenascope.ops.reference import (
    direct_conv,
    direct_short_conv,
    direct_two_sided_conv,
)

CHANNELS = 19  # pieces of 16 and 3


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch):
    """As few channels at a time as there may be."""
    monkeypatch.setattr(cache_pieces, "_CACHE_BYTES", 1)


def draw(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64)


def operands(order, length, sides):
    """Streams, taps, bias, a skip and the filter's sides for each long convolution."""
    given = [
        draw(2, order + 1, CHANNELS, length),
        draw(order + 1, CHANNELS, 3, seed=1),
        draw(order + 1, CHANNELS, seed=2),
    ]
    for i in range(order - 1):
        given += [draw(CHANNELS, seed=10 + i)]
        given += [draw(CHANNELS, length, seed=20 + 2 * i + s) for s in range(sides)]
    return [x.requires_grad_() for x in given]


def defined(keep, sides, streams, taps, bias, *long):
    *gates, v = (
        direct_short_conv(streams[:, i], taps[i], bias[i], lookahead=sides - 1)
        for i in range(streams.shape[1])
    )
    direct = direct_conv if sides == 1 else direct_two_sided_conv
    for i, gate in enumerate(reversed(gates[1:])):
        skip, *filters = long[i * (1 + sides) : (i + 1) * (1 + sides)]
        v = direct(v * gate * keep, *filters, bias=skip)
    return v * gates[0]


def fused(keep, sides, streams, taps, bias, *long):
    make = filter_spectrum if sides == 1 else two_sided_spectrum
    each = [long[i : i + 1 + sides] for i in range(0, len(long), 1 + sides)]
    spectra = [make(*filters, streams.shape[-1]) for _, *filters in each]
    skips = [skip for skip, *_ in each]
    return gated_conv(
        streams, taps, bias, spectra, skips, lookahead=sides - 1, keep=keep
    )


@pytest.mark.parametrize("length", [1, 2, 3, 8, 17, 33])
@pytest.mark.parametrize("order", [2, 3, 4])
@pytest.mark.parametrize("sides", [1, 2], ids=["causal", "two-sided"])
def test_values_and_gradients_are_those_of_the_definition(order, length, sides):
    keep = torch.ones(2, 1, length, dtype=torch.float64)
    keep[1, :, (length + 1) // 2 :] = 0
    given = operands(order, length, sides)
    expected, found = defined(keep, sides, *given), fused(keep, sides, *given)
    torch.testing.assert_close(found, expected)
    grad = draw(*expected.shape, seed=99)
    torch.testing.assert_close(
        torch.autograd.grad(found, given, grad, materialize_grads=True),
        torch.autograd.grad(expected, given, grad, materialize_grads=True),
    )


def test_no_mask_is_a_mask_of_ones():
    given = operands(2, 9, 1)
    ones = torch.ones(2, 1, 9, dtype=torch.float64)
    assert torch.equal(fused(None, 1, *given), fused(ones, 1, *given))


def test_operands_are_left_alone():
    given = operands(3, 9, 1)
    before = [x.detach().clone() for x in given]
    fused(None, 1, *given).sum().backward()
    assert all(map(torch.equal, given, before))


def test_keeps_streams_and_what_the_long_convolutions_gave():
    """Streams, and one tensor of a third of them for each long convolution."""
    given = operands(2, 33, 1)
    sizes = {}

    def pack(x):
        if x.shape[0] == 2:  # sequences
            sizes[x.data_ptr()] = x.nbytes
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        y = fused(None, 1, *given)
    assert sum(sizes.values()) == given[0].nbytes + y.nbytes


def test_half_precision_goes_through_wide_transforms():
    given = operands(2, 9, 1)
    half = [x.detach().bfloat16().requires_grad_() for x in given[:3]]
    long = [x.detach().float().requires_grad_() for x in given[3:]]
    fused(None, 1, *half, *long).sum().backward()
    fused(None, 1, *given).sum().backward()
    for x, exact in zip([*half, *long], given, strict=True):
        assert (x.grad - exact.grad).norm() < 0.05 * exact.grad.norm()


@pytest.mark.parametrize(
    ("spectra", "skips", "message"),
    [
        (2, 1, r"spectra must be 1 of 19 channels, .* 3 parts; got 2 of \[19, 19\]"),
        (0, 1, r"spectra must be 1 of 19 channels, .* 3 parts; got 0 of \[\]"),
        (1, 2, r"skips must be 1 of 19 channels, .* 3 parts; got 2 of \[19, 19\]"),
    ],
)
def test_refuses_what_is_not_one_per_long_convolution(spectra, skips, message):
    streams, taps, bias, skip, k = operands(2, 9, 1)
    spectrum = filter_spectrum(k, 9)
    with pytest.raises(ValueError, match=message):
        gated_conv(streams, taps, bias, [spectrum] * spectra, [skip] * skips)


@pytest.mark.usefixtures("unchecked")
def test_refuses_fewer_channels():
    streams, taps, bias, skip, k = operands(2, 9, 1)
    spectrum = filter_spectrum(k, 9)[:1]  # would be broadcast
    with pytest.raises(ValueError, match=r"spectra must be 1 of 19 .* 1 of \[1\] ch"):
        gated_conv(streams, taps, bias, [spectrum], [skip])


def test_no_sequences_give_gradients_of_zero():
    streams, *rest = operands(2, 9, 1)
    none = streams.detach()[:0].requires_grad_()
    fused(None, 1, none, *rest).sum().backward()
    assert none.grad.shape == none.shape
    assert all(not given.grad.any() for given in rest)
