"""Errors as a shell shows them: one line, in the names of its options."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

_OPTION_OF = {
    "name_or_path ": "--model ",
    "path must end": "--out must end",
    "out must end": "--out must end",
    "genome must": "--genome must",
    "interval must": "--region must",
    "context must": "--context must",
    "device must": "--device must",
    "length must": "--length must",
    "validation must": "--validation must",
    "leave_out must": "--leave-out must",
    "batch_size must": "--batch-size must",
    "max_memory must": "--max-memory must",
    "steps must": "--steps must",
    "clip must": "--clip must",
    "learning_rate must": "--learning-rate must",
    "genes must": "--genes must",
    "objective must": "--objective must",
    "frozen must": "--freeze must",
    "longest must": "--longest must",
    "source must be": "TRAIN must be",
}


_SHOWN = (ValueError, OSError, FloatingPointError, ImportError, MemoryError)


@contextmanager
def plain_errors() -> Iterator[None]:
    """Show what is wrong in one line; a traceback is for bugs."""
    try:
        yield
    except _SHOWN as err:
        click.echo(f"Error: {_in_options(str(err))}", err=True)
        sys.exit(1)
    except KeyboardInterrupt:
        click.echo("Interrupted; no partial file was left.", err=True)
        sys.exit(130)


def _in_options(message: str) -> str:
    """Call a Python argument by the name of its option."""
    for argument, option in _OPTION_OF.items():
        if message.startswith(argument):
            message = option + message.removeprefix(argument)
    return message.replace("on_error='flag'", "--on-error flag")
