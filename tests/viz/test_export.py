"""Files: whole or not at all, and a page that never leaves the machine."""

import importlib.util
import re
from collections.abc import Iterator

import plotly.graph_objects as go
import pytest

from hyenascope.viz.components import Genes, Sequence, Variants
from hyenascope.viz.export import write_html, write_image
from hyenascope.viz.figure import plot_locus
from tests.chromium import require_chromium


@pytest.fixture
def figure(locus, variants, make_gene, payload) -> go.Figure:
    genes = Genes([make_gene(payload, 1010, 20, 40, 20)])
    return plot_locus([genes, Variants(variants), Sequence("ACGT" * 25)], locus)


def test_the_page_loads_nothing_from_elsewhere(figure, tmp_path):
    write_html(figure, tmp_path / "locus.html", title="</title><script>")
    page = (tmp_path / "locus.html").read_text(encoding="utf-8")
    assert not re.search(r"<(script|link|img|iframe)[^>]+(src|href)\s*=", page[:2000])
    markup = re.sub(r"<script>.*?</script>", "", page, flags=re.DOTALL)
    assert "http" not in markup.replace("http-equiv", "")
    assert "default-src 'none'" in markup
    assert "<title>&lt;/title&gt;&lt;script&gt;</title>" in page


def test_the_payload_never_stands_in_the_page_as_markup(figure, payload, tmp_path):
    write_html(figure, tmp_path / "locus.html")
    assert payload not in (tmp_path / "locus.html").read_text(encoding="utf-8")


def test_an_older_page_survives_an_error(figure, tmp_path, monkeypatch):
    path = tmp_path / "locus.html"
    path.write_text("older")
    monkeypatch.setattr(
        "hyenascope.viz.export.plotly_script", lambda *figures: "\ud800"
    )
    with pytest.raises(UnicodeEncodeError):
        write_html(figure, path)
    assert path.read_text() == "older"
    assert list(tmp_path.iterdir()) == [path]


def test_refuses_other_image_formats(figure, tmp_path):
    with pytest.raises(ValueError, match=r"path must end in .png, .svg or .pdf; got"):
        write_image(figure, tmp_path / "locus.gif")


def test_without_kaleido_the_extra_is_named(figure, tmp_path, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'hyenascope\[lab\]'"):
        write_image(figure, tmp_path / "locus.png")


def test_without_a_browser_one_is_asked_for(figure, tmp_path, monkeypatch):
    kaleido = pytest.importorskip("kaleido", reason="needs kaleido")

    errors = importlib.import_module("kaleido.errors")

    def no_browser(*_args, **_options):
        raise errors.ChromeNotFoundError

    monkeypatch.setattr(kaleido, "calc_fig_sync", no_browser)
    with pytest.raises(RuntimeError, match="needs Chrome or Chromium"):
        write_image(figure, tmp_path / "locus.png")
    assert list(tmp_path.iterdir()) == []


@pytest.fixture(scope="module")
def renderer() -> Iterator[None]:
    """Start Chromium once for all still images."""
    kaleido = pytest.importorskip("kaleido", reason="needs kaleido")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BROWSER_PATH", require_chromium())
        kaleido.start_sync_server(silence_warnings=True, mathjax=False)
        yield
        kaleido.stop_sync_server(silence_warnings=True)


@pytest.mark.browser
@pytest.mark.usefixtures("renderer")
@pytest.mark.filterwarnings("ignore:The kopts argument is ignored:UserWarning")
@pytest.mark.parametrize(
    ("suffix", "start"), [("png", b"\x89PNG"), ("svg", b"<svg"), ("pdf", b"%PDF")]
)
def test_still_images(figure, tmp_path, suffix, start):
    write_image(figure, tmp_path / f"locus.{suffix}", width=600, scale=1.0)
    image = (tmp_path / f"locus.{suffix}").read_bytes()
    assert image.startswith(start)
    if suffix == "png":
        assert int.from_bytes(image[16:20]) == 600
    if suffix == "svg":
        assert b"&#60;img src=x onerror" in image
        assert b"<img" not in image
