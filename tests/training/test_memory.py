"""How many windows a pass takes, within a limit."""

import pytest
import torch

from hyenascope.models.gradient_memory import activation_bytes
from hyenascope.models.hyena import HyenaConfig
from hyenascope.training.hardware import Hardware
from hyenascope.training.memory import peak_memory, plan_passes

CONFIG = HyenaConfig(d_model=32, n_layer=6, d_inner=128, l_max=1026)
STORED, REDONE = (
    activation_bytes(CONFIG, 1000, recompute=recompute) for recompute in (False, True)
)


def planned(max_memory, *, batch_size=64, micro_batch=None, recompute=None):
    hardware = Hardware(
        device="cpu", max_memory=max_memory, gradient_checkpointing=recompute
    )
    found = plan_passes(
        CONFIG, 1000, hardware, batch_size=batch_size, micro_batch=micro_batch
    )
    return found.batch, found.recompute


def test_as_many_as_fit():
    assert planned(3 * STORED) == (3, False)
    assert planned(4 * STORED - 1) == (3, False)
    assert planned(3 * STORED, batch_size=2) == (2, False)


def test_blocks_are_computed_again_where_one_window_would_not_fit():
    assert REDONE < STORED
    assert planned(STORED - 1) == ((STORED - 1) // REDONE, True)
    assert planned(3 * STORED, recompute=True) == (3 * STORED // REDONE, True)


def test_doubles_take_twice_the_room():
    wide = Hardware(device="cpu", max_memory=3 * STORED, precision="64")
    assert plan_passes(CONFIG, 1000, wide, batch_size=64).batch == 1


def test_a_micro_batch_is_kept():
    assert planned(3 * STORED, micro_batch=2) == (2, False)
    assert planned(3 * STORED, micro_batch=5) == (5, True)


@pytest.mark.parametrize(
    ("limit", "recompute"), [(REDONE - 1, None), (STORED - 1, False)]
)
def test_too_little_is_said(limit, recompute):
    with pytest.raises(ValueError, match=r"max_memory must be at least [\d,]+ bytes"):
        planned(limit, recompute=recompute)


def test_the_process_is_at_least_as_large_as_its_tensors():
    held = torch.ones(2**24)
    assert peak_memory(torch.device("cpu")) > held.nbytes
