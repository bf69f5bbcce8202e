import platform
import subprocess
import sys

import pytest
import torch
from torch import nn

from hyenascope import _device
from hyenascope._device import borrow, physical_memory, resolve_device


@pytest.fixture
def model():
    model = nn.Sequential(nn.Dropout(), nn.Linear(2, 2), nn.Dropout())
    model[0].eval()  # flags differ from part to part
    return model


def flags(model):
    return [module.training for module in model.modules()]


def test_device_is_what_was_asked_for():
    assert resolve_device("cpu") == torch.device("cpu")
    assert resolve_device(torch.device("meta")).type == "meta"


def test_default_is_cuda_where_there_is_one():
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert resolve_device().type == expected


def test_borrowed_model_is_in_eval_mode_and_returned_as_it_was(model):
    before = flags(model)
    with borrow(model, "cpu") as place:
        assert place == torch.device("cpu")
        assert not any(flags(model))
    assert flags(model) == before == [True, False, True, True]


def test_returned_as_it_was_after_an_error(model):
    before = flags(model)
    with pytest.raises(RuntimeError, match="inside"), borrow(model, "cpu"):
        raise RuntimeError("inside")
    assert flags(model) == before


class Tracked(nn.Linear):
    """Notes where it is sent."""

    def to(self, device):
        self.journey = [*getattr(self, "journey", []), str(device)]
        return self


def test_moves_there_and_back_even_on_error():
    model = Tracked(2, 2)
    with pytest.raises(ZeroDivisionError, match="by zero"), borrow(model, "meta"):
        1 / 0  # noqa: B018
    assert model.journey == ["meta", "cpu"]


def test_stays_where_it_is_if_that_is_the_place():
    model = Tracked(2, 2)
    with borrow(model, "cpu"):
        pass
    assert not hasattr(model, "journey")


def test_model_without_parameters():
    with borrow(nn.Identity(), "cpu") as place:
        assert place.type == "cpu"


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_weights_come_back_from_the_gpu():
    model = nn.Linear(2, 2)
    with borrow(model) as place:
        assert model.weight.device.type == place.type == "cuda"
    assert model.weight.device.type == "cpu"


@pytest.mark.parametrize("device", ["banana", "cuda:99"])
def test_refuses_a_device_that_is_not_there(device):
    with pytest.raises(ValueError, match="device must be"):
        resolve_device(device)


FAULTS = """
import resource
import torch
from hyenascope._device import freed_memory_kept

def faults():
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for tensor in [torch.ones(5 * 2**20) for _ in range(10)]:
        tensor.add_(1)
    del tensor
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

faults()
given_back = faults()
with freed_memory_kept():
    with freed_memory_kept():
        faults()
    kept = faults()  # the inner one leaves it to the outer one to end
again = faults()
print(given_back, kept, again)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="of glibc alone")
def test_freed_memory_is_taken_again_without_the_kernel():
    command = [sys.executable, "-c", FAULTS]
    told = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    given_back, kept, again = map(int, told.split())
    assert given_back > 1_000
    assert kept < given_back / 20
    assert again > 1_000


@pytest.mark.parametrize(
    ("name", "said", "expected"),
    [
        ("memory.max", "1000000\n", 1_000_000),
        ("memory/memory.limit_in_bytes", "2000000\n", 2_000_000),
        ("memory.max", "max\n", None),
        ("memory.max", str(2**63), None),  # how version 1 says that there is none
    ],
)
def test_memory_is_that_of_the_container(name, said, expected, tmp_path, monkeypatch):
    monkeypatch.setattr(_device, "_CGROUP", tmp_path)
    whole = physical_memory()
    place = tmp_path / name
    place.parent.mkdir(exist_ok=True)
    place.write_text(said)
    assert whole > 2**28
    assert physical_memory() == (whole if expected is None else expected)


def test_what_has_buffers_alone_is_moved_too():
    class Fixed(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("table", torch.eye(4))
            self.moves = []

        def to(self, device):
            self.moves.append(str(device))
            return self

    fixed = Fixed()
    with borrow(fixed, "meta"):
        assert fixed.moves == ["meta"]
    assert fixed.moves == ["meta", "cpu"]
