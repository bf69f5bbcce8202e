"""What a benchmark writes: tables in Markdown, JSON, and what made them."""

import json
import os
import platform
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from hyenascope._device import physical_memory
from hyenascope.models.hyena import HyenaLM

_PACKAGES = ("hyenascope", "torch", "numpy", "captum")


@dataclass(frozen=True)
class Row:
    """One line of a table of speed and memory.

    ``ratio`` is what the target is about: how many times quicker than the baseline, or
    the number itself where there is none. None is what was not measured.
    """

    what: str
    baseline: str
    ours: str
    ratio: float | None
    target: str
    note: str = ""


def speed_table(rows: Iterable[Row]) -> str:
    """Return rows as Markdown."""
    return table(
        ("measured", "baseline", "ours", "ratio", "target", "note"),
        (
            (
                *(row.what, row.baseline, row.ours),
                "not measured" if row.ratio is None else f"{row.ratio:.2f}",
                *(row.target, row.note),
            )
            for row in rows
        ),
    )


def save_rows(rows: Iterable[Row], path: Path) -> None:
    """Write rows and the machine as JSON."""
    found = {"machine": machine(), "rows": [asdict(row) for row in rows]}
    path.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8")


def machine() -> dict[str, str | int | float | None]:
    """Describe the machine, as far as it says."""
    return {
        "date": date.today().isoformat(),
        "system": platform.platform(),
        "processor": _processor(),
        "cores": os.cpu_count(),
        "vectors": torch.backends.cpu.get_cpu_capability(),
        "memory_gb": _memory_gb(),
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "python": platform.python_version(),
        **{name: _version(name) for name in ("hyenascope", "torch", "triton")},
        "load": round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None,
    }


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _memory_gb() -> float | None:
    return round(physical_memory() / 1e9, 1) or None


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a Markdown table; the first column is text, the others are right-set."""
    lines = [
        " | ".join(header),
        " | ".join(["---", *["---:"] * (len(header) - 1)]),
        *(" | ".join(map(str, row)) for row in rows),
    ]
    return "\n".join(f"| {line} |" for line in lines)


def made_by(command: str, models: Iterable[HyenaLM], seconds: float, note: str) -> str:
    """Say what made a page: command, versions, weights, time."""
    versions = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    # Here, for the benchmark of a GPU has no safetensors.
    from hyenascope.models.checkpoint import checkpoint_hash

    hashes = ", ".join(f"{each.name} `{checkpoint_hash(each)}`" for each in models)
    return (
        f"Made by `{command}` in {seconds / 60:.1f} minutes ({note}).\n"
        f"Python {platform.python_version()}, {versions}. Weights: {hashes}."
    )


def publish(page: str, out: Path | None) -> None:
    """Write a page to standard output and, if asked, to a file."""
    sys.stdout.write(page)
    if out is not None:
        out.write_text(page, encoding="utf-8")


def say(line: str) -> None:
    """Tell how far it is, beside the page, at once."""
    sys.stderr.write(line + "\n")
    sys.stderr.flush()
