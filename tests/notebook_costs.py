"""A pytest plugin: seconds, peak memory and size of every notebook, in a table.

Load it with ``-p tests.notebook_costs`` beside ``--nbmake``. Memory is the most that
the kernel has held, as Linux tells (``VmHWM``); elsewhere it is left open.
"""

import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

_EVERY = 0.2  # seconds
_peaks: dict[str, int] = {}


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    """Look at the kernel all the while that a notebook runs."""
    over = threading.Event()

    def look() -> None:
        while not over.wait(_EVERY):
            kernels = psutil.Process().children(recursive=True)
            held = max((_peak(kernel.pid) for kernel in kernels), default=0)
            _peaks[str(item.path)] = max(held, _peaks.get(str(item.path), 0))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        return (yield)
    finally:
        over.set()
        watcher.join()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the table."""
    reports = [
        report
        for name in ("passed", "failed")
        for report in terminalreporter.getreports(name)
        if report.when == "call" and report.fspath.endswith(".ipynb")
    ]
    terminalreporter.section("notebooks")
    terminalreporter.line(f"{'':40}{'s':>8}{'peak MB':>10}{'kB':>8}")
    for report in sorted(reports, key=lambda each: each.fspath):
        path = terminalreporter.config.rootpath / report.fspath
        peak = _peaks.get(str(path), 0) / 2**20
        terminalreporter.line(
            f"{path.name:40}{report.duration:8.0f}{peak or float('nan'):10.0f}"
            f"{path.stat().st_size / 1000:8.0f}"
        )


def _peak(pid: int) -> int:
    """Return the most bytes that a process has held, 0 where nobody says."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    lines = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(lines[0].split()[1]) * 1024 if lines else 0
