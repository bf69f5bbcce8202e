"""Chromium for every test that draws: find it, start it, refuse to go without it.

`make test` installs it where apt-get can. On a reader's machine without it the tests
are skipped and say why; in CI, where the variable CI is set, they fail, because a
suite that skipped itself looks as green as one that passed.
"""

import os
import shutil

import pytest

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Root, as in a container, gets no sandbox; /dev/shm is small there.
ARGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
)
MISSING = (
    "needs Chromium or Chrome: `make browser` installs it on Debian and Ubuntu; "
    "elsewhere install it, or set CHROME to its path"
)


def find_chromium() -> str | None:
    """Return the path of Chromium or Chrome; the variable CHROME goes first."""
    for name in (os.environ.get("CHROME"), *NAMES):
        if name and (path := shutil.which(name)):
            return path
    return None


def require_chromium() -> str:
    """Return the path of Chromium, or skip the test; in CI, fail it."""
    path = find_chromium()
    if path is None and in_ci():
        pytest.fail(MISSING, pytrace=False)
    if path is None:
        pytest.skip(MISSING)
    return path


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() not in ("", "0", "false")
