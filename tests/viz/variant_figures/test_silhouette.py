"""All points as one shape."""

import re

import numpy as np

from hyenascope.viz.variant_figures.canvas import Canvas
from hyenascope.viz.variant_figures.silhouette import silhouette


def test_the_shape_covers_the_filled_cells_and_no_others():
    generator = np.random.default_rng(8)
    canvas = Canvas(width=496, height=332)  # 400 by 200 pixels between the margins
    assert canvas.inner == (400, 200)
    x, y = generator.uniform(0, 400, 3000), generator.normal(100, 20, 3000)
    ranges = ((0.0, 400.0), (0.0, 200.0))
    path = silhouette(x, y, ranges, "red", canvas)["path"]
    number = r"([-\d.e+]+)"
    boxes = re.findall(f"M{number},{number}V{number}H{number}V{number}Z", path)
    covered = np.zeros((200, 100), dtype=bool)
    for left, bottom, top, right, _ in boxes:
        columns = slice(round(float(left) / 2), round(float(right) / 2))
        rows = slice(round(float(bottom) / 2), round(float(top) / 2))
        assert not covered[columns, rows].any()
        covered[columns, rows] = True
    filled, _, _ = np.histogram2d(x, y, bins=(200, 100), range=ranges)
    np.testing.assert_array_equal(covered, filled > 0)
