"""What a browser would make of a page, and what plotly.js of a text."""

import html
import re
from collections.abc import Iterator, Mapping, Sequence
from html.parser import HTMLParser
from typing import Any

import numpy as np

# What plotly.js knows of HTML, as hyenascope writes it.
_OURS = re.compile(
    r"</?b>|<br>|<extra></extra>|<span style=\"[\w#:;.,() -]*\">|</span>"
)
_TEMPLATE = re.compile(r"%\{(?:x|y|z|text|customdata(?:\[\d\])?)(?::[^{}]*)?\}")
_HIDDEN = {"meta", "template", "alt"}  # read by scripts, never drawn


class Page(HTMLParser):
    """A page as a browser reads it.

    Attributes
    ----------
    elements
        Name and attributes of every element.
    text
        What is seen, the title included.
    scripts
        What is run or carried.
    """

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.scripts: list[str] = []
        self._inside = ""
        self.feed(page)
        self.close()

    def handle_starttag(
        self, tag: str, attrs: Sequence[tuple[str, str | None]]
    ) -> None:
        self.elements.append((tag, dict(attrs)))
        self._inside = tag if tag in ("script", "style") else ""
        if tag == "script":
            self.scripts.append("")

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if self._inside == "script":
            self.scripts[-1] += data
        elif not self._inside:
            self.text += data

    @property
    def tags(self) -> set[str]:
        return {tag for tag, _ in self.elements}

    @property
    def attributes(self) -> set[str]:
        return {name for _, attributes in self.elements for name in attributes}


def texts_of(figure: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield every text of a figure that plotly.js may draw, and where it is."""
    if isinstance(figure, str):
        yield path, figure
    elif isinstance(figure, Mapping):
        for name, value in figure.items():
            if name not in _HIDDEN:
                yield from texts_of(value, f"{path}.{name}")
    elif isinstance(figure, Sequence) and not isinstance(figure, bytes):
        for value in figure:
            yield from texts_of(value, path)
    elif isinstance(figure, np.ndarray) and figure.dtype.kind in "OU":
        yield from texts_of(figure.ravel().tolist(), path)


def as_seen(text: str) -> str:
    """Return a text as plotly.js draws it, without what hyenascope puts around it.

    Raises
    ------
    AssertionError
        If it holds markup, a template or a formula that is not ours.
    """
    left = _TEMPLATE.sub("", _OURS.sub("", text))
    assert "<" not in left, f"markup in {text!r}"
    assert "%{" not in left, f"a template in {text!r}"
    assert left.count("$") < 2, f"a formula in {text!r}"
    return html.unescape(left)
