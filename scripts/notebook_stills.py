"""Put a still picture beside every interactive figure of notebooks.

``python scripts/notebook_stills.py notebooks/*.ipynb`` writes a PNG into each output
that has a Plotly figure and no picture yet. JupyterLab goes on to draw the figure;
pages that run no scripts, GitHub among them, show the picture. It needs Chromium.
"""

import argparse
import base64
import json
import tempfile
from pathlib import Path

import nbformat
import plotly.io as pio
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from hyenascope.viz.export import write_image

PLOTLY, PNG = "application/vnd.plotly.v1+json", "image/png"
WIDTH = 900  # pixels, about what a page has room for


def still(figure: dict[str, object]) -> str:
    """Return the PNG of a figure as base64 text."""
    parts = {name: figure[name] for name in ("data", "layout")}
    drawn = pio.from_json(json.dumps(parts))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "still.png")
        write_image(drawn, path, width=WIDTH, scale=1.0)
        _to_palette(path)
        return base64.b64encode(path.read_bytes()).decode()


def _to_palette(path: Path) -> None:
    """Keep 256 colours, a third of the bytes, and what the picture says of itself."""
    with Image.open(path) as picture:
        picture.load()
        info = PngInfo()
        for name, text in picture.text.items():
            info.add_itxt(name, text)
        few = picture.convert("RGB").quantize(256)
    few.save(path, optimize=True, pnginfo=info)


def add_stills(path: Path) -> int:
    """Write the pictures that a notebook lacks; return how many."""
    notebook = nbformat.read(path, 4)
    outputs = [
        output["data"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if PLOTLY in output.get("data", {}) and PNG not in output["data"]
    ]
    for data in outputs:
        data[PNG] = still(data[PLOTLY])
    if outputs:
        nbformat.write(notebook, path)
    return len(outputs)


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("notebooks", type=Path, nargs="+")
    for path in parser.parse_args().notebooks:
        add_stills(path)


if __name__ == "__main__":
    main()
