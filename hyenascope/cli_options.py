"""What several commands of the shell understand alike."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

FILE = click.Path(path_type=Path, dir_okay=False, exists=True)
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
