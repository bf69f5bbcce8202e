"""The definitions themselves, by hand."""

import torch

from hyenascope.ops.reference import (
    direct_conv,
    direct_short_conv,
    direct_two_sided_conv,
)

U = torch.tensor([[[1.0, 2.0, 4.0]]])


def test_causal():
    found = direct_conv(U, torch.tensor([[1.0, 10, 100]]), bias=torch.tensor([1000.0]))
    assert found.tolist() == [[[1001, 2012, 4124]]]


def test_two_sided():
    k, k_reverse = torch.tensor([[1.0, 10, 100]]), torch.tensor([[0.5, 0.25, 99]])
    # position 0: 1 + 2·0.5 + 4·0.25; the third reverse tap reaches nothing
    assert direct_two_sided_conv(U, k, k_reverse).tolist() == [[[3, 14, 124]]]


def test_short_looks_back_or_around():
    weight, bias = torch.tensor([[100.0, 10.0, 1.0]]), torch.tensor([1000.0])
    assert direct_short_conv(U, weight, bias).tolist() == [[[1001, 1012, 1124]]]
    around = direct_short_conv(U, weight, bias, lookahead=1)
    assert around.tolist() == [[[1012, 1124, 1240]]]
