"""A locus in one file: open it from disk, zoom from everything to the letters."""

import base64
import gzip
import html
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from hyenascope._typing import StrPath
from hyenascope.data.atomic import atomic_path
from hyenascope.data.interval import Interval
from hyenascope.data.visible_text import visible_text
from hyenascope.viz.figure import check_components
from hyenascope.viz.html_page import html_page
from hyenascope.viz.lane import Component, Named
from hyenascope.viz.letters import GLYPHS
from hyenascope.viz.page import packed_plotly, page_file, view_script
from hyenascope.viz.pyramid import Pyramid, build_pyramid
from hyenascope.viz.text import plain_interval

_LINKED = "plotly.min.js"
_PAGE_STYLE = """
body { margin: 12px; background: #ffffff }
h1 { font: 600 17px/1.3 Inter, system-ui, sans-serif; margin: 0 4px 6px }
@media (prefers-color-scheme: dark) {
  /* Figures are drawn for white paper: turn their lightness, keep their hue. */
  html { background: #ffffff; filter: invert(.92) hue-rotate(180deg) }
}
"""
_BODY = """\
<h1>{title}</h1>
<div id="locus" class="hs-locus" data-state="loading"></div>
<noscript>This page draws with JavaScript.</noscript>
{plotly}
<script type="application/octet-stream" id="hs-pyramid">{pyramid}</script>
<script>{script}</script>
"""


def write_locus_html(
    components: Sequence[Component],
    interval: Interval,
    path: StrPath,
    *,
    show: Interval | None = None,
    title: str | None = None,
    max_bytes: int = 8_000_000,
    plotly: Literal["inside", "linked"] = "inside",
) -> Pyramid:
    """Write one page that zooms from all of an interval to its letters, offline.

    Unlike `write_html`, which keeps one figure as it is, the page carries the tracks
    at every distance. Drag, wheel, buttons and keys move it; the search box knows
    places and the names that components know (`Genes`, `Variants`, `Intervals`).
    The file appears whole or not at all.

    Parameters
    ----------
    components
        What `plot_locus` takes, top to bottom.
    interval
        All that the page can show, 0-based half-open.
    path
        Where to write.
    show
        What it shows first; by default everything.
    title
        Headline, taken literally; by default the interval.
    max_bytes
        Most bytes of the file. If the finest detail does not fit it is left out, and
        the page says so.
    plotly
        ``"inside"``: plotly.js is in the page, half a megabyte. ``"linked"``: it lies
        beside the page as ``plotly.min.js``, to be shared by many pages.

    Returns
    -------
    Pyramid
        What the page carries: ``widths`` of the levels, and whether it was ``cut``.

    Raises
    ------
    ValueError
        If there is no component, an interval is empty, or ``show`` lies outside.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> from hyenascope.viz.components import Sequence
    >>> with TemporaryDirectory() as folder:
    ...     made = write_locus_html(
    ...         [Sequence("GATTACA" * 9)], Interval("chr1", 0, 63), f"{folder}/x.html"
    ...     )
    >>> made.widths, made.cut
    ((63,), False)
    """
    check_components(components, interval)
    shown = show or interval
    if not interval.contains(shown) or shown.length == 0:
        raise ValueError(f"show must lie inside {interval}; got {shown}.")
    headline = visible_text(title or plain_interval(interval))
    facts = {
        "contig": {
            "chrom": interval.chrom,
            "left": interval.start + 0.5,
            "right": interval.end + 0.5,
        },
        "window": [shown.start + 0.5, shown.end + 0.5],
        "glyphs": GLYPHS,
        "label": headline,
        "names": _names(components, interval),
    }
    frame = len(_page(headline, "", plotly).encode("utf-8"))
    room = max_bytes - frame
    pyramid = build_pyramid(components, interval, facts, max_bytes=room)
    if plotly == "linked":
        with atomic_path(Path(path).with_name(_LINKED)) as partial:
            partial.write_bytes(gzip.decompress(packed_plotly()))
    with atomic_path(path) as partial:
        page = _page(headline, pyramid.content, plotly)
        partial.write_text(page, encoding="utf-8")
    return pyramid


def _page(headline: str, content: str, plotly: Literal["inside", "linked"]) -> str:
    """Return the page around the levels."""
    library = f'<script src="{_LINKED}"></script>'
    if plotly == "inside":
        packed = base64.b64encode(packed_plotly()).decode("ascii")
        kind = "application/octet-stream"
        library = f'<script type="{kind}" id="hs-plotly">{packed}</script>'
    body = _BODY.format(
        title=html.escape(headline),
        plotly=library,
        pyramid=content,
        script="\n".join([view_script(), page_file("saved_page.js")]),
    )
    return html_page(
        headline,
        body,
        style=page_file("locus_view.css") + _PAGE_STYLE,
        scripts="'self' file:" if plotly == "linked" else "",
    )


def _names(
    components: Sequence[Component], interval: Interval
) -> list[dict[str, str | float]]:
    """Return what the search box knows by name, in axis edges."""
    named = [
        (name, place)
        for component in components
        if isinstance(component, Named)
        for name, place in component.places(interval)
    ]
    return [
        {
            "name": visible_text(name),
            "left": place.start + 0.5,
            "right": place.end + 0.5,
        }
        for name, place in named
    ]
