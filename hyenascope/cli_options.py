"""What several commands of the shell understand alike."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
OUT_FILE = click.Path(path_type=Path, dir_okay=False)
FOLDER = click.Path(path_type=Path, file_okay=False)
COUNT = click.IntRange(min=1)


class Share(click.ParamType):  # type: ignore[type-arg]
    """A share such as 0.05, or names of contigs between commas."""

    name = "share or contigs"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> object:
        """Read what was typed."""
        if not isinstance(value, str):
            return value
        try:
            share = float(value)
        except ValueError:
            return names(value)
        return names(value) if share >= 1 else share  # contigs may be called 1, 2, 3


class Bytes(click.ParamType):  # type: ignore[type-arg]
    """Bytes, such as 500M or 8G."""

    name = "bytes"

    def convert(
        self, value: object, param: click.Parameter | None, ctx: click.Context | None
    ) -> object:
        """Read what was typed."""
        if not isinstance(value, str):
            return value
        units = {"K": 2**10, "M": 2**20, "G": 2**30}
        unit = units.get(value[-1:].upper(), 1)
        number = value[:-1] if unit > 1 else value
        try:
            return int(float(number) * unit)
        except (ValueError, OverflowError):
            self.fail(f"must be bytes such as 8G; got {value!r}.", param, ctx)


def names(text: str | None) -> list[str]:
    """Return the names between commas."""
    return [name.strip() for name in (text or "").split(",") if name.strip()]


def grouped(*options: Callable[..., Any]) -> Callable[..., Any]:
    """Stack click options in reading order."""

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for option in reversed(options):
            command = option(command)
        return command

    return add


split_options = grouped(
    click.option("--validation", type=Share(),
                 help="Contigs to judge on (VIII,XVI) or a share of each; 0.05 if not "
                 "given."),
    click.option("--test", help="Contigs that nothing looks at: XVI."),
    click.option("--leave-out", help="Contigs to pass over: Mito,chrM."),
    click.option("--intervals", type=FILE,
                 help="BED of stretches; a fourth column says train, valid or test."),
    click.option("--genes", type=FILE,
                 help="GTF or GFF3: tells coding bases from others in the card."),
)  # fmt: skip


def strands_option(default: str) -> Callable[..., Any]:
    """Return the option of which strand a model reads."""
    return click.option(
        "--strands",
        default=default,
        show_default=True,
        type=click.Choice(("forward", "reverse", "both")),
    )


model_options = grouped(
    click.option("--model", "model_name", required=True,
                 help="A name of `hyenascope models`, a folder or a weights file."),
    click.option("--device", help="cpu, cuda, cuda:1 …; CUDA if there is one."),
    click.option("--quiet", is_flag=True, help="No progress bar."),
)  # fmt: skip

run_options = grouped(
    model_options,
    click.option("--batch-size", type=COUNT,
                 help="Sequences per pass; by default what fits."),
)  # fmt: skip

workers_options = grouped(
    click.option("--workers", type=COUNT,
                 help="Processes of this machine that share the work."),
    click.option("--scheduler",
                 help="Address of a Dask scheduler: tcp://10.0.0.1:8786."),
    click.option("--run", "folder", type=FOLDER,
                 help="Folder of the run in shards, gone on with if it is there, and "
                 "a result by itself; by default --out and .run."),
    click.option("--shard-size", type=COUNT,
                 help="Rows that are computed, written and lost together."),
)  # fmt: skip


def shared(
    typed: Mapping[str, Any], out: Path | None
) -> tuple[Path, dict[str, Any]] | None:
    """Return the folder of a run and who computes it; None for this process alone."""
    if typed["workers"] is None and typed["scheduler"] is None:
        for name, option in (("folder", "--run"), ("shard_size", "--shard-size")):
            if typed[name] is not None:
                raise ValueError(f"{option} must come with --workers or --scheduler.")
        if out is None:
            raise ValueError(
                "--out must be given, or --run with --workers or --scheduler; got none."
            )
        return None
    who = {name: typed[name] for name in ("workers", "scheduler", "shard_size")}
    folder = typed["folder"]
    if folder is None:
        if out is None:
            raise ValueError("--out or --run must be given; got neither.")
        folder = out.with_name(f"{out.name}.run")
    return folder, {name: each for name, each in who.items() if each is not None}
