"""Checkpoints and logs: whole or not at all, the last few kept."""

import errno
import math
import subprocess
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch

from hyenascope.data.atomic import atomic_path
from hyenascope.models.run_checkpoint import FORMAT, read_checkpoint
from hyenascope.training.progress import StepReport
from hyenascope.training.run_folder import RunFolder, is_better, refuse_other


def report(step, **changes):
    values = {
        "step": step,
        "tokens": 10 * step,
        "length": 5,
        "loss": 1 / 3 / step,
        "learning_rate": 1e-3 / 7,
        "gradient_norm": 0.1,
        "seconds": 0.5,
        "memory": 99,
        **changes,
    }
    return StepReport(**values)


def saved(folder, step, *, best=False):
    state = {"format": FORMAT, "record": {}, "step": step}
    folder.save(step, lambda path: torch.save(state, path), best=best)


def test_the_last_few_and_the_best_stay(tmp_path):
    folder = RunFolder(tmp_path, keep=2)
    assert folder.latest() is None
    for step in (5, 10, 15, 200):
        saved(folder, step, best=step == 10)
    assert [path.name for path in folder.checkpoints()] == [
        "step-00000015.pt",
        "step-00000200.pt",
    ]
    assert read_checkpoint(folder.latest())["step"] == 200
    assert read_checkpoint(folder.best)["step"] == 10


def test_a_full_disk_leaves_what_was_there(tmp_path):
    folder = RunFolder(tmp_path)
    saved(folder, 5)

    def half(path):
        path.write_bytes(b"half of it")
        raise OSError(errno.ENOSPC, "No space left on device")

    with pytest.raises(OSError, match="No space left"):
        folder.save(10, half)
    assert [path.name for path in (tmp_path / "checkpoints").iterdir()] == [
        "step-00000005.pt"
    ]


def test_no_checkpoint_tells_of_a_best_one_that_is_not_there(tmp_path):
    """A checkpoint holds the best loss: the best weights must be kept before it."""
    folder = RunFolder(tmp_path)
    saved(folder, 5, best=True)
    folder.best.unlink()
    folder.best.mkdir()  # nothing can take its place
    with pytest.raises(IsADirectoryError):
        saved(folder, 10, best=True)
    assert [path.name for path in folder.checkpoints()] == ["step-00000005.pt"]


def test_what_killed_processes_left_half_written_goes_and_nothing_else(tmp_path):
    folder = RunFolder(tmp_path)
    saved(folder, 5, best=True)
    folder.append([report(1)])
    ours = [
        "checkpoints/.0123abcd.step-00000007.pt",
        "checkpoints/.89ef4567.best.pt",
        ".00000000.steps.tsv",
        ".ffffffff.model.safetensors",
        ".12345678.config.json",
        ".12345678.curves.tsv",
        ".12345678.README.md",
    ]
    others = [".gitignore", ".12345678.mine.txt", ".notes.README.md", "a.config.json"]
    whole = ["steps.tsv", "checkpoints/best.pt", "checkpoints/step-00000005.pt"]
    for name in ours + others:
        (tmp_path / name).write_text("half")
    folder.claim()
    left = {path for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {tmp_path / name for name in others + whole}


def test_a_folder_that_is_refused_keeps_everything(tmp_path):
    for name in ("config.json", ".12345678.config.json"):
        (tmp_path / name).write_text("mine")
    with pytest.raises(ValueError, match="new folder or that of a run"):
        RunFolder(tmp_path).claim()
    assert len(list(tmp_path.iterdir())) == 2


def test_processes_of_torchrun_claim_one_folder_at_the_same_time(tmp_path, monkeypatch):
    """The file that tries the folder out is another's to remove, too."""
    real = atomic_path

    @contextmanager
    def and_another_is_done_by_then(path):
        with real(path) as temporary:
            yield temporary
        path.unlink()

    monkeypatch.setattr(
        "hyenascope.training.run_folder.atomic_path", and_another_is_done_by_then
    )
    RunFolder(tmp_path / "run").claim()
    assert list((tmp_path / "run" / "checkpoints").iterdir()) == []


def test_the_log_comes_back_to_the_last_bit_and_forgets_what_is_undone(tmp_path):
    folder = RunFolder(tmp_path)
    reports = [
        report(1),
        report(2, loss=math.pi, validation=math.e),
        report(3, skipped="a loss of inf: why\tnot"),
        report(4),
    ]
    folder.append(reports[:2])
    folder.append(reports[2:])
    assert folder.past(3) == reports[:3]
    assert folder.past(99) == reports[:3]  # step 4 was forgotten
    folder.append([reports[3]])
    assert folder.past(99) == reports


@pytest.mark.skipif(sys.platform == "win32", reason="no limits on files there")
def test_a_disk_that_fills_up_leaves_whole_lines(tmp_path):
    """A real limit on the size of files, in a process of its own."""
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    subprocess.run(command, check=True, cwd=Path(__file__).parents[2])
    assert [r.step for r in RunFolder(tmp_path).past(99)] == [1]


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from hyenascope.training.run_folder import RunFolder
from tests.training.test_run_folder import report

signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
folder = RunFolder(Path(sys.argv[1]))
folder.append([report(1)])
resource.setrlimit(resource.RLIMIT_FSIZE, (folder.log.stat().st_size + 9,) * 2)
try:
    folder.append([report(2)])
except OSError:
    sys.exit(0)
sys.exit(1)
"""


def test_a_line_cut_short_is_forgotten(tmp_path):
    folder = RunFolder(tmp_path)
    folder.append([report(1), report(2)])
    text = folder.log.read_text()
    folder.log.write_text(text[: text.rindex("0.5")])
    assert folder.past(9) == [report(1)]


def test_differences_are_listed_one_by_one(tmp_path):
    record = {"config": {"d_model": 8, "order": 2}, "data": "abc", "betas": [1, 2]}
    refuse_other(record, {**record, "betas": (1, 2)}, tmp_path)
    other = {"config": {"d_model": 16, "order": 2}, "data": "abd", "betas": [1, 2]}
    with pytest.raises(ValueError, match="must be continued") as error:
        refuse_other(record, other, tmp_path)
    lines = str(error.value).splitlines()
    assert lines[1:3] == [
        "  config.d_model: 8 there, 16 here",
        "  data: abc there, abd here",
    ]


def test_the_lowest_finite_loss_is_the_best():
    assert is_better(1.0, None)
    assert is_better(0.9, 1.0)
    assert not is_better(1.0, 1.0)
    assert not is_better(math.nan, None)
