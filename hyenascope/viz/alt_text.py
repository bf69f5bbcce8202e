"""One sentence that says what a figure shows, for those who cannot see it."""

import html
import re
from collections.abc import Iterator

import plotly.graph_objects as go

from hyenascope.data.visible_text import visible_text

_LONGEST = 600


def alt_text(figure: go.Figure) -> str:
    """Say in words what a figure shows.

    Pictures of variants bring their own sentence (``layout.meta["alt"]``); for what
    `plot_locus` draws it is made of the locus and the names of the tracks; for any
    other plotly figure, of its title.

    Parameters
    ----------
    figure
        Any plotly figure.

    Returns
    -------
    str
        Plain text on one line, not escaped: whoever writes it into a file does that.

    Examples
    --------
    >>> from hyenascope.data.interval import Interval
    >>> from hyenascope.viz.components import Sequence
    >>> from hyenascope.viz.figure import plot_locus
    >>> alt_text(plot_locus([Sequence("GATTACA")], Interval("chr1", 1000, 1007)))
    'Genome tracks over chr1:1,001-1,007 (7 bp), from top to bottom: sequence.'
    >>> alt_text(go.Figure(layout={"meta": {"alt": "Two dots."}}))
    'Two dots.'
    """
    meta = figure.layout.meta
    facts = meta if isinstance(meta, dict) else {}
    if facts.get("alt"):
        text = str(facts["alt"])
    elif {"chrom", "start", "end"} <= facts.keys():
        text = _locus(figure, str(facts["chrom"]), facts["start"], facts["end"])
    else:
        text = _other(figure)
    return visible_text(text)[:_LONGEST]


def title_text(figure: go.Figure) -> str:
    """Return the title of a figure as plain text, ``"Figure"`` if it has none.

    Examples
    --------
    >>> title_text(go.Figure(layout={"title": {"text": "<b>A &lt; B</b>"}}))
    'A < B'
    """
    return plain(figure.layout.title.text or "") or "Figure"


def plain(marked: str) -> str:
    """Return a label of a figure without its markup, on one line.

    Examples
    --------
    >>> plain("variants<br><span style='color:red'>log &lt;p&gt;</span>")
    'variants log <p>'
    """
    text = re.sub(r"<[^<>]*>", "", re.sub(r"<br\s*/?>", " ", marked))
    return " ".join(visible_text(html.unescape(text)).split())


def _locus(figure: go.Figure, chrom: str, start: int, end: int) -> str:
    where = f"{chrom}:{start + 1:,}-{end:,} ({end - start:,} bp)"
    title = figure.layout.title
    headline = f"{title_text(figure)}: g" if title.subtitle.text else "G"
    names = "; ".join(_lane_names(figure))
    tracks = f", from top to bottom: {names}" if names else ""
    return f"{headline}enome tracks over {where}{tracks}."


def _lane_names(figure: go.Figure) -> Iterator[str]:
    """Yield what stands at the left of every lane: text moved into the margin."""
    for note in figure.layout.annotations:
        in_margin = note.xref == "paper" and note.x == 0 and (note.xshift or 0) < 0
        if in_margin and note.text:
            yield plain(note.text)


def _other(figure: go.Figure) -> str:
    count = len(figure.data)
    return f"{title_text(figure)}, {count} trace{'' if count == 1 else 's'}."
