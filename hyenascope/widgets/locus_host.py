"""A live figure in a notebook: answers the page's questions, draws nothing itself.

The page (``viz/page/*.js``) moves and decorates; it asks for a tile when a window
needs one. Why not plotly's ``FigureWidget``: each of those sends 5 MB to the page and
knows neither keys nor clicks beside a point.
"""

from collections.abc import Callable, Mapping
from threading import RLock
from typing import Any, ClassVar

import anywidget

from hyenascope.viz.page import packed_plotly, page_file, view_script

Message = Mapping[str, Any]


def widget_script(*extras: str) -> str:
    """Return the module that a widget's page runs, with the scripts of its extras."""
    parts = [view_script(), page_file("host.js"), *map(page_file, extras)]
    return "\n".join([*parts, "export default { render };"])


class LocusHost(anywidget.AnyWidget):
    """The kernel's side of the messages of ``host.js``.

    A subclass answers a message of kind ``look`` by its method ``answer_look``: what
    that returns goes back to the view that asked, None sends nothing. An error is
    shown under the figure instead of being lost in a log.
    """

    _esm = widget_script()
    _css = page_file("locus_view.css")
    answers: ClassVar[tuple[str, ...]] = ("plotly",)

    def __init__(self) -> None:
        # Jupyter may bring messages in a thread of their own beside the main one.
        self.lock = RLock()
        super().__init__()
        self.on_msg(self._receive)

    def answer_plotly(self, message: Message) -> None:
        """Send plotly.js, once per page."""
        self.send({"to": message.get("from")}, buffers=[packed_plotly()])

    def say(self, message: str, *, error: bool = False) -> None:
        """Show a line under the figure."""
        self.send({"kind": "say", "message": message, "error": error})

    def refresh(self) -> None:
        """Let every view ask for its picture again."""
        self.send({"kind": "refresh"})

    def _receive(self, widget: object, message: Message, buffers: object) -> None:
        del widget, buffers
        kind = str(message.get("kind"))
        if kind not in self.answers:
            return
        try:
            handler: Callable[[Message], Message | None]
            handler = getattr(self, f"answer_{kind}")
            with self.lock:
                answer = handler(message)
        except Exception as error:
            answer = {"error": in_words(error)}
            if "from" not in message:
                self.say(answer["error"], error=True)
        if answer is not None and "from" in message:
            self.send({"to": message["from"], **answer})


def in_words(error: BaseException) -> str:
    """Say what went wrong: the text of an error, or its name if it has none.

    Examples
    --------
    >>> in_words(KeyError("no such track")), in_words(ZeroDivisionError())
    ('no such track', 'ZeroDivisionError')
    """
    # A KeyError puts its text in quotes.
    text = error.args[0] if isinstance(error, KeyError) and error.args else error
    return str(text) or type(error).__name__
