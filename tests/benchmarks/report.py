"""Markdown that a benchmark writes: tables, and what made them."""

import platform
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import version
from pathlib import Path

from hyenascope.models.checkpoint import checkpoint_hash
from hyenascope.models.hyena import HyenaLM

_PACKAGES = ("hyenascope", "torch", "numpy", "captum")


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
