"""How text from files becomes safe to show, and how numbers are written.

Plotly reads a subset of HTML (links, bold, colours) and ``%{…}`` templates in
labels and hover text, and MathJax, where a page has it, reads ``$…$``. A VCF
ID or a gene name is data: it passes through `escape_text` before it enters a
figure, so what the file says is what the reader sees.
"""

import textwrap

import numpy as np
import pandas as pd

from hyenascope.data.interval import Interval
from hyenascope.data.visible_text import visible_text
from hyenascope.viz.style import LIGHT, Theme

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "%": "&#37;", "$": "&#36;"}


def escape_text(text: object) -> str:
    r"""Return ``text`` as plotly shows it letter by letter, never as markup.

    Tags, entities, ``%{…}`` templates and ``$…$`` formulas lose their meaning;
    characters nobody can see become ``\ufffd``, see `visible_text`.

    Examples
    --------
    >>> escape_text("<b>rs1</b> & %{x}")
    '&lt;b&gt;rs1&lt;/b&gt; &amp; &#37;{x}'
    """
    return "".join(_ENTITIES.get(letter, letter) for letter in visible_text(text))


def shorten(text: str, limit: int = 24) -> str:
    """Cut a long allele or ID and say how long it was; not escaped.

    Examples
    --------
    >>> shorten("ACGT" * 20, limit=8)
    'ACGTACGT… (80)'
    """
    return text if len(text) <= limit else f"{text[:limit]}… ({len(text):,})"


def format_position(chrom: str, pos: int) -> str:
    """Write a 1-based position with thousands separators, safe to show.

    Examples
    --------
    >>> format_position("chr17", 43044295)
    'chr17:43,044,295'
    """
    return f"{escape_text(chrom)}:{pos:,}"


def format_interval(interval: Interval) -> str:
    """Write an interval the 1-based inclusive way readers expect, safe to show.

    Where text is not read as HTML, as in a title of a page, `plain_interval` is right.

    Examples
    --------
    >>> format_interval(Interval("chr1", 999, 2000))
    'chr1:1,000-2,000'
    """
    return escape_text(plain_interval(interval))


def plain_interval(interval: Interval) -> str:
    """Write the same, not escaped.

    Examples
    --------
    >>> plain_interval(Interval("chr<1>", 999, 2000))
    'chr<1>:1,000-2,000'
    """
    return f"{visible_text(interval.chrom)}:{interval.start + 1:,}-{interval.end:,}"


def format_value(value: object) -> str:
    """Write a table value: numbers short, nothing as an en dash; not escaped.

    Examples
    --------
    >>> format_value(-0.123456), format_value(12000), format_value(float("nan"))
    ('−0.123', '12,000', '–')
    """
    if is_missing(value):
        return "–"
    if isinstance(value, bool | np.bool_):
        return "yes" if value else "no"
    if isinstance(value, int | np.integer):
        return f"{value:,}".replace("-", "−")
    if isinstance(value, float | np.floating):
        return _format_float(float(value)).replace("-", "−")
    return str(value)


def is_missing(value: object) -> bool:
    """Whether a table value is None, NaN, NaT or pandas' NA.

    Examples
    --------
    >>> is_missing(float("nan")), is_missing(pd.NA), is_missing("")
    (True, True, False)
    """
    return value is None or value is pd.NA or bool(value != value)


def _format_float(number: float) -> str:
    size = abs(number)
    if number == 0 or 1e-3 <= size < 1e4:
        return f"{number:.3f}"
    return f"{number:,.0f}" if 1e4 <= size < 1e9 else f"{number:.2e}"


def wrapped(text: str, width: int = 18) -> str:
    """Break a name into escaped lines of at most ``width`` letters.

    Examples
    --------
    >>> wrapped("log-probability of the <ref> base")
    'log-probability of<br>the &lt;ref&gt; base'
    """
    lines = textwrap.wrap(visible_text(shorten(text, 60)), width)
    return "<br>".join(escape_text(line) for line in lines)


def small(text: str, theme: Theme = LIGHT) -> str:
    """Return escaped text in small grey letters."""
    style = f"font-size:10px;color:{theme.muted}"
    return f'<span style="{style}">{escape_text(text)}</span>'


def coloured(text: str, colour: str) -> str:
    """Return escaped, shortened text in the colour of its line."""
    return f'<span style="color:{colour}">{escape_text(shorten(text, 18))}</span>'
