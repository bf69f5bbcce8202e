"""What was installed when a number was computed."""

import platform
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from hyenascope._typing import StrPath

_LIBRARIES = ("hyenascope", "torch", "numpy")


def software_versions() -> dict[str, str]:
    """Return the versions of hyenascope, torch, numpy and Python.

    Examples
    --------
    >>> list(software_versions())
    ['hyenascope', 'torch', 'numpy', 'python']
    """
    found = {name: version(name) for name in _LIBRARIES}
    return {**found, "python": platform.python_version()}


@dataclass(frozen=True)
class Software:
    """What was there when weights were trained.

    Parameters
    ----------
    versions
        Library to version.
    commit
        As of `git_commit`.
    """

    versions: Mapping[str, str]
    commit: str | None = None

    def __str__(self) -> str:
        listed = ", ".join(f"{name} {number}" for name, number in self.versions.items())
        return listed + (f", commit `{self.commit}`" if self.commit else "")


def software() -> Software:
    """Return what is there now."""
    return Software(software_versions(), git_commit())


def git_commit(module: StrPath | None = None) -> str | None:
    """Return the commit of the checkout that a module lies in, or None.

    ``" with changes"`` is added where tracked files differ from the commit. None
    also where git does not know the file: a package installed inside somebody's
    checkout is no part of it.

    Parameters
    ----------
    module
        Path of a Python file; hyenascope's own if None.

    Examples
    --------
    >>> commit = git_commit()
    >>> commit is None or len(commit.split()[0]) >= 40
    True
    """
    path = Path(__file__ if module is None else module).resolve()
    if _git(path.parent, "ls-files", "--error-unmatch", path.name) is None:
        return None
    commit = _git(path.parent, "rev-parse", "HEAD")
    changed = _git(path.parent, "status", "--porcelain", "--untracked-files=no")
    return f"{commit} with changes" if commit and changed else commit


def _git(folder: Path, *arguments: str) -> str | None:
    """Return what git prints, or None if there is no git or it refuses."""
    try:
        done = subprocess.run(
            ["git", "-C", str(folder), *arguments],
            capture_output=True,
            check=True,
            text=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return None
    return done.stdout.strip()
