"""Where a run takes place: what is asked for, what Fabric is given, what is refused."""

from typing import Literal

import lightning_fabric
import pytest
import torch

from hyenascope.training import hardware
from hyenascope.training.hardware import Hardware


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"devices": 0}, r"devices must be at least 1; got 0\."),
        ({"num_nodes": 0}, r"num_nodes must be at least 1; got 0\."),
        ({"workers": -1}, r"workers must be at least 0; got -1\."),
        ({"max_memory": 0}, r"max_memory must be at least 1; got 0\."),
    ],
)
def test_a_number_below_its_least_is_refused(numbers, message):
    with pytest.raises(ValueError, match=message):
        Hardware(**numbers)


def test_the_best_place_there_is():
    best = "cuda" if torch.cuda.is_available() else "cpu"
    assert Hardware().place.type == best
    assert Hardware(device="cpu").place == torch.device("cpu")
    with pytest.raises(ValueError, match="device must be 'cpu', 'cuda' or another"):
        _ = Hardware(device="abacus").place


@pytest.mark.parametrize(
    ("precision", "weights", "passes", "itemsize"),
    [
        ("32", torch.float32, torch.float32, 4),
        ("bf16", torch.float32, torch.bfloat16, 4),
        ("64", torch.float64, torch.float64, 8),
    ],
)
def test_precisions_of_weights_and_of_matrices(precision, weights, passes, itemsize):
    place = Hardware(device="cpu", precision=precision)
    fabric = place.launch()
    layer = fabric.setup_module(torch.nn.Linear(2, 2))
    assert layer.weight.dtype == weights
    seen = []
    layer.module.register_forward_hook(lambda *call: seen.append(call[-1].dtype))
    answer = layer(torch.zeros(1, 2, dtype=weights))
    assert seen == [passes]
    assert answer.dtype == weights  # the loss is computed from it
    assert place.itemsize == itemsize


@pytest.fixture
def given(monkeypatch):
    """What Fabric is given; no process is started."""
    settings = {}

    class Fabric(lightning_fabric.Fabric):
        def __init__(self, **how):
            settings.update(how)
            super().__init__(accelerator="cpu", devices=1)

    monkeypatch.setattr(lightning_fabric, "Fabric", Fabric)
    return settings


@pytest.mark.parametrize(
    ("asked", "torchrun", "wanted"),
    [
        ({}, None, (1, 1, "auto")),
        ({"devices": 2}, None, (2, 1, "ddp")),
        ({"num_nodes": 3}, None, (1, 3, "ddp")),
        ({"devices": 2, "strategy": "fsdp"}, None, (2, 1, "fsdp")),
        ({}, (4, 8), (4, 2, "ddp")),
        ({"devices": 2, "num_nodes": 5}, (4, 4), (4, 1, "ddp")),
        ({"devices": 2}, (1, 1), (1, 1, "auto")),
    ],
)
def test_processes_are_those_asked_for_or_those_of_torchrun(
    monkeypatch, given, asked, torchrun, wanted
):
    monkeypatch.delenv("TORCHELASTIC_RUN_ID", raising=False)
    if torchrun is not None:
        here, everywhere = torchrun
        monkeypatch.setenv("TORCHELASTIC_RUN_ID", "some-run")
        monkeypatch.setenv("LOCAL_WORLD_SIZE", str(here))
        monkeypatch.setenv("WORLD_SIZE", str(everywhere))
    Hardware(device="cpu", **asked).launch()
    assert (given["devices"], given["num_nodes"], given["strategy"]) == wanted
    assert given["accelerator"] == "cpu"


def test_one_of_several_cuda_devices_is_the_one_asked_for(monkeypatch, given):
    monkeypatch.setattr(hardware, "resolve_device", torch.device)
    Hardware(device="cuda:3").launch()
    assert (given["accelerator"], given["devices"]) == ("cuda", [3])
    Hardware(device="cuda:3", devices=4).launch()
    assert given["devices"] == 4


def test_without_fabric_the_extra_is_named(monkeypatch):
    monkeypatch.setattr(hardware, "find_spec", lambda _: None)
    with pytest.raises(ImportError, match=r"pip install 'hyenascope\[train\]'"):
        Hardware(device="cpu").launch()


@pytest.mark.parametrize("logger", ["tensorboard", "wandb"])
def test_a_logger_that_is_not_installed_is_named(monkeypatch, tmp_path, logger):
    real = hardware.find_spec
    monkeypatch.setattr(
        hardware, "find_spec", lambda name: None if name == logger else real(name)
    )
    message = f"the logger '{logger}' needs {logger}: pip install {logger}"
    with pytest.raises(ImportError, match=message):
        Hardware(device="cpu").launch(loggers=["csv", logger], out=tmp_path)


def unchecked(value, name, word):
    """Set a word past the annotations, which tests check and users' calls do not."""
    object.__setattr__(value, name, word)
    return value


@pytest.mark.parametrize("name", ["strategy", "precision"])
def test_a_word_that_is_unknown_is_refused(name):
    odd = unchecked(Hardware(), name, "16")
    with pytest.raises(ValueError, match=f"{name} must be one of .*; got '16'"):
        odd.__post_init__()


def test_an_unknown_logger_is_not_taken_for_another(monkeypatch, tmp_path):
    # The annotations that tests check would refuse a name that no version knows.
    monkeypatch.setattr(hardware, "LoggerName", Literal["csv"])
    with pytest.raises(ValueError, match=r"loggers must be one of 'csv'; got 'wandb'"):
        Hardware(device="cpu").launch(loggers=["wandb"], out=tmp_path)


def test_loggers_without_a_folder_are_refused():
    message = r"out must be given for loggers; got loggers=\['csv', 'wandb'\]\."
    with pytest.raises(ValueError, match=message):
        Hardware(device="cpu").launch(loggers=["csv", "wandb"])


def test_fsdp_in_float64_is_refused():
    with pytest.raises(ValueError, match="precision must be '32' or 'bf16' for 'fsdp'"):
        Hardware(strategy="fsdp", precision="64")
