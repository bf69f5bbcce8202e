"""What wandb is told; its own part is real only where it is installed."""

import json
import subprocess
import sys
from types import ModuleType

import pytest

from hyenascope.training.hardware import Hardware


class Told:
    """What takes the place of wandb, and of one of its runs."""

    def __init__(self):
        self.heard = []

    def init(self, *, project, dir):
        self.heard.append(("init", project, dir))
        return self

    def log(self, metrics, *, step, commit):
        self.heard.append((step, metrics, commit))

    def finish(self, *, exit_code):
        self.heard.append(("finish", exit_code))


@pytest.fixture
def heard(monkeypatch):
    told, module = Told(), ModuleType("wandb")
    module.__spec__ = object()  # as of a module that was imported
    module.init = told.init
    monkeypatch.setitem(sys.modules, "wandb", module)
    return told.heard


@pytest.mark.parametrize(("status", "code"), [("success", 0), ("aborted", 1)])
def test_wandb_hears_of_every_step_and_of_the_end(tmp_path, heard, status, code):
    folder = tmp_path / "run"
    fabric = Hardware(device="cpu").launch(loggers=["wandb"], out=folder)
    assert heard == []
    for step in (1, 2):
        fabric.log_dict({"loss": 2.5 / step}, step=step)
    fabric.logger.finalize(status)
    assert heard == [
        ("init", "hyenascope", folder),
        (1, {"loss": 2.5}, True),
        (2, {"loss": 1.25}, True),
        ("finish", code),
    ]
    assert folder.is_dir()


def test_a_run_without_a_step_is_no_run_at_wandb(tmp_path, heard):
    fabric = Hardware(device="cpu").launch(loggers=["wandb"], out=tmp_path)
    fabric.logger.finalize("aborted")
    assert heard == []


OFFLINE = """
import json, sys
import wandb
from hyenascope.training.hardware import Hardware

fabric = Hardware(device="cpu").launch(loggers=["wandb"], out=sys.argv[1])
for step in (1, 2):
    fabric.log_dict({"loss": 2.5 / step}, step=step)
run = wandb.run
told = [run.project, run.offline, run.summary["loss"], run.summary["_step"]]
fabric.logger.finalize("success")
sys.stdout.write("told " + json.dumps(told))
"""


@pytest.mark.slow
def test_wandb_itself_writes_into_the_folder_without_a_network(monkeypatch, tmp_path):
    pytest.importorskip("wandb")
    monkeypatch.setenv("WANDB_MODE", "offline")
    done = subprocess.run(
        [sys.executable, "-c", OFFLINE, str(tmp_path / "run")],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.split("told ")[1]) == ["hyenascope", True, 1.25, 2]
    assert list(tmp_path.rglob("offline-run-*/run-*.wandb"))
