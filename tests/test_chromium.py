"""Without Chromium: skipped for a reader, failed in CI."""

import pytest

from tests.chromium import NAMES, find_chromium, require_chromium


@pytest.fixture
def empty_path(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("CHROME", raising=False)
    monkeypatch.delenv("CI", raising=False)
    return tmp_path


def program(path):
    path.write_text("#!/bin/sh\n")
    path.chmod(0o755)
    return str(path)


def test_a_reader_is_told_what_to_install(empty_path):
    with pytest.raises(pytest.skip.Exception, match="`make browser` installs it"):
        require_chromium()


def test_ci_fails(empty_path, monkeypatch):
    monkeypatch.setenv("CI", "true")
    with pytest.raises(pytest.fail.Exception, match="needs Chromium"):
        require_chromium()


def test_the_variable_goes_before_the_path(empty_path, monkeypatch):
    on_path = program(empty_path / NAMES[0])
    assert require_chromium() == on_path
    own = program(empty_path / "own")
    monkeypatch.setenv("CHROME", own)
    assert find_chromium() == own
