"""The scripts and styles of live figures, as text."""

import gzip
from functools import cache
from importlib.resources import files

import plotly.graph_objects as go
from plotly.offline import get_plotlyjs

PLOTLY = "plotly-cartesian.min.js.gz"
"""plotly.js 4.1.1, the cartesian bundle: MIT licence, © Plotly, Inc."""

_CARTESIAN = frozenset(
    {"bar", "box", "contour", "heatmap", "histogram", "histogram2d", "image", "scatter"}
)
VIEW_SCRIPTS = (
    "arrays.js",
    "letters.js",
    "readout.js",
    "region_selection.js",
    "locus_view.js",
    "toolbar.js",
)
"""What draws and moves a view, in the order in which a browser must read it."""


@cache
def page_file(name: str) -> str:
    """Return a script or style sheet of ``viz/page``."""
    return files("hyenascope.viz").joinpath("page", name).read_text(encoding="utf-8")


@cache
def packed_plotly() -> bytes:
    """Return plotly.js, gzipped, a third of the full library."""
    return files("hyenascope.viz").joinpath("page", PLOTLY).read_bytes()


def plotly_script(*figures: go.Figure) -> str:
    """Return plotly.js as text: the small bundle if it can draw all ``figures``."""
    kinds = {trace.type for figure in figures for trace in figure.data}
    if kinds <= _CARTESIAN:
        return gzip.decompress(packed_plotly()).decode("utf-8")
    return get_plotlyjs()


def view_script() -> str:
    """Return the scripts of `VIEW_SCRIPTS` as one text."""
    return "\n".join(page_file(name) for name in VIEW_SCRIPTS)
