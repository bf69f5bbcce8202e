"""What commands write: looked at before the work, told after it."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import click


def check_outputs(outputs: Sequence[Path], *, inputs: Sequence[Path]) -> None:
    """Find out before hours of work what would be lost after them."""
    taken = {path.resolve() for path in inputs}
    for path in outputs:
        folder = path.resolve().parent
        if not folder.is_dir():
            raise ValueError(f"the folder of {path} must exist; it does not.")
        if not os.access(folder, os.W_OK):
            raise ValueError(f"the folder of {path} must be writable; it is not.")
        if path.resolve() in taken:
            raise ValueError(f"{path} must not be an input or named twice.")
        taken.add(path.resolve())


def say_run(folder: Path, amount: str) -> None:
    """Tell of a run that is the result itself: where it is, and what reads it."""
    click.echo(f"run {folder}: {amount}")
    run = f"hyenascope.cluster.run.Run({str(folder)!r})"
    found = {
        "result.parquet": f"{run}.tables(), or any reader of Parquet",
        "result.zarr": f"{run}.read(), or anndata.read_zarr, which trusts it",
    }
    say_facts({f"  {folder / name}": reader for name, reader in found.items()})


def say_facts(facts: Mapping[str, object]) -> None:
    """Print names and values in two columns."""
    width = max(map(len, facts))
    for name, value in facts.items():
        click.echo(f"{name:<{width}}  {value}")
