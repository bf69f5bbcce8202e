"""Dependency maps: each pair over its middle, nothing strong lost by pooling."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from hyenascope.data.interval import Interval
from hyenascope.viz.components import Dependency
from hyenascope.viz.components.dependency import pool_pairs
from hyenascope.viz.view import NothingHereError, View

RNG = np.random.default_rng(0)


def square(length: int) -> np.ndarray:
    values = RNG.exponential(size=(length, length))
    np.fill_diagonal(values, np.nan)
    return values


def a_map(values: np.ndarray, start: int = 1000, **columns) -> SimpleNamespace:
    pos = np.arange(start + 1, start + 1 + len(values))
    places = pd.DataFrame({"chrom": "chr1", "pos": pos, **columns})
    about = {"hyenascope": {"units": "Δ log2 odds"}}
    return SimpleNamespace(X=values, obs=places, var=places.copy(), uns=about)


def test_every_pair_lies_over_its_middle_as_high_as_it_is_wide():
    values, start = square(12), 1000
    where = Interval("chr1", start, start + 12)
    [trace] = Dependency(a_map(values)).draw(View(where)).traces
    x = trace.x0 + trace.dx * np.arange(24)
    for i in range(12):
        for j in range(i + 1, 12):
            middle = (start + 1 + i + start + 1 + j) / 2
            over = np.abs(x - middle) < 0.5
            cells = trace.z[j - i - 1, over]
            np.testing.assert_allclose(
                cells, [max(values[i, j], values[j, i])] * 2, rtol=1e-6
            )
    assert (trace.y0, trace.dy) == (1, 1)
    assert np.isfinite(trace.z).sum() == 12 * 11


@pytest.mark.parametrize("direction", ["rightward", "leftward"])
def test_one_direction(direction):
    values = square(8)
    pooled = pool_pairs(values, 7, direction=direction)
    rightward = direction == "rightward"
    known = np.isfinite(pooled.values)
    assert ((pooled.mutated < pooled.read) == rightward)[known].all()
    np.testing.assert_array_equal(
        pooled.values[known], values[pooled.mutated[known], pooled.read[known]]
    )


@pytest.mark.parametrize(("length", "max_cells"), [(150, 48_000), (301, 5000)])
def test_a_pooled_cell_names_the_strongest_of_its_pairs(length, max_cells):
    values = square(length)
    pooled = pool_pairs(values, length - 1, max_cells=max_cells)
    assert pooled.values.size <= max_cells
    known = np.isfinite(pooled.values)
    i, j = pooled.mutated[known], pooled.read[known]
    np.testing.assert_array_equal(pooled.values[known], values[i, j])
    rows, columns = np.nonzero(known)
    np.testing.assert_array_equal((np.abs(i - j) - 1) // pooled.rows, rows)
    low = (i + j) // pooled.columns
    high = (i + j + 1) // pooled.columns
    assert ((low == columns) | (high == columns)).all()
    # The strongest of all is there, and so is every row's.
    assert pooled.values[known].max() == np.nanmax(values)


def test_hover_names_both_bases_the_mutated_first(locus):
    values = np.full((4, 4), np.nan)
    values[3, 1] = 2.5
    lane = Dependency(a_map(values, base=list("ACGT"))).draw(View(locus))
    [trace] = lane.traces
    told = {text for text in trace.text.ravel() if text}
    assert told == {"1,004 T → 1,002 C"}
    assert "Δ log2 odds" in trace.hovertemplate
    assert lane.coloraxis["colorbar"]["title"]["text"] == "Δ log2 odds"


def test_only_pairs_inside_the_figure(locus):
    values = square(50)
    view = View(Interval("chr1", 1010, 1020))
    lane = Dependency(a_map(values)).draw(view)
    assert lane.traces[0].z.shape == (9, 20)
    assert lane.yaxis["range"] == [0.5, 9.5]
    assert lane.traces[0].x0 - lane.traces[0].dx / 2 == view.left
    assert lane.complete


def test_colours_stay_while_the_view_moves():
    mapped = Dependency(a_map(square(50)))
    tops = {
        mapped.draw(View(Interval("chr1", s, s + 20))).coloraxis["cmax"]
        for s in (1000, 1020)
    }
    assert tops == {mapped.limit}


def test_a_band_needs_no_higher_axis(locus):
    values = square(50)
    far = np.abs(np.subtract.outer(np.arange(50), np.arange(50))) > 10
    values[far] = np.nan
    assert Dependency(a_map(values)).draw(View(locus)).yaxis["range"] == [0.5, 10.5]
    lane = Dependency(a_map(values), max_distance=4).draw(View(locus))
    assert lane.yaxis["range"] == [0.5, 4.5]


@pytest.mark.parametrize("length", [1, 2])
def test_without_any_value_the_lane_is_still_drawn(length, locus):
    lane = Dependency(a_map(np.full((length, length), np.nan))).draw(View(locus))
    assert not np.isfinite(lane.traces[0].z).any()
    assert lane.coloraxis["cmax"] == 1.0


def test_says_what_shares_a_cell():
    where = Interval("chr1", 1000, 1300)
    lane = Dependency(a_map(square(300))).draw(View(where))
    assert "each cell the strongest of" in lane.note
    assert not lane.complete


def test_says_where_colours_are_full(locus):
    values = np.ones((20, 20))
    values[3, 9] = 6.0
    lane = Dependency(a_map(values), limit=2.0).draw(View(locus))
    assert lane.note.endswith("   full colour from 2 to 6")
    assert "full" not in Dependency(a_map(values), limit=6.0).draw(View(locus)).note


def test_refuses_a_map_from_elsewhere():
    with pytest.raises(NothingHereError, match=r"dependencies must overlap.*1001-1004"):
        Dependency(a_map(square(4))).draw(View(Interval("chr2", 1000, 1010)))


def test_refuses_what_is_not_square():
    with pytest.raises(ValueError, match="must be a square map; got 3 x 4"):
        Dependency(a_map(np.zeros((3, 4))))


def test_refuses_gaps():
    holed = a_map(square(3))
    holed.obs = holed.obs.assign(pos=[1001, 1003, 1004])
    with pytest.raises(ValueError, match="one row and one column per base"):
        Dependency(holed)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"limit": 0.0}, "limit must be above 0; got 0.0"),
        ({"max_distance": 0}, "max_distance must be at least 1; got 0"),
        ({"max_cells": 5}, "max_cells must be at least 100; got 5"),
    ],
)
def test_refuses(options, message):
    with pytest.raises(ValueError, match=message):
        Dependency(a_map(square(3)), **options)
