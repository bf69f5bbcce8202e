"""The average against its definition."""

import torch
from torch import nn

from hyenascope.training.moving_average import MovingAverage


def test_average_by_its_definition():
    layer = nn.Linear(2, 1, bias=False).double()
    expected = layer.weight.detach().clone()
    average = MovingAverage(layer, decay=0.7)
    for number in range(30):
        with torch.no_grad():
            layer.weight.add_(torch.tensor([[1.0, number]], dtype=torch.float64))
        average.update(layer)
        decay = min(0.7, (1 + number) / (10 + number))
        expected = decay * expected + (1 - decay) * layer.weight.detach()
    own = layer.weight.detach().clone()
    with average.used_by(layer):
        torch.testing.assert_close(layer.weight.detach(), expected)
    assert torch.equal(layer.weight, own)
    average.give_to(layer)
    torch.testing.assert_close(layer.weight.detach(), expected)


def test_an_average_goes_on_from_its_state():
    layers = [nn.Linear(2, 1), nn.Linear(2, 1)]
    one = MovingAverage(layers[0], 0.9)
    one.update(layers[1])
    two = MovingAverage(layers[1], 0.9)
    two.restore(one.state())
    for average in (one, two):
        average.update(layers[1])
    a, b = one.state()["average"], two.state()["average"]
    assert all(torch.equal(a[name], b[name]) for name in a)
    assert one.updates == two.updates == 2
