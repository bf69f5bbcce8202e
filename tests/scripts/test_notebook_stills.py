"""Still pictures in notebooks: drawn once, small, and saying what they show."""

import base64
import io

import nbformat
import plotly.graph_objects as go
import pytest
from PIL import Image

from scripts import notebook_stills
from tests.chromium import require_chromium


@pytest.mark.browser
def test_a_figure_gets_a_picture_and_keeps_it(tmp_path, monkeypatch):
    require_chromium()
    figure = go.Figure(go.Scatter(x=[1, 2], y=[3, 4]), {"meta": {"alt": "Two points."}})
    shown = {notebook_stills.PLOTLY: figure.to_plotly_json()}
    cell = nbformat.v4.new_code_cell("figure")
    cell.outputs = [
        nbformat.v4.new_output("display_data", shown),
        nbformat.v4.new_output("execute_result", {"text/plain": "1"}),
    ]
    path = tmp_path / "one.ipynb"
    nbformat.write(nbformat.v4.new_notebook(cells=[cell]), path)
    assert notebook_stills.add_stills(path) == 1
    first, second = nbformat.read(path, 4).cells[0].outputs
    with Image.open(io.BytesIO(base64.b64decode(first.data["image/png"]))) as picture:
        assert picture.width == notebook_stills.WIDTH
        assert picture.mode == "P"
        assert picture.text["Description"] == "Two points."
        assert len(picture.convert("RGB").getcolors(10**6)) > 1
    assert list(second.data) == ["text/plain"]
    monkeypatch.setattr(notebook_stills, "still", None)
    assert notebook_stills.add_stills(path) == 0
