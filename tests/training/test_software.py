import platform
import shutil
import subprocess
from importlib.metadata import version

import pytest

from hyenascope.training.software import (
    Software,
    git_commit,
    software,
    software_versions,
)


@pytest.fixture
def checkout(tmp_path, monkeypatch):
    """A repository with one commit, deaf to the caller's own settings."""
    if shutil.which("git") is None:
        pytest.skip("needs git")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(tmp_path / "none"))
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    folder = tmp_path / "checkout"
    folder.mkdir()
    (folder / "module.py").write_text("x = 1\n")
    git(folder, "init", "--quiet")
    git(folder, "add", "module.py")
    git(folder, "commit", "--quiet", "--message", "one")
    return folder


def git(folder, *arguments):
    who = ["-c", "user.name=a", "-c", "user.email=a@b.c"]
    command = ["git", "-C", str(folder), *who, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.strip()


def test_commit_of_a_tracked_module(checkout):
    commit = git(checkout, "rev-parse", "HEAD")
    (checkout / "notes.txt").write_text("untracked")
    assert git_commit(checkout / "module.py") == commit
    (checkout / "module.py").write_text("x = 2\n")
    assert git_commit(checkout / "module.py") == f"{commit} with changes"


def test_a_package_installed_in_a_checkout_is_no_part_of_it(checkout):
    (checkout / "installed.py").write_text("y = 1\n")
    assert git_commit(checkout / "installed.py") is None


def test_no_checkout_no_folder_no_git(checkout, monkeypatch):
    outside = checkout.parent / "module.py"
    outside.write_text("x = 1\n")
    assert git_commit(outside) is None
    assert git_commit(checkout / "gone" / "module.py") is None
    monkeypatch.setenv("PATH", str(checkout))
    assert git_commit(checkout / "module.py") is None


def test_versions_are_those_installed():
    found = software_versions()
    assert found["torch"] == version("torch")
    assert found["hyenascope"] == version("hyenascope")
    assert found["python"] == platform.python_version()


def test_software_in_a_sentence():
    now = software()
    assert now == Software(software_versions(), git_commit())
    versions = {"hyenascope": "0.1.0", "torch": "2.13.0"}
    assert str(Software(versions)) == "hyenascope 0.1.0, torch 2.13.0"
    assert str(Software(versions, "ab12")).endswith("torch 2.13.0, commit `ab12`")
