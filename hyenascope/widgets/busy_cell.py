"""Messages of a page reach a widget while a cell keeps the kernel busy."""

import threading
from functools import partial
from typing import Any

from ipywidgets import Widget  # type: ignore[import-untyped]


def hear_while_busy(widget: Widget) -> None:
    """Let a loop beside the cell's hear a widget, whoever sends what it shows.

    JupyterLab 4.4 and ipykernel 7 bring what a page tells in a loop of its own. But
    the page's first messages are on their way before it knows that loop, and ipykernel
    7.4 brings an answer to the loop that last sent something; either may be that of
    the cell, which is busy, and while one message waits there, the page sends no other.
    Outside a notebook, in a cell that runs beside the main loop, and with another
    ipykernel, this does nothing.

    Examples
    --------
    >>> hear_while_busy(Widget())
    """
    in_main = threading.current_thread() is threading.main_thread()
    if in_main and hasattr(widget.comm, "_reply_subshell_for"):
        widget.comm._reply_subshell_for = partial(_loop, widget.comm)


def _loop(
    comm: Any,  # noqa: ANN401, of ipykernel
    data: object,
    addressed: str | None = None,
    *_: object,
) -> str | None:
    """Return the loop that the page wrote to, or for the main one another if any."""
    if addressed is not None:
        return addressed
    try:
        others = comm.kernel.shell_channel_thread.manager.list_subshell()
    except AttributeError:  # not in a notebook, or of an ipykernel to come
        return None
    return next(iter(others), None)
