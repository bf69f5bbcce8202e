"""Figures as files: one self-contained page, or a still image.

A page carries plotly.js inside it and a content policy that forbids the
browser every connection, so a private genome stays on the reader's machine.
"""

import html
import importlib
import importlib.util
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, get_args

import plotly.graph_objects as go
import plotly.io

from hyenascope._typing import StrPath
from hyenascope.data.atomic import atomic_path
from hyenascope.viz.alt_text import alt_text, title_text
from hyenascope.viz.described_image import describe_image
from hyenascope.viz.figure import CONFIG
from hyenascope.viz.html_page import html_page
from hyenascope.viz.page import plotly_script

ImageFormat = Literal["png", "svg", "pdf"]

_DEFAULT_SIZE = (1000, 480)


def write_html(figure: go.Figure, path: StrPath, *, title: str = "hyenascope") -> None:
    """Write one interactive page that opens from disk without a network.

    The file appears whole or not at all. Screen readers hear what the figure shows,
    see `hyenascope.viz.alt_text.alt_text`.

    Parameters
    ----------
    figure
        What `plot_locus` returns, or any plotly figure.
    path
        Where to write; 1.5 MB and the figure.
    title
        Of the browser tab, taken literally.

    Examples
    --------
    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     write_html(go.Figure(), f"{folder}/locus.html")
    ...     "</html>" in Path(folder, "locus.html").read_text(encoding="utf-8")
    True
    """
    body = figure_html(figure, "figure")
    page = self_contained_page(
        title, body, style="body { margin: 0 }", figures=[figure]
    )
    with atomic_path(path) as partial:
        partial.write_text(page, encoding="utf-8")


def write_image(
    figure: go.Figure,
    path: StrPath,
    *,
    width: int | None = None,
    height: int | None = None,
    scale: float = 2.0,
) -> None:
    """Write a still image; the suffix of ``path`` chooses PNG, SVG or PDF.

    Drawn by Chrome or Chromium through kaleido. The file appears whole or not at
    all, and says inside what it shows (`hyenascope.viz.alt_text.alt_text`): PNG as
    ``Description``, SVG as ``<desc>``, PDF as subject.

    Parameters
    ----------
    figure
        What `plot_locus` returns, or any plotly figure.
    path
        Ends in ``.png``, ``.svg`` or ``.pdf``.
    width, height
        Pixels at scale 1; by default those of the figure, or 1000 by 480.
    scale
        PNG pixels per figure pixel.

    Raises
    ------
    ValueError
        If the suffix is another one.
    ModuleNotFoundError
        If kaleido is missing; the extra ``lab`` installs it.
    RuntimeError
        If there is no Chrome or Chromium on this machine.
    """
    suffix = Path(path).suffix.lower().removeprefix(".")
    if suffix not in get_args(ImageFormat):
        raise ValueError(f"path must end in .png, .svg or .pdf; got {str(path)!r}.")
    image = describe_image(
        _render(figure, suffix, width, height, scale),
        suffix,
        title=title_text(figure),
        text=alt_text(figure),
    )
    with atomic_path(path) as partial:
        partial.write_bytes(image)


def _render(
    figure: go.Figure,
    suffix: str,
    width: int | None,
    height: int | None,
    scale: float,
) -> bytes:
    if importlib.util.find_spec("kaleido") is None:
        raise ModuleNotFoundError(
            "write_image needs kaleido; install it with "
            "pip install 'hyenascope[lab]'. write_html does without."
        )
    kaleido = importlib.import_module("kaleido")
    no_browser = importlib.import_module("kaleido.errors").ChromeNotFoundError
    options = {
        "format": suffix,
        "width": width or figure.layout.width or _DEFAULT_SIZE[0],
        "height": height or figure.layout.height or _DEFAULT_SIZE[1],
        "scale": scale,
    }
    try:
        # Left to itself, kaleido fetches MathJax from the internet.
        return kaleido.calc_fig_sync(
            figure.to_dict(), opts=options, kopts={"mathjax": False}
        )
    except no_browser as error:
        raise RuntimeError(
            "write_image needs Chrome or Chromium on this machine: install one, or "
            "set BROWSER_PATH to it. write_html does without."
        ) from error


def figure_html(figure: go.Figure, div_id: str) -> str:
    """Return the figure as a page fragment that expects plotly.js in the page.

    Examples
    --------
    >>> 'id="locus"' in figure_html(go.Figure(), "locus")
    True
    """
    drawn = plotly.io.to_html(
        figure,
        full_html=False,
        include_plotlyjs=False,
        div_id=div_id,
        config=CONFIG,
        default_height=f"{figure.layout.height or _DEFAULT_SIZE[1]}px",
    )
    label = html.escape(alt_text(figure))
    return f'<div role="figure" aria-label="{label}">{drawn}</div>'


def self_contained_page(
    title: str, body: str, *, style: str, figures: Iterable[go.Figure]
) -> str:
    """Wrap an HTML body in a page with plotly.js inside and no way out.

    Parameters
    ----------
    title
        Plain text; escaped here.
    body, style
        HTML and CSS, which the caller has made safe.
    figures
        What plotly.js must be able to draw: maps and 3-D need the full library.

    Examples
    --------
    >>> page = self_contained_page("<b>", "<p>hello</p>", style="", figures=[])
    >>> "&lt;b&gt;" in page
    True
    """
    script = f"<script>{plotly_script(*figures)}</script>"
    return html_page(title, body, style=style, head=script)
