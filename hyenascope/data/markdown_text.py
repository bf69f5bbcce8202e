"""Text from files inside Markdown, which model hubs and forges show as HTML.

A label, a contig or a file name is data: it passes through `escape_markdown`, or
`code_span` where letters matter, before it enters a card or a table.
"""

import re

from hyenascope.data.visible_text import visible_text

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
# Inside a word an underscore has no meaning, and many names have one. An address is a
# link even without brackets; a pipe matters in tables alone, which see to it.
_MEANT = re.compile(
    r"[\\`*\[\]#~$]|(?<![^\W_])_|_(?![^\W_])|(?<=:)/(?=/)|(?<=www)\.", re.IGNORECASE
)


def escape_markdown(text: object) -> str:
    r"""Return ``text`` on one line as Markdown shows it letter by letter.

    Examples
    --------
    >>> print(escape_markdown("<DEL> of *tf_0* [x](https://x.org)"))
    &lt;DEL&gt; of \*tf_0\* \[x\](https:\//x.org)
    """
    plain = _MEANT.sub(lambda found: f"\\{found[0]}", one_line(text))
    return "".join(_ENTITIES.get(letter, letter) for letter in plain)


def code_span(text: object) -> str:
    """Quote a name, so that nothing in it is taken for Markdown.

    Examples
    --------
    >>> print(code_span("a*b*"), code_span("tick`"), code_span("a``b"))
    `a*b*` `` tick` `` ``` a``b ```
    """
    line = one_line(text)
    if not line:
        return ""  # two ticks would open a span that something else ends
    if "`" not in line:
        return f"`{line}`"
    ticks = _fence(line, least=2)
    return f"{ticks} {line} {ticks}"


def code_block(text: str) -> str:
    """Return lines that are shown as they are.

    Examples
    --------
    >>> print(code_block("hyenascope demo"))
    ```
    hyenascope demo
    ```
    """
    fence = _fence(text, least=3)
    return f"{fence}\n{text}\n{fence}"


def one_line(text: object) -> str:
    """Return text without its line breaks, and without what nobody can see."""
    return " ".join(visible_text(text).split())


def _fence(text: str, *, least: int) -> str:
    longest = max(map(len, re.findall("`+", text)), default=0)
    return "`" * max(least, longest + 1)
