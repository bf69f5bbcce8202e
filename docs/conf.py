"""The site: README, notebooks, pages and docstrings, made by ``make docs``.

Sphinx reads the whole checkout, so that links between README, pages and notebooks are
the links one follows on a disk. Notebooks are shown as they were committed; only the
gallery, which is committed without outputs, is run. No page needs a network.
"""

import json
import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

import click
import nbclient
import nbformat
import plotly.io as pio
from plotly.offline import get_plotlyjs
from sphinx.application import Sphinx
from sphinx.util.inspect import signature, stringify_signature
from traitlets import HasTraits

from hyenascope import cli
from hyenascope.viz.export import figure_html

HERE = Path(__file__).parent
MADE = HERE / "api"  # pages that are made anew each time
shutil.rmtree(MADE, ignore_errors=True)
PLOTLY = "application/vnd.plotly.v1+json"

project = "hyenascope"
author = copyright = "The hyenascope developers"
version = release = metadata.version("hyenascope")

root_doc = "docs/index"
include_patterns = [
    *("README.md", "CHANGELOG.md", "docs/*.md", "docs/*.ipynb", "docs/api/*"),
    *("notebooks/*.ipynb", "hyenascope/weights/*/README.md"),
    "tests/benchmarks/RESULTS.md",
]
exclude_patterns = [".*", "build", "demo", "out", "runs"]
extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.autosummary",
    "sphinx.ext.napoleon",
]

nb_execution_mode = "off"  # see _with_live_figures
nb_mime_priority_overrides = [("html", "text/html", 0), ("html", "image/png", 1)]
myst_enable_extensions = ["dollarmath"]
myst_heading_anchors = 4

default_role = "py:obj"
autosummary_generate = True
autosummary_imported_members = True
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_member_order = "bysource"
napoleon_google_docstring = False
napoleon_use_ivar = True
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 60

html_theme = "pydata_sphinx_theme"
html_title = "hyenascope"
templates_path = [str(HERE / "site" / "templates")]  # else of the checkout
html_static_path = ["site/static"]
html_css_files = ["site.css"]
html_extra_path = ["site/index.html"]  # leads from the top to root_doc
html_show_search_summary = False  # pages opened from disk cannot fetch others
html_show_sourcelink = False
html_context = {"default_mode": "auto"}
# Figures want room: no margin where a page has them.
html_sidebars = {name: [] for name in ("docs/gallery", "docs/questions", "README")}
html_theme_options = {
    "secondary_sidebar_items": {
        "docs/*": ["page-toc"],
        "README": ["page-toc"],
        "docs/gallery": [],
    }
}


def setup(app: Sphinx) -> None:
    """Let figures live, write what shells say, and show what widgets take."""
    app.connect("builder-inited", _bring_plotly)
    app.connect("builder-inited", _write_shell_help)
    app.connect("autodoc-process-signature", _own_signature)
    app.connect("source-read", _with_live_figures)
    app.connect("html-page-context", _load_plotly)


def _bring_plotly(app: Sphinx) -> None:
    """Serve plotly.js from the site itself."""
    place = Path(app.outdir, "_static", "plotly.min.js")
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(get_plotlyjs(), encoding="utf-8")


def _write_shell_help(app: Sphinx) -> None:
    """Write what ``--help`` says of every command, for docs/reference.md."""
    parent = click.Context(cli.main, info_name="hyenascope")
    parts = ["# In a shell"]
    for name, command in sorted(cli.main.commands.items()):
        help_text = command.get_help(click.Context(command, parent, name))
        parts.append(f"## hyenascope {name}\n\n```text\n{help_text}\n```")
    MADE.mkdir(exist_ok=True)
    Path(MADE, "shell.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _own_signature(
    app: Sphinx, kind: str, name: str, thing: object, *rest: object
) -> tuple[str, str] | None:
    """Return what ``__init__`` of a widget takes; its base says ``*args, **kwargs``."""
    if not (isinstance(thing, type) and issubclass(thing, HasTraits)):
        return None
    own = signature(thing.__init__, bound_method=True)
    return stringify_signature(
        own, show_return_annotation=False, short_literals=True
    ), ""


def _with_live_figures(app: Sphinx, name: str, source: list[str]) -> None:
    """Run the gallery, and give every figure of a notebook its HTML."""
    if Path(app.env.doc2path(name)).suffix != ".ipynb":
        return
    notebook = nbformat.reads(source[0], 4)
    if name == "docs/gallery":
        nbclient.NotebookClient(notebook, timeout=600).execute()
    outputs = [each for cell in notebook.cells for each in cell.get("outputs", [])]
    for number, output in enumerate(outputs):
        data = output.get("data", {})
        if PLOTLY in data:
            data["text/html"] = _live(data.pop(PLOTLY), f"figure-{number}")
    source[0] = nbformat.writes(notebook)


def _live(figure: dict[str, Any], name: str) -> str:
    parts = {part: figure[part] for part in ("data", "layout")}
    drawn = pio.from_json(json.dumps(parts), skip_invalid=True)
    return f'<div class="live-figure">{figure_html(drawn, name)}</div>'


def _load_plotly(
    app: Sphinx, page: str, template: str, context: dict[str, Any], doctree: object
) -> None:
    """Load plotly.js where a page has figures, before the first."""
    if page.startswith("notebooks/") or page == "docs/gallery":
        app.add_js_file("plotly.min.js", priority=100)
