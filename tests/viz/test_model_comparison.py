"""The lanes of compared models: linked, in their own units, with their ranks."""

import anndata as ad
import numpy as np
import pandas as pd
import pytest

from hyenascope.data.interval import Interval
from hyenascope.viz.model_comparison import comparison_tracks, plot_comparison

TEXT = "GATTACA"


def compared(*, interval):
    rows = [
        ("chr1", 101 + i, ref, alt)
        for i, ref in enumerate(TEXT)
        for alt in "ACGT"
        if alt != ref
    ]
    obs = pd.DataFrame(
        rows,
        columns=["chrom", "pos", "ref", "alt"],
        index=[f"{chrom}:{pos}:{ref}>{alt}" for chrom, pos, ref, alt in rows],
    )
    values = np.arange(2.0 * len(rows)).reshape(-1, 2)
    values[:, 1] *= -1
    found = ad.AnnData(
        values, obs, pd.DataFrame({"unit": ["nats", "reads"]}, index=["ours", "theirs"])
    )
    found.varp["spearman"] = np.array([[1.0, -1.0], [-1.0, 1.0]])
    if interval:
        found.uns["interval"] = {"chrom": "chr1", "start": 100, "end": 107}
    return found


def test_maps_are_rebuilt_from_rows():
    tracks = comparison_tracks(compared(interval=True))
    assert list(tracks) == ["ours", "theirs"]
    ours = tracks["ours"]
    assert (ours.units, tracks["theirs"].units) == ("nats", "reads")
    assert ours.interval == Interval("chr1", 100, 107)
    # G of GATTACA comes first: its substitutions are A, C and T.
    assert ours.values[0].tolist() == [0.0, 2.0, 0.0, 4.0]
    assert ours.values[1, 0] == 0.0
    assert tracks["theirs"].values[1].tolist() == [0.0, -7.0, -9.0, -11.0]


@pytest.mark.parametrize("interval", [True, False], ids=["interval", "variants"])
def test_lanes_share_one_axis_and_say_how_ranks_agree(interval):
    figure = plot_comparison(compared(interval=interval), title="Two models")
    axes = {trace.yaxis for trace in figure.data}
    assert len(axes) >= 2
    assert {trace.xaxis for trace in figure.data} <= {"x", None}
    said = " ".join(note.text or "" for note in figure.layout.annotations)
    assert "ours" in said
    assert "theirs" in said
    assert "ρ = −1.00" in said.replace("\u00a0", " ")
    assert "Two models" in figure.layout.title.text


def test_the_window_of_variants_holds_all_of_the_first_contig():
    figure = plot_comparison(compared(interval=False))
    low, high = figure.layout.xaxis.range
    assert low < 101
    assert high > 107


def test_lollipops_say_the_unit_of_their_lane():
    figure = plot_comparison(compared(interval=False))
    said = figure.to_json()
    assert "\\u0394 nats" in said or "Δ nats" in said
    assert "\\u0394 reads" in said or "Δ reads" in said


def test_a_model_may_be_called_like_a_column():
    found = compared(interval=False)
    found.var_names = ["ref", "pos"]
    figure = plot_comparison(found)
    heights = [trace.y for trace in figure.data if trace.mode == "markers"]
    heads = [sorted(y) for y in heights if len(y)]
    assert heads == [sorted(found.X[:, column].tolist()) for column in (0, 1)]


@pytest.mark.parametrize("interval", [True, False], ids=["interval", "variants"])
@pytest.mark.parametrize(
    "place", [Interval("chr1", 5000, 5010), Interval("2", 100, 109)]
)
def test_an_interval_without_anything_is_refused(interval, place):
    with pytest.raises(ValueError, match=str(place)):
        plot_comparison(compared(interval=interval), interval=place)


@pytest.mark.parametrize("interval", [True, False], ids=["interval", "variants"])
def test_the_contig_goes_by_any_of_its_names(interval):
    place = Interval("1", 100, 107)
    figure = plot_comparison(compared(interval=interval), interval=place)
    assert figure.layout.xaxis.range == (100.5, 107.5)


def test_something_else_is_refused():
    with pytest.raises(ValueError, match="must be what compare_models returned"):
        plot_comparison(ad.AnnData(np.zeros((2, 2))))
    with pytest.raises(ValueError, match="must be of an interval; got variants"):
        comparison_tracks(compared(interval=False))
