"""Descriptions inside image files, read back by what is not ours."""

import io
import re
import xml.etree.ElementTree as ET

import plotly.graph_objects as go
import pytest

from hyenascope.viz.described_image import describe_image
from hyenascope.viz.export import figure_html, write_image

TEXT = 'ρ = −0.3 & "<b>"'
SVG = "{http://www.w3.org/2000/svg}"
PDF = (
    b"%PDF-1.4\n1 0 obj\n<</Type /Catalog>>\nendobj\nxref\n0 2\n"
    b"0000000000 65535 f \n0000000009 00000 n \n"
    b"trailer\n<</Size 2\n/Root 1 0 R>>\nstartxref\n44\n%%EOF\n"
)


@pytest.fixture
def png() -> bytes:
    image = pytest.importorskip("PIL.Image", reason="needs pillow")
    file = io.BytesIO()
    image.new("RGB", (3, 2), "red").save(file, "PNG")
    return file.getvalue()


def test_png_text_is_read_by_pillow(png):
    image = pytest.importorskip("PIL.Image", reason="needs pillow")
    written = image.open(io.BytesIO(describe_image(png, "png", title="T", text=TEXT)))
    written.load()
    assert (written.text["Title"], written.text["Description"]) == ("T", TEXT)
    assert written.getpixel((2, 1)) == (255, 0, 0)


def test_svg_is_an_image_with_a_name():
    svg = b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"><g/></svg>'
    root = ET.fromstring(describe_image(svg, "svg", title="A<B", text=TEXT))
    assert root.attrib == {"role": "img", "aria-label": TEXT}
    assert [child.tag for child in root] == [f"{SVG}title", f"{SVG}desc", f"{SVG}g"]
    assert [child.text for child in root][:2] == ["A<B", TEXT]


def test_pdf_update_points_at_itself_and_at_what_was():
    written = describe_image(PDF, "pdf", title="T", text=TEXT)
    assert written.startswith(PDF)
    start = int(re.findall(rb"startxref\n(\d+)", written)[-1])
    table = re.match(rb"xref\n0 1\n0{10} 65535 f \n2 1\n(\d{10})", written[start:])
    entry = int(table[1])
    assert written[entry:].startswith(b"2 0 obj\n")
    assert b"/Size 3 /Root 1 0 R /Info 2 0 R /Prev 44" in written[start:]
    subject = re.search(rb"/Subject <([0-9A-F]+)>", written)
    assert bytes.fromhex(subject[1].decode()).decode("utf-16") == TEXT


@pytest.mark.parametrize("suffix", ["png", "svg", "pdf"])
def test_what_is_not_understood_is_left_alone(suffix):
    assert describe_image(b"else", suffix, title="T", text=TEXT) == b"else"


def test_a_page_says_what_its_figure_shows():
    figure = go.Figure(layout={"meta": {"alt": '"><img src=x onerror=alert(1)>'}})
    fragment = figure_html(figure, "figure")
    assert 'role="figure" aria-label="&quot;&gt;&lt;img src=x' in fragment
    assert "<img" not in fragment


@pytest.mark.browser
def test_written_images_hold_the_sentence(tmp_path):
    pytest.importorskip("kaleido", reason="needs kaleido")
    image = pytest.importorskip("PIL.Image", reason="needs pillow")
    figure = go.Figure(go.Scatter(y=[1, 2]), layout={"meta": {"alt": TEXT}})
    write_image(figure, tmp_path / "a.png")
    write_image(figure, tmp_path / "a.svg")
    assert image.open(tmp_path / "a.png").text["Description"] == TEXT
    assert ET.parse(tmp_path / "a.svg").getroot().find(f"{SVG}desc").text == TEXT
