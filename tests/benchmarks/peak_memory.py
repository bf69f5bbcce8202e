"""The most memory that this process has held."""

import resource
import sys
from pathlib import Path


def peak_memory() -> int:
    """Return bytes, Python and torch among them.

    Linux counts in ``getrusage`` what a process was started from too, hence the other
    place; elsewhere there is no other.
    """
    status = Path("/proc/self/status")
    if status.is_file():
        return 1024 * int(status.read_text().split("VmHWM:")[1].split()[0])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else 1024 * peak
