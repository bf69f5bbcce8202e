import errno
import os
import stat
import subprocess
import sys

import pytest

from hyenascope.data.atomic import atomic_path


def test_new_file_appears_only_at_the_end(tmp_path):
    target = tmp_path / "out.vcf.gz"
    with atomic_path(target) as temporary:
        temporary.write_text("whole")
        assert temporary.parent == tmp_path
        assert temporary.name.endswith("out.vcf.gz")
        assert not target.exists()
    assert target.read_text() == "whole"
    assert list(tmp_path.iterdir()) == [target]


def write_half(target, error):
    with atomic_path(target) as temporary:
        temporary.write_text("half")
        raise error


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_error_leaves_the_old_file_and_nothing_else(tmp_path, error):
    target = tmp_path / "out.tsv"
    target.write_text("old")
    with pytest.raises(error, match="stop"):
        write_half(target, error("stop"))
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_full_disk_is_named_and_leaves_nothing(tmp_path):
    target = tmp_path / "out.tsv"
    expected = r"cannot write .*out\.tsv: No space left on device; no file was left"
    with pytest.raises(OSError, match=expected) as caught:
        write_half(target, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)))
    assert caught.value.errno == errno.ENOSPC
    assert list(tmp_path.iterdir()) == []


def test_real_write_beyond_the_limit_leaves_the_old_file(tmp_path):
    target = tmp_path / "out.bin"
    target.write_text("old")
    script = (
        "import resource, sys; from hyenascope.data.atomic import atomic_path\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))\n"
        "with atomic_path(sys.argv[1]) as path:\n"
        "    path.write_bytes(bytes(100_000))\n"
    )
    command = [sys.executable, "-c", script, str(target)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    assert result.returncode == 1
    assert "File too large; the older file is untouched" in result.stderr
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_an_input_that_is_missing_is_not_blamed_on_the_output(tmp_path):
    missing = tmp_path / "input.fa"
    with pytest.raises(FileNotFoundError) as caught, atomic_path(tmp_path / "o") as out:
        out.write_text(missing.read_text())
    assert caught.value.filename == str(missing)


def test_nothing_written_is_an_error(tmp_path):
    expected = "nothing was written"
    with (
        pytest.raises(FileNotFoundError, match=expected),
        atomic_path(tmp_path / "out"),
    ):
        pass


def test_missing_folder(tmp_path):
    expected = r"folder .*nowhere does not exist"
    with (
        pytest.raises(FileNotFoundError, match=expected),
        atomic_path(tmp_path / "nowhere" / "out"),
    ):
        pass


def test_folder_as_target(tmp_path):
    expected = "it is a folder, not a file"
    with pytest.raises(IsADirectoryError, match=expected), atomic_path(tmp_path):
        pass


def test_device_is_never_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="it is a device or pipe"), atomic_path(pipe):
        pass
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_link_is_followed_and_permissions_are_kept(tmp_path):
    real, link = tmp_path / "real", tmp_path / "link"
    real.write_text("old")
    real.chmod(0o640)
    link.symlink_to(real)
    with atomic_path(link) as temporary:
        temporary.write_text("new")
    assert link.is_symlink()
    assert real.read_text() == "new"
    assert stat.S_IMODE(real.stat().st_mode) == 0o640
