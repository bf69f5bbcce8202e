"""Messages of a page reach a widget while a cell keeps the kernel busy."""

from functools import partial
from typing import Any

from ipywidgets import Widget  # type: ignore[import-untyped]


def hear_while_busy(widget: Widget) -> None:
    """Let a loop beside the cell's hear a widget, whoever sends what it shows.

    JupyterLab 4.4 and ipykernel 7 bring what a page tells in a loop of its own. But
    the page's first messages are on their way before it knows that loop, and ipykernel
    7.4 brings an answer to the loop that last sent something; either may be that of
    the cell, which is busy, and while one message waits there, the page sends no other.
    Outside a notebook, and with another ipykernel, this does nothing.

    Examples
    --------
    >>> hear_while_busy(Widget())
    """
    if hasattr(widget.comm, "_reply_subshell_for"):
        widget.comm._reply_subshell_for = partial(_loop, widget.comm)


def _loop(comm: Any, data: object, addressed: str | None) -> str | None:  # noqa: ANN401
    """Return the loop that the page wrote to, if that of the cell one beside it."""
    del data
    thread = getattr(comm.kernel, "shell_channel_thread", None)
    if addressed is not None or thread is None:
        return addressed
    return next(iter(thread.manager.list_subshell()), None)
