"""Messages of a page reach a widget while a cell keeps the kernel busy."""

from ipywidgets import Widget  # type: ignore[import-untyped]


def hear_while_busy(widget: Widget) -> None:
    """Let the thread for messages hear a widget; say so anew after it sent something.

    JupyterLab 4.4 and ipykernel 7 bring what a page tells in a thread of their own.
    But ipykernel 7.4 brings it to the loop that last sent something, which is busy
    with the cell. Outside a notebook, and with another ipykernel, this does nothing.

    Examples
    --------
    >>> hear_while_busy(Widget())
    """
    getattr(widget.comm, "__dict__", {}).pop("_reply_subshell_id", None)
