"""Estimates against what the model's shape says."""

import pytest

from hyenascope.models.gradient_memory import activation_bytes
from hyenascope.models.hyena import HyenaConfig, HyenaLM
from hyenascope.training.estimate import estimate
from hyenascope.training.hardware import Hardware

CONFIG = HyenaConfig(d_model=16, n_layer=2, d_inner=32, l_max=130)
CPU = Hardware(device="cpu")


def test_memory_by_hand():
    """Four floats a weight: itself, its gradient and two moments."""
    found = estimate(CONFIG, 128, 6, micro_batch=3, hardware=CPU)
    parameters = HyenaLM(CONFIG).num_parameters()
    assert found.parameters == parameters
    assert found.state_bytes == 4 * 4 * parameters
    row = activation_bytes(CONFIG, 128, recompute=False)
    assert found.activation_bytes == 3 * row
    assert found.memory_bytes == found.state_bytes + found.activation_bytes
    wide = Hardware(device="cpu", precision="64")
    double = estimate(CONFIG, 128, 6, micro_batch=3, hardware=wide)
    assert double.memory_bytes == 2 * found.memory_bytes


def test_times_belong_together():
    found = estimate(CONFIG, 128, 6, steps=50, micro_batch=3, hardware=CPU)
    assert found.seconds == pytest.approx(50 * found.seconds_per_step)
    assert found.tokens_per_second == pytest.approx(6 * 128 / found.seconds_per_step)
    assert "3 windows per pass" in str(found)


def test_the_micro_batch_is_what_fits():
    row = activation_bytes(CONFIG, 128, recompute=False)
    tight = Hardware(device="cpu", max_memory=2 * row)
    assert estimate(CONFIG, 128, 6, hardware=tight).micro_batch == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((131, 4), "length must be 1 to 130"),
        ((128, 0), "batch_size must be at least 1; got 0"),
    ],
)
def test_refuses(arguments, message):
    with pytest.raises(ValueError, match=message):
        estimate(CONFIG, *arguments, hardware=CPU)
