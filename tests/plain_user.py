"""Folders that cannot be written, and processes that this stops.

Root writes where it likes, so a test that runs as root starts its children without
capabilities.
"""

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

_NO_CAPABILITIES = ("setpriv", "--bounding-set=-all", "--inh-caps=-all")
_WRITE = stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH


@contextmanager
def read_only(*folders: Path) -> Iterator[None]:
    """Take the right to write from folders and what is in them, and give it back."""
    paths = [path for folder in folders for path in (folder, *folder.rglob("*"))]
    modes = {path: path.stat().st_mode for path in paths if not path.is_symlink()}
    for path, mode in modes.items():
        path.chmod(mode & ~_WRITE)
    try:
        yield
    finally:
        for path, mode in modes.items():
            path.chmod(mode)


def run_as_plain_user(
    code: str, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run Python code in a process that file permissions bind."""
    if os.name != "posix":
        pytest.skip("file permissions are those of POSIX")
    prefix: tuple[str, ...] = ()
    if os.geteuid() == 0:
        if shutil.which("setpriv") is None:
            pytest.skip("root needs setpriv to give up its capabilities")
        prefix = _NO_CAPABILITIES
    return subprocess.run(
        [*prefix, sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, **(env or {})},
    )
